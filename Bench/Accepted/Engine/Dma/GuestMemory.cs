// The RAM that targets point into.
//
// Unsafe: copies through raw pointers. Invariants:
//   - regions do not overlap, are sorted by start, and stay until the object is disposed; the array of them is replaced, never changed;
//   - every copy is checked against one region's bounds first;
//   - the owner of memory given by pointer keeps it accessible until the object is disposed.

using System.Buffers;
using System.Runtime.CompilerServices;

namespace PamuFastPath;

/// <summary>A set of RAM regions at target addresses, into which DMA ports copy.</summary>
/// <remarks>
/// Thread-safe; regions can be added while ports run. Copies of different threads to the same bytes are as unordered as DMA of different devices.
/// </remarks>
public sealed unsafe class GuestMemory : IDisposable
{
    private readonly Lock _gate = new();
    private readonly List<MemoryHandle> _pins = [];
    private Region[] _regions = [];

    private readonly record struct Region(ulong Start, ulong Last, nint Bytes);

    /// <summary>Adds memory that the caller keeps accessible until this object is disposed.</summary>
    /// <param name="target">Target address of the first byte.</param>
    /// <param name="bytes">The memory.</param>
    /// <param name="length">Bytes, at least 1; <paramref name="target"/> + length stays within 2^64.</param>
    /// <exception cref="ArgumentException">The range is empty, wraps or overlaps another.</exception>
    public void Add(ulong target, byte* bytes, ulong length)
    {
        if (length == 0 || target > ulong.MaxValue - (length - 1))
        {
            throw new ArgumentException("a region has at least one byte and stays within 2^64", nameof(length));
        }

        ArgumentNullException.ThrowIfNull(bytes);
        var region = new Region(target, target + (length - 1), (nint)bytes);
        lock (_gate)
        {
            if (Array.Exists(_regions, other => region.Start <= other.Last && other.Start <= region.Last))
            {
                throw new ArgumentException($"0x{region.Start:x}-0x{region.Last:x} overlaps another region", nameof(target));
            }

            Region[] regions = [.. _regions, region];
            Array.Sort(regions, (a, b) => a.Start.CompareTo(b.Start));
            Volatile.Write(ref _regions, regions);
        }
    }

    /// <summary>Adds managed memory, pinned until this object is disposed.</summary>
    /// <param name="target">Target address of the first byte.</param>
    /// <param name="memory">The memory, at least 1 byte.</param>
    /// <exception cref="ArgumentException">The range is empty, wraps or overlaps another.</exception>
    public void Add(ulong target, Memory<byte> memory)
    {
        MemoryHandle pin = memory.Pin();
        try
        {
            Add(target, (byte*)pin.Pointer, (ulong)memory.Length);
        }
        catch
        {
            pin.Dispose();
            throw;
        }

        lock (_gate)
        {
            _pins.Add(pin);
        }
    }

    /// <summary>Copies out of RAM.</summary>
    /// <returns>False, with nothing copied, if a byte lies in no region.</returns>
    public bool TryRead(ulong target, Span<byte> destination)
    {
        Region[] regions = Volatile.Read(ref _regions);
        if (Find(regions, target, (ulong)destination.Length) is var bytes and not 0)
        {
            new ReadOnlySpan<byte>((void*)bytes, destination.Length).CopyTo(destination);
            return true;
        }

        if (!Covers(regions, target, destination.Length))
        {
            return false;
        }

        for (int done = 0; done < destination.Length;)
        {
            Span<byte> region = Rest(regions, target + (ulong)done, destination.Length - done);
            region.CopyTo(destination[done..]);
            done += region.Length;
        }

        return true;
    }

    /// <summary>Copies into RAM.</summary>
    /// <returns>False, with nothing copied, if a byte lies in no region.</returns>
    public bool TryWrite(ulong target, ReadOnlySpan<byte> source)
    {
        Region[] regions = Volatile.Read(ref _regions);
        if (Find(regions, target, (ulong)source.Length) is var bytes and not 0)
        {
            source.CopyTo(new Span<byte>((void*)bytes, source.Length));
            return true;
        }

        if (!Covers(regions, target, source.Length))
        {
            return false;
        }

        for (int done = 0; done < source.Length;)
        {
            Span<byte> region = Rest(regions, target + (ulong)done, source.Length - done);
            source.Slice(done, region.Length).CopyTo(region);
            done += region.Length;
        }

        return true;
    }

    /// <summary>Forgets the regions and unpins managed memory. No port may be using it.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _regions = [];
            _pins.ForEach(pin => pin.Dispose());
            _pins.Clear();
        }
    }

    /// <summary>The address of <paramref name="length"/> bytes at <paramref name="target"/> in one region, or 0: the usual case.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static nint Find(Region[] regions, ulong target, ulong length)
    {
        foreach (ref readonly Region region in regions.AsSpan())
        {
            ulong offset = target - region.Start;
            ulong span = region.Last - region.Start;
            if (offset <= span && length - 1 <= span - offset)
            {
                return region.Bytes + (nint)offset;
            }
        }

        return 0;
    }

    /// <summary>Whether regions that touch each other hold all of a range.</summary>
    private static bool Covers(Region[] regions, ulong target, int length)
    {
        for (int done = 0; done < length;)
        {
            int here = target + (ulong)done < target ? 0 : Rest(regions, target + (ulong)done, length - done).Length;
            if (here == 0)
            {
                return false;
            }

            done += here;
        }

        return true;
    }

    /// <summary>The bytes from <paramref name="target"/> to the end of its region, at most <paramref name="length"/>; none outside RAM.</summary>
    private static Span<byte> Rest(Region[] regions, ulong target, int length)
    {
        foreach (ref readonly Region region in regions.AsSpan())
        {
            ulong offset = target - region.Start;
            ulong span = region.Last - region.Start;
            if (offset <= span)
            {
                return new Span<byte>((byte*)region.Bytes + offset, (int)Math.Min((ulong)length - 1, span - offset) + 1);
            }
        }

        return default;
    }
}
