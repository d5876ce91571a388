namespace PamuFastPath;

/// <summary>Why a control call or a hardware step is refused; <see cref="None"/> if it is not.</summary>
/// <param name="Errno">The errno the caller gets; <see cref="Errno.Ok"/> if nothing is refused.</param>
/// <param name="Parameter">The parameter at fault.</param>
/// <param name="Rule">The rule it broke, as a phrase.</param>
public readonly record struct Refusal(Errno Errno, string Parameter, string Rule)
{
    /// <summary>Nothing is refused.</summary>
    public static Refusal None => default;

    /// <summary>Whether something is refused.</summary>
    public bool IsRefused => Errno != Errno.Ok;

    /// <summary>Throws the refusal, if there is one.</summary>
    /// <exception cref="PamuException">The refusal.</exception>
    public void ThrowIfRefused()
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
