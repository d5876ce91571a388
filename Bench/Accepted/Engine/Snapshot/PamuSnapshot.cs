namespace PamuFastPath;

/// <summary>Looks into snapshots that <see cref="PamuContainer.Save()"/> made. Thread-safe.</summary>
public static class PamuSnapshot
{
    /// <summary>How many bytes are asked of a stream before it has delivered any of them.</summary>
    private const int FirstPiece = 1 << 16;

    /// <summary>The platform that a snapshot needs: an engine of it can restore it. Its page source is the identity.</summary>
    /// <param name="snapshot">The snapshot, nothing before and nothing behind it.</param>
    /// <exception cref="PamuException">EINVAL: truncated, altered, or not a snapshot. EPROTO: of a newer version.</exception>
    public static PamuPlatform PlatformOf(ReadOnlySpan<byte> snapshot) => SnapshotReader.ReadPlatform(snapshot);

    /// <summary>Reads one snapshot from a stream, by the length in its header, and nothing beyond it.</summary>
    /// <param name="stream">Where it begins.</param>
    /// <returns>The snapshot; only its header is checked.</returns>
    /// <exception cref="PamuException">EINVAL: truncated, or not a snapshot. EPROTO: of a newer version.</exception>
    public static byte[] Read(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        byte[] bytes = new byte[SnapshotLayout.HeaderBytes];
        int here = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        int length = SnapshotReader.ReadLength(bytes.AsSpan(0, here));
        while (here < length)
        {
            // No more than what has come already: a header alone is no reason to take gigabytes.
            int piece = Math.Min(length - here, Math.Max(here, FirstPiece));
            Array.Resize(ref bytes, here + piece);
            int got = stream.ReadAtLeast(bytes.AsSpan(here), piece, throwOnEndOfStream: false);
            here += got;
            if (got < piece)
            {
                throw SnapshotReader.Truncated(here, length);
            }
        }

        return bytes;
    }
}
