using System.Runtime.Versioning;

namespace PamuFastPath.Interop;

/// <summary>The byte doors with a raw pointer, as an <c>ioctl(2)</c> has it.</summary>
[SupportedOSPlatform("linux")]
public static class RawIoctl
{
    /// <summary>A container request.</summary>
    /// <param name="container">The container.</param>
    /// <param name="request">The request number, in the plain or the powerpc form.</param>
    /// <param name="argument">The pointer, or the value for requests that take one. Any value is answered.</param>
    /// <returns>0 or a positive result, or a negative errno.</returns>
    public static long IoctlRaw(this PamuContainer container, uint request, nuint argument)
    {
        ArgumentNullException.ThrowIfNull(container);
        return container.Ioctl(request, argument, default(ProcessMemory));
    }

    /// <summary>A group request.</summary>
    /// <param name="group">The group.</param>
    /// <param name="request">The request number, in the plain or the powerpc form.</param>
    /// <param name="argument">The pointer. Any value is answered.</param>
    /// <returns>0 or a positive result, or a negative errno.</returns>
    public static long IoctlRaw(this PamuGroup group, uint request, nuint argument)
    {
        ArgumentNullException.ThrowIfNull(group);
        return group.Ioctl(request, argument, default(ProcessMemory));
    }
}
