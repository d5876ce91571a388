using PamuFastPath.Diagnostics;

namespace PamuFastPath;

/// <summary>
/// The typed control calls and queries, as a container (each call published by itself) and a transaction (all published as one) offer
/// them. A refused call throws <see cref="PamuException"/> and changes nothing.
/// </summary>
public abstract class PamuControl
{
    private protected PamuControl(PamuEngine engine, int fd)
    {
        Engine = engine;
        Fd = fd;
    }

    private protected delegate Refusal ControlCall(ContainerState state, out ContainerState next);

    /// <summary>The engine the container belongs to.</summary>
    public PamuEngine Engine { get; }

    /// <summary>The small integer that GROUP_SET_CONTAINER names the container by.</summary>
    public int Fd { get; }

    /// <summary>First and last (inclusive) IOVA of the aperture; all of the platform's physical addresses until it is set.</summary>
    public (ulong Start, ulong Last) Geometry => (State.ApertureStart, State.ApertureLast);

    /// <summary>The window count; the platform's maximum until it is set.</summary>
    public int WindowCount => (int)State.WindowCount;

    /// <summary>Bytes of one window.</summary>
    public ulong WindowSize => State.WindowSize;

    /// <summary>The stash target's cpu and cache level; zeros until it is set.</summary>
    public (uint Cpu, uint Cache) Stash => (State.StashCpu, State.StashCache);

    /// <summary>MSI banks of the platform; does not change as groups come and go.</summary>
    public int MsiBankCount => Engine.Platform.MsiBanks.Count;

    /// <summary>Whether a DMA mapping exists, which fixes geometry and window count (the driver's "enabled").</summary>
    public bool IsEnabled => State.IsEnabled;

    /// <summary>Whether SET_IOMMU was called; the byte door answers ENOTTY to IOMMU calls before.</summary>
    public bool IsIommuSet => State.IsIommuSet;

    /// <summary>The groups in the container.</summary>
    public IReadOnlyList<PamuGroup> Groups => State.Groups;

    private protected abstract ContainerState State { get; }

    /// <summary>The configured windows in order, empty ones left out. Does not say what devices may do now: see <see cref="PamuWindow.IsLive"/>.</summary>
    public IReadOnlyList<PamuWindow> GetWindows()
    {
        ContainerState state = State;
        var windows = new List<PamuWindow>();
        for (int i = 0; i < state.Windows.Length; i++)
        {
            WindowState window = state.Windows[i];
            if (window.Use != WindowUse.Empty)
            {
                windows.Add(new PamuWindow(
                    i,
                    !state.LiveWindow(i).IsEmpty,
                    state.Geometry.WindowStart(i),
                    window.Target,
                    window.Size,
                    window.Permissions,
                    window.Use == WindowUse.Msi ? window.Bank : -1));
            }
        }

        return windows;
    }

    /// <summary>
    /// What an IOVA is configured to translate to, permission and bank use aside, as the driver's iova_to_phys (which wraps past the
    /// end of a small mapping, where this answers false: iova-wrap).
    /// </summary>
    /// <returns>Whether something is mapped there.</returns>
    public bool TryIovaToPhys(ulong iova, out ulong phys)
    {
        phys = 0;
        ContainerState state = State;
        if (state.Windows.Length == 0 || !state.Geometry.Contains(iova))
        {
            return false;
        }

        int index = state.Geometry.IndexOf(iova);
        WindowState window = state.Windows[index];
        ulong offset = iova - state.Geometry.WindowStart(index);
        if (window.Use == WindowUse.Empty || offset >= window.Size)
        {
            return false;
        }

        phys = window.Target + offset;
        return true;
    }

    /// <summary>Makes the container a PAMU container (VFIO_SET_IOMMU). The typed calls work without.</summary>
    /// <exception cref="PamuException">ENODEV: another type. EINVAL: set already.</exception>
    public void SetIommu(uint type) => Do(PamuRequests.SetIommu, DecodedArguments.Value(type), TrySetIommu, type);

    /// <summary>Sets the aperture and drops all windows; the count stays (SET_ATTR GEOMETRY).</summary>
    /// <param name="start">First IOVA, a multiple of the size.</param>
    /// <param name="last">Last IOVA (inclusive); the size is a power of two, at least 4 KiB.</param>
    /// <exception cref="PamuException">EINVAL: shape, or windows below 4 KiB. EBUSY: a DMA mapping exists. EDEADLK.</exception>
    public void SetGeometry(ulong start, ulong last) =>
        Do(PamuRequests.PamuSetAttr, DecodedArguments.Geometry(start, last), static (self, a) => self.TrySetGeometry(a.start, a.last), (start, last));

    /// <summary>Sets the window count and drops all windows (SET_ATTR WINDOWS).</summary>
    /// <param name="count">A power of two, 1 to the platform's maximum; a window is at least 4 KiB.</param>
    /// <exception cref="PamuException">EINVAL: count, or no geometry yet. EBUSY: a DMA mapping exists. EDEADLK.</exception>
    public void SetWindows(uint count) =>
        Do(PamuRequests.PamuSetAttr, DecodedArguments.Windows(count), static (self, a) => self.TrySetWindows(a), count);

    /// <summary>Chooses the cache that devices stash to (SET_ATTR PAMU_STASH). Translation is not affected.</summary>
    /// <param name="cpu">Cpu number; ignored for a shared cache.</param>
    /// <param name="cache">Cache level, 1 to 3.</param>
    /// <exception cref="PamuException">EINVAL: the platform has no such cache.</exception>
    public void SetStash(uint cpu, uint cache) =>
        Do(PamuRequests.PamuSetAttr, DecodedArguments.Stash(cpu, cache), static (self, a) => self.TrySetStash(a.cpu, a.cache), (cpu, cache));

