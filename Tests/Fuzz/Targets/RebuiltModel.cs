using PamuFastPath.Tests.Model;

namespace PamuFastPath.Fuzz.Targets;

/// <summary>
/// A model brought to the state that a container is in, by the control calls that lead there: each of them has to succeed, or the container is in a state
/// that it could not have got into.
/// </summary>
internal sealed class RebuiltModel
{
    private readonly ModelEngine _engine;
    private ulong _target;

    private RebuiltModel(PamuPlatform platform, ContainerState state)
    {
        bool isBelowPage = state.AreWindowsSet && state.WindowSize < (ulong)platform.PageSize;
        _engine = new ModelEngine(new ModelMachine
        {
            MaxWindows = platform.MaxWindows,
            AddressBits = platform.PhysicalAddressBits,
            PageSize = isBelowPage ? 4096 : (uint)platform.PageSize, // one MAP_DMA had several windows then, and UNMAP_DMA may have left one
            LiodnCount = platform.LiodnCount,
            Extension = platform.PamuExtension,
            BankPages = [.. platform.MsiBanks.Select(bank => bank.Page)],
            Stashes = [.. platform.StashTargets.Select(stash => (stash.Cache, stash.Cpu, stash.Id))],
            Supply = (_, _) => _target,
        });
        Container = _engine.Open();
    }

    internal ModelContainer Container { get; }

    /// <summary>The container whose table a device's accesses use.</summary>
    internal ModelContainer? Holder(uint liodn) => _engine.Holder(liodn);

    internal static RebuiltModel Of(PamuContainer container)
    {
        ContainerState state = container.CurrentState;
        PamuPlatform platform = container.Engine.Platform;
        var rebuilt = new RebuiltModel(platform, state);
        rebuilt.Make(state, platform);
        return rebuilt;
    }

    private void Make(ContainerState state, PamuPlatform platform)
    {
        if (state.IsIommuSet)
        {
            Ok(Container.SetIommu(platform.PamuExtension), "SET_IOMMU");
        }

        if (state.IsGeometrySet)
        {
            Ok(Container.SetGeometry(state.ApertureStart, state.ApertureLast), "SET_ATTR GEOMETRY");
        }

        if (state.AreWindowsSet)
        {
            Ok(Container.SetWindows(state.WindowCount), "SET_ATTR WINDOWS");
        }

        if ((state.StashCpu, state.StashCache) != (0, 0))
        {
            Ok(Container.SetStash(state.StashCpu, state.StashCache), "SET_ATTR PAMU_STASH");
        }

        for (int i = 0; i < state.Windows.Length; i++)
        {
            WindowState window = state.Windows[i];
            ulong iova = state.Geometry.WindowStart(i);
            switch (window.Use)
            {
                case WindowUse.Dma:
                    _target = window.Target;
                    Ok(Container.MapDma(window.Vaddr, iova, window.Size, (uint)window.Permissions), $"MAP_DMA of window {i}");
                    break;
                case WindowUse.Msi:
                    Ok(Container.MapMsiBank((uint)window.Bank, iova, (uint)window.Permissions), $"MAP_MSI_BANK of window {i}");
                    break;
            }
        }

        foreach (PamuGroup group in state.Groups)
        {
            ModelGroup mine = _engine.AddGroup(group.Id, [.. group.Liodns], [.. group.MsiBanks]);
            Ok(_engine.Attach(mine, Container), $"GROUP_SET_CONTAINER of group {group.Id}");
        }
    }

    private static void Ok(Errno errno, string call)
    {
        if (errno != Errno.Ok)
        {
            throw new FindingException($"no control calls lead to this state: {call} is {errno}");
        }
    }
}
