using System.Runtime.InteropServices;
using PamuFastPath.Bench.Measure;

namespace PamuFastPath.Bench;

internal static unsafe class Quick
{
    internal static void Run()
    {
        foreach (int windows in new[] { 16, 256 })
        {
            const ulong WindowBytes = 0x100_0000;
            const int N = 1024;
            var engine = new PamuEngine();
            PamuContainer c = engine.CreateContainer();
            c.SetGeometry(0, (ulong)windows * WindowBytes - 1);
            c.SetWindows((uint)windows);
            for (ulong i = 0; i < (ulong)windows; i++)
            {
                c.MapDma(0x10_0000_0000 + (i ^ 1) * WindowBytes, i * WindowBytes, WindowBytes, DmaPermissions.ReadWrite);
            }
            PamuReader r = engine.CreateReader();
            ulong* iovas = (ulong*)NativeMemory.AlignedAlloc(N * 8, 64);
            ulong* targets = (ulong*)NativeMemory.AlignedAlloc(N * 8, 64);
            uint* lengths = (uint*)NativeMemory.AlignedAlloc(N * 4, 64);
            ulong* masks = (ulong*)NativeMemory.AlignedAlloc(3 * N / 8, 64);
            var rnd = new Random(42);
            for (int i = 0; i < N; i++)
            {
                iovas[i] = (ulong)rnd.Next(windows) * WindowBytes + (ulong)rnd.NextInt64((long)WindowBytes - 8192);
                lengths[i] = (uint)rnd.Next(1, 4096);
            }
            var subjects = new List<Subject>
            {
                new("copy", N, () => new ReadOnlySpan<ulong>(iovas, N).CopyTo(new Span<ulong>(targets, N))),
                new("single bare", N, () => { ulong s = 0; using ReaderSection x = r.Enter(c); for (int i = 0; i < N; i++) { s += x.Translate(iovas[i], 64, DmaAccess.Write).Target; } targets[0] = s; }),
                new("single own section", N, () => { ulong s = 0; for (int i = 0; i < N; i++) { s += r.Translate(c, iovas[i], 64, DmaAccess.Write).Target; } targets[0] = s; }),
            };
            foreach (BatchKernel k in Enum.GetValues<BatchKernel>())
            {
                bool can; using (ReaderSection x = r.Enter(c)) { can = x.CanRun(k); }
                if (!can) { continue; }
                subjects.Add(new($"{k}", N, () => { using ReaderSection x = r.Enter(c); x.TranslateBatch(new(iovas, N), 64, DmaAccess.Write, new(targets, N), new(masks, N / 64), new(masks + N / 64, N / 64), new(masks + 2 * N / 64, N / 64), k); }));
                subjects.Add(new($"{k} lengths", N, () => { using ReaderSection x = r.Enter(c); x.TranslateBatch(new(iovas, N), new ReadOnlySpan<uint>(lengths, N), DmaAccess.Write, new(targets, N), new(masks, N / 64), new(masks + N / 64, N / 64), new(masks + 2 * N / 64, N / 64), k); }));
            }
            foreach (Samples s in new Interleaved(TimeSpan.FromMicroseconds(300), 300).Run(subjects))
            {
                Console.WriteLine($"{windows,4} {s.Subject.Name,-30} {s.Median,7:F3} ns  p10 {s.Quantile(0.1),7:F3}  +-{s.Spread:F3}");
            }
        }
    }
}
