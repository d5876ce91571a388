namespace PamuFastPath.Diagnostics;

/// <summary>When an engine counts accesses.</summary>
public enum AccessCounting
{
    /// <summary>
    /// While somebody listens: an event session of level Informational or with event counters, and
    /// from the first reading of one of the access instruments of <see cref="PamuMeter"/> on.
    /// </summary>
    WhenObserved = 0,

    /// <summary>Never.</summary>
    Off = 1,

    /// <summary>Always.</summary>
    On = 2,
}
