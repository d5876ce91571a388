using PamuFastPath.Cli.Conform;

namespace PamuFastPath.Tests.Model;

/// <summary>The model as a subject of the recordings: it has to pass what the engine has to pass.</summary>
internal sealed class ModelSubject(int maxWindows) : IConformanceSubject
{
    private readonly ModelEngine _engine = new(ModelMachine.Recorded(maxWindows));

    public int Open()
    {
        ModelContainer container = _engine.Open();
        container.SetIommu(_engine.Machine.Extension);
        return container.Fd;
    }

    public void Close(int container) => _engine.Close(Container(container));

    public long Ioctl(int container, uint request, Span<byte> argument) =>
        ModelDoor.Ioctl(_engine, Container(container), request, 0, argument);

    public long Ioctl(int container, uint request, ulong value) =>
        ModelDoor.Ioctl(_engine, Container(container), request, value, []);

    public long Attach(int container, int group, IReadOnlyList<int> liodns)
    {
        ModelGroup own = _engine.FindGroup(group) ?? _engine.AddGroup(group, [.. liodns], [0, 1, 2]);
        return ModelDoor.GroupIoctl(_engine, own, 0x3B68, BitConverter.GetBytes(container));
    }

    public long Detach(int group) =>
        _engine.FindGroup(group) is ModelGroup own ? ModelDoor.GroupIoctl(_engine, own, 0x3B69, []) : -(long)Errno.EINVAL;

    public IReadOnlyList<int> Groups(int container) => [.. Container(container).Groups.Select(group => group.Id)];

    public IReadOnlyList<PamuWindow> Windows(int container) => Container(container).List();

    public bool TryIovaToPhys(int container, ulong iova, out ulong phys)
    {
        ulong? found = ModelTranslation.IovaToPhys(Container(container), iova);
        phys = found ?? 0;
        return found != null;
    }

    /// <summary>The model's own answer, put into the engine's result type.</summary>
    public Translation Translate(int container, ulong iova, ulong length, DmaAccess access)
    {
        ModelAnswer answer = ModelTranslation.Translate(Container(container), iova, length, access);
        return answer.Kind switch
        {
            TranslationKind.Crosses => Translation.Crossing,
            TranslationKind.Fault => Translation.Refused(answer.Fault, answer.FaultIova),
            _ => Translation.Hit(iova, (answer.Target - iova) | (uint)(answer.Bank + 1)),
        };
    }

    public void Dispose()
    {
        // Nothing but managed objects.
    }

    private ModelContainer Container(int fd) =>
        _engine.Find(fd) ?? throw new ArgumentException($"there is no container {fd}", nameof(fd));
}
