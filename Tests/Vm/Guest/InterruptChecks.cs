using System.Diagnostics;
using PamuFastPath.Interop;
using static PamuFastPath.Tests.Vm.Guest.Report;

namespace PamuFastPath.Tests.Vm.Guest;

/// <summary>Interrupts of devices reach the sink that software's messages go to.</summary>
internal static class InterruptChecks
{
    private const int Messages = 1000;
    private const int Lines = 100;
    private const int MessageRegister = 0x140; // MSIIR
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    public static void Run(Report report, Machine machine)
    {
        report.Check("msi.sink", () => RaisedBySoftware(machine));
        report.Check("msi.dma-done", () => DmaDone(machine));
        report.Check("msi.awaited", () => Awaited(machine));
        report.Check("intx.sink", () => Line(machine));
    }

    private static MsiMessage MessageOf(Edu edu) => new(edu.Liodn, 0, MessageRegister, 0x100 + edu.Liodn);

    private static string RaisedBySoftware(Machine machine)
    {
        var sink = new CountingSink();
        List<VfioInterrupts> enabled = Enable(machine, sink);
        try
        {
            var expected = new Dictionary<MsiMessage, int>();
            for (int i = 0; i < Messages; i++)
            {
                Edu edu = machine.Devices[i % machine.Devices.Count];
                MsiMessage message = MessageOf(edu);
                expected[message] = expected.GetValueOrDefault(message) + 1;
                edu.RaiseInterrupt(1);
                Wait(() => sink.Of(message) >= expected[message], $"message {i + 1} of {Messages} ({message}) is missing; the sink has {sink.Total}");
                edu.Acknowledge(edu.InterruptStatus);
            }

            RequireSettled(sink, Messages);
            foreach ((MsiMessage message, int count) in expected)
            {
                RequireEqual(count, sink.Of(message), $"{message}");
            }

            return $"{sink.Total} of {Messages}, from {expected.Count} devices";
        }
        finally
        {
            enabled.ForEach(static one => one.Dispose());
        }
    }

    private static string DmaDone(Machine machine)
    {
        var sink = new CountingSink();
        List<VfioInterrupts> enabled = Enable(machine, sink);
        try
        {
            const int Rounds = 4;
            ulong iova = machine.Windows[0].Iova;
            for (int round = 1; round <= Rounds; round++)
            {
                for (int i = 0; i < machine.Devices.Count; i++)
                {
                    machine.Devices[i].Start(DmaAccess.Write, iova + (ulong)i * 4096, round, 1000, interrupts: true);
                    machine.InModel(machine.Devices[i], DmaAccess.Write, iova + (ulong)i * 4096, round, 1000);
                }

                foreach (Edu edu in machine.Devices)
                {
                    Wait(() => sink.Of(MessageOf(edu)) >= round, $"{edu.Device.Name} sent no message for transfer {round}");
                    RequireEqual(0x100u, edu.InterruptStatus, $"{edu.Device.Name}: interrupt status");
                    edu.Acknowledge(0x100);
                }

                // The message follows the data: nobody waited for the transfer itself.
                machine.RequireMemoryAsModel($"the messages of round {round}");
            }

            RequireSettled(sink, Rounds * machine.Devices.Count);
            return $"{sink.Total} messages, each after its data";
        }
        finally
        {
            enabled.ForEach(static one => one.Dispose());
        }
    }

    private static string Awaited(Machine machine)
    {
        Edu edu = machine.Devices[0];
        using VfioInterrupts interrupts = edu.Device.EnableInterrupts(VfioInterruptKind.Msi, 1);
        Task wait = interrupts.WaitAsync(0);
        Require(!wait.IsCompleted, "a wait ended before the interrupt");
        edu.RaiseInterrupt(4);
        Require(wait.Wait(Limit), "the wait did not end");
        edu.Acknowledge(4);
        return "one wait, one interrupt";
    }

    private static string Line(Machine machine)
    {
        Edu edu = machine.Devices[0];
        var message = new MsiMessage(edu.Liodn, 0, MessageRegister, 1);
        var sink = new CountingSink { OnMessage = () => edu.Acknowledge(edu.InterruptStatus) }; // a line stays up until then
        using VfioInterrupts interrupts = edu.Device.EnableInterrupts(VfioInterruptKind.Intx, [message], sink);
        for (int i = 1; i <= Lines; i++)
        {
            edu.RaiseInterrupt(2);
            Wait(() => sink.Of(message) >= i, $"interrupt {i} of {Lines} is missing");
        }

        RequireSettled(sink, Lines);
        return $"{sink.Total} of {Lines}";
    }

    private static List<VfioInterrupts> Enable(Machine machine, CountingSink sink) =>
        [.. machine.Devices.Select(edu => edu.Device.EnableInterrupts(VfioInterruptKind.Msi, [MessageOf(edu)], sink))];

    /// <summary>Requires that the sink has what it should have, and that nothing more comes.</summary>
    private static void RequireSettled(CountingSink sink, int expected)
    {
        Thread.Sleep(200);
        RequireEqual(expected, sink.Total, "messages");
    }

    private static void Wait(Func<bool> holds, string otherwise)
    {
        long began = Stopwatch.GetTimestamp();
        while (!holds())
        {
            Require(Stopwatch.GetElapsedTime(began) < Limit, otherwise);
            Thread.Sleep(0);
        }
    }

    private sealed class CountingSink : IMsiSink
    {
        private readonly Lock _gate = new();
        private readonly Dictionary<MsiMessage, int> _counts = [];

        public Action? OnMessage { get; init; }

        public int Total
        {
            get
            {
                lock (_gate)
                {
                    return _counts.Values.Sum();
                }
            }
        }

        public int Of(MsiMessage message)
        {
            lock (_gate)
            {
                return _counts.GetValueOrDefault(message);
            }
        }

        public void Deliver(in MsiMessage message)
        {
            OnMessage?.Invoke();
            lock (_gate)
            {
                _counts[message] = _counts.GetValueOrDefault(message) + 1;
            }
        }
    }
}
