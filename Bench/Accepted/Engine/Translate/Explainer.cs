namespace PamuFastPath;

/// <summary>
/// Walks a table as the specification says it (docs/table-layout.md), writing down every step. Made for people: it allocates, and shares no code
/// with the translation that it explains.
/// </summary>
internal ref struct Explainer
{
    private readonly TableView _table;
    private readonly ulong _iova;
    private readonly ulong _length;
    private readonly DmaAccess _access;
    private readonly List<ExplanationStep> _steps = [];
    private int _window = -1;

    internal Explainer(TableView table, ulong iova, ulong length, DmaAccess access)
    {
        _table = table;
        _iova = iova;
        _length = length;
        _access = (DmaAccess)((uint)access & 1);
    }

    internal TranslationExplanation Explain()
    {
        if (!Step("table", _table.Refusal == FaultKind.None, Describe(_table)))
        {
            return Refused(_table.Refusal, _iova);
        }

        if (!Step("length", _length != 0, $"0x{_length:x} bytes, at least 1 is needed"))
        {
            return Refused(FaultKind.BadLength, _iova);
        }

        bool inside = _iova >= _table.ApertureBase && _iova <= _table.ApertureLast;
        if (!Step("aperture", inside, $"0x{_iova:x} is {(inside ? "in" : "outside of")} 0x{_table.ApertureBase:x} to 0x{_table.ApertureLast:x}"))
        {
            return Refused(FaultKind.OutOfAperture, _iova);
        }

        ulong windowBytes = 1UL << _table.WindowShift;
        _window = (int)((_iova - _table.ApertureBase) >> _table.WindowShift);
        ulong start = _table.ApertureBase + ((ulong)_window << _table.WindowShift);
        ulong offset = _iova - start;
        Step("window", true, $"{_window} of {_table.WindowCount}, starts at 0x{start:x}, 0x{windowBytes:x} bytes; offset 0x{offset:x}");

        ulong room = windowBytes - offset;
        if (!Step("window's end", _length <= room, $"0x{room:x} bytes are left in the window, 0x{_length:x} are asked for"))
        {
            return End(TranslationKind.Crosses);
        }

        ulong read = _table.ReadEnd[_window] - (start - _table.ApertureBase);
        ulong write = _table.WriteEnd[_window] - (start - _table.ApertureBase);
        ulong size = Math.Max(read, write);
        if (!Step("mapping", size != 0, size == 0 ? "the window maps nothing, or an MSI bank no group uses" : $"0x{size:x} bytes from the window's start"))
        {
            return Refused(FaultKind.NoMapping, _iova);
        }

        if (!Step("mapping's end, first byte", offset < size, $"offset 0x{offset:x}, mapped are 0x0 to 0x{size - 1:x}"))
        {
            return Refused(FaultKind.BeyondMapping, _iova);
        }

        bool allowed = (_access == DmaAccess.Read ? read : write) != 0;
        string permissions = (read != 0, write != 0) switch { (true, true) => "reads and writes", (true, false) => "reads", _ => "writes" };
        if (!Step("direction", allowed, $"a {(_access == DmaAccess.Read ? "read" : "write")}; the mapping allows {permissions}"))
        {
            return Refused(FaultKind.DirectionDenied, _iova);
        }

        if (!Step("mapping's end, last byte", _length <= size - offset, $"0x{size - offset:x} bytes are left in the mapping, 0x{_length:x} are asked for"))
        {
            return Refused(FaultKind.BeyondMapping, start + size);
        }

        ulong delta = _table.Delta[_window];
        int bank = (int)(delta & TableLayout.MsiTagMask) - 1;
        delta &= ~TableLayout.MsiTagMask;
        ulong target = unchecked(_iova + delta);
        Step("target", true, $"0x{_iova:x} + 0x{delta:x} = 0x{target:x} (modulo 2^64){(bank < 0 ? ", memory" : $", the page of MSI bank {bank}")}");
        return End(bank < 0 ? TranslationKind.Dma : TranslationKind.Msi, target, bank);
    }

    private static string Describe(TableView table) => table.Refusal == FaultKind.None
        ? $"generation {table.Generation}, {table.LiveWindows} of {table.WindowCount} windows live, 2^{table.WindowShift} bytes each"
        : $"refuses every access: {table.Refusal}";

    private readonly bool Step(string check, bool passes, string finding)
    {
        _steps.Add(new ExplanationStep(check, finding, passes));
        return passes;
    }

    private readonly TranslationExplanation Refused(FaultKind fault, ulong iova) => End(TranslationKind.Fault) with { Fault = fault, FaultIova = iova };

    private readonly TranslationExplanation End(TranslationKind kind, ulong target = ulong.MaxValue, int bank = -1) => new(
        _iova,
        _length,
        _access,
        _steps,
        kind,
        _window,
        target,
        bank,
        bank < 0 ? 0 : (int)(target & TableLayout.MsiTagMask),
        FaultKind.None,
        0);
}
