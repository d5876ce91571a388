// A container and the block by which C names it.
//
// Unsafe: owns the block. Invariants:
//   - the block's first field is the cell pointer of the container, or of the closed cell once it is disposed of (PamuContainer);
//   - blocks are never freed and never used again, so that a handle kept too long is found to be closed, and a reader that still enters through it finds the
//     closed cell. 64 bytes for each container a process ever opens. Each points to the one before, so that leak checkers see that they are kept.

namespace PamuFastPath.Native;

internal sealed unsafe class NativeContainer
{
    private const nuint BlockBytes = 64;

    private static nint Newest;

    private NativeContainer(NativeEngine engine, nint* block)
    {
        Engine = engine;
        Container = engine.Engine.CreateContainer(cellCopy: block);
        Address = (nint)block;
    }

    internal NativeEngine Engine { get; }

    internal PamuContainer Container { get; }

    internal nint Address { get; }

    /// <summary>Opens a container.</summary>
    internal static NativeContainer Open(NativeEngine engine)
    {
        var block = (nint*)NativeBlocks.Take(BlockBytes, BlockBytes, "container");
        NativeContainer? container = null;
        try
        {
            container = new NativeContainer(engine, block);
            engine.Add(container.Address, container);
            Keep(block);
            return container;
        }
        catch
        {
            container?.Container.Dispose();
            NativeBlocks.Free(block); // nobody has seen it
            throw;
        }
    }

    private static void Keep(nint* block)
    {
        nint before;
        do
        {
            before = Volatile.Read(ref Newest);
            block[1] = before;
        }
        while (Interlocked.CompareExchange(ref Newest, (nint)block, before) != before);
    }
}
