using System.IO.Compression;

namespace PamuFastPath.Cli;

/// <summary>
/// A file read once from its start to its end, plain or gzip (told by its first bytes, not by its name). It may be a pipe, which has neither
/// a length nor a way back.
/// </summary>
/// <remarks>
/// <see cref="GZipStream"/> answers "end of data" for a file that was cut off anywhere, as for a whole one. So a last gzip member with a
/// mark is put behind the file: the mark comes out only if the file ended where a member ends.
/// </remarks>
internal sealed class InputFile : IDisposable
{
    private readonly FileStream _file;

    private InputFile(FileStream file)
    {
        _file = file;
        byte[] head = new byte[2];
        int read = file.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
        IsGzip = head is [0x1F, 0x8B];
        var start = new MemoryStream(head, 0, read);
        Text = IsGzip
            ? new GZipStream(new ChainedStream(start, file, new MemoryStream(Compress(EndMark))), CompressionMode.Decompress)
            : new ChainedStream(start, file);
    }

    /// <summary>Sixteen bytes that no text holds: the last ones of <see cref="Text"/> if a gzip file is whole.</summary>
    public static ReadOnlySpan<byte> EndMark =>
        [0xFF, 0x00, 0x8D, 0x3B, 0xFE, 0x01, 0xC4, 0x72, 0xFD, 0x02, 0x9A, 0x66, 0xFC, 0x03, 0xE1, 0x57];

    /// <summary>Whether the file is packed, so that <see cref="Text"/> has to end with <see cref="EndMark"/>.</summary>
    public bool IsGzip { get; }

    /// <summary>What the file says, unpacked.</summary>
    public Stream Text { get; }

    /// <summary>How much of the file is read, 0 to 1; 0 where nobody knows how long it is.</summary>
    public double Progress => !_file.CanSeek ? 0 : _file.Length == 0 ? 1 : (double)_file.Position / _file.Length;

    /// <summary>Opens a file; throws what <see cref="FileStream"/> throws.</summary>
    public static InputFile Open(string path)
    {
        FileStream file = File.OpenRead(path);
        try
        {
            return new InputFile(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        Text.Dispose();
        _file.Dispose();
    }

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
