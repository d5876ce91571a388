namespace PamuFastPath.Soak;

/// <summary>Something that comes, does its work and goes, again and again. Leaves nothing behind but what it found.</summary>
internal sealed class Job(string name, Action once)
{
    internal string Name => name;

    internal long Done { get; private set; }

    internal void Once()
    {
        once();
        Done++;
    }

    internal static Job[] All(Machine machine)
    {
        var publications = new Publications(machine);
        var visits = new Visits(machine);
        var refusals = new Refusals(machine);
        var churn = new Churn(machine);
        var copies = new Copies(machine);
        var hardware = new Hardware(machine);
        var counting = new Counting(machine);
        return
        [
            new("publications", publications.Once),
            new("visits of readers", visits.Once),
            new("refused accesses", refusals.Once),
            new("rounds of groups", churn.Groups),
            new("rounds of containers", churn.Containers),
            new("snapshots", copies.Once),
            new("rounds of hardware", hardware.Once),
            new("switches of counting", counting.Once),
        ];
    }
}
