using System.Diagnostics;
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

    /// <summary>Opens an image that may be anything: what this accepts, every member answers from inside the image.</summary>
    /// <param name="image">At least the bytes the header says the image has; 8-byte aligned.</param>
    /// <exception cref="ArgumentException">
    /// The bytes are no image, one of another byte order or layout version, too short, or damaged where a reader would notice: in the header or the directory.
    /// </exception>
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
        if (DamageOf(header, _image) is string damage)
        {
            throw new ArgumentException($"the image is damaged: {damage}", nameof(image));
        }
    }

    private TableView(ReadOnlySpan<byte> image, bool isPublished)
    {
        Debug.Assert(isPublished && DamageOf(MemoryMarshal.AsRef<TableHeader>(image), image) == null, "published images are whole");
        _image = image;
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
        foreach (ref readonly TableDirectoryEntry entry in Directory(Header, _image))
        {
            if (entry.Column == (uint)column && entry.EntryBytes == sizeof(ulong))
            {
                return MemoryMarshal.Cast<byte, ulong>(_image[(int)entry.Offset..])[..WindowCount];
            }
        }

        return default;
    }

    /// <summary>A view over an image that the builder made: nothing is looked at.</summary>
    internal static TableView OfPublished(ReadOnlySpan<byte> image) => new(image, isPublished: true);

    private static ReadOnlySpan<TableDirectoryEntry> Directory(in TableHeader header, ReadOnlySpan<byte> image) =>
        MemoryMarshal.Cast<byte, TableDirectoryEntry>(image[(int)header.DirectoryOffset..TableLayout.HeaderBytes])[..header.ColumnCount];

    /// <summary>What of the image cannot be, or null.</summary>
    private static string? DamageOf(in TableHeader header, ReadOnlySpan<byte> image)
    {
        if (header.WindowCount > TableLayout.WindowCountMax || header.LiveWindows > header.WindowCount || header.WindowShift > 63)
        {
            return $"{header.LiveWindows} of {header.WindowCount} windows of 2^{header.WindowShift} bytes are live";
        }

        if (header.Refusal > (ushort)FaultKind.BadLength)
        {
            return $"there is no fault kind {header.Refusal}";
        }

        if (header.Refusal == 0 && !FillsAperture(header))
        {
            return $"{header.WindowCount} windows of 2^{header.WindowShift} bytes do not fill 0x{header.ApertureBase:x}-0x{header.ApertureLast:x}";
        }

        if (header.DirectoryOffset != TableLayout.DirectoryOffset || header.ColumnCount > TableLayout.DirectoryEntriesMax)
        {
            return $"a directory of {header.ColumnCount} columns at 0x{header.DirectoryOffset:x}";
        }

        foreach (ref readonly TableDirectoryEntry entry in Directory(header, image))
        {
            long end = entry.Offset + ((long)entry.EntryBytes * entry.EntryCount);
            if (entry.Offset % TableLayout.Alignment != 0 || end > image.Length || (entry.EntryBytes == sizeof(ulong) && entry.EntryCount < header.WindowCount))
            {
                return $"column {entry.Column} has {entry.EntryCount} entries of {entry.EntryBytes} bytes at 0x{entry.Offset:x}";
            }
        }

        return null;
    }

    private static bool FillsAperture(in TableHeader header)
    {
        ulong span = header.ApertureLast - header.ApertureBase;
        ulong window = 1UL << (int)header.WindowShift;
        return header.WindowCount > 0 && span >> (int)header.WindowShift == header.WindowCount - 1 && (~span & (window - 1)) == 0;
    }
}
