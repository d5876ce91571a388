namespace PamuFastPath;

/// <summary>
/// Hardware that holds what a container says: a VFIO IOMMU backend, or a fake. Bound by <see cref="PamuContainer.BindHardware"/>. A step is
/// a whole image, not a call: the mirror finds out itself what differs from what the hardware holds.
/// </summary>
/// <remarks>
/// Called under the engine's control lock, one call at a time; each <see cref="Apply"/> with an image that <see cref="Check"/> accepted just
/// before. No reader section that could use what the image takes away is open then; a call that only adds may be made inside a section of its
/// own thread. It must not make control calls. It does not throw: what the hardware answers is the refusal's errno.
/// <see cref="IDisposable.Dispose"/> leaves nothing in the hardware; what it cannot take back one by one goes with the descriptors.
/// </remarks>
public interface IHardwareMirror : IDisposable
{
    /// <summary>
    /// Whether the hardware could hold <paramref name="image"/>, as far as that is known without touching it: reserved ranges, shapes, limits,
    /// groups. Asked before software or hardware change. Changes nothing.
    /// </summary>
    Refusal Check(HardwareImage image);

    /// <summary>
    /// Makes the hardware hold <paramref name="image"/> and nothing else, or leaves it holding what it held. If even that fails, the mirror
    /// remembers what the hardware really holds, says so in the refusal's rule, and starts from there at the next call.
    /// </summary>
    Refusal Apply(HardwareImage image);
}
