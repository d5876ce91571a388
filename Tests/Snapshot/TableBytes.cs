namespace PamuFastPath.Tests.Snapshot;

/// <summary>A container's current table image, as far as it is about the container: what it shares with one of the same state in another engine.</summary>
internal static class TableBytes
{
    private const int Generation = 0x08; // docs/table-layout.md
    private const int HeaderRest = 0xF0; // behind the columns in use, to the end of the header: where an engine may note something for itself
    private const int Header = 0x100;

    internal static byte[] Of(PamuReader reader, PamuContainer container, bool withGeneration)
    {
        using ReaderSection section = reader.Enter(container);
        Assert.Equal(container.Generation, section.Table.Generation);
        byte[] image = section.Table.Image.ToArray();
        image.AsSpan(HeaderRest..Header).Clear();
        if (!withGeneration)
        {
            image.AsSpan(Generation, sizeof(ulong)).Clear();
        }

        return image;
    }
}
