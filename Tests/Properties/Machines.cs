using PamuFastPath.Tests.Model;

namespace PamuFastPath.Tests.Properties;

/// <summary>The machines random calls run on, each for the model and for the engine.</summary>
internal static class Machines
{
    internal static readonly ModelMachine[] All =
    [
        new(),
        ModelMachine.Recorded(16),
        ModelMachine.Recorded(256),
        new() { MaxWindows = 16, Supply = Moody },
        new() { MaxWindows = 256, PageSize = 0x1_0000, AddressBits = 40, LiodnCount = 0x60, BankPages = [0xF_FE04_4000] },
    ];

    internal static PamuPlatform ToPlatform(this ModelMachine machine) => new()
    {
        MaxWindows = machine.MaxWindows,
        PhysicalAddressBits = machine.AddressBits,
        PageSize = (int)machine.PageSize,
        LiodnCount = machine.LiodnCount,
        PamuExtension = machine.Extension,
        MsiBanks = [.. machine.BankPages.Select(page => new MsiBank(page))],
        StashTargets = [.. machine.Stashes.Select(stash => new StashTarget(stash.Cache, stash.Cpu, stash.Id))],
        PageSource = (ulong vaddr, ulong length, out ulong target) =>
        {
            ulong? found = machine.Supply(vaddr, length);
            target = found ?? 0;
            return found != null;
        },
    };

    /// <summary>A page source that fails in every way it can.</summary>
    private static ulong? Moody(ulong vaddr, ulong length) => (vaddr >> 12 & 0x1F) switch
    {
        3 => null,
        5 => throw new InvalidOperationException("no memory here"),
        7 => vaddr + 1,
        _ => vaddr ^ 0x8000_0000,
    };
}
