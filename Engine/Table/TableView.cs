using System.Runtime.InteropServices;

namespace PamuFastPath;

/// <summary>
/// A typed, read-only view over a table image: the one a reader section holds, or bytes that were dumped earlier.
/// </summary>
/// <remarks>
/// A view over a section's image is good as long as the section. Members are safe to call from any thread that may read the bytes.
/// Spans returned point into the image. Field meanings: <c>docs/table-layout.md</c>.
/// </remarks>
public readonly ref struct TableView
{
    private readonly ReadOnlySpan<byte> _image;

    /// <summary>Opens an image.</summary>
    /// <param name="image">At least the bytes the header says the image has; 8-byte aligned.</param>
    /// <exception cref="ArgumentException">The bytes are no image, one of another byte order or layout version, or too short.</exception>
    public TableView(ReadOnlySpan<byte> image)
    {
        if (image.Length < TableLayout.HeaderBytes)
        {
            throw new ArgumentException($"a table image has at least {TableLayout.HeaderBytes} bytes, these are {image.Length}", nameof(image));
        }

        ref readonly TableHeader header = ref MemoryMarshal.AsRef<TableHeader>(image);
        if (header.Magic != TableLayout.Magic)
        {
            string reason = header.Magic == System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(TableLayout.Magic)
                ? "the image was written in the other byte order"
                : "the bytes are not a table image (wrong magic)";
            throw new ArgumentException(reason, nameof(image));
        }

        if (header.Version != TableLayout.Version)
        {
            throw new ArgumentException($"layout version {header.Version} is not {TableLayout.Version}", nameof(image));
        }

        if (header.ImageBytes < TableLayout.ImageBytes || image.Length < header.ImageBytes)
        {
            throw new ArgumentException($"the image says {header.ImageBytes} bytes, {image.Length} are here", nameof(image));
        }

        _image = image[..(int)header.ImageBytes];
    }

    private ref readonly TableHeader Header => ref MemoryMarshal.AsRef<TableHeader>(_image);

    /// <summary>The whole image.</summary>
    public ReadOnlySpan<byte> Image => _image;

    /// <summary>Counts the publications of the container this table belongs to; 0 for a table that refuses everything.</summary>
    public ulong Generation => Header.Generation;

    /// <summary>First IOVA of the aperture.</summary>
    public ulong ApertureBase => Header.ApertureBase;

    /// <summary>Last IOVA of the aperture (inclusive).</summary>
    public ulong ApertureLast => Header.ApertureLast;

    /// <summary>log2 of the window size in bytes.</summary>
    public int WindowShift => (int)Header.WindowShift;

    /// <summary>Number of windows, 0 to <see cref="TableLayout.WindowCountMax"/>.</summary>
    public int WindowCount => (int)Header.WindowCount;

    /// <summary>Number of windows a device can reach.</summary>
    public int LiveWindows => (int)Header.LiveWindows;

    /// <summary>The fault every access answers, or <see cref="FaultKind.None"/> for an ordinary table.</summary>
    public FaultKind Refusal => (FaultKind)Header.Refusal;

    /// <summary>Target minus IOVA per window, MSI tag in the low 12 bits; <see cref="WindowCount"/> entries.</summary>
    public ReadOnlySpan<ulong> Delta => Column(TableColumn.Delta);

    /// <summary>
    /// Bytes from the aperture's base to the end of what a device may read in each window, to its start if nothing; <see cref="WindowCount"/> entries.
    /// </summary>
    public ReadOnlySpan<ulong> ReadEnd => Column(TableColumn.ReadEnd);

    /// <summary>The same for writes.</summary>
    public ReadOnlySpan<ulong> WriteEnd => Column(TableColumn.WriteEnd);

    /// <summary>Why an access translates, faults or crosses, step by step. For people: it allocates, and is not counted.</summary>
    /// <param name="iova">First IOVA of the access; any value.</param>
    /// <param name="length">Bytes; any value.</param>
    /// <param name="access">Direction, seen from the device.</param>
    public TranslationExplanation Explain(ulong iova, ulong length, DmaAccess access) => new Explainer(this, iova, length, access).Explain();

    /// <summary>Finds a column of 64-bit entries through the directory of the image.</summary>
    /// <returns><see cref="WindowCount"/> entries, or an empty span if the image has no such column.</returns>
    public ReadOnlySpan<ulong> Column(TableColumn column)
    {
        ref readonly TableHeader header = ref Header;
        ReadOnlySpan<TableDirectoryEntry> directory =
            MemoryMarshal.Cast<byte, TableDirectoryEntry>(_image[(int)header.DirectoryOffset..TableLayout.HeaderBytes])[..header.ColumnCount];
        foreach (ref readonly TableDirectoryEntry entry in directory)
        {
            if (entry.Column == (uint)column && entry.EntryBytes == sizeof(ulong))
            {
                return MemoryMarshal.Cast<byte, ulong>(_image[(int)entry.Offset..])[..WindowCount];
            }
        }

        return default;
    }
}
