using System.Runtime.InteropServices;
using PamuFastPath.Cli;
using PamuFastPath.Cli.Probe;
using PamuFastPath.Cli.Run;
using PamuFastPath.Cli.Run.Hardware;
using PamuFastPath.Cli.Run.Reports;
using PamuFastPath.Cli.Run.Scenarios;
using PamuFastPath.Interop;
using PamuFastPath.Tests.Hosts;

namespace PamuFastPath.Tests.Run;

/// <summary><c>pamu run --hardware</c>: which device stands where, what memory it finds, and that software says the same as without.</summary>
public sealed class HardwareTests : IDisposable
{
    private const string TwoMapsOfOneMemory = """
        {
          "description": "test",
          "groups": [ { "id": 1, "liodns": [1] }, { "id": 2, "liodns": [2] } ],
          "steps": [
            { "call": "setIommu" },
            { "call": "setGeometry", "start": 0, "last": "0xffff" },
            { "call": "setWindows", "count": 8 },
            { "call": "mapDma", "vaddr": "0x1000_0000", "iova": 0, "size": "0x4000" },
            { "call": "mapDma", "vaddr": "0x1000_2000", "iova": "0x4000", "size": "0x1000", "permissions": "read" },
            { "call": "mapDma", "vaddr": "0xffff_ffff_ffff_0000", "iova": "0x8000", "size": "0x2000", "expect": "EFAULT" },
            { "call": "mapDma", "vaddr": 0, "iova": "0x8000", "size": 0, "expect": "EINVAL" },
            { "call": "mapDma", "vaddr": 0, "iova": "0x8000", "size": "0x2000" },
            { "call": "unmapDma", "iova": "0x8000", "size": "0x2000" },
            { "call": "attach", "group": 2 },
            { "call": "attach", "group": 1 },
          ],
          "accesses": [
            { "liodn": 1, "op": "read", "iova": "0x2008", "length": 8, "expect": "translated", "target": "0x1000_2008" },
            { "liodn": 2, "op": "read", "iova": "0x4008", "length": 8, "expect": "translated", "target": "0x1000_2008" },
            { "liodn": 2, "op": "write", "iova": "0x4008", "length": 8, "expect": "directionDenied" },
          ],
        }
        """;

    private static readonly VfioOffer Type1 = VfioOffer.Ask(static (request, value) => request == PamuRequests.CheckExtension && value == 3 ? 1 : 0);

    private readonly RunCase _run = new();

    public void Dispose() => _run.Dispose();

    [Fact]
    public void TheIommuHoldsTheWindowsOverMemoryOfTheRun()
    {
        var kernel = new RecordingKernel();
        using var memory = new ScenarioMemory();
        Scenario scenario = ScenarioReader.Read(_run.Write("s.json", TwoMapsOfOneMemory), memory.Supply);
        var machine = new Machine(scenario, new ScenarioHardware([new HardwareChoice(2, "0000:00:04.0", 7)], new Type1Mirror(kernel), memory));
        using (machine)
        {
            machine.TakeSteps(static _ => { });
            Assert.Equal([7], kernel.Groups); // group 1 is software only

            Assert.Equal([(0ul, 0x4000ul, 3u), (0x4000ul, 0x1000ul, 1u)], kernel.Maps.Select(static map => (map.Iova, map.Size, map.Flags)));
            var whole = (nint)kernel.Maps[0].Vaddr;
            var part = (nint)kernel.Maps[1].Vaddr;
            Assert.NotEqual(whole + 0x2000, part);
            Assert.Equal(0, Marshal.ReadInt64(whole, 0x2008));
            Marshal.WriteInt64(whole, 0x2008, 0x1122_3344_5566_7788);
            Marshal.WriteByte(whole, 0x3fff, 0x99);
            Assert.Equal(0x1122_3344_5566_7788, Marshal.ReadInt64(part, 8)); // one vaddr, one memory

            IReadOnlyList<AccessResult> accesses = AccessResult.TryAll(machine, scenario.Accesses);
            Assert.All(accesses, static access => Assert.True(access.IsAsExpected, access.Trial.Place));
            Assert.Equal([0x1000_0000ul, 0x1000_2000ul, 0x1000_2000ul], machine.Container.GetWindows().Select(static window => window.Target));
        }

        Assert.True(kernel.IsClosed);
        Assert.Empty(kernel.Groups);
        Assert.Equal([0x99, 0], kernel.LastBytes);
    }

