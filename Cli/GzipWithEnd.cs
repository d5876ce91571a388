using System.IO.Compression;

namespace PamuFastPath.Cli;

/// <summary>
/// A gzip file that ends visibly. <see cref="GZipStream"/> answers "end of data" for a file that was cut off anywhere, as for a whole
/// one. So a last gzip member with a mark is put behind the file: the mark comes out only if the file ended where a member ends.
/// </summary>
internal sealed class GzipWithEnd(Stream file) : Stream
{
    private readonly MemoryStream _end = new(Compress(Mark));

    /// <summary>Sixteen bytes that no text holds.</summary>
    public static ReadOnlySpan<byte> Mark =>
        [0xFF, 0x00, 0x8D, 0x3B, 0xFE, 0x01, 0xC4, 0x72, 0xFD, 0x02, 0x9A, 0x66, 0xFC, 0x03, 0xE1, 0x57];

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override int Read(Span<byte> buffer) => file.Read(buffer) is var count and not 0 ? count : _end.Read(buffer);

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    private static byte[] Compress(ReadOnlySpan<byte> bytes)
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.Fastest))
        {
            gzip.Write(bytes);
        }

        return compressed.ToArray();
    }
}
