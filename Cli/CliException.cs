namespace PamuFastPath.Cli;

/// <summary>Bad input or usage: its message is the one line that goes to stderr, and the exit code is 2.</summary>
internal sealed class CliException(string line) : Exception(line);
