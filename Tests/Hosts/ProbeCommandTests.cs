using System.Text.Json;
using PamuFastPath.Cli;
using PamuFastPath.Cli.Probe;
using PamuFastPath.Interop;

namespace PamuFastPath.Tests.Hosts;

/// <summary><c>pamu probe</c>: the sentence, the tables, the document.</summary>
public sealed class ProbeCommandTests
{
    private static readonly VfioOffer Type1 = VfioOffer.Ask(static (request, value) => request == PamuRequests.CheckExtension && value is 1 or 3 ? 1 : 0);

    /// <summary>Whatever this machine is, the answer is an answer: exit code 0, nothing on stderr, one line that says what it comes to.</summary>
    [Theory]
    [InlineData("probe")]
    [InlineData("probe", "--json")]
    public void ThisMachineIsProbed(params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        Assert.Equal(PamuCli.Success, PamuCli.Run(args, output, error));
        Assert.Empty(error.ToString());
        Assert.Contains(Verdict.On(HostProbe.Take()), Unescaped(output.ToString()), StringComparison.Ordinal);
    }

    [Fact]
    public void AnUnknownOptionIsRefused()
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        Assert.Equal(PamuCli.BadInput, PamuCli.Run(["probe", "--bogus"], output, error));
        Assert.Equal("pamu: Unrecognized command or argument '--bogus'. (see pamu --help)", error.ToString().TrimEnd());
        Assert.Empty(output.ToString());
    }

    [Theory]
    [InlineData(2, "There is no VFIO here (no /dev/vfio/vfio): run modprobe vfio-pci;")]
    [InlineData(13, "VFIO is here, but /dev/vfio/vfio may not be opened (Permission denied)")]
    [InlineData(19, "VFIO cannot be used: opening /dev/vfio/vfio failed (No such device)")]
    public void AVfioThatDoesNotOpenIsSaidPlainly(int errno, string sentence)
    {
        using FakeHost host = FakeHost.WithTwoGroups();
        string verdict = Verdict.On(host.Take(VfioOffer.None(errno)));
        Assert.StartsWith(sentence, verdict, StringComparison.Ordinal);
        Assert.EndsWith("The software engine needs none of it.", verdict, StringComparison.Ordinal);
        Assert.DoesNotContain("no IOMMU group", verdict, StringComparison.Ordinal);
    }

    [Fact]
    public void EveryHostHasItsVerdict()
    {
        using var bare = new FakeHost();
        using FakeHost two = FakeHost.WithTwoGroups();
        using var blocked = new FakeHost();
        blocked.AddDevice(1, "0000:00:1f.2", 0x8086, 0x2922, 0x010601, "ahci");

        Assert.StartsWith("This is not Linux", Verdict.On(bare.Take() with { IsLinux = false }), StringComparison.Ordinal);
        Assert.Contains("There is no IOMMU group either: ", Verdict.On(bare.Take()), StringComparison.Ordinal);
        Assert.StartsWith("VFIO is here, but no IOMMU group: ", Verdict.On(bare.Take(Type1)), StringComparison.Ordinal);
        Assert.StartsWith("VFIO is here, but no group is ready for it;", Verdict.On(blocked.Take(Type1)), StringComparison.Ordinal);
        Assert.Equal("Ready for VFIO: group 4.", Verdict.On(two.Take(Type1)));
        Assert.Contains("API version is 3,", Verdict.On(two.Take(Type1 with { ApiVersion = 3 })), StringComparison.Ordinal);
        Assert.Contains("is not VFIO", Verdict.On(two.Take(Type1 with { ApiVersion = null })), StringComparison.Ordinal);
    }

    [Fact]
    public void TheTablesShowGroupsDevicesAndReservedRanges()
    {
        using FakeHost host = FakeHost.WithTwoGroups();
        host.AddIommu("dmar0");
        host.AddProcess("Max locked memory 8388608 unlimited bytes\n", "CapEff:\t0\n");
        const string expected = """
            Ready for VFIO: group 4.

            VFIO               /dev/vfio/vfio, API version 0
            IOMMU types        TYPE1 (1), TYPE1v2 (3)
            iommufd            no
            IOMMUs             dmar0 (Intel VT-d)
            groups             2
            memory lock limit  8.0 MiB (ulimit -l raises it, up to unlimited)

            groups
            group  type    device        id         class   driver    VFIO
                4  DMA     0000:00:04.0  1234:11e8  00ff00  vfio-pci  ready
               12  DMA-FQ  0000:00:1f.0  8086:2918  060100  none      ahci has 0000:00:1f.2: unbind, or bind to vfio-pci
                           0000:00:1f.2  8086:2922  010601  ahci

            reserved IOVAs
            group  first       last        type              mappable
                4  0x00100000  0x001fffff  direct-relaxable  yes
                4  0xfee00000  0xfeefffff  msi               no

            """;
        Assert.Equal(expected.ReplaceLineEndings("\n"), Printed(host.Take(Type1), json: false));
    }

    [Fact]
    public void TheDocumentSaysTheSame()
    {
        using FakeHost host = FakeHost.WithTwoGroups();
        host.AddIommu("ivhd0");
        host.AddProcess("Max locked memory 8388608 unlimited bytes\n", "CapEff:\t4000\n");
        const string expected = """
            {
              "verdict": "Ready for VFIO: group 4.",
              "ready": true,
              "linux": true,
              "vfio": {
                "usable": true, "errno": 0, "error": null, "apiVersion": 0,
                "extensions": [
                  { "number": 1, "name": "TYPE1", "offered": true },
                  { "number": 2, "name": "SPAPR_TCE", "offered": false },
                  { "number": 3, "name": "TYPE1v2", "offered": true },
                  { "number": 4, "name": "DMA_CC", "offered": false },
                  { "number": 5, "name": "EEH", "offered": false },
                  { "number": 6, "name": "TYPE1_NESTING", "offered": false },
                  { "number": 7, "name": "SPAPR_TCE_v2 or FSL_PAMU", "offered": false },
                  { "number": 8, "name": "NOIOMMU", "offered": false },
                  { "number": 9, "name": "UNMAP_ALL", "offered": false }
                ]
              },
              "iommufd": false,
              "memoryLock": { "soft": 8388608, "hard": null, "exempt": true },
              "iommus": [ { "name": "ivhd0", "kind": "AMD-Vi" } ],
              "groups": [
                {
                  "id": 4, "type": "DMA", "ready": true, "obstacle": null,
                  "devices": [ { "name": "0000:00:04.0", "vendor": "0x1234", "device": "0x11e8", "class": "0x00ff00", "driver": "vfio-pci" } ],
                  "reserved": [
                    { "start": "0x100000", "last": "0x1fffff", "type": "direct-relaxable", "forbidsMapping": false },
                    { "start": "0xfee00000", "last": "0xfeefffff", "type": "msi", "forbidsMapping": true }
                  ]
                },
                {
                  "id": 12, "type": "DMA-FQ", "ready": false, "obstacle": "ahci has 0000:00:1f.2: unbind, or bind to vfio-pci",
                  "devices": [
                    { "name": "0000:00:1f.0", "vendor": "0x8086", "device": "0x2918", "class": "0x060100", "driver": null },
                    { "name": "0000:00:1f.2", "vendor": "0x8086", "device": "0x2922", "class": "0x010601", "driver": "ahci" }
                  ],
                  "reserved": []
                }
              ]
            }
            """;
        using JsonDocument got = JsonDocument.Parse(Printed(host.Take(Type1), json: true));
        using JsonDocument want = JsonDocument.Parse(expected);
        Assert.Equal(Compact(want), Compact(got));
    }

    [Fact]
    public void ABareHostHasAllFieldsToo()
    {
        using var bare = new FakeHost();
        using JsonDocument got = JsonDocument.Parse(Printed(bare.Take(), json: true));
        Assert.Equal(
            ["verdict", "ready", "linux", "vfio", "iommufd", "memoryLock", "iommus", "groups"],
            got.RootElement.EnumerateObject().Select(static field => field.Name));
        Assert.False(got.RootElement.GetProperty("ready").GetBoolean());
        Assert.Equal(JsonValueKind.Null, got.RootElement.GetProperty("memoryLock").ValueKind);
        Assert.Equal("No such file or directory", got.RootElement.GetProperty("vfio").GetProperty("error").GetString());
    }

    private static string Printed(HostProbe probe, bool json)
    {
        using var output = new StringWriter { NewLine = "\n" };
        ProbeCommand.Print(probe, json, output);
        return output.ToString();
    }

    private static string Compact(JsonDocument document) => JsonSerializer.Serialize(document.RootElement);

    private static string Unescaped(string text) =>
        text.StartsWith('{') ? JsonDocument.Parse(text).RootElement.GetProperty("verdict").GetString()! : text;
}
