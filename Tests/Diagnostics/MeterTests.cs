using System.Diagnostics.Metrics;
using PamuFastPath.Diagnostics;
using PamuFastPath.Tests.Control;
using static PamuFastPath.Tests.Control.Machine;

namespace PamuFastPath.Tests.Diagnostics;

/// <summary>The meter, read as OpenTelemetry and dotnet-counters do.</summary>
[Collection(nameof(Listening))]
public class MeterTests
{
    [Fact]
    public void Instruments_tell_what_was_counted_by_engine_container_bank_and_kind()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();
        container.MapDma(0x5000_0000, At(0), 2 * Window, DmaPermissions.ReadWrite);
        container.MapMsiBank(1, At(4));
        machine.Engine.CreateGroup(0, [0x42], [1]).Attach(container);
        using var reading = new Reading(machine.Engine.Number);
        Assert.Equal(0, reading.Now()["pamu.translations container=0"]); // from now on accesses are counted
        machine.Reader.Translate(container, At(0), 64, DmaAccess.Write);
        machine.Reader.Translate(container, At(0), 16, DmaAccess.Read);
        machine.Reader.Translate(container, At(1) - 8, 16, DmaAccess.Read);
        machine.Reader.Translate(container, At(4), 4, DmaAccess.Write);
        machine.Reader.Translate(container, At(4), 4, DmaAccess.Read);
        machine.Reader.Translate(0x43u, At(4), 4, DmaAccess.Write);
        container.UnmapDma(At(1), Window);
        Assert.NotEqual(0, container.Ioctl(0x1234));

        Dictionary<string, double> now = reading.Now();
        Assert.Equal(4, now["pamu.translations container=0"]);
        Assert.Equal(1, now["pamu.translations container=-1"]);
        Assert.Equal(2, now["pamu.memory_hits container=0"]);
        Assert.Equal(1, now["pamu.crosses container=0"]);
        Assert.Equal(64, now["pamu.bytes container=0 direction=write"]);
        Assert.Equal(16, now["pamu.bytes container=0 direction=read"]);
        Assert.Equal(1, now["pamu.msi_hits container=0 msi_bank=1"]);
        Assert.Equal(0, now["pamu.msi_hits container=0 msi_bank=2"]);
        Assert.Equal(1, now["pamu.faults container=0 fault_kind=DirectionDenied"]);
        Assert.Equal(1, now["pamu.faults container=-1 fault_kind=UnknownLiodn"]);
        Assert.Equal(1, now["pamu.control.refused"]);
        Assert.Equal(8, now["pamu.control.calls"]);
        Assert.Equal(5, now["pamu.publications"]);
        Assert.Equal(1, now["pamu.readers"]);
        Assert.Equal(2, now["pamu.windows.live container=0"]);
        Assert.Equal(1, now["pamu.grace_period.duration container=0, times"]);
    }

    /// <summary>It is told in the middle of a call, between software and hardware.</summary>
    [Fact]
    public void A_listener_that_throws_does_not_stop_a_control_call()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();
        container.MapDma(0x5000_0000, At(0), Window, DmaPermissions.ReadWrite);
        int told = 0;
        using var listener = new MeterListener();
        listener.InstrumentPublished = static (instrument, self) =>
        {
            if (instrument.Name == "pamu.grace_period.duration")
            {
                self.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<double>((_, _, tags, _) =>
        {
            if (tags.ToArray().Contains(new KeyValuePair<string, object?>("pamu.engine", machine.Engine.Number)))
            {
                told++;
                throw new InvalidOperationException("of the listener's own");
            }
        });
        listener.Start();

        container.UnmapDma(At(0), Window);
        Assert.Empty(container.GetWindows());
        container.Dispose();

        Assert.Equal(2, told);
        Assert.Empty(machine.Engine.Containers);
    }

    [Fact]
    public void Every_instrument_has_a_unit_and_a_description()
    {
        using var reading = new Reading(0);
        Assert.Equal(
            [
                "pamu.bytes By", "pamu.containers {container}", "pamu.control.calls {call}", "pamu.control.refused {call}", "pamu.crosses {access}",
                "pamu.fault_log.dropped {fault}", "pamu.faults {access}", "pamu.grace_period.duration s", "pamu.memory_hits {access}",
                "pamu.msi_hits {access}", "pamu.publications {table}", "pamu.readers {reader}", "pamu.translations {access}", "pamu.windows.live {window}",
            ],
            reading.Instruments.Select(static i => $"{i.Name} {i.Unit}").Order(StringComparer.Ordinal));
        Assert.All(reading.Instruments, static instrument => Assert.False(string.IsNullOrWhiteSpace(instrument.Description)));
    }

    /// <summary>Reads the instruments of one engine: other tests have engines in this process too.</summary>
    private sealed class Reading : IDisposable
    {
        private readonly MeterListener _listener = new();
        private readonly Dictionary<string, double> _values = [];
        private readonly int _engine;

        internal Reading(int engine)
        {
            _engine = engine;
            using var first = new PamuEngine(); // makes the meter
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name == PamuMeter.MeterName)
                {
                    Instruments.Add(instrument);
                    listener.EnableMeasurementEvents(instrument);
                }
            };
            _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Take(instrument.Name, value, tags));
            _listener.SetMeasurementEventCallback<double>((instrument, _, tags, _) => Take(instrument.Name, 1, tags, adds: ", times"));
            _listener.Start();
        }

        internal List<Instrument> Instruments { get; } = [];

        public void Dispose() => _listener.Dispose();

        internal Dictionary<string, double> Now()
        {
            _listener.RecordObservableInstruments();
            lock (_values)
            {
                return new(_values);
            }
        }

        private void Take(string name, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags, string? adds = null)
        {
            int engine = 0;
            string key = name;
            foreach ((string tag, object? of) in tags)
            {
                engine = tag == "pamu.engine" ? (int)of! : engine;
                key += tag == "pamu.engine" ? "" : $" {tag["pamu.".Length..]}={of}";
            }

            if (engine == _engine)
            {
                lock (_values)
                {
                    _values[key + adds] = adds == null ? value : _values.GetValueOrDefault(key + adds) + value;
                }
            }
        }
    }
}
