namespace PamuFastPath;

/// <summary>How a device's access ended.</summary>
public enum DmaStatus
{
    /// <summary>All bytes were copied.</summary>
    Done,

    /// <summary>The access was a message; the sink has it.</summary>
    Message,

    /// <summary>The access was refused and recorded.</summary>
    Fault,

    /// <summary>The translation points at no RAM region.</summary>
    NoMemory,
}

/// <summary>The answer to a device's access.</summary>
/// <param name="Status">How it ended.</param>
/// <param name="BytesDone">
/// Bytes copied before it ended: less than asked for if it was refused, if a control call changed the table between two pieces of a large DMA, or if RAM
/// was missing.
/// </param>
/// <param name="Fault">Why it was refused, or <see cref="FaultKind.None"/>.</param>
/// <param name="FaultIova">The first refused IOVA of a fault.</param>
public readonly record struct DmaResult(DmaStatus Status, int BytesDone, FaultKind Fault, ulong FaultIova)
{
    /// <summary>Whether the access did all it should.</summary>
    public bool IsOk => Status is DmaStatus.Done or DmaStatus.Message;
}
