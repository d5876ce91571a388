using System.Text;

namespace PamuFastPath.Native;

/// <summary>What exports return: 0, or a negative errno whose reason pamu_last_error() gives in words. No exception passes an export.</summary>
internal static class Answer
{
    internal static int Refuse(Errno errno, string parameter, string rule) => (int)LastRefusal.Answer(errno, parameter, rule);

    internal static int Of(Refusal refusal) => (int)LastRefusal.Answer(refusal);

    internal static int NotOpen(string kind) => Refuse(Errno.EBADF, kind, "an open one");

    internal static int IsNull(string parameter) => Refuse(Errno.EFAULT, parameter, "not null");

    /// <summary>Every export ends in this for whatever was thrown.</summary>
    internal static int Of(Exception exception) => exception switch
    {
        PamuException refused => Refuse(refused.Errno, refused.Parameter, refused.Rule),
        ObjectDisposedException => Refuse(Errno.EBADF, "handle", "what it belongs to is open"),
        OutOfMemoryException => Refuse(Errno.ENOMEM, "memory", "there is enough"),
        ArgumentException bad => Refuse(Errno.EINVAL, bad.ParamName ?? "argument", bad.Message),
        _ => Refuse(Errno.EIO, "library", exception.Message),
    };

    /// <summary>The words for pamu_last_error(); empty before the first refusal. Names are those of the C interface.</summary>
    internal static string LastInWords()
    {
        Refusal refusal = LastRefusal.Value;
        return refusal.IsRefused ? $"{refusal.Errno}: {SnakeCase(refusal.Parameter)}: {refusal.Rule}" : "";
    }

    /// <summary>"MaxWindows" is max_windows here.</summary>
    private static string SnakeCase(string name)
    {
        var text = new StringBuilder(name.Length + 4);
        foreach (char c in name)
        {
            if (char.IsUpper(c) && text.Length > 0)
            {
                text.Append('_');
            }

            text.Append(char.ToLowerInvariant(c));
        }

        return text.ToString();
    }
}
