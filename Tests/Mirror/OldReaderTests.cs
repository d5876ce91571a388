using Xunit.Abstractions;
using static PamuFastPath.Tests.Control.Machine;

namespace PamuFastPath.Tests.Mirror;

/// <summary>
/// A reader stands in a section with the old table while a call is made. One that takes rights away touches hardware and returns only after the
/// reader has left; one that only adds waits for nobody. What a new section sees when hardware is asked, the fake checks at every call.
/// </summary>
public sealed class OldReaderTests(ITestOutputHelper output)
{
    public static TheoryData<string> StateNames => [.. MirrorScenarios.States.Select(state => state.Name)];

    [Theory]
    [MemberData(nameof(StateNames))]
    public void Hardware_loses_rights_only_when_no_section_with_the_old_table_is_open(string stateName)
    {
        Action<MirrorMachine> reach = MirrorScenarios.States.Single(state => state.Name == stateName).Reach;
        int removing = 0;
        int adding = 0;
        foreach ((string name, Func<MirrorMachine, Errno> make) in MirrorScenarios.Calls)
        {
            if (MirrorScenarios.InSoftwareAlone(reach, make, out string wanted) != Errno.Ok)
            {
                continue;
            }

            bool removes = TakesRightsAway(reach, make);
            removing += removes ? 1 : 0;
            adding += removes ? 0 : 1;
            Run(reach, make, removes, wanted, $"{stateName}: {name}");
        }

        output.WriteLine($"{stateName}: {removing} calls that take rights away, {adding} that do not");
        Assert.True(adding > 0);
    }

    private static void Run(Action<MirrorMachine> reach, Func<MirrorMachine, Errno> make, bool removes, string wanted, string what)
    {
        using var machine = new MirrorMachine();
        reach(machine);
        using var parked = new ParkedReader(machine);
        bool hasLeft = false;
        bool wasTouchedEarly = false;
        machine.Hardware.Observe = step => wasTouchedEarly |= step != FakeStep.Check && !Volatile.Read(ref hasLeft);
        Errno errno = Errno.Ok;
        var caller = new Thread(() => errno = make(machine)) { IsBackground = true };
        caller.Start();
        if (removes)
        {
            // Until it waits. If it does not, it ends, or is seen at the hardware.
            while (caller.IsAlive && (caller.ThreadState & ThreadState.WaitSleepJoin) == 0)
            {
                Thread.Yield();
            }

            Assert.True(caller.IsAlive, $"{what}: returned while a reader held the old table");
        }
        else
        {
            Assert.True(caller.Join(TimeSpan.FromSeconds(60)), $"{what}: waited for a reader");
        }

        parked.AssertSeesOldTable(what);
        Volatile.Write(ref hasLeft, true);
        parked.Leave();
        caller.Join();

        Assert.Equal(Errno.Ok, errno);
        Assert.True(!removes || !wasTouchedEarly, $"{what}: hardware was touched while a reader held the old table");
        Assert.True(wanted == machine.Software(), $"{what}: {machine.Software()}");
        machine.AssertInStep();
    }

    /// <summary>Inside its own thread's section such a call is refused.</summary>
    private static bool TakesRightsAway(Action<MirrorMachine> reach, Func<MirrorMachine, Errno> make)
    {
        using var machine = new MirrorMachine();
        reach(machine);
        using ReaderSection section = machine.Reader.Enter(machine.Bystander);
        return make(machine) == Errno.EDEADLK;
    }

    /// <summary>A thread that enters a section and stays, and says what it sees there when it is asked.</summary>
    private sealed class ParkedReader : IDisposable
    {
        private readonly SemaphoreSlim _asked = new(0);
        private readonly SemaphoreSlim _answered = new(0);
        private readonly Thread _thread;
        private bool _leaves;
        private string _first = string.Empty;
        private string _now = string.Empty;

        internal ParkedReader(MirrorMachine machine)
        {
            _thread = new Thread(() => Stay(machine)) { IsBackground = true };
            _thread.Start();
            _answered.Wait();
        }

        internal void AssertSeesOldTable(string what)
        {
            _asked.Release();
            _answered.Wait();
            Assert.True(_first == _now, $"{what}: the table of an open section changed");
        }

        internal void Leave()
        {
            _leaves = true;
            _asked.Release();
            _thread.Join();
        }

        public void Dispose()
        {
            if (!_leaves)
            {
                Leave(); // a test that failed before it came to that
            }

            _asked.Dispose();
            _answered.Dispose();
        }

        private void Stay(MirrorMachine machine)
        {
            using PamuReader reader = machine.Engine.CreateReader("parked");
            using ReaderSection section = reader.Enter(machine.Container);
            _first = See(section);
            do
            {
                _now = See(section);
                _answered.Release();
                _asked.Wait();
            }
            while (!_leaves);
        }

        private static string See(in ReaderSection section)
        {
            var seen = new List<string>();
            for (int i = 0; i < Count; i++)
            {
                foreach (DmaAccess access in (DmaAccess[])[DmaAccess.Read, DmaAccess.Write])
                {
                    Translation answer = section.Translate(At(i), 4, access);
                    seen.Add($"{answer.Kind} {answer.Target:x} {answer.Fault}");
                }
            }

            return $"{section.Table.Generation} {string.Join(' ', seen)}";
        }
    }
}
