namespace PamuFastPath;

/// <summary>
/// Builds whose grace periods are broken on purpose (`-p:PamuBreakGrace=barrier` or `all`), for stress tests in other languages, which have to fail with
/// them. In every other build nothing of it is left.
/// </summary>
internal static class BrokenGrace
{
#if PAMU_BREAK_GRACE_BARRIER
    /// <summary>W3 is left out: grace periods wait for the announcements they see, without the process-wide barrier before.</summary>
    internal static bool SkipsBarrier => true;

    internal static bool SkipsAll => false;

    internal const string VersionSuffix = "-broken-barrier";
#elif PAMU_BREAK_GRACE_ALL
    internal static bool SkipsBarrier => true;

    /// <summary>W3 and W4 are left out: nobody is waited for.</summary>
    internal static bool SkipsAll => true;

    internal const string VersionSuffix = "-broken-all";
#else
    internal static bool SkipsBarrier => false;

    internal static bool SkipsAll => false;

    /// <summary>What the native library's version ends with, so that no such build is taken for another.</summary>
    internal const string VersionSuffix = "";
#endif
}
