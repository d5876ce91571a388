namespace PamuFastPath;

/// <summary>
/// Why an access was refused. Each value names the PAMU violation it corresponds to (AVS1 field of the access-violation
/// registers; which sub-code the silicon sets is mostly unknown, see the hardware reference, section 3).
/// </summary>
public enum FaultKind
{
    /// <summary>No fault.</summary>
    None = 0,

    /// <summary>The IOVA lies outside the aperture. PAMU: window-address violation (WAV), lookup step 5.</summary>
    OutOfAperture = 1,

    /// <summary>
    /// The window maps nothing, or its MSI bank is used by no group. PAMU: invalid secondary entry, or AP "denied" in the primary
    /// for window 0 (WAV or APV), lookup step 7.
    /// </summary>
    NoMapping = 2,

    /// <summary>The access reaches past the end of a mapping that is smaller than its window. PAMU: offset beyond SWSE (WAV), lookup step 7.</summary>
    BeyondMapping = 3,

    /// <summary>The mapping does not allow this direction. PAMU: access-permission violation (APV), lookup step 8.</summary>
    DirectionDenied = 4,

    /// <summary>No container holds the LIODN. PAMU: LIODN violation (LAV, sub-code 1 beyond the table, V = 0 inside it), lookup steps 3 and 4.</summary>
    UnknownLiodn = 5,

    /// <summary>
    /// The length is zero, or a message is not one aligned 32-bit write. PAMU: none; such a transaction never reaches its bus.
    /// </summary>
    BadLength = 6,
}
