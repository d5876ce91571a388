// The engine, the inline half of pamu.h and the library's batches on the same random tables and accesses.
//
// Unsafe: see PamuAbi. Arrays are pinned while native code has them.

using System.Runtime.InteropServices;
using PamuFastPath.Tests.Kernels;

namespace PamuFastPath.Tests.Native;

/// <summary>
/// Makes each random table twice, in the engine and through the C interface, and compares the answers to random accesses one by one: single accesses and
/// ranges of the inline half (on the library's table and on the engine's), and batches of the library, with one length and with many.
/// </summary>
internal sealed unsafe class NativeAgreement
{
    private const int AccessesPerTable = 4000;
    private const int Chunk = 250;
    private const int DifferencesShown = 20;

    private readonly Random _random;
    private readonly ulong[] _iovas = new ulong[Chunk];
    private readonly ulong[] _lengths = new ulong[Chunk];
    private readonly uint[] _directions = new uint[Chunk];
    private readonly AbiAnswer[] _answers = new AbiAnswer[Chunk];
    private readonly AbiRange[] _ranges = new AbiRange[Chunk];
    private readonly AbiSegment[] _pieces = new AbiSegment[Chunk * TableLayout.WindowCountMax];
    private readonly DmaSegment[] _expected = new DmaSegment[TableLayout.WindowCountMax];
    private readonly SortedDictionary<string, long> _kernels = new(StringComparer.Ordinal);
    private readonly long[] _kinds = new long[4];
    private long _segments;

    internal NativeAgreement(int seed) => _random = new Random(seed);

    internal long Differences { get; private set; }

    internal long Accesses { get; private set; }

    internal int Tables { get; private set; }

    /// <summary>What was seen, for a line of output.</summary>
    internal string Seen =>
        $"{_kinds[0]:N0} memory, {_kinds[1]:N0} messages, {_kinds[2]:N0} cross, {_kinds[3]:N0} faults; {_segments:N0} segments; "
        + string.Join(", ", _kernels.Select(kernel => $"{kernel.Key} {kernel.Value:N0}"));

    /// <summary>Whether every kind of answer was among them.</summary>
    internal bool SawEverything => Array.TrueForAll(_kinds, count => count > 0) && _segments > 0;

    internal void Run(long accesses)
    {
        while (Accesses < accesses)
        {
            using var table = new RandomTable(_random);
            using var twin = new NativeTwin(table.Container);
            using PamuReader reader = table.Engine.CreateReader();
            using ReaderSection section = reader.Enter(table.Container);
            AbiSection native;
            twin.Enter(&native);
            CompareImages(section.Table.Image, new ReadOnlySpan<byte>(native.Table, TableLayout.ImageBytes), table);
            string kernel = Marshal.PtrToStringUTF8((nint)PamuAbi.pamu_kernel_name(native.Table))!;
            for (int done = 0; done < AccessesPerTable; done += Chunk)
            {
                CompareChunk(section, &native, table);
            }

            _kernels[kernel] = _kernels.GetValueOrDefault(kernel) + AccessesPerTable;
            PamuAbi.Accepted(PamuAbi.shim_leave(&native));
            Tables++;
        }
    }

    /// <summary>All but the generation and the kernel, which is the processor's and the library's affair.</summary>
    private void CompareImages(ReadOnlySpan<byte> engine, ReadOnlySpan<byte> library, RandomTable table)
    {
        byte[] expected = [.. engine];
        byte[] actual = [.. library];
        foreach (byte[] image in (byte[][])[expected, actual])
        {
            image.AsSpan(0x08, 8).Clear();
            image.AsSpan(0x2E, 2).Clear();
        }

        Compare(true, actual.AsSpan().SequenceEqual(expected), "image", 0, 0, default, table);
    }

    private void CompareChunk(in ReaderSection section, AbiSection* native, RandomTable table)
    {
        for (int i = 0; i < Chunk; i++)
        {
            _iovas[i] = table.SomeIova(_random);
            _lengths[i] = table.SomeLength(_random);
            _directions[i] = (uint)_random.Next(2);
        }

        fixed (byte* image = section.Table.Image)
        {
            AbiSection engines = *native; // its slot says that nothing is counted
            engines.Table = image;
            CompareSingles(section, &engines, table);
            CompareRanges(section, &engines, table);
        }

        CompareSingles(section, native, table);
        CompareRanges(section, native, table);
        CompareBatch(section, native, table, uniform: table.SomeLength(_random));
        CompareBatch(section, native, table, uniform: null);
        Accesses += Chunk;
    }

    private void CompareSingles(in ReaderSection section, AbiSection* native, RandomTable table)
    {
        fixed (ulong* iovas = _iovas, lengths = _lengths)
        fixed (uint* directions = _directions)
        fixed (AbiAnswer* answers = _answers)
        {
            PamuAbi.shim_translate(native, Chunk, iovas, lengths, directions, answers);
        }

        for (int i = 0; i < Chunk; i++)
        {
            var access = (DmaAccess)_directions[i];
            Translation one = section.Translate(_iovas[i], _lengths[i], access);
            var expected = new AbiAnswer((uint)one.Kind, (uint)one.Fault, one.MsiBank, (uint)one.MsiOffset, one.Target, one.FaultIova);
            Compare(expected, _answers[i], "single", _iovas[i], _lengths[i], access, table);
            _kinds[(int)one.Kind]++;
        }
    }

