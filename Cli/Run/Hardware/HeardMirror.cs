namespace PamuFastPath.Cli.Run.Hardware;

/// <summary>Hardware whose refusals are kept: the byte doors only let the errno through, and a person needs the words.</summary>
internal sealed class HeardMirror(IHardwareMirror hardware) : IHardwareMirror
{
    private Refusal _last;

    public Refusal Check(HardwareImage image) => Hear(hardware.Check(image));

    public Refusal Apply(HardwareImage image) => Hear(hardware.Apply(image));

    /// <summary>What the hardware refused since this was asked last; the latest.</summary>
    public Refusal TakeLast()
    {
        Refusal last = _last;
        _last = Refusal.None;
        return last;
    }

    public void Dispose() => hardware.Dispose();

    private Refusal Hear(Refusal refusal) => _last = refusal.IsRefused ? refusal : _last;
}
