namespace PamuFastPath;

/// <summary>
/// The decoded arguments of one control call, as the call used them: for events, which format them only if somebody listens.
/// </summary>
internal readonly struct DecodedArguments
{
    private readonly Shape _shape;
    private readonly ulong _a;
    private readonly ulong _b;
    private readonly ulong _c;
    private readonly DmaPermissions _permissions;

    private DecodedArguments(Shape shape, ulong a = 0, ulong b = 0, ulong c = 0, DmaPermissions permissions = 0)
    {
        _shape = shape;
        _a = a;
        _b = b;
        _c = c;
        _permissions = permissions;
    }

    private enum Shape : byte
    {
        None,
        Value,
        MapDma,
        UnmapDma,
        Attribute,
        Geometry,
        Windows,
        Stash,
        MapMsiBank,
        UnmapMsiBank,
        Group,
        GroupAndContainer,
    }

    internal static DecodedArguments Value(ulong value) => new(Shape.Value, value);

    internal static DecodedArguments MapDma(ulong vaddr, ulong iova, ulong size, DmaPermissions permissions) =>
        new(Shape.MapDma, vaddr, iova, size, permissions);

    internal static DecodedArguments UnmapDma(ulong iova, ulong size) => new(Shape.UnmapDma, iova, size);

    internal static DecodedArguments Attribute(uint attribute) => new(Shape.Attribute, attribute);

    internal static DecodedArguments Geometry(ulong start, ulong last) => new(Shape.Geometry, start, last);

    internal static DecodedArguments Windows(uint count) => new(Shape.Windows, count);

    internal static DecodedArguments Stash(uint cpu, uint cache) => new(Shape.Stash, cpu, cache);

    internal static DecodedArguments MapMsiBank(uint bank, ulong iova, DmaPermissions permissions) =>
        new(Shape.MapMsiBank, bank, iova, permissions: permissions);

    internal static DecodedArguments UnmapMsiBank(ulong iova) => new(Shape.UnmapMsiBank, iova);

    internal static DecodedArguments Group(int id) => new(Shape.Group, (ulong)id);

    internal static DecodedArguments GroupAndContainer(int id, int fd) => new(Shape.GroupAndContainer, (ulong)id, (ulong)fd);

    /// <summary>The arguments by name; empty if there are none, or if they could not be read.</summary>
    public override string ToString() => _shape switch
    {
        Shape.Value => $"value={_a}",
        Shape.MapDma => $"vaddr=0x{_a:x} iova=0x{_b:x} size=0x{_c:x} flags={Flags}",
        Shape.UnmapDma => $"iova=0x{_a:x} size=0x{_b:x}",
        Shape.Attribute => $"attribute={(PamuAttr)_a}",
        Shape.Geometry => $"attribute=Geometry start=0x{_a:x} last=0x{_b:x}",
        Shape.Windows => $"attribute=Windows count={_a}",
        Shape.Stash => $"attribute=Stash cpu={_a} cache={_b}",
        Shape.MapMsiBank => $"bank={_a} iova=0x{_b:x} flags={Flags}",
        Shape.UnmapMsiBank => $"iova=0x{_a:x}",
        Shape.Group => $"group={(int)_a}",
        Shape.GroupAndContainer => $"group={(int)_a} container={(int)_b}",
        _ => "",
    };

    private string Flags => _permissions switch
    {
        DmaPermissions.Read => "r",
        DmaPermissions.Write => "w",
        DmaPermissions.ReadWrite => "rw",
        _ => $"0x{(uint)_permissions:x}",
    };
}
