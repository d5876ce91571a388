using System.Text.Json;

namespace PamuFastPath.Cli.Conform;

/// <summary>From the fields of a line to what it says.</summary>
internal static class RecordedFields
{
    private static Dictionary<string, OpKind> Kinds { get; } = new(StringComparer.Ordinal)
    {
        ["set_geometry"] = OpKind.SetGeometry,
        ["set_windows"] = OpKind.SetWindows,
        ["set_stash"] = OpKind.SetStash,
        ["set_attr"] = OpKind.SetAttr,
        ["get_geometry"] = OpKind.GetGeometry,
        ["get_windows"] = OpKind.GetWindows,
        ["get_stash"] = OpKind.GetStash,
        ["get_attr"] = OpKind.GetAttr,
        ["get_msi_bank_count"] = OpKind.GetMsiBankCount,
        ["map_msi"] = OpKind.MapMsi,
        ["unmap_msi"] = OpKind.UnmapMsi,
        ["map_dma"] = OpKind.MapDma,
        ["unmap_dma"] = OpKind.UnmapDma,
        ["attach_group"] = OpKind.AttachGroup,
        ["detach_group"] = OpKind.DetachGroup,
        ["ioctl"] = OpKind.Ioctl,
    };

    internal static RecordedOp Op(string name, Fields fields)
    {
        if (!Kinds.TryGetValue(name, out OpKind kind))
        {
            throw new FormatException($"op: '{name}' is unknown");
        }

        string? fault = fields.Has("fault") ? fields.Text("fault") : null;
        int? ioctlRet = fields.IntOrNull("ioctl_ret");
        if (fault == null && ioctlRet == null)
        {
            throw new FormatException("ioctl_ret: null without a fault");
        }

        var op = new RecordedOp
        {
            Kind = kind,
            Container = fields.Int("c"),
            IoctlRet = ioctlRet,
            OpRet = fields.IntOrNull("op_ret"),
            Fault = fault,
            IsUndefined = fields.Has("undefined"),
            DesyncBefore = fields.Has("desync") ? fields.Int("desync") : 0,
            IsTableFull = fields.Has("spaact_exhausted") && fields.Int("spaact_exhausted") != 0,
            IsEnabledAfter = fields.Bit("enabled"),
            MappedAfter = fields.Int("mapped"),
        };
        return WithArguments(op, fields);
    }

    internal static RecordedState State(Fields fields)
    {
        Fields geometry = fields.Object("geometry");
        Fields stash = fields.Object("stash");
        Fields vfio = fields.Object("vfio");
        uint count = fields.U32("win_cnt");
        if (count is 0 or > 256 || !uint.IsPow2(count))
        {
            throw new FormatException($"win_cnt: {count} is no power of two from 1 to 256");
        }

        return new RecordedState
        {
            Container = fields.Int("c"),
            Start = geometry.Hex("start"),
            Last = geometry.Hex("end"),
            Size = GeometrySize(geometry),
            Count = count,
            AreWindowsSet = fields.Bit("windows_configured"),
            IsEnabled = fields.Bit("enabled"),
            Mapped = fields.Int("mapped"),
            StashCpu = stash.U32("cpu"),
            StashCache = stash.U32("cache"),
            StashId = stash.Int("id"),
            VfioStart = vfio.Hex("start"),
            VfioLast = vfio.Hex("end"),
            VfioWindowSize = vfio.Hex("page_size"),
            VfioWindowCount = vfio.U32("nsubwindows"),
            Desync = fields.Has("desync") ? fields.Int("desync") : null,
            Windows = fields.List("windows", Window),
            Mappings = fields.List("dma_list", Mapping),
            Messages = fields.List("msi_list", Message),
            Groups = fields.List("groups", Fields.Number),
            Liodns = fields.List("liodns", Fields.Number),
            SecondaryUsed = fields.Int("spaact_used"),
        };
    }

