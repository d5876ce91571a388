using PamuFastPath.Interop;

namespace PamuFastPath.Tests.Mirror;

/// <summary>A kernel whose n-th call fails before it does anything, and whose groups reserve what they are told to.</summary>
internal sealed class FailingKernel(IVfioKernel kernel) : IVfioKernel
{
    internal const Errno Injected = (Errno)5; // EIO: no rule of the software answers it

    private int _countdown;
    private bool _goesOn;

    internal Dictionary<int, IovaRange> Reserved { get; } = [];

    internal bool HasFailed { get; private set; }

    internal bool IsClosed { get; private set; }

    internal void FailAt(int call, bool goesOn)
    {
        (_countdown, _goesOn) = (call, goesOn);
        HasFailed = false;
    }

    public long Ioctl(uint request, ulong value) => Fails() ? -(long)Injected : kernel.Ioctl(request, value);

    public long Ioctl(uint request, Span<byte> argument) => Fails() ? -(long)Injected : kernel.Ioctl(request, argument);

    public Refusal AddGroup(int group) => Fails() ? Refused : kernel.AddGroup(group);

    public Refusal RemoveGroup(int group) => Fails() ? Refused : kernel.RemoveGroup(group);

    public IReadOnlyList<IovaRange> ReservedRanges(int group) => Reserved.TryGetValue(group, out IovaRange range) ? [range] : [];

    public void Dispose()
    {
        IsClosed = true;
        kernel.Dispose();
    }

    private static Refusal Refused => new(Injected, "group", "injected");

    private bool Fails()
    {
        Assert.False(IsClosed, "nothing is called after the end");
        if (_countdown == 0)
        {
            return false;
        }

        bool fails = _countdown == 1;
        _countdown = fails && _goesOn ? 1 : _countdown - 1;
        HasFailed |= fails;
        return fails;
    }
}
