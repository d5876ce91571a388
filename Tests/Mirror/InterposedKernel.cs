using System.Runtime.InteropServices;
using PamuFastPath.Interop;

namespace PamuFastPath.Tests.Mirror;

/// <summary>A kernel between the backend and another one: sees every call, and makes the n-th fail.</summary>
internal sealed class InterposedKernel(IVfioKernel inner) : IVfioKernel
{
    internal const Errno Injected = (Errno)5; // EIO: no rule of ours answers it

    private int _countdown;
    private bool _goesOn;

    /// <summary>Called after every call.</summary>
    internal Action? After { get; set; }

    /// <summary>The call that was made to fail, or null.</summary>
    internal string? Failed { get; private set; }

    internal bool HasFailed => Failed != null;

    /// <summary>Whether an attribute call that fails says so, which the recorded driver's do not.</summary>
    internal bool SaysSo { get; init; }

    /// <summary>Ranges that groups reserve.</summary>
    internal Dictionary<int, IReadOnlyList<IovaRange>> Reserved { get; } = [];

    /// <summary>Makes the n-th call from now fail (1 is the next; 0 is none), and all after it if <paramref name="goesOn"/>.</summary>
    internal void FailAt(int call, bool goesOn = false) => (_countdown, _goesOn, Failed) = (call, goesOn, null);

    public long Ioctl(uint request, ulong value = 0)
    {
        long result = Fails(PamuRequests.NameOf(request)) ? -(long)Injected : inner.Ioctl(request, value);
        After?.Invoke();
        return result;
    }

    /// <summary>An attribute call fails as the driver lets it: with success, and nothing done. The stash cannot be read back, so it says so here.</summary>
    public long Ioctl(uint request, Span<byte> argument)
    {
        bool isAttribute = request is PamuRequests.PamuGetAttr or PamuRequests.PamuSetAttr;
        bool isStash = isAttribute && MemoryMarshal.Read<PamuAttr>(argument[8..]) == PamuAttr.Stash;
        long result = !Fails(PamuRequests.NameOf(request)) ? inner.Ioctl(request, argument)
            : isAttribute && !isStash && !SaysSo ? 0
            : -(long)Injected;
        After?.Invoke();
        return result;
    }

    public Refusal AddGroup(int group)
    {
        Refusal refusal = Fails("AddGroup") ? Refused : inner.AddGroup(group);
        After?.Invoke();
        return refusal;
    }

    public Refusal RemoveGroup(int group)
    {
        Refusal refusal = Fails("RemoveGroup") ? Refused : inner.RemoveGroup(group);
        After?.Invoke();
        return refusal;
    }

    public IReadOnlyList<IovaRange> ReservedRanges(int group) => Reserved.GetValueOrDefault(group) ?? inner.ReservedRanges(group);

    public void Dispose() => inner.Dispose();

    private static Refusal Refused => new(Injected, "kernel", "the call is not the one that fails");

    private bool Fails(string call)
    {
        if (_countdown == 0 || --_countdown > 0)
        {
            return false;
        }

        _countdown = _goesOn ? 1 : 0;

        Failed = call;
        return true;
    }
}
