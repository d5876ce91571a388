namespace PamuFastPath.Cli.Run.Reports;

/// <summary>Neighbouring windows that make one mapping, as one MAP_DMA makes them; an MSI window is always a run of its own.</summary>
internal sealed record WindowRun(PamuWindow First, int Count)
{
    public int Last => First.Index + Count - 1;

    public string Index => Count == 1 ? $"{First.Index}" : $"{First.Index}-{Last}";

    public string Size => Count == 1 ? Units.PowerOfTwo(First.Size) : $"{Count}x{Units.PowerOfTwo(First.Size)}";

    public string Use => First.MsiBank >= 0 ? $"msi bank {First.MsiBank}" : $"dma {Units.Permissions(First.Permissions)}";

    public static List<WindowRun> Of(IReadOnlyList<PamuWindow> windows)
    {
        var runs = new List<WindowRun>();
        foreach (PamuWindow window in windows)
        {
            if (runs is [.., WindowRun run] && run.IsContinuedBy(window))
            {
                runs[^1] = run with { Count = run.Count + 1 };
            }
            else
            {
                runs.Add(new WindowRun(window, 1));
            }
        }

        return runs;
    }

    private bool IsContinuedBy(PamuWindow next)
    {
        ulong distance = (ulong)Count * First.Size;
        return First.MsiBank < 0 && next == First with { Index = Last + 1, Iova = First.Iova + distance, Target = First.Target + distance };
    }
}