    [Fact]
    public void WhatTheHardwareNeedsIsInTheLine()
    {
        var kernel = new RecordingKernel { Reserved = { new IovaRange(0x1000, 0x1fff) } };
        using var memory = new ScenarioMemory();
        Scenario scenario = ScenarioReader.Read(_run.Write("s.json", TwoMapsOfOneMemory), memory.Supply);
        using var machine = new Machine(
            scenario, new ScenarioHardware([new HardwareChoice(2, "0000:00:04.0", 7)], new Type1Mirror(kernel), memory));
        CliException refused = Assert.Throws<CliException>(() => machine.TakeSteps(static _ => { }));
        Assert.EndsWith(
            "s.json:14: steps[9]: attach answered EINVAL, not success; the hardware needs: "
            + "window 0 (0x0-0x1fff) keeps clear of 0x1000-0x1fff, which the host reserves in group 7",
            refused.Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0x1000_0000ul, 0x1000ul)]
    [InlineData(0x1000_0123ul, 0x1000ul)]
    [InlineData(0ul, 1ul)]
    [InlineData(0x3fff_ffff_ffff_f000ul, 0x1000ul)]
    public void MemoryIsFoundAtItsAddressAndBack(ulong vaddr, ulong size)
    {
        using var memory = new ScenarioMemory();
        ulong address = memory.Place(vaddr, size);
        Assert.Equal(vaddr % 4096, address % 4096);
        ulong page = address - address % 4096;
        Assert.True(memory.Supply(page, size, out ulong target));
        Assert.Equal(vaddr - vaddr % 4096, target);
        Assert.False(memory.Supply(page, size + 1, out _));
        Assert.False(memory.Supply(page - 1, 1, out _));
        Assert.False(memory.Supply(page + size, 1, out _));
        Assert.False(memory.Supply(vaddr, size, out _)); // the numbers of the scenario are no addresses
    }

    [Theory]
    [InlineData(0ul, 0ul)]
    [InlineData(0x4000_0000_0000_0000ul, 0x1000ul)]
    [InlineData(0x3fff_ffff_ffff_f000ul, 0x2000ul)]
    [InlineData(0xffff_ffff_ffff_f000ul, 0x1000ul)]
    [InlineData(0x1000ul, ulong.MaxValue)]
    [InlineData(0x1000ul, 0x1000_0000_0000_0000ul)] // more than a process has addresses
    public void MemoryThatCannotBeIsNotSupplied(ulong vaddr, ulong size)
    {
        using var memory = new ScenarioMemory();
        Assert.Equal(vaddr, memory.Place(vaddr, size));
        Assert.False(memory.Supply(vaddr, 1, out _));
    }

    [Theory]
    [InlineData("00:04.0", 2, 4)] // the first attached, not the first in the file
    [InlineData("1=0000:00:04.0", 1, 4)]
    [InlineData("2=00:04.0", 2, 4)]
    public void ADeviceStandsBehindAGroup(string text, int group, int vfioGroup) =>
        Assert.Equal([new HardwareChoice(group, "0000:00:04.0", vfioGroup)], Choose(text));

    [Fact]
    public void TwoGroupsHaveADeviceEach() => Assert.Equal(
        [new HardwareChoice(2, "0000:00:04.0", 4), new HardwareChoice(1, "0000:00:05.0", 5)], Choose("00:04.0", "1=00:05.0"));

    [Theory]
    [InlineData("--hardware eth0: 'eth0' is no PCI address (such as 0000:00:04.0)", "eth0")]
    [InlineData("--hardware : '' is no PCI address", "")]
    [InlineData("--hardware 1=: '' is no PCI address", "1=")]
    [InlineData("--hardware 3=00:04.0: the scenario has no group '3'", "3=00:04.0")]
    [InlineData("--hardware =00:04.0: the scenario has no group ''", "=00:04.0")]
    [InlineData("--hardware 1=2=00:04.0: '2=00:04.0' is no PCI address", "1=2=00:04.0")]
    [InlineData("--hardware 00:07.0: there is no PCI device 0000:00:07.0 here (see pamu probe)", "00:07.0")]
    [InlineData("--hardware 00:06.0: 0000:00:06.0 is in no IOMMU group: ", "00:06.0")]
    [InlineData("--hardware 00:1f.0: VFIO does not have its group 12: ahci has 0000:00:1f.2: unbind, or bind to vfio-pci", "00:1f.0")]
    [InlineData("--hardware 00:05.0: group 2 has 0000:00:04.0 already; GROUP=BDF says ", "00:04.0", "00:05.0")]
    [InlineData("--hardware 1=00:04.1: the host keeps 0000:00:04.1 and 0000:00:04.0 in one IOMMU group, 4", "00:04.0", "1=00:04.1")]
    public void ABadChoiceIsRefused(string line, params string[] texts) =>
        Assert.StartsWith(line, Assert.Throws<CliException>(() => Choose(texts)).Message, StringComparison.Ordinal);

