using System.Runtime.InteropServices;
using PamuFastPath.Tests.Model;
using PamuFastPath.Tests.Properties;

namespace PamuFastPath.Fuzz.Targets;

/// <summary>
/// Bytes that may be a table image, through <see cref="TableView"/>: they are refused when they are opened, or every member answers from inside the
/// image, whatever the header says.
/// </summary>
internal sealed class ImagesTarget : FuzzTarget
{
    internal override string Extension => ".table";

    internal override int Unit => 16; // an entry of the directory

    internal override IEnumerable<byte[]> Seeds()
    {
        foreach (ModelMachine machine in Machines.All)
        {
            using var lockstep = new Lockstep(machine, containers: 1);
            yield return ImageOf(lockstep);
            foreach (Op op in (Op[])[Op.SetIommu, Op.SetGeometry, Op.SetWindows, Op.MapDma, Op.MapMsiBank])
            {
                lockstep.Run(new Call(op, false, 0, 3, 5, 3, 0x42));
            }

            yield return ImageOf(lockstep);
        }
    }

    internal override unsafe void Run(byte[] input)
    {
        void* place = NativeMemory.AlignedAlloc((nuint)Math.Max(input.Length, 1), TableLayout.Alignment);
        try
        {
            var bytes = new Span<byte>(place, input.Length);
            input.CopyTo(bytes);
            Look(bytes);
            Require(bytes.SequenceEqual(input), "a view has written to the image");
        }
        finally
        {
            NativeMemory.AlignedFree(place);
        }
    }

    private static void Look(ReadOnlySpan<byte> bytes)
    {
        TableView view;
        try
        {
            view = new TableView(bytes);
        }
        catch (ArgumentException)
        {
            return;
        }

        Require(view.Image.Length <= bytes.Length && view.WindowCount is >= 0 and <= TableLayout.WindowCountMax, "the view is larger than the image");
        Require(view.WindowShift is >= 0 and < 64, $"windows of 2^{view.WindowShift} bytes");
        Require(view.LiveWindows >= 0 && view.LiveWindows <= view.WindowCount, $"{view.LiveWindows} live windows of {view.WindowCount}");
        Require(Enum.IsDefined(view.Refusal), $"refusal {view.Refusal}");
        Inside(bytes, view.Delta, view);
        Inside(bytes, view.ReadEnd, view);
        Inside(bytes, view.WriteEnd, view);
        for (int column = -1; column < 20; column++)
        {
            Inside(bytes, view.Column((TableColumn)column), view);
        }

        _ = (view.Generation, view.ApertureBase, view.ApertureLast);
    }

    private static void Inside(ReadOnlySpan<byte> image, ReadOnlySpan<ulong> column, in TableView view)
    {
        Require(column.Length == 0 || column.Length == view.WindowCount, $"a column of {column.Length} entries, with {view.WindowCount} windows");
        bool isInside = image.Overlaps(MemoryMarshal.AsBytes(column), out int at) && at >= 0 && at + sizeof(ulong) * column.Length <= image.Length;
        Require(column.IsEmpty || isInside, "a column outside the image");
    }

    private static byte[] ImageOf(Lockstep lockstep)
    {
        using ReaderSection section = lockstep.Reader.Enter(lockstep.Engine.Containers[0]);
        return section.Table.Image.ToArray();
    }
}
