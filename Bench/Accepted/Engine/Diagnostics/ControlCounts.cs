using System.Numerics;

namespace PamuFastPath.Diagnostics;

/// <summary>Counts of control calls, publications and grace periods of one engine since it was made. Always counted.</summary>
public sealed class ControlCounts
{
    /// <summary>Buckets of <see cref="GracePeriods"/>; the last holds everything longer as well.</summary>
    public const int GraceBuckets = 40;

    private readonly Lock _gate = new();
    private readonly ulong[] _gracePeriods = new ulong[GraceBuckets];

    internal ControlCounts()
    {
    }

    /// <summary>Control calls that ended, refused or not, queries through the byte door among them.</summary>
    public ulong Calls { get; private set; }

    /// <summary>Those that were refused.</summary>
    public ulong Refused { get; private set; }

    /// <summary>Tables published.</summary>
    public ulong Publications { get; private set; }

    /// <summary>Nanoseconds spent in waiting for readers, altogether.</summary>
    public ulong GraceNanoseconds { get; private set; }

    /// <summary>The longest wait for readers in nanoseconds.</summary>
    public ulong GraceNanosecondsMax { get; private set; }

    /// <summary>Grace periods by duration: bucket i holds those of 2^i nanoseconds to below 2^(i+1).</summary>
    public ReadOnlySpan<ulong> GracePeriods => _gracePeriods;

    internal void AddCall(bool isRefused)
    {
        lock (_gate)
        {
            Calls++;
            Refused += isRefused ? 1u : 0u;
        }
    }

    internal void AddPublication()
    {
        lock (_gate)
        {
            Publications++;
        }
    }

    internal void AddGrace(ulong nanoseconds)
    {
        lock (_gate)
        {
            GraceNanoseconds += nanoseconds;
            GraceNanosecondsMax = Math.Max(GraceNanosecondsMax, nanoseconds);
            _gracePeriods[Math.Min(BitOperations.Log2(nanoseconds), GraceBuckets - 1)]++;
        }
    }

    internal ControlCounts Copy()
    {
        var copy = new ControlCounts();
        lock (_gate)
        {
            copy.Calls = Calls;
            copy.Refused = Refused;
            copy.Publications = Publications;
            copy.GraceNanoseconds = GraceNanoseconds;
            copy.GraceNanosecondsMax = GraceNanosecondsMax;
            _gracePeriods.CopyTo(copy._gracePeriods, 0);
        }

        return copy;
    }
}
