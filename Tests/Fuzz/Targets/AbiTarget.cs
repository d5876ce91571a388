using PamuFastPath.Fuzz.Abi;
using PamuFastPath.Tests.ByteDoor;

namespace PamuFastPath.Fuzz.Targets;

/// <summary>
/// Calls of the C interface with the library that was built, and with the same exports compiled in this process, which are instrumented and so guide the
/// choice of inputs: both give the same results and write the same, and control calls are answered as the plain model answers.
/// </summary>
internal sealed class AbiTarget : FuzzTarget
{
    private AbiLibrary[] _libraries = [];
    private GuardedMemory? _memory;

    internal override int Unit => AbiScript.StepBytes;

    internal override int LengthMax => 120 * AbiScript.StepBytes;

    internal override void Begin()
    {
        _libraries = [AbiLibrary.Built(), AbiLibrary.InProcess()];
        _memory = new GuardedMemory();
    }

    internal override IEnumerable<byte[]> Seeds() => AbiScript.Seeds();

    internal override void Run(byte[] input)
    {
        long live = NativeBlocks.LiveCount;
        using (var script = new AbiScript(input, _libraries, _memory!))
        {
            script.Run();
            live += script.ContainersOpened; // their 64 bytes stay, so that a handle kept too long is found to be closed
        }

        Same(live, NativeBlocks.LiveCount, "native blocks afterwards");
    }

    public override void Dispose()
    {
        _memory?.Dispose();
        base.Dispose();
    }
}