    private void CompareRanges(in ReaderSection section, AbiSection* native, RandomTable table)
    {
        nuint used;
        fixed (ulong* iovas = _iovas, lengths = _lengths)
        fixed (uint* directions = _directions)
        fixed (AbiRange* ranges = _ranges)
        fixed (AbiSegment* pieces = _pieces)
        {
            used = PamuAbi.shim_translate_ranges(native, Chunk, iovas, lengths, directions, ranges, pieces, (nuint)_pieces.Length);
        }

        int at = 0;
        for (int i = 0; i < Chunk; i++)
        {
            var access = (DmaAccess)_directions[i];
            RangeTranslation range = section.TranslateRange(_iovas[i], _lengths[i], access, _expected);
            var expected = new AbiRange((uint)range.SegmentCount, range.IsComplete ? 1 : 0, (uint)range.Fault, range.FaultIova);
            Compare(expected, _ranges[i], "range", _iovas[i], _lengths[i], access, table);
            for (int s = 0; s < range.SegmentCount; s++)
            {
                (ulong iova, ulong target, ulong length, int bank) = _expected[s];
                Compare(new AbiSegment(iova, target, length, bank, 0), _pieces[at++], "segment", _iovas[i], _lengths[i], access, table);
            }

            _segments += range.SegmentCount;
        }

        Compare((nuint)at, used, "number of segments", 0, 0, default, table);
    }

    /// <summary>A batch has one direction; its lengths are 32 bits wide, or one for all.</summary>
    private void CompareBatch(in ReaderSection section, AbiSection* native, RandomTable table, ulong? uniform)
    {
        const int words = (Chunk + 63) / 64;
        var access = (DmaAccess)_random.Next(2);
        ulong* targets = stackalloc ulong[Chunk];
        ulong* masks = stackalloc ulong[3 * words];
        ulong* counts = stackalloc ulong[3];
        uint[] shorts = [.. _lengths.Select(length => (uint)Math.Min(length, uint.MaxValue))];
        fixed (ulong* iovas = _iovas)
        fixed (uint* lengths = shorts)
        {
            PamuAbi.Accepted(uniform is ulong one
                ? PamuAbi.pamu_translate_batch(native, iovas, Chunk, one, (int)access, targets, masks, masks + words, masks + 2 * words, counts)
                : PamuAbi.pamu_translate_batch_lengths(
                    native, iovas, lengths, Chunk, (int)access, targets, masks, masks + words, masks + 2 * words, counts));
        }

        ulong faults = 0;
        ulong crosses = 0;
        ulong messages = 0;
        for (int i = 0; i < Chunk; i++)
        {
            ulong length = uniform ?? shorts[i];
            Translation one = section.Translate(_iovas[i], length, access);
            bool Bit(int mask) => (masks[mask * words + i / 64] >> (i % 64) & 1) != 0;
            var expected = (one.Target, one.Kind == TranslationKind.Fault, one.Kind == TranslationKind.Crosses, one.IsMsi);
            Compare(expected, (targets[i], Bit(0), Bit(1), Bit(2)), "batch", _iovas[i], length, access, table);
            faults += one.Kind == TranslationKind.Fault ? 1u : 0;
            crosses += one.Kind == TranslationKind.Crosses ? 1u : 0;
            messages += one.IsMsi ? 1u : 0;
        }

        Compare((faults, crosses, messages), (counts[0], counts[1], counts[2]), "counts", 0, uniform ?? 0, access, table);
    }

    private void Compare<T>(T expected, T actual, string what, ulong iova, ulong length, DmaAccess access, RandomTable table)
    {
        if (EqualityComparer<T>.Default.Equals(expected, actual))
        {
            return;
        }

        if (Differences++ < DifferencesShown)
        {
            Console.WriteLine($"# {what}: {access} of {length} bytes at 0x{iova:x}: the engine says {expected}, C {actual}; table {table}");
        }
    }

    /// <summary>The container of a random table, made again through the C interface.</summary>
    private sealed class NativeTwin : IDisposable
    {
        private readonly nint _engine;
        private readonly nint _container;
        private readonly void* _reader;

        internal NativeTwin(PamuContainer container)
        {
            nint engine;
            nint twin;
            nint group;
            uint liodn = 1;
            uint* banks = stackalloc uint[] { 0, 2 };
            PamuAbi.Accepted(PamuAbi.pamu_engine_create(null, &engine));
            PamuAbi.Accepted(PamuAbi.pamu_container_create(engine, &twin));
            (ulong start, ulong last) = container.Geometry;
            PamuAbi.Accepted(PamuAbi.pamu_set_geometry(twin, start, last));
            PamuAbi.Accepted(PamuAbi.pamu_set_windows(twin, (uint)container.WindowCount));
            PamuAbi.Accepted(PamuAbi.pamu_group_create(engine, 0, &liodn, 1, banks, 2, &group));
            PamuAbi.Accepted(PamuAbi.pamu_attach(group, twin));
            foreach (PamuWindow window in container.GetWindows())
            {
                PamuAbi.Accepted(window.MsiBank >= 0
                    ? PamuAbi.pamu_map_msi_bank(twin, (uint)window.MsiBank, window.Iova, (uint)window.Permissions)
                    : PamuAbi.pamu_map_dma(twin, window.Target, window.Iova, window.Size, (uint)window.Permissions));
            }

            _engine = engine;
            _container = twin;
            _reader = NativeMemory.AlignedAlloc(PamuAbi.ReaderBytes, PamuAbi.ReaderBytes);
            NativeMemory.Clear(_reader, PamuAbi.ReaderBytes);
            PamuAbi.Accepted(PamuAbi.pamu_reader_register(_engine, null, _reader));
        }

        internal void Enter(AbiSection* section) => PamuAbi.shim_enter(_reader, _container, section);

        public void Dispose()
        {
            PamuAbi.Accepted(PamuAbi.pamu_reader_unregister(_reader));
            NativeMemory.AlignedFree(_reader);
            PamuAbi.Accepted(PamuAbi.pamu_engine_destroy(_engine));
        }
    }
}
