using System.Runtime.Versioning;
using PamuFastPath.Interop;
using PamuFastPath.Tests.Control;
using PamuFastPath.Tests.Mirror;
using PamuFastPath.Tests.Vfio;
using static PamuFastPath.Tests.Control.Machine;

namespace PamuFastPath.Tests.FailNth;

/// <summary>
/// A container's hardware from the opening of <c>/dev/vfio/vfio</c> to its closing: every system call fails once, in order, until none is left. The errno is
/// told, no descriptor and no native block is left over, and the same step then succeeds.
/// </summary>
[SupportedOSPlatform("linux")]
public sealed class HostSyscallTests
{
    private const int FirstGroup = 9_001; // a number no real host's group has, whose sysfs would be read
    private const uint Pamu = 7;
    private const string GetApiVersion = "ioctl 0x3b64";
    private const string GetInfo = "ioctl 0x3b70"; // asked when a group came, and again when it matters if that failed

    /// <summary>Each call to the kernel in the life of a container with its groups.</summary>
    private static readonly string[] AllCalls =
    [
        GetApiVersion,
        "ioctl 0x3b65", // CHECK_EXTENSION
        "ioctl 0x3b66", // SET_IOMMU
        "ioctl 0x3b67", // GROUP_GET_STATUS
        "ioctl 0x3b68", // GROUP_SET_CONTAINER
        "ioctl 0x3b69", // GROUP_UNSET_CONTAINER
        GetInfo,
        "ioctl 0x3b71", // IOMMU_MAP_DMA
        "ioctl 0x3b72", // IOMMU_UNMAP_DMA
        "open",
    ];

    /// <param name="offered">What the kernel offers.</param>
    /// <param name="pamu">The number the options name, or 0.</param>
    /// <param name="wanted">The backend, or nothing: ENODEV.</param>
    /// <param name="calls">How many calls that takes.</param>
    [Theory]
    [InlineData(new uint[] { 1, 3, 9 }, 0u, nameof(Type1Mirror), 3)]
    [InlineData(new uint[] { 3, Pamu }, Pamu, nameof(Type1Mirror), 3)]
    [InlineData(new uint[] { Pamu }, Pamu, nameof(PamuMirror), 5)]
    [InlineData(new uint[] { 2, Pamu }, Pamu, null, 6)]
    public void Opening(uint[] offered, uint pamu, string? wanted, int calls)
    {
        using var host = new SimulatedHost();
        host.Kernel.Offered = offered;
        var options = new VfioOptions { PamuExtension = pamu == 0 ? null : pamu };
        long blocks = NativeBlocks.LiveCountOfThread;
        VfioMirror? mirror = null;
        for (int call = 1; call <= calls; call++)
        {
            host.FailAt(call);
            Errno refused = ErrnoOf.Call(() => mirror = VfioMirror.Open(options));
            Assert.Equal(host.Failed == GetApiVersion ? Errno.ENODEV : SimulatedHost.Injected, refused); // no version is another version
            Assert.NotNull(host.Failed);
            Assert.Equal((null, 0, blocks), (mirror, host.OpenCount, NativeBlocks.LiveCountOfThread));
        }

        host.FailAt(calls + 1);
        Errno errno = ErrnoOf.Call(() => mirror = VfioMirror.Open(options));
        Assert.Null(host.Failed);
        Assert.Equal((wanted, wanted != null ? Errno.Ok : Errno.ENODEV), (mirror?.GetType().Name, errno));
        Assert.Equal(mirror != null ? 1 : 0, host.OpenCount);
        mirror?.Dispose();
        Assert.Equal((0, blocks), (host.OpenCount, NativeBlocks.LiveCountOfThread));
    }

