// What the checks run on: one container with memory and hardware, all edu functions, and a model of it all.
//
// Unsafe: owns two blocks of native memory, the real one and the model. Invariants:
//   - the real block stays until the container is disposed: devices write there;
//   - both have Total bytes; windows lie inside.

using System.Runtime.InteropServices;
using PamuFastPath.Interop;

namespace PamuFastPath.Tests.Vm.Guest;

/// <summary>A DMA window: where it is, how much of it is mapped, where its memory lies in the block.</summary>
internal sealed record Window(int Index, ulong Size, DmaPermissions Permissions, ulong Place)
{
    public ulong Iova => (ulong)Index * Machine.WindowBytes;

    public ulong Last => Iova + Size - 1;

    public bool Allows(DmaAccess access) =>
        (Permissions & (access == DmaAccess.Write ? DmaPermissions.Write : DmaPermissions.Read)) != 0;
}

/// <summary>
/// A container with the aperture 0..0x0fffffff in 8 windows, bound to the machine's IOMMU, with every edu function in it. What devices do is also done
/// in software, by DMA ports on a copy of the memory: afterwards memory and copy must be the same, all of it.
/// </summary>
internal sealed unsafe class Machine : IDisposable
{
    public const ulong ApertureLast = 0x0FFF_FFFF;
    public const int WindowCount = 8;
    public const ulong WindowBytes = (ApertureLast + 1) / WindowCount;
    public const int UnmappedWindow = 3;
    public const int MsiWindow = 6;

    private const ulong Page = 4096;
    private const ulong Gap = 16 * Page;
    private const DmaPermissions Both = DmaPermissions.Read | DmaPermissions.Write;

    private readonly byte* _memory;
    private readonly byte* _model;
    private readonly GuestMemory _modelMemory = new();
    private readonly PamuReader _reader;
    private readonly Dictionary<Edu, DmaPort> _ports = [];

    public Machine(IReadOnlyList<HostGroup> groups)
    {
        // In another order than the IOVAs, and apart from each other: what goes astray shows.
        ulong place = Gap;
        Window[] windows =
        [
            Next(7, WindowBytes, Both),
            Next(1, 1 << 16, Both),
            Next(4, 1 << 20, DmaPermissions.Read),
            Next(0, WindowBytes, Both),
            Next(5, 1 << 21, Both),
            Next(2, Page, DmaPermissions.Write),
        ];
        Windows = [.. windows.OrderBy(static window => window.Index)];
        Total = place;
        _memory = Allocate();
        _model = Allocate();
        Fill();

        Engine = new PamuEngine();
        Container = Engine.CreateContainer();
        Container.SetGeometry(0, ApertureLast);
        Container.SetWindows(WindowCount);
        Mirror = VfioMirror.Open();
        Container.BindHardware(Mirror);
        foreach (Window window in Windows)
        {
            Map(window);
            _modelMemory.Add(TargetOf(window), _model + window.Place, window.Size);
        }

        Container.MapMsiBank(0, MsiWindow * WindowBytes);
        _reader = Engine.CreateReader("model");
        foreach (HostGroup host in groups)
        {
            PamuGroup group = Engine.CreateGroup(host.Id, [host.Id], [0]);
            Mirror.Bind(group, host.Id);
            group.Attach(Container);
            foreach (HostDevice device in host.Devices)
            {
                var edu = new Edu(Mirror.OpenDevice(host.Id, device.Name), (uint)host.Id);
                Devices.Add(edu);
                _ports.Add(edu, new DmaPort(_reader, edu.Liodn, _modelMemory));
            }
        }

        Window Next(int index, ulong size, DmaPermissions permissions)
        {
            var window = new Window(index, size, permissions, place);
            place += size + Gap;
            return window;
        }
    }

    public PamuEngine Engine { get; }

    public PamuContainer Container { get; }

    public VfioMirror Mirror { get; }

    public List<Edu> Devices { get; } = [];

