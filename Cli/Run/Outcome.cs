using System.Text.Json;

namespace PamuFastPath.Cli.Run;

/// <summary>What became of an access: one of two ways to succeed, or a fault.</summary>
internal readonly record struct Outcome
{
    private const int FirstFault = 2;

    private static readonly string[] Names =
    [
        "translated",
        "message",
        .. Enum.GetValues<FaultKind>().Where(static kind => kind != FaultKind.None)
            .Select(static kind => JsonNamingPolicy.CamelCase.ConvertName(kind.ToString())),
    ];

    private readonly int _code;

    private Outcome(int code) => _code = code;

    /// <summary>The access reached memory (or read an MSI bank's page).</summary>
    public static Outcome Translated => new(0);

    /// <summary>The access sent a message: one aligned 32-bit write to an MSI bank's page.</summary>
    public static Outcome Message => new(1);

    /// <summary>All of them by name.</summary>
    public static IReadOnlyDictionary<string, Outcome> ByName { get; } =
        Names.Select(static (name, code) => (name, code)).ToDictionary(static pair => pair.name, static pair => new Outcome(pair.code));

    /// <summary>Its name in scenario files and reports.</summary>
    public string Name => Names[_code];

    /// <summary>Why the access was refused, or <see cref="FaultKind.None"/>.</summary>
    public FaultKind Fault => _code < FirstFault ? FaultKind.None : (FaultKind)(_code - FirstFault + 1);

    public static Outcome Faulted(FaultKind kind) => new((int)kind - 1 + FirstFault);
}
