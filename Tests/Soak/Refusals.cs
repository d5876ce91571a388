namespace PamuFastPath.Soak;

/// <summary>A device that is refused: each access goes into the fault log, and as an event to whoever is attached.</summary>
internal sealed class Refusals(Machine machine)
{
    private const int Accesses = 100;

    internal void Once()
    {
        using PamuReader reader = machine.Engine.CreateReader();
        using var memory = new GuestMemory();
        var port = new DmaPort(reader, Machine.Liodn, memory);
        for (int i = 0; i < Accesses; i++)
        {
            if (port.Write(Machine.Windows * Machine.WindowBytes, [1, 2, 3, 4]).IsOk)
            {
                throw new InvalidOperationException("an access beyond the aperture was allowed");
            }
        }

        Thread.Sleep(1); // devices are refused seldom; the snapshots carry the log
    }
}
