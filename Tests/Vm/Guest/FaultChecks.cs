using System.Diagnostics;
using static PamuFastPath.Tests.Vm.Guest.Report;

namespace PamuFastPath.Tests.Vm.Guest;

/// <summary>DMA that the container does not allow: the IOMMU blocks it and says so in the kernel's log, and the software engine says the same.</summary>
internal static class FaultChecks
{
    private const int Count = 512;
    private const byte InDevice = 0xA5;
    private const int NoWriteAccess = 5; // DMAR fault reasons
    private const int NoReadAccess = 6;
    private const int Attempts = 6;

    // The kernel logs a few faults per 5 seconds and drops the rest (drivers/iommu/intel/dmar.c, dmar_fault).
    private static readonly TimeSpan LogPause = TimeSpan.FromSeconds(5.2);

    public static void Run(Report report, Machine machine)
    {
        ulong unmapped = Machine.UnmappedWindow * Machine.WindowBytes;
        Window small = machine.Windows.First(static window => window.Size < Machine.WindowBytes && window.Permissions.HasFlag(DmaPermissions.Read));
        Window readOnly = machine.Windows.First(static window => window.Permissions == DmaPermissions.Read);
        Window writeOnly = machine.Windows.First(static window => window.Permissions == DmaPermissions.Write);
        foreach (DmaAccess access in new[] { DmaAccess.Write, DmaAccess.Read })
        {
            string how = access == DmaAccess.Write ? "write" : "read";
            Add($"fault.unmapped-window.{how}", access, unmapped, FaultKind.NoMapping);
            Add($"fault.beyond-mapping.{how}", access, small.Last + 1, FaultKind.BeyondMapping);
        }

        Add("fault.end-of-window.beyond-mapping", DmaAccess.Write, readOnly.Iova + Machine.WindowBytes - Count, FaultKind.BeyondMapping);

        // Where the software has an MSI window, this machine's IOMMU must have nothing.
        report.Check("fault.msi-window-is-no-memory", () =>
        {
            RequireLogged(machine.Devices[1], DmaAccess.Write, Machine.MsiWindow * Machine.WindowBytes);
            machine.RequireMemoryAsModel("a device's write to the MSI window");
            return "blocked";
        });

        void Add(string name, DmaAccess access, ulong iova, FaultKind kind) => report.Check(name, () => Blocked(machine, access, iova, kind));

        report.Check("fault.read-only.write", () =>
        {
            // QEMU's IOMMU always blocks a denied direction, but reports it only for pages that are not in its IOTLB: the unmap throws them out.
            machine.Container.UnmapDma(readOnly.Iova, readOnly.Size);
            machine.Map(readOnly);
            return Blocked(machine, DmaAccess.Write, readOnly.Iova, FaultKind.DirectionDenied);
        });
        report.Check("limit.write-only-is-readable", () => WriteOnly(machine, writeOnly));
    }

    private static string Blocked(Machine machine, DmaAccess access, ulong iova, FaultKind kind)
    {
        Edu edu = machine.Devices[2];

        // A buffer of one value, which no 8 bytes of memory are.
        Window first = machine.Windows[0];
        byte[] pattern = new byte[Edu.BufferBytes];
        Array.Fill(pattern, InDevice);
        machine.Put(first.Place, pattern);
        machine.Transfer(edu, DmaAccess.Read, first.Iova, 0, Edu.BufferBytes);
        while (machine.Engine.Faults.TryTake(out _))
        {
        }

        DmarFault logged = RequireLogged(edu, access, iova);
        DmaResult software = machine.InModel(edu, access, iova, 0, Count);
        machine.RequireMemoryAsModel($"{access} at 0x{iova:x}");

        RequireEqual(DmaStatus.Fault, software.Status, "software");
        RequireEqual(kind, software.Fault, "software's fault");
        Require(machine.Engine.Faults.TryTake(out FaultRecord record), "software's fault log has no record");
        RequireEqual(new FaultRecord(kind, edu.Liodn, iova, Count, access, iova), record, "software's record");
        RequireEqual(logged.Page, record.FaultIova & ~0xFFFul, "page of the first refused address");

        if (access == DmaAccess.Read)
        {
            // What the device has now is its old bytes or nothing's, but none of memory's.
            edu.Start(DmaAccess.Write, first.Iova, 0, Edu.BufferBytes);
            edu.Finish();
            Span<byte> seen = machine.Memory.Slice((int)first.Place, Edu.BufferBytes);
            int foreign = seen.IndexOfAnyExcept<byte>([InDevice, 0x00, 0xFF]);
            Require(foreign < 0, $"byte {foreign} of the device's buffer is 0x{(foreign < 0 ? 0 : seen[foreign]):x2} after the blocked read");
            seen.CopyTo(edu.Buffer);
            machine.Put(first.Place, edu.Buffer);
            machine.RequireMemoryAsModel("writing the device's buffer back");
        }

        return $"{kind}; kernel: {logged}";
    }

    /// <summary>
    /// A limit that is not ours: Linux's driver of this IOMMU has no write-only pages since 5.13 and makes them read-write (drivers/iommu/intel,
    /// __domain_mapping). If this fails, the limit is gone, and the documentation wrong.
    /// </summary>
    private static string WriteOnly(Machine machine, Window window)
    {
        Edu edu = machine.Devices[3];
        edu.Start(DmaAccess.Read, window.Iova, 0, Count);
        edu.Finish();
        DmaResult software = machine.InModel(edu, DmaAccess.Read, window.Iova, 0, Count);
        RequireEqual(FaultKind.DirectionDenied, software.Fault, "software's fault");
        machine.Memory.Slice((int)window.Place, Count).CopyTo(edu.Buffer);
        machine.RequireBuffersAsModel("reading a write-only window");
        return "software refuses the read, this host's IOMMU does not";
    }

    /// <summary>Makes the transfer, again if the kernel kept quiet about it, until its fault is in the kernel's log.</summary>
    private static DmarFault RequireLogged(Edu edu, DmaAccess access, ulong iova)
    {
        for (int attempt = 1; attempt <= Attempts; attempt++)
        {
            string mark = $"vm-guest: {access} at 0x{iova:x}, attempt {attempt}";
            KernelLog.Mark(mark);
            edu.Start(access, iova, 0, Count);
            edu.Finish();
            long began = Stopwatch.GetTimestamp();
            do
            {
                IReadOnlyList<DmarFault> faults = KernelLog.FaultsAfter(mark);
                if (faults.Count > 0)
                {
                    var expected = new DmarFault(
                        access == DmaAccess.Write, edu.Device.Name[5..], iova & ~0xFFFul, access == DmaAccess.Write ? NoWriteAccess : NoReadAccess);
                    Require(faults.All(fault => fault == expected), $"the kernel logged {string.Join(", ", faults)}, expected {expected}");
                    return expected;
                }

                Thread.Sleep(20);
            }
            while (Stopwatch.GetElapsedTime(began) < LogPause);
        }

        throw new CheckFailedException($"the kernel's log has no fault for {access} at 0x{iova:x} after {Attempts} attempts");
    }
}
