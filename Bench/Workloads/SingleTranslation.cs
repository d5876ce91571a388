// The ways to translate one access, and the loops that time them.

using System.Runtime.CompilerServices;

namespace PamuFastPath.Bench.Workloads;

/// <summary>
/// One way to translate a single access. Structs implement it, so that the loops are compiled once for each with everything inlined:
/// no way pays for a call that another does not make.
/// </summary>
internal interface ISingleTranslation
{
    /// <summary>Where the access goes; all ones if it is refused or crosses.</summary>
    ulong Target(ulong iova, ulong length, DmaAccess access);
}

/// <summary>The engine's lookup in a table that is known to stay: no section.</summary>
internal readonly unsafe struct BareLookup(PamuContainer container) : ISingleTranslation
{
    private readonly TableHeader* _table = container.Cell->Current;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong Target(ulong iova, ulong length, DmaAccess access) => Translator.Translate(_table, iova, length, access).Target;
}

/// <summary>What a device does: a section around each access.</summary>
internal readonly struct OwnSection(PamuReader reader, PamuContainer container) : ISingleTranslation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong Target(ulong iova, ulong length, DmaAccess access) => reader.Translate(container, iova, length, access).Target;
}

/// <summary>
/// The same by LIODN. The LIODN is cut out of the address, whose low bits are random: thousands of LIODNs without a second stream to read.
/// </summary>
internal readonly struct ByLiodn(PamuReader reader, uint liodnMask) : ISingleTranslation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong Target(ulong iova, ulong length, DmaAccess access) =>
        reader.Translate((uint)(iova >> 4) & liodnMask, iova, length, access).Target;
}

/// <summary>
/// Another way, inside a section of the engine's for each access: what it costs once its readers are protected the same way.
/// </summary>
internal readonly struct InSection<TWay>(PamuReader reader, PamuContainer container, TWay way) : ISingleTranslation
    where TWay : struct, ISingleTranslation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong Target(ulong iova, ulong length, DmaAccess access)
    {
        // No try: nothing in between throws, and a handler would keep the section's fields in memory.
        ReaderSection section = reader.Enter(container);
        ulong target = way.Target(iova, length, access);
        section.Dispose();
        return target;
    }
}

internal static unsafe class SingleLoops
{
    /// <summary>Bytes of every access.</summary>
    internal const int AccessBytes = 64;

    /// <summary>Accesses that do not depend on each other: the processor overlaps them. Throughput.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static ulong Independent<TWay>(TWay way, ulong* iovas, int count)
        where TWay : struct, ISingleTranslation
    {
        ulong sum = 0;
        ulong* end = iovas + count;
        for (ulong* iova = iovas; iova < end; iova++)
        {
            sum += way.Target(*iova, AccessBytes, DmaAccess.Write);
        }

        return sum;
    }

    /// <summary>
    /// Each IOVA is known only when the target before is: latency. The two operations that tie them together (2 cycles) are the same for
    /// all.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static ulong Dependent<TWay>(TWay way, ulong* iovas, int count, ulong zero)
        where TWay : struct, ISingleTranslation
    {
        ulong last = 0;
        ulong* end = iovas + count;
        for (ulong* iova = iovas; iova < end; iova++)
        {
            last = way.Target(*iova + (last & zero), AccessBytes, DmaAccess.Write);
        }

        return last;
    }
}
