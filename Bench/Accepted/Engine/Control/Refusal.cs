namespace PamuFastPath;

/// <summary>Why a control call is refused; <see cref="None"/> if it is not.</summary>
internal readonly record struct Refusal(Errno Errno, string Parameter, string Rule)
{
    internal static Refusal None => default;

    internal bool IsRefused => Errno != Errno.Ok;

    internal void ThrowIfRefused()
    {
        if (IsRefused)
        {
            throw new PamuException(Errno, Parameter, Rule);
        }
    }

    internal static Refusal Invalid(string parameter, string rule) => new(Errno.EINVAL, parameter, rule);

    internal static Refusal Busy(string parameter, string rule) => new(Errno.EBUSY, parameter, rule);

    internal static Refusal NoDevice(string parameter, string rule) => new(Errno.ENODEV, parameter, rule);

    internal static Refusal Fault(string parameter, string rule) => new(Errno.EFAULT, parameter, rule);

    internal static Refusal Deadlock(string parameter, string rule) => new(Errno.EDEADLK, parameter, rule);
}
