using PamuFastPath.Fuzz.Mutate;

namespace PamuFastPath.Fuzz.Targets;

/// <summary>The target cannot run here; the message says why.</summary>
internal sealed class TargetSkippedException(string reason) : Exception(reason);

/// <summary>Something is not as it has to be.</summary>
internal sealed class FindingException(string message) : Exception(message);

/// <summary>What inputs are given to, and what an input looks like.</summary>
internal abstract class FuzzTarget : IDisposable
{
    /// <summary>The ending of a file with such an input.</summary>
    internal virtual string Extension => ".bin";

    /// <summary>Whether an input is lines of text. If not, it is a header and units of one size.</summary>
    internal virtual bool IsText => false;

    internal virtual int HeaderBytes => 0;

    internal virtual int Unit => 1;

    /// <summary>Longer ones are not tried.</summary>
    internal virtual int LengthMax => 16 * 1024;

    /// <summary>Gets ready to run inputs.</summary>
    /// <exception cref="TargetSkippedException">It cannot run here.</exception>
    internal virtual void Begin()
    {
    }

    /// <summary>Runs one input.</summary>
    /// <exception cref="Exception">Whatever it is: something was found.</exception>
    internal abstract void Run(byte[] input);

    /// <summary>What to begin with besides the corpus.</summary>
    internal virtual IEnumerable<byte[]> Seeds() => [];

    /// <summary>Whether an input does the same every time; one with threads of its own does not, and is not kept.</summary>
    internal virtual bool IsDeterministic(byte[] input) => true;

    /// <summary>A changed input.</summary>
    internal virtual byte[] Mutate(Random random, byte[] input, byte[] other) =>
        IsText ? TextMutator.Mutate(random, input, other) : BinaryMutator.Mutate(random, input, other, HeaderBytes, Unit);

    public virtual void Dispose() => GC.SuppressFinalize(this);

    private protected static void Require(bool holds, string otherwise)
    {
        if (!holds)
        {
            throw new FindingException(otherwise);
        }
    }

    private protected static void Same<T>(T expected, T actual, string what)
    {
        if (!EqualityComparer<T>.Default.Equals(expected, actual))
        {
            throw new FindingException($"{what}: expected {expected}, got {actual}");
        }
    }
}