    internal static List<Probe> Probes(Fields fields) => fields.List("probes", (name, item) =>
    {
        if (item.ValueKind != JsonValueKind.Array || item.GetArrayLength() != 2)
        {
            throw Fields.Bad(name, "a list of [iova, phys]");
        }

        bool isOops = item[1].ValueKind == JsonValueKind.String && item[1].ValueEquals("oops");
        return new Probe(Fields.Hex(name, item[0]), isOops ? null : Fields.Hex(name, item[1]));
    });

    private static RecordedOp WithArguments(RecordedOp op, Fields fields)
    {
        switch (op.Kind)
        {
            case OpKind.GetMsiBankCount:
                return op;
            case OpKind.Ioctl:
                return op with { Command = fields.U32("cmd"), Argument = fields.Hex("arg") };
            case OpKind.AttachGroup or OpKind.DetachGroup:
                return op with { Group = fields.Int("group"), Devices = fields.List("devices", Device) };
        }

        op = op with { ArgSz = fields.U32("argsz"), Flags = fields.U32("flags") };
        switch (op.Kind)
        {
            case OpKind.MapDma:
                return op with { Vaddr = fields.Hex("vaddr"), Iova = fields.Hex("iova"), Size = fields.Hex("size") };
            case OpKind.UnmapDma:
                return op with { Iova = fields.Hex("iova"), Size = fields.Hex("size") };
            case OpKind.MapMsi:
                return op with { Bank = fields.U32("bank"), Iova = fields.Hex("iova") };
            case OpKind.UnmapMsi:
                return op with { Iova = fields.Hex("iova") };
        }

        op = op with { Attribute = fields.U32("attribute") };
        return op.Kind switch
        {
            OpKind.SetGeometry => op with { Start = fields.Hex("start"), Last = fields.Hex("end") },
            OpKind.SetWindows => op with { Count = fields.U32("count") },
            OpKind.SetStash => op with { Cpu = fields.U32("cpu"), Cache = fields.U32("cache") },
            OpKind.GetGeometry when op.Result == 0 => op with { Out = (fields.Hex("out_start"), fields.Hex("out_end")) },
            OpKind.GetWindows when op.Result == 0 => op with { Out = (fields.U32("out_count"), 0) },
            OpKind.GetStash when op.Result == 0 => op with { Out = (fields.U32("out_cpu"), fields.U32("out_cache")) },
            _ => op,
        };
    }

    /// <summary>0 until the geometry is set.</summary>
    private static ulong GeometrySize(Fields geometry)
    {
        ulong size = geometry.Hex("size");
        bool isSize = ulong.IsPow2(size) && geometry.Hex("end") == unchecked(geometry.Hex("start") + (size - 1));
        return size == 0 || isSize ? size : throw new FormatException("size: not that of the geometry");
    }

    private static IReadOnlyList<int> Device(string name, JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Array)
        {
            throw Fields.Bad(name, "a list of LIODN lists");
        }

        List<int> liodns = [.. value.EnumerateArray().Select(liodn => Fields.Number(name, liodn))];
        return liodns.TrueForAll(liodn => liodn is >= 0 and <= ushort.MaxValue) ? liodns : throw Fields.Bad(name, "LIODNs of 16 bits");
    }

    private static RecordedWindow Window(string name, JsonElement value)
    {
        var fields = new Fields(value);
        return new RecordedWindow(fields.Int("i"), !fields.Has("valid") || fields.Bit("valid"), fields.Hex("paddr"), fields.Hex("size"), fields.U32("prot"));
    }

    private static DriverMapping Mapping(string name, JsonElement value)
    {
        var fields = new Fields(value);
        return new DriverMapping(fields.Hex("iova"), fields.Hex("vaddr"), (long)(fields.Hex("size") >> 12), fields.U32("prot"));
    }

    private static (ulong Iova, uint Bank) Message(string name, JsonElement value)
    {
        var fields = new Fields(value);
        return (fields.Hex("iova"), fields.U32("bank"));
    }
}
