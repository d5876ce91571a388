// Unsafe: asks the C library.

using System.Globalization;
using System.Runtime.InteropServices;

namespace PamuFastPath.Soak;

/// <summary>What a process holds, measured while nothing is under way in it.</summary>
internal static partial class Measures
{
    private const string MallocName = "malloc, KiB";

    /// <summary>
    /// Each with what it may grow by from the warm-up to the end, however long that is. The engine's blocks are exact; in the rest the runtime moves something
    /// by itself: buffers of events, arenas, compiled code.
    /// </summary>
    internal static readonly (string Name, double Allowed)[] All =
    [
        ("native blocks of the engine", 2),
        (MallocName, 4_096),
        ("private, KiB", 16_384),
        ("working set, KiB", 16_384),
        ("managed heap, KiB", 512),
        ("handles", 3),
        ("threads", 3),
    ];

    /// <summary>Those that measure something here: not every C library says what malloc has handed out.</summary>
    internal static IEnumerable<string> Working => from x in All where x.Name != MallocName || Malloc() > 0 select x.Name;

    /// <summary>One value of each.</summary>
    internal static double[] Take()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers(); // readers that were lost give their slots back
        GC.Collect();
        double malloc = Malloc() / 1024.0;
        (double rss, double own) = Memory();
        return
        [
            NativeBlocks.LiveCount,
            malloc,
            own,
            rss,
            GC.GetTotalMemory(forceFullCollection: false) / 1024.0,
            Directory.GetFileSystemEntries("/proc/self/fd").Length - 1, // the listing's own
            Directory.GetFileSystemEntries("/proc/self/task").Length,
        ];
    }

    private static (double Rss, double Private) Memory()
    {
        double rss = 0;
        double own = 0;
        foreach (string line in File.ReadLines("/proc/self/smaps_rollup"))
        {
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            switch (words[0])
            {
                case "Rss:":
                    rss = double.Parse(words[1], CultureInfo.InvariantCulture);
                    break;
                case "Private_Clean:" or "Private_Dirty:":
                    own += double.Parse(words[1], CultureInfo.InvariantCulture);
                    break;
            }
        }

        return (rss, own);
    }

    /// <summary>
    /// Bytes that malloc and its kin have handed out, the runtime's own included; 0 where the C library does not say. Freed pages that it kept for later go back
    /// to the system: threads that come and go leave them in an arena here and an arena there, for long.
    /// </summary>
    private static double Malloc()
    {
        try
        {
            _ = malloc_trim(0);
            MallInfo info = mallinfo2();
            return (double)info.Uordblks + info.Hblkhd;
        }
        catch (EntryPointNotFoundException)
        {
            return 0;
        }
    }

    [LibraryImport("libc")]
    private static partial MallInfo mallinfo2();

    [LibraryImport("libc")]
    private static partial int malloc_trim(nuint keep);

    /// <summary>struct mallinfo2.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly struct MallInfo
    {
        private readonly nuint _arena;
        private readonly nuint _ordblks;
        private readonly nuint _smblks;
        private readonly nuint _hblks;
        internal readonly nuint Hblkhd;
        private readonly nuint _usmblks;
        private readonly nuint _fsmblks;
        internal readonly nuint Uordblks;
        private readonly nuint _fordblks;
        private readonly nuint _keepcost;
    }
}
