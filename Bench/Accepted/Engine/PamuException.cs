namespace PamuFastPath;

/// <summary>A refused control call at the typed door. Nothing was changed by the call that threw it.</summary>
public sealed class PamuException : Exception
{
    /// <summary>Makes the exception for one refusal.</summary>
    /// <param name="errno">The errno the byte door would have returned (positive).</param>
    /// <param name="parameter">The argument or state that broke the rule.</param>
    /// <param name="rule">The rule that was broken, as a sentence.</param>
    public PamuException(Errno errno, string parameter, string rule)
        : base($"{errno}: {parameter}: {rule}")
    {
        Errno = errno;
        Parameter = parameter;
        Rule = rule;
    }

    /// <summary>The errno (positive).</summary>
    public Errno Errno { get; }

    /// <summary>The argument or state that broke the rule.</summary>
    public string Parameter { get; }

    /// <summary>The rule that was broken.</summary>
    public string Rule { get; }
}
