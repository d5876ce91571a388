namespace PamuFastPath.Tests;

/// <summary>The errno of a call at the typed door.</summary>
internal static class ErrnoOf
{
    internal static Errno Call(Action call)
    {
        try
        {
            call();
            return Errno.Ok;
        }
        catch (PamuException refused)
        {
            return refused.Errno;
        }
    }
}
