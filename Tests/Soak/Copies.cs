namespace PamuFastPath.Soak;

/// <summary>Saves the shared container as it is at the moment and restores it into an engine of its own.</summary>
internal sealed class Copies(Machine machine)
{
    internal void Once()
    {
        byte[] saved = machine.Container.Save();
        using var engine = new PamuEngine();
        PamuContainer copy = engine.CreateContainer();
        copy.Restore(saved);
        if (!copy.Save().AsSpan().SequenceEqual(saved))
        {
            throw new InvalidOperationException("a restored container saves something else");
        }
    }
}
