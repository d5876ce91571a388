using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace PamuFastPath.Tests.Mirror;

/// <summary>What can be seen of an engine's software, as text that is compared.</summary>
internal static class SoftwareState
{
    private const int GenerationOffset = 8; // in a table image: docs/table-layout.md

    /// <summary>Everything but generations: queries, table images, and what devices may do by container and by LIODN.</summary>
    internal static string Describe(PamuReader reader, PamuContainer[] containers, PamuGroup[] groups)
    {
        var text = new StringBuilder();
        foreach (PamuContainer container in containers)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"{container.Fd} of {string.Join(' ', reader.Engine.Containers.Select(open => open.Fd))}");
            text.AppendLine(CultureInfo.InvariantCulture, $"{container.Geometry} {container.WindowCount} {container.WindowSize} {container.Stash}");
            text.AppendLine(CultureInfo.InvariantCulture, $"{container.IsEnabled} {container.IsIommuSet}");
            text.AppendLine($"[{string.Join(' ', container.Groups.Select(group => group.Id))}]");
            text.AppendLine(string.Join('\n', container.GetWindows()));
            text.AppendLine(ImageHash(reader, container));
            foreach (ulong iova in Probes(container))
            {
                text.AppendLine(CultureInfo.InvariantCulture, $"{container.TryIovaToPhys(iova, out ulong phys)} {phys:x}");
                text.AppendLine(Access(reader.Translate(container, iova, 4, DmaAccess.Read), reader.Translate(container, iova, 4, DmaAccess.Write)));
            }
        }

        foreach (PamuGroup group in groups)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"group {group.Id} in {group.Container?.Fd}");
            foreach (uint liodn in group.Liodns.Select(liodn => (uint)liodn))
            {
                foreach (ulong iova in Probes(containers[0]))
                {
                    text.AppendLine(Access(reader.Translate(liodn, iova, 4, DmaAccess.Read), reader.Translate(liodn, iova, 4, DmaAccess.Write)));
                }
            }
        }

        return text.ToString();
    }

    private static string ImageHash(PamuReader reader, PamuContainer container)
    {
        using ReaderSection section = reader.Enter(container);
        Assert.Equal(container.Generation, section.Table.Generation);
        byte[] image = section.Table.Image.ToArray();
        BitConverter.TryWriteBytes(image.AsSpan(GenerationOffset), 0ul);
        return Convert.ToHexString(SHA256.HashData(image));
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
