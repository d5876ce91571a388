using PamuFastPath.Fuzz.Sequences;
using PamuFastPath.Tests.ByteDoor;

namespace PamuFastPath.Fuzz.Targets;

/// <summary>
/// Control calls through both doors, on several containers and groups: typed, by bytes and by raw pointer, in transactions, with sections held, with
/// snapshots, batches and DMA between them. After each, everything is compared with the plain model; at the end no native block may be left.
/// </summary>
internal sealed class SequencesTarget : FuzzTarget
{
    private GuardedMemory? _memory;

    internal override int HeaderBytes => Script.HeaderBytes;

    internal override int Unit => Script.StepBytes;

    internal override int LengthMax => Script.HeaderBytes + 200 * Script.StepBytes;

    internal override void Begin() => _memory = new GuardedMemory();

    internal override bool IsDeterministic(byte[] input) => !Script.HasReaderThread(input);

    internal override void Run(byte[] input)
    {
        long live = NativeBlocks.LiveCountOfThread;
        using (var script = new Script(input, _memory!))
        {
            script.Run();
        }

        Same(live, NativeBlocks.LiveCountOfThread, "native blocks afterwards");
    }

    /// <summary>The opening of a container on every machine, then one step of every kind.</summary>
    internal override IEnumerable<byte[]> Seeds() => Script.Seeds();

    public override void Dispose()
    {
        _memory?.Dispose();
        base.Dispose();
    }
}