    /// <param name="isAttachedFirst">Whether the hardware is bound to a container that has its groups and windows, and replays them.</param>
    /// <param name="goesOn">Whether all calls after the n-th fail, too, and so does the way back.</param>
    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void From_opening_to_closing(bool isAttachedFirst, bool goesOn)
    {
        using (new PamuEngine())
        {
            // What engines share is there now.
        }

        var failed = new SortedSet<string>(StringComparer.Ordinal);
        int n = 1;
        while (Lives(n, isAttachedFirst, goesOn, failed))
        {
            n++;
        }

        if (!goesOn) // else the last call that failed is seen
        {
            Assert.Equal(AllCalls, failed);
        }

        Assert.True(n > AllCalls.Length, $"{n - 1} calls failed");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Hardware_that_is_not_bound_is_the_callers_to_close(bool goesOn)
    {
        int failed = 0;
        for (int n = 1; ; n++)
        {
            using var host = new SimulatedHost();
            using var life = new Life(host);
            life.Open();
            life.One.Attach(life.Container);
            life.Two.Attach(life.Container);
            host.FailAt(n, goesOn);
            Errno errno = ErrnoOf.Call(life.Bind);
            if (host.Failed == null)
            {
                break;
            }

            failed++;
            Assert.Equal(host.Failed == GetInfo && errno == Errno.Ok ? Errno.Ok : SimulatedHost.Injected, errno);
            if (errno == Errno.Ok)
            {
                life.Container.Dispose();
            }
            else
            {
                life.Mirror!.Dispose();
            }

            Assert.Equal(0, host.OpenCount);
        }

        Assert.True(failed > 6, $"{failed} calls"); // two groups opened, asked and put in; the IOMMU set, asked and filled
    }

    /// <summary>Lives through all steps, the n-th system call failing.</summary>
    /// <returns>False if there is no n-th.</returns>
    private static bool Lives(int n, bool isAttachedFirst, bool goesOn, SortedSet<string> failed)
    {
        long before = NativeBlocks.LiveCountOfThread;
        using var host = new SimulatedHost();
        string? hasFailed = null;
        using (var life = new Life(host))
        {
            host.FailAt(n, goesOn);
            foreach ((string name, Action step) in life.Steps(isAttachedFirst))
            {
                int open = host.OpenCount;
                long blocks = life.BlocksInUse;
                string software = life.Software();

                Errno errno = ErrnoOf.Call(step);

                life.AssertNothingLeft(blocks, name);
                if (errno == Errno.Ok)
                {
                    continue;
                }

                hasFailed = host.Failed;
                Assert.NotNull(hasFailed);
                Assert.Equal(hasFailed == GetApiVersion ? Errno.ENODEV : SimulatedHost.Injected, errno);
                Assert.Equal(software, life.Software());
                Assert.True(goesOn || open == host.OpenCount, $"{name}: {host.OpenCount} descriptors after {hasFailed} failed, {open} before");
                host.FailAt(0);
                step();
                life.AssertNothingLeft(blocks, $"{name} again");
            }

            life.Container.Dispose();
            hasFailed ??= host.Failed; // nobody hears of it
            Assert.Equal(0, host.OpenCount);
        }

        Assert.Equal(before, NativeBlocks.LiveCountOfThread);
        if (hasFailed != null)
        {
            failed.Add(hasFailed);
        }

        return hasFailed != null;
    }

    /// <summary>A container with two groups, and the host that its hardware is of.</summary>
    private sealed class Life : IDisposable
    {
        private readonly Machine _machine = new();
        private readonly SimulatedHost _host;

        internal Life(SimulatedHost host)
        {
            _host = host;
            Container = _machine.Ready();
            Container.MapDma(0x40_0000, At(0), Window, DmaPermissions.ReadWrite);
            One = _machine.Engine.CreateGroup(1, [0x42], [0]);
            Two = _machine.Engine.CreateGroup(2, [0x51, 0x52], [1]);
            _host.Kernel.Groups.Add(FirstGroup, []);
            _host.Kernel.Groups.Add(FirstGroup + 1, []);
        }

        internal PamuContainer Container { get; }

        internal PamuGroup One { get; }

        internal PamuGroup Two { get; }

        internal VfioMirror? Mirror { get; private set; }

        internal long BlocksInUse => NativeBlocks.LiveCountOfThread - _machine.Engine.Publisher.RetiredCount;

        public void Dispose()
        {
            _machine.Reader.Dispose(); // one that is open when its engine goes would keep blocks
            _machine.Dispose();
        }

        internal void Open()
        {
            Mirror = VfioMirror.Open();
            Mirror.Bind(One, FirstGroup);
            Mirror.Bind(Two, FirstGroup + 1);
        }

        internal void Bind() => Container.BindHardware(Mirror!);

        internal IEnumerable<(string Name, Action Make)> Steps(bool isAttachedFirst)
        {
            (string, Action)[] attach = [("attach one", () => One.Attach(Container)), ("attach two", () => Two.Attach(Container))];
            (string, Action)[] bind = [("open", Open), ("bind", Bind)];
            return
            [
                .. isAttachedFirst ? attach : bind,
                .. isAttachedFirst ? bind : attach,
                ("map", () => Container.MapDma(0x90_0000, At(6), Window, DmaPermissions.Read)),
                ("unmap", () => Container.UnmapDma(At(6), Window)),
                ("detach one", One.Detach),
                ("detach the last", Two.Detach),
                ("attach again", () => Two.Attach(Container)),
            ];
        }

        internal string Software() => SoftwareState.Describe(_machine.Reader, [Container], [One, Two]);

        /// <summary>Open are the container and the groups in it, also while hardware waits to be put right.</summary>
        internal void AssertNothingLeft(long blocks, string what)
        {
            Assert.True(blocks == BlocksInUse, $"{what}: {blocks} native blocks were in use, now {BlocksInUse}");
            int wanted = Mirror == null ? 0 : 1 + _host.Kernel.Attached.Count;
            Assert.True(wanted == _host.OpenCount, $"{what}: {_host.OpenCount} descriptors are open, {wanted} in use");
        }
    }
}
