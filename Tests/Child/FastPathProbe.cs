using System.Runtime.CompilerServices;

namespace PamuFastPath.Tests.Child;

/// <summary>The methods whose machine code the fast-path tests read: what an embedder's own code looks like around the engine.</summary>
public static class FastPathProbe
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static ulong ProbeOneAccess(PamuReader reader, PamuContainer container, ulong iova)
    {
        using ReaderSection section = reader.Enter(container);
        Translation hit = section.Translate(iova, 64, DmaAccess.Write);
        return hit.IsDma ? hit.Target : ulong.MaxValue;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static ulong ProbeOneCall(PamuReader reader, PamuContainer container, ulong iova)
    {
        Translation hit = reader.Translate(container, iova, 64, DmaAccess.Write);
        return hit.IsDma ? hit.Target : ulong.MaxValue;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static ulong ProbeInsideSection(in ReaderSection section, ulong iova)
    {
        Translation hit = section.Translate(iova, 64, DmaAccess.Write);
        return hit.IsDma ? hit.Target : ulong.MaxValue;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static ulong ProbeLiodn(PamuReader reader, uint liodn, ulong iova)
    {
        Translation hit = reader.Translate(liodn, iova, 64, DmaAccess.Write);
        return hit.IsDma ? hit.Target : ulong.MaxValue;
    }

    internal static int Run()
    {
        using var engine = new PamuEngine();
        PamuContainer container = engine.CreateContainer();
        container.SetGeometry(0, 0xFFFF_FFFF);
        container.SetWindows(16);
        container.MapDma(0x1_0000_0000, 0, 0x1000_0000, DmaPermissions.ReadWrite);
        engine.CreateGroup(0, [0x42], []).Attach(container);
        using PamuReader reader = engine.CreateReader();
        ulong sum = 0;
        for (ulong i = 0; i < 1000; i++)
        {
            sum += ProbeOneAccess(reader, container, i * 64) + ProbeOneCall(reader, container, i * 64) + ProbeLiodn(reader, 0x42, i * 64);
            using ReaderSection section = reader.Enter(container);
            sum += ProbeInsideSection(section, i * 64);
        }

        RunKernels(reader, container);
        Console.WriteLine($"{sum:x}");
        return 0;
    }

    /// <summary>A batch through each kernel that can run here, so that there is machine code of it.</summary>
    private static void RunKernels(PamuReader reader, PamuContainer container)
    {
        ulong[] iovas = new ulong[64];
        uint[] lengths = [.. Enumerable.Repeat(4u, iovas.Length)];
        ulong[] targets = new ulong[iovas.Length];
        ulong[] mask = new ulong[1];
        using ReaderSection section = reader.Enter(container);
        foreach (BatchKernel kernel in Enum.GetValues<BatchKernel>())
        {
            if (section.CanRun(kernel))
            {
                section.TranslateBatch(iovas, 4, DmaAccess.Write, targets, mask, new ulong[1], new ulong[1], kernel);
                section.TranslateBatch(iovas, lengths, DmaAccess.Write, targets, mask, new ulong[1], new ulong[1], kernel);
            }
        }
    }
}
