namespace PamuFastPath.Cli.Run.Traces;

/// <summary>
/// Some accesses in columns, and their answers. Reading fills the input columns, translation reads four of them and writes the answers,
/// tallying reads everything: so that translation alone can be timed.
/// </summary>
internal sealed class TraceBlock(int capacity)
{
    public int Capacity => capacity;

    public int Count { get; set; }

    /// <summary>Line of the row in its file.</summary>
    public long[] Line { get; } = new long[capacity];

    /// <summary>Index of the row's device in the scenario.</summary>
    public int[] Device { get; } = new int[capacity];

    /// <summary>'R', 'W' or 'M'.</summary>
    public byte[] Op { get; } = new byte[capacity];

    /// <summary>The word a message carries.</summary>
    public uint[] Data { get; } = new uint[capacity];

    public uint[] Liodn { get; } = new uint[capacity];

    /// <summary>For a message: the register it is sent to in this scenario.</summary>
    public ulong[] Iova { get; } = new ulong[capacity];

    public ulong[] Length { get; } = new ulong[capacity];

    public DmaAccess[] Access { get; } = new DmaAccess[capacity];

    public Translation[] Answers { get; } = new Translation[capacity];

    /// <summary>The answers to accesses over a window's end, in row order.</summary>
    public List<Crossing> Crossings { get; } = [];
}

/// <summary>What the range form says about an access that runs over its window's end.</summary>
/// <param name="Row">Its row in the block.</param>
/// <param name="Range">The answer.</param>
/// <param name="Target">Where its first byte goes.</param>
/// <param name="FirstMsiIova">The first IOVA in an MSI bank's page, if it reaches one.</param>
internal readonly record struct Crossing(int Row, RangeTranslation Range, ulong Target, ulong? FirstMsiIova);
