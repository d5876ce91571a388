using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using PamuFastPath.Tests.Control;

namespace PamuFastPath.Tests.Mirror;

/// <summary>
/// An engine with a container that has fake hardware, a bystander that has none, and three groups. Targets differ from vaddrs, so that one taken for
/// the other is seen.
/// </summary>
internal sealed class MirrorMachine : IDisposable
{
    private const ulong TargetBit = 0x80_0000_0000;
    private const int GenerationOffset = 8; // in a table image: docs/table-layout.md

    internal MirrorMachine(bool isBound = true)
    {
        Engine = new PamuEngine(new PamuPlatform { MaxWindows = 16, PageSource = Pages });
        Reader = Engine.CreateReader("probe");
        Bystander = Engine.CreateContainer();
        Bystander.SetGeometry(Machine.Start, Machine.Start + Machine.Count * Machine.Window - 1);
        Bystander.SetWindows(Machine.Count);
        Bystander.MapDma(0x77_0000, Machine.At(3), Machine.Window, DmaPermissions.ReadWrite);
        Engine.CreateGroup(9, [0x99], [0, 1, 2]).Attach(Bystander);
        Container = Engine.CreateContainer();
        A = Engine.CreateGroup(1, [0x42], [0]);
        B = Engine.CreateGroup(2, [0x51, 0x52], [0, 1]);
        C = Engine.CreateGroup(3, [0x10], []);
        Hardware = new FakeMirror(Container);
        if (isBound)
        {
            Container.BindHardware(Hardware);
        }
    }

    internal PamuEngine Engine { get; }

    internal PamuReader Reader { get; }

    internal PamuContainer Container { get; }

    internal PamuContainer Bystander { get; }

    internal FakeMirror Hardware { get; }

    /// <summary>Uses MSI bank 0.</summary>
    internal PamuGroup A { get; }

    /// <summary>Has two LIODNs and uses MSI banks 0 and 1.</summary>
    internal PamuGroup B { get; }

    /// <summary>Uses no MSI bank.</summary>
    internal PamuGroup C { get; }

    public void Dispose() => Engine.Dispose();

    /// <summary>
    /// Everything that can be seen of the software, as text, but for generations: queries, table images, and what devices may do by container and
    /// by LIODN.
    /// </summary>
    internal string Software()
    {
        var text = new StringBuilder();
        foreach (PamuContainer container in (PamuContainer[])[Container, Bystander])
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"{container.Fd} of {string.Join(' ', Engine.Containers.Select(open => open.Fd))}");
            text.AppendLine(CultureInfo.InvariantCulture, $"{container.Geometry} {container.WindowCount} {container.WindowSize} {container.Stash}");
            text.AppendLine(CultureInfo.InvariantCulture, $"{container.IsEnabled} {container.IsIommuSet} [{string.Join(' ', container.Groups.Select(g => g.Id))}]");
            text.AppendLine(string.Join('\n', container.GetWindows()));
            using (ReaderSection section = Reader.Enter(container))
            {
                byte[] image = section.Table.Image.ToArray();
                BitConverter.TryWriteBytes(image.AsSpan(GenerationOffset), 0ul);
                text.AppendLine(Convert.ToHexString(SHA256.HashData(image)));
            }

            foreach (ulong iova in Probes(container))
            {
                text.AppendLine(CultureInfo.InvariantCulture, $"{container.TryIovaToPhys(iova, out ulong phys)} {phys:x}");
                text.AppendLine(Access(Reader.Translate(container, iova, 4, DmaAccess.Read), Reader.Translate(container, iova, 4, DmaAccess.Write)));
            }
        }

        foreach (PamuGroup group in (PamuGroup[])[A, B, C])
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"group {group.Id} in {group.Container?.Fd}");
            foreach (int liodn in group.Liodns)
            {
                foreach (ulong iova in Probes(Container))
                {
                    text.AppendLine(Access(
                        Reader.Translate((uint)liodn, iova, 4, DmaAccess.Read), Reader.Translate((uint)liodn, iova, 4, DmaAccess.Write)));
                }
            }
        }

        return text.ToString();
    }

    /// <summary>Software and hardware agree, and nobody broke the contract.</summary>
    internal void AssertInStep()
    {
        Assert.Equal(FakeMirror.Expected(Container), Hardware.Describe());
        Assert.Empty(Hardware.Violations);
    }

    private static bool Pages(ulong vaddr, ulong length, out ulong target)
    {
        target = vaddr ^ TargetBit;
        return true;
    }

    private static IEnumerable<ulong> Probes(PamuContainer container)
    {
        ulong start = container.Geometry.Start;
        yield return unchecked(start - 1);
        for (int i = 0; i <= container.WindowCount; i++)
        {
            ulong at = start + (ulong)i * container.WindowSize;
            yield return at;
            yield return at + 0x1000;
            yield return at + container.WindowSize - 4;
        }
    }

    private static string Access(in Translation read, in Translation write) => string.Create(
        CultureInfo.InvariantCulture,
        $"{read.Kind} {read.Target:x} {read.MsiBank} {read.Fault} {write.Kind} {write.Target:x} {write.MsiBank} {write.Fault}");
}
