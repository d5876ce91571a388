namespace PamuFastPath.Diagnostics;

/// <summary>When an engine counts accesses.</summary>
public enum AccessCounting
{
    /// <summary>
    /// While somebody listens: an event session with the keyword Counters or with event counters, and from the first reading of one of the
    /// instruments of the meter <c>PamuFastPath</c> on.
    /// </summary>
    WhenObserved = 0,

    /// <summary>Never.</summary>
    Off = 1,

    /// <summary>Always.</summary>
    On = 2,
}