    /// <summary>Maps memory (MAP_DMA): whole windows, or a power of two smaller than one from a window's start.</summary>
    /// <param name="vaddr">What to map, as the platform's page source knows it; truncated to a page.</param>
    /// <param name="iova">Start of a window.</param>
    /// <param name="size">Bytes.</param>
    /// <param name="permissions">What devices may do; not nothing.</param>
    /// <exception cref="PamuException">EINVAL, EBUSY: overlap or a mapped window. EFAULT: page source. ENODEV: no window count yet.</exception>
    public void MapDma(ulong vaddr, ulong iova, ulong size, DmaPermissions permissions) =>
        Do(
            PamuRequests.IommuMapDma,
            DecodedArguments.MapDma(vaddr, iova, size, permissions),
            static (self, a) => self.TryMapDma(a.vaddr, a.iova, a.size, a.permissions),
            (vaddr, iova, size, permissions));

    /// <summary>Unmaps whole mappings (UNMAP_DMA). On return no reader uses them.</summary>
    /// <param name="iova">Start of the range.</param>
    /// <param name="size">Bytes.</param>
    /// <returns>Bytes that were unmapped; 0 if the range hit nothing.</returns>
    /// <exception cref="PamuException">EINVAL: the range would split a window's mapping. EDEADLK: inside a section of this thread.</exception>
    public ulong UnmapDma(ulong iova, ulong size)
    {
        ulong unmapped = 0;
        Do(PamuRequests.IommuUnmapDma, DecodedArguments.UnmapDma(iova, size), (self, a) => self.TryUnmapDma(a.iova, a.size, out unmapped), (iova, size));
        return unmapped;
    }

    /// <summary>Maps an MSI bank's page into a window of its own (MAP_MSI_BANK). It is live while a group uses the bank.</summary>
    /// <param name="bank">Bank index.</param>
    /// <param name="iova">Start of a window.</param>
    /// <param name="permissions">What devices may do; messages are writes.</param>
    /// <exception cref="PamuException">EINVAL. ENODEV: no such bank, or no window count yet. EBUSY: the window is mapped.</exception>
    public void MapMsiBank(uint bank, ulong iova, DmaPermissions permissions = DmaPermissions.Write) =>
        Do(
            PamuRequests.PamuMapMsiBank,
            DecodedArguments.MapMsiBank(bank, iova, permissions),
            static (self, a) => self.TryMapMsiBank(a.bank, a.iova, a.permissions),
            (bank, iova, permissions));

    /// <summary>Unmaps an MSI window (UNMAP_MSI_BANK). On return no reader uses it.</summary>
    /// <param name="iova">The start of the window.</param>
    /// <exception cref="PamuException">EINVAL: no MSI window starts there. EDEADLK: inside a section of this thread.</exception>
    public void UnmapMsiBank(ulong iova) =>
        Do(PamuRequests.PamuUnmapMsiBank, DecodedArguments.UnmapMsiBank(iova), static (self, a) => self.TryUnmapMsiBank(a), iova);

    internal Refusal TrySetIommu(ulong type) =>
        Apply((ContainerState state, out ContainerState next) => ControlRules.SetIommu(Engine.Platform, state, type, out next));

    internal Refusal TrySetGeometry(ulong start, ulong last) =>
        Apply((ContainerState state, out ContainerState next) => ControlRules.SetGeometry(state, start, last, out next));

    internal Refusal TrySetWindows(uint count) =>
        Apply((ContainerState state, out ContainerState next) => ControlRules.SetWindows(Engine.Platform, state, count, out next));

    internal Refusal TrySetStash(uint cpu, uint cache) =>
        Apply((ContainerState state, out ContainerState next) => ControlRules.SetStash(Engine.Platform, state, cpu, cache, out next));

    internal Refusal TryMapDma(ulong vaddr, ulong iova, ulong size, DmaPermissions permissions) =>
        Apply((ContainerState state, out ContainerState next) =>
            ControlRules.MapDma(Engine.Platform, state, vaddr, iova, size, permissions, out next));

    internal Refusal TryUnmapDma(ulong iova, ulong size, out ulong unmapped)
    {
        ulong total = 0;
        Refusal refusal = Apply((ContainerState state, out ContainerState next) =>
            ControlRules.UnmapDma(state, iova, size, out total, out next));
        unmapped = refusal.IsRefused ? 0 : total;
        return refusal;
    }

    internal Refusal TryMapMsiBank(uint bank, ulong iova, DmaPermissions permissions) =>
        Apply((ContainerState state, out ContainerState next) =>
            ControlRules.MapMsiBank(Engine.Platform, state, bank, iova, permissions, out next));

    internal Refusal TryUnmapMsiBank(ulong iova) =>
        Apply((ContainerState state, out ContainerState next) => ControlRules.UnmapMsiBank(state, iova, out next));

    /// <summary>Runs one call on the current state and makes its result the current state, or leaves everything as it is.</summary>
    private protected abstract Refusal Apply(ControlCall call);

    private void Do<TArguments>(uint request, DecodedArguments decoded, Func<PamuControl, TArguments, Refusal> call, TArguments arguments)
    {
        long began = PamuEventSource.Now();
        Refusal refusal = call(this, arguments);
        Engine.CallDone(Fd, request, -(long)refusal.Errno, began, decoded);
        refusal.ThrowIfRefused();
    }

    private void Do(uint request, DecodedArguments decoded, Func<ulong, Refusal> call, ulong argument) =>
        Do(request, decoded, (_, a) => call(a), argument);
}
