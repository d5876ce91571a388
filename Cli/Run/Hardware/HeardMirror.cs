namespace PamuFastPath.Cli.Run.Hardware;

/// <summary>Hardware whose last refusal is kept: the byte doors only let its errno through, and a person needs its words.</summary>
internal sealed class HeardMirror(IHardwareMirror hardware) : IHardwareMirror
{
    /// <summary>Why the hardware refused the last step it was asked for; nothing if it did not.</summary>
    public Refusal Last { get; private set; }

    public Refusal Check(HardwareImage image) => Last = hardware.Check(image);

    public Refusal Apply(HardwareImage image) => Last = hardware.Apply(image);

    public void Dispose() => hardware.Dispose();
}
