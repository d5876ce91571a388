using PamuFastPath.Interop;
using PamuFastPath.Tests.Model;

namespace PamuFastPath.Tests.Properties;

/// <summary>Other ways in: requests with raw pointers, batches, and what a device's accesses are to be compared with.</summary>
internal sealed partial class Lockstep
{
    /// <summary>Writes the struct that a call is at the byte door.</summary>
    /// <returns>The request number.</returns>
    internal uint Write(in Call call, Span<byte> bytes) =>
        Structs.Write(call.Op, CallArguments.Of(call, Machine, _pairs[call.Container % _pairs.Length].Model), bytes);

    /// <summary>Makes a request at the door that takes raw pointers.</summary>
    /// <param name="container">Which container.</param>
    /// <param name="group">Which group instead, or null.</param>
    /// <param name="request">The number.</param>
    /// <param name="address">The pointer, or the value.</param>
    /// <param name="argument">The bytes that can be read there.</param>
    /// <param name="isWritable">Whether they can be written.</param>
    /// <param name="place">Where they are.</param>
    [System.Runtime.Versioning.SupportedOSPlatform("linux")]
    internal void RawRequest(int container, int? group, uint request, ulong address, byte[] argument, bool isWritable, ReadOnlySpan<byte> place)
    {
        Pair pair = _pairs[container % _pairs.Length];
        byte[] expectedBytes = [.. argument];
        ModelEngine? before = InSection();
        (ModelGroup Model, PamuGroup Engine)? of = group is int number ? _groups[number % _groups.Count] : null;
        long expected = of == null
            ? ModelDoor.Ioctl(_model, pair.Model, request, address, expectedBytes, isWritable)
            : ModelDoor.GroupIoctl(_model, of.Value.Model, request, expectedBytes, isWritable);
        if (IsDeadlock(before, (Errno)(-Math.Min(expected, 0))))
        {
            expected = -(long)Errno.EDEADLK;
            expectedBytes = argument;
        }

        long actual = of == null ? pair.Engine.IoctlRaw(request, (nuint)address) : of.Value.Engine.IoctlRaw(request, (nuint)address);

        Agree(expected, actual, $"request 0x{request:x} at 0x{address:x} with {Convert.ToHexString(argument)}");
        Agree(true, place.SequenceEqual(expectedBytes), "the argument after the request");
        CompareAfter(pair, expected, mayChangeOthers: group != null);
    }

    /// <summary>A batch of accesses, many of them at edges, with every kernel that can run.</summary>
    internal void CompareBatch(in Call call)
    {
        const int count = 67; // more than a word of the masks, and odd
        Pair pair = _pairs[call.Container % _pairs.Length];
        ulong[] iovas = new ulong[count];
        for (int i = 0; i < count; i++)
        {
            iovas[i] = NearWindow(call with { Window = call.Window + i, Wild = ulong.RotateLeft(call.Wild, i) });
        }

        ulong length = call.Length switch
        {
            < 50 => 1UL << call.Length % 14,
            < 90 => (ulong)pair.Model.WindowSize - (ulong)(call.Length % 3),
            < 95 => 0,
            _ => call.Wild,
        };
        DmaAccess access = call.IsByteDoor ? DmaAccess.Read : DmaAccess.Write;
        using ReaderSection section = _reader.Enter(pair.Engine);
        foreach (BatchKernel kernel in Enum.GetValues<BatchKernel>())
        {
            if (section.CanRun(kernel))
            {
                CompareBatch(section, pair.Model, iovas, length, access, kernel);
            }
        }
    }

    /// <summary>The container whose table a device's accesses use, if any.</summary>
    internal ModelContainer? HolderOf(uint liodn) => _model.Holder(liodn);

    /// <summary>An IOVA at or near the edge of a window, or anywhere.</summary>
    internal ulong NearWindow(in Call call)
    {
        ModelContainer model = _pairs[call.Container % _pairs.Length].Model;
        ulong start = unchecked((ulong)model.StartOf((int)((uint)call.Window % model.Count)));
        return (call.Wild & 0xF) switch
        {
            < 6 => start + (call.Wild >> 8 & 0xFFC),
            < 9 => unchecked(start + (ulong)model.WindowSize - 1 - (call.Wild >> 8 & 0x1F)),
            < 12 => unchecked(start + (call.Wild >> 8 & ((ulong)model.WindowSize - 1))),
            12 => unchecked((ulong)model.Start - 1 - (call.Wild >> 8 & 7)),
            13 => unchecked((ulong)model.End + (call.Wild >> 8 & 7)),
            _ => call.Wild,
        };
    }

    private static void CompareBatch(
        in ReaderSection section, ModelContainer model, ulong[] iovas, ulong length, DmaAccess access, BatchKernel kernel)
    {
        ulong[] targets = new ulong[iovas.Length];
        int words = (iovas.Length + 63) / 64;
        ulong[] faults = new ulong[words];
        ulong[] crosses = new ulong[words];
        ulong[] messages = new ulong[words];
        _ = section.TranslateBatch(iovas, length, access, targets, faults, crosses, messages, kernel);
        for (int i = 0; i < iovas.Length; i++)
        {
            ModelAnswer expected = ModelTranslation.Translate(model, iovas[i], length, access);
            bool Bit(ulong[] mask) => (mask[i / 64] >> (i % 64) & 1) != 0;
            string what = $"{kernel}: {access} of {length} bytes at 0x{iovas[i]:x}";
            Agree(expected.Target, targets[i], what);
            Agree(
                (expected.Kind == TranslationKind.Fault, expected.Kind == TranslationKind.Crosses, expected.Kind == TranslationKind.Msi),
                (Bit(faults), Bit(crosses), Bit(messages)),
                what);
        }
    }
}
