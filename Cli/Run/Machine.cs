using PamuFastPath.Cli.Run.Hardware;
using PamuFastPath.Cli.Run.Scenarios;

namespace PamuFastPath.Cli.Run;

/// <summary>The emulated machine of a scenario: one engine, its container and groups.</summary>
internal sealed class Machine : IDisposable
{
    private readonly Scenario _scenario;
    private readonly VfioClient _client;
    private readonly HeardMirror? _hardware;

    /// <param name="scenario">The scenario, which has no more to be checked.</param>
    /// <param name="hardware">What its container is bound to as well, or null for software alone. The machine owns the mirror.</param>
    public Machine(Scenario scenario, ScenarioHardware? hardware = null)
    {
        _scenario = scenario;
        Engine = new PamuEngine(scenario.Platform);
        Container = Engine.CreateContainer();
        var groups = new Dictionary<int, PamuGroup>();
        foreach (GroupDefinition group in scenario.Groups)
        {
            groups.Add(group.Id, Engine.CreateGroup(group.Id, group.Liodns, group.MsiBanks));
        }

        _hardware = hardware?.Bind(Container, groups);
        _client = new VfioClient(Container, groups, hardware?.Memory);
    }

    public PamuEngine Engine { get; }

    public PamuContainer Container { get; }

    /// <summary>Takes the steps in order. One that answers other than expected is bad input: what follows would rest on it.</summary>
    /// <param name="show">Called for every picture the scenario asks for.</param>
    public void TakeSteps(Action<Picture> show)
    {
        foreach (Step step in _scenario.Steps)
        {
            switch (step)
            {
                case ShowStep picture:
                    show(new Picture(picture.Caption, Container.GetWindows()));
                    break;
                case CallStep call:
                    _hardware?.TakeLast();
                    long result = call.Issue(_client);
                    Errno answer = result < 0 ? (Errno)(-result) : Errno.Ok;
                    if (answer != call.Expect)
                    {
                        throw new CliException($"{call.Place}: {call.Call} answered {Name(answer)}, not {Name(call.Expect)}{HardwareSays()}");
                    }

                    break;
            }
        }
    }

    /// <summary>Why accesses translate or fault, as the container's table is now.</summary>
    public IReadOnlyList<TranslationExplanation> Explain(IReadOnlyList<ExplainedAccess> accesses)
    {
        using PamuReader reader = Engine.CreateReader("explain");
        return [.. accesses.SelectMany(access => access.Against(reader, Container))];
    }

    public void Dispose() => Engine.Dispose();

    private string HardwareSays() => _hardware?.TakeLast() is { IsRefused: true } refusal ? $"; the hardware needs: {refusal.Rule}" : "";

    private static string Name(Errno errno) => errno == Errno.Ok ? "success" : errno.ToString();
}

/// <summary>The window table at one point of a scenario.</summary>
internal sealed record Picture(string Caption, IReadOnlyList<PamuWindow> Windows);
