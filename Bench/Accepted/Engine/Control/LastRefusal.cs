namespace PamuFastPath;

/// <summary>
/// Why the calling thread's last refused request was refused, for doors that answer an errno alone. Kept until the next refusal, as <c>errno</c> is.
/// </summary>
internal static class LastRefusal
{
    /// <summary>The refusal; <see cref="Refusal.None"/> before the first.</summary>
    [field: ThreadStatic]
    internal static Refusal Value { get; private set; }

    /// <summary>Notes a refusal, if it is one.</summary>
    /// <returns>0, or the negative errno.</returns>
    internal static long Answer(Refusal refusal)
    {
        if (refusal.IsRefused)
        {
            Value = refusal;
        }

        return -(long)refusal.Errno;
    }

    internal static long Answer(Errno errno, string parameter, string rule) => Answer(new Refusal(errno, parameter, rule));
}