    [Fact]
    public void AScenarioWithoutAnAttachTakesNoDeviceUnlessToldWhere()
    {
        string file = _run.Write(
            "s.json",
            """
            { "description": "", "groups": [ { "id": 1, "liodns": [1] } ], "steps": [ { "call": "attach", "group": 1, "expect": "EBUSY" } ] }
            """);
        Assert.Equal(
            "--hardware 00:04.0: the scenario attaches no group that the device could stand behind",
            Assert.Throws<CliException>(() => ChooseFor(file, "00:04.0")).Message);
        Assert.Equal([new HardwareChoice(1, "0000:00:04.0", 4)], ChooseFor(file, "1=00:04.0"));
    }

    /// <summary>Where there is no VFIO, that is the line; where there is, the address is.</summary>
    [Fact]
    public void WithoutVfioOrADeviceTheCommandEndsInOneLine()
    {
        Assert.Equal(PamuCli.BadInput, _run.Run(_run.Write("s.json", TwoMapsOfOneMemory), "--hardware", "eth0"));
        string expected = Verdict.VfioTrouble(HostProbe.Take()) is { } trouble ? $"--hardware: {trouble}\n" : "--hardware eth0: 'eth0' is no PCI address";
        Assert.StartsWith(expected, _run.Error, StringComparison.Ordinal);
        Assert.Equal(_run.Error.Length - 1, _run.Error.IndexOf('\n', StringComparison.Ordinal));
        Assert.Equal(PamuCli.BadInput, _run.Run(_run.PathOf("s.json"), "--hardware"));
        Assert.Equal("pamu: Required argument missing for option: '--hardware'. (see pamu --help)\n", _run.Error);
    }

    [Fact]
    public void ReportsNameTheDevices()
    {
        Scenario scenario = ScenarioReader.Read(_run.Write("s.json", TwoMapsOfOneMemory));
        var result = new RunResult(scenario, (0, 0xffff), 8, 0x2000, [], [], [], null)
        {
            Hardware = [new HardwareChoice(2, "0000:00:04.0", 7)],
        };
        using var output = new StringWriter { NewLine = "\n" };
        new TextReport(OutputConsole.Over(output)).End(result);
        Assert.Equal(
            "\nevery step was also taken in the host's IOMMU\ngroup  device        vfio group\n    2  0000:00:04.0           7\n\nOK\n", output.ToString());
        using var json = System.Text.Json.JsonDocument.Parse(JsonReport.Write(result));
        Assert.Equal(
            """[{"group":2,"device":"0000:00:04.0","vfioGroup":7}]""",
            System.Text.Json.JsonSerializer.Serialize(json.RootElement.GetProperty("hardware")));
        Assert.DoesNotContain("hardware", JsonReport.Write(result with { Hardware = [] }), StringComparison.Ordinal);
    }

    private IReadOnlyList<HardwareChoice> Choose(params string[] texts) => ChooseFor(_run.Write("s.json", TwoMapsOfOneMemory), texts);

    private static IReadOnlyList<HardwareChoice> ChooseFor(string file, params string[] texts)
    {
        using FakeHost host = FakeHost.WithTwoGroups();
        host.AddDevice(4, "0000:00:04.1", 0x1234, 0x11e8, 0x00ff00, null);
        host.AddDevice(5, "0000:00:05.0", 0x1234, 0x11e8, 0x00ff00, "vfio-pci");
        host.AddNode("vfio/5");
        host.AddLoneDevice("0000:00:06.0");
        return HardwareChoice.Read(texts, ScenarioReader.Read(file), host.Take(Type1), host.Sysfs);
    }
}
