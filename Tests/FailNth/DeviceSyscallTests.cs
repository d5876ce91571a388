using System.Runtime.Versioning;
using PamuFastPath.Interop;
using PamuFastPath.Tests.Mirror;
using PamuFastPath.Tests.Vfio;
using Xunit.Abstractions;

namespace PamuFastPath.Tests.FailNth;

/// <summary>
/// Every system call that is made for a device behind VFIO fails once: the errno is told, no descriptor is left open, the device is as it was, and
/// the same call then succeeds. Those of containers and groups are in the contract of the mirrors (<see cref="HostContractTests"/>).
/// </summary>
[SupportedOSPlatform("linux")]
public sealed class DeviceSyscallTests : IDisposable
{
    private const int Vectors = 3;
    private const int Command = (int)FakeDevice.ConfigOffset + 4;
    private const byte BusMaster = 4;

    private static readonly Dictionary<string, Step> Steps = new()
    {
        ["region"] = new(Calls: 1, device => device.Region(0)),
        ["config read"] = new(2, device => device.ReadConfig32(0x10)),
        ["config write"] = new(2, device => device.WriteConfig32(0x10, 0x1234)),
        ["read of many bytes"] = new(2, device => device.Config.Read(0x40, new byte[9])),
        ["write of many bytes"] = new(2, device => device.Config.Write(0x40, [1, 2, 3, 4, 5, 6, 7])),
        ["map"] = new(2, device => device.Region(0).Map(0, 0x1000)),
        ["bus master on"] = new(4, device => device.EnableBusMaster(true)),
        ["reset"] = new(1, device => device.TryReset()),
        ["vector count"] = new(1, device => device.VectorCount(VfioInterruptKind.Msi)),
        ["MSI to a sink"] = new(
            1 + Vectors + 1 + 1, device => device.EnableInterrupts(VfioInterruptKind.Msi, new MsiMessage[Vectors], new RecordingSink())),
        ["INTx without a sink"] = new(4, device => device.EnableInterrupts(VfioInterruptKind.Intx, 1)),
    };

    private readonly HostBench _bench = new();
    private readonly MirrorMachine _machine;

    public DeviceSyscallTests()
    {
        _machine = new MirrorMachine(_bench);
        MirrorScenarios.States.Single(state => state.Name == "mapped, group A").Reach(_machine);
        Host.Device.Regions[0] = FakeDevice.Answer(FakeDevice.ReadWrite | VfioDeviceAbi.RegionMap, 0x4000, 0x2000);
    }

    public static TheoryData<string> Names => [.. Steps.Keys];

    private SimulatedHost Host => _bench.Host;

    /// <summary>What is done with a device that was just opened, and how many system calls that takes.</summary>
    private sealed record Step(int Calls, Func<VfioDevice, object?> Make)
    {
        internal Step(int calls, Action<VfioDevice> make)
            : this(calls, device =>
            {
                make(device);
                return null;
            })
        {
        }
    }

    public void Dispose() => _machine.Dispose();

    [Fact]
    public void Opening_a_device()
    {
        int open = Host.OpenCount;
        for (int call = 1; call <= 2; call++)
        {
            Host.FailAt(call);
            Assert.Equal(SimulatedHost.Injected, ErrnoOf.Call(() => OpenDevice()));
            Assert.Equal(open, Host.OpenCount);
        }

        Host.FailAt(3);
        using VfioDevice device = OpenDevice();
        Assert.Null(Host.Failed);
        Assert.Equal(open + 1, Host.OpenCount);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_call_that_fails_leaves_nothing_behind(string name)
    {
        Step step = Steps[name];
        for (int call = 1; call <= step.Calls + 1; call++)
        {
            using VfioDevice device = OpenDevice();
            int open = Host.OpenCount;
            byte[] registers = File.ReadAllBytes(Host.Device.Backing);
            object? made = null;
            Host.FailAt(call);

            Errno errno = ErrnoOf.Call(() => made = step.Make(device));

            Assert.Equal(call <= step.Calls, Host.Failed != null);
            Assert.Equal(Host.Failed != null ? SimulatedHost.Injected : Errno.Ok, errno);
            Host.FailAt(0);
            if (errno != Errno.Ok)
            {
                Assert.Equal(registers, File.ReadAllBytes(Host.Device.Backing));
                AssertNothingLeft(open);
                made = step.Make(device);
            }

            (made as IDisposable)?.Dispose();
            AssertNothingLeft(open);
        }
    }

    /// <summary>It is off then, whatever the call could find out: less than was asked to be kept is the safe side.</summary>
    [Fact]
    public void Switching_the_bus_master_off_is_never_taken_back()
    {
        using VfioDevice device = OpenDevice();
        device.EnableBusMaster(true);
        Host.FailAt(3);

        Assert.Equal(SimulatedHost.Injected, ErrnoOf.Call(() => device.EnableBusMaster(false)));

        Assert.Equal("pread", Host.Failed);
        Assert.Equal(0, File.ReadAllBytes(Host.Device.Backing)[Command] & BusMaster);
    }

    [Fact]
    public void An_unmask_that_fails_can_be_made_again()
    {
        using VfioDevice device = OpenDevice();
        using VfioInterrupts interrupts = device.EnableInterrupts(VfioInterruptKind.Intx, 1);
        Host.Device.Fire(VfioInterruptKind.Intx);
        Host.FailAt(1);

        Assert.Equal(SimulatedHost.Injected, ErrnoOf.Call(interrupts.Unmask));

        Assert.True(Host.Device.IsIntxMasked);
        interrupts.Unmask();
        Assert.False(Host.Device.IsIntxMasked);
    }

    /// <summary>The one failure of poll that a program cannot prevent. It has not taken anything then.</summary>
    [Fact]
    public void No_interrupt_is_lost_when_the_kernel_has_no_memory_to_wait()
    {
        using VfioDevice device = OpenDevice();
        var sink = new RecordingSink();
        Host.FailPolls(3);
        using VfioInterrupts interrupts = device.EnableInterrupts(VfioInterruptKind.Msi, new MsiMessage[Vectors], sink);

        Host.Device.Fire(VfioInterruptKind.Msi, 2, count: 5);

        sink.WaitFor(5);
        Assert.Equal(0, Host.PollsToFail);
    }

    /// <summary>Nobody hears of it; the descriptors are closed, and with the device's own the kernel takes the rest back.</summary>
    [Fact]
    public void Disabling_that_fails_still_closes_everything()
    {
        int open = Host.OpenCount;
        VfioDevice device = OpenDevice();
        _ = device.EnableInterrupts(VfioInterruptKind.Msi, Vectors);
        Host.FailAt(1, goesOn: true);

        device.Dispose();

        Assert.NotNull(Host.Failed);
        Assert.Equal(open, Host.OpenCount);
    }

    private VfioDevice OpenDevice() => ((VfioMirror)_machine.Mirror).OpenDevice(HostBench.FirstGroup + _machine.A.Id, FakeDevice.DefaultName);

    private void AssertNothingLeft(int open)
    {
        Assert.Equal(open, Host.OpenCount);
        Assert.False(Host.Device.IsEnabled(VfioInterruptKind.Msi) || Host.Device.IsEnabled(VfioInterruptKind.Intx));
    }
}