    public IReadOnlyList<Window> Windows { get; }

    /// <summary>Bytes of the whole memory, windows and gaps.</summary>
    public ulong Total { get; }

    public Span<byte> Memory => new(_memory, (int)Total);

    public Span<byte> Model => new(_model, (int)Total);

    public ulong TargetOf(Window window) => (ulong)(_memory + window.Place);

    public void Map(Window window) => Container.MapDma(TargetOf(window), window.Iova, window.Size, window.Permissions);

    /// <summary>What the software engine does with an access, in the model.</summary>
    public DmaResult InModel(Edu edu, DmaAccess access, ulong iova, int offset, int count)
    {
        Span<byte> bytes = edu.Buffer.AsSpan(offset, count);
        return access == DmaAccess.Write ? _ports[edu].Write(iova, bytes) : _ports[edu].Read(iova, bytes);
    }

    /// <summary>A transfer from start to end, in hardware and in the model, which allows it.</summary>
    public void Transfer(Edu edu, DmaAccess access, ulong iova, int offset, int count)
    {
        edu.Start(access, iova, offset, count);
        DmaResult result = InModel(edu, access, iova, offset, count);
        edu.Finish();
        Report.Require(result.IsOk, $"software refuses {access} of {count} bytes at 0x{iova:x}: {result}");
    }

    /// <summary>Writes the same into memory and model.</summary>
    public void Put(ulong place, ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(Memory[(int)place..]);
        bytes.CopyTo(Model[(int)place..]);
    }

    /// <summary>Requires that memory is as the model says, every byte of it.</summary>
    public void RequireMemoryAsModel(string after)
    {
        if (!Memory.SequenceEqual(Model))
        {
            int first = Memory.CommonPrefixLength(Model);
            int count = 0;
            for (int i = first; i < (int)Total; i++)
            {
                count += _memory[i] != _model[i] ? 1 : 0;
            }

            Window? window = Windows.FirstOrDefault(window => (ulong)first >= window.Place && (ulong)first < window.Place + window.Size);
            string where = window == null ? "between windows" : $"IOVA 0x{window.Iova + ((ulong)first - window.Place):x}";
            throw new CheckFailedException(
                $"after {after}: {count} bytes differ, the first at 0x{first:x} ({where}): 0x{_memory[first]:x2}, software says 0x{_model[first]:x2}");
        }
    }

    /// <summary>Requires that the devices' buffers are as the model says: has them written to memory, all of them.</summary>
    public void RequireBuffersAsModel(string after)
    {
        Window window = Windows[0];
        Report.Require(window.Allows(DmaAccess.Write) && (ulong)Devices.Count * 4096 <= window.Size, "the first window takes all buffers");
        for (int i = 0; i < Devices.Count; i++)
        {
            Devices[i].Start(DmaAccess.Write, window.Iova + (ulong)i * 4096, 0, Edu.BufferBytes);
            InModel(Devices[i], DmaAccess.Write, window.Iova + (ulong)i * 4096, 0, Edu.BufferBytes);
        }

        Devices.ForEach(static edu => edu.Finish());
        RequireMemoryAsModel($"{after}, buffers written back");
    }

    public void Dispose()
    {
        Devices.ForEach(static edu => edu.Dispose());
        _reader.Dispose();
        Engine.Dispose();
        _modelMemory.Dispose();
        NativeMemory.AlignedFree(_memory);
        NativeMemory.AlignedFree(_model);
    }

    private byte* Allocate() => (byte*)NativeMemory.AlignedAlloc((nuint)Total, (nuint)Page);

    private void Fill()
    {
        // Every 8 bytes differ from all others: a place says where it is from.
        Span<ulong> words = MemoryMarshal.Cast<byte, ulong>(Memory);
        for (int i = 0; i < words.Length; i++)
        {
            words[i] = (ulong)(i + 1) * 0x9E37_79B9_7F4A_7C15;
        }

        Memory.CopyTo(Model);
    }
}
