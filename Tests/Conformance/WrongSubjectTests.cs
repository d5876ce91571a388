using PamuFastPath.Cli.Conform;

namespace PamuFastPath.Tests.Conformance;

/// <summary>An engine that is wrong in one way has to be found out by the recordings.</summary>
public class WrongSubjectTests
{
    [Theory]
    [InlineData(nameof(Wrong.BusyIsInvalid))]
    [InlineData(nameof(Wrong.UnmapTakesNothing))]
    [InlineData(nameof(Wrong.UnmapSizeIsNotWrittenBack))]
    [InlineData(nameof(Wrong.GetTellsAnotherCount))]
    [InlineData(nameof(Wrong.WindowListIsShort))]
    [InlineData(nameof(Wrong.AddressIsOff))]
    [InlineData(nameof(Wrong.MessagesAreMemory))]
    [InlineData(nameof(Wrong.DetachDoesNothing))]
    [InlineData(nameof(Wrong.FlagsAreIgnored))]
    public void A_wrong_engine_has_mismatches(string wrong)
    {
        Tally tally = Recordings.Replay(
            [.. Recordings.Sequence(Recordings.Operations, 16), .. Recordings.Sequence(Recordings.Operations, 1000)],
            maxWindows => new WrongSubject(new EngineSubject(maxWindows), Enum.Parse<Wrong>(wrong)));
        Assert.NotEmpty(tally.Mismatches);
    }

    private enum Wrong
    {
        BusyIsInvalid,
        UnmapTakesNothing,
        UnmapSizeIsNotWrittenBack,
        GetTellsAnotherCount,
        WindowListIsShort,
        AddressIsOff,
        MessagesAreMemory,
        DetachDoesNothing,
        FlagsAreIgnored,
    }

    private sealed class WrongSubject(EngineSubject right, Wrong wrong) : IConformanceSubject
    {
        public int Open() => right.Open();

        public void Close(int container) => right.Close(container);

        public long Ioctl(int container, uint request, Span<byte> argument)
        {
            if (request == PamuRequests.IommuUnmapDma && wrong == Wrong.UnmapTakesNothing && argument[0] >= 24)
            {
                return 0;
            }

            Span<byte> before = stackalloc byte[argument.Length];
            if (wrong == Wrong.FlagsAreIgnored && request == PamuRequests.PamuSetAttr)
            {
                argument.Slice(4, 4).Clear();
            }

            argument.CopyTo(before);
            long result = right.Ioctl(container, request, argument);
            if (request == PamuRequests.IommuUnmapDma && wrong == Wrong.UnmapSizeIsNotWrittenBack)
            {
                before.CopyTo(argument);
            }

            bool isCount = request == PamuRequests.PamuGetAttr && before[8] == (byte)PamuAttr.Windows;
            if (wrong == Wrong.GetTellsAnotherCount && isCount && result == 0)
            {
                argument[16] ^= 1;
            }

            return wrong == Wrong.BusyIsInvalid && result == -(long)Errno.EBUSY ? -(long)Errno.EINVAL : result;
        }

        public long Ioctl(int container, uint request, ulong value) => right.Ioctl(container, request, value);

        public long Attach(int container, int group, IReadOnlyList<int> liodns) => right.Attach(container, group, liodns);

        public long Detach(int group) => wrong == Wrong.DetachDoesNothing ? 0 : right.Detach(group);

        public IReadOnlyList<int> Groups(int container) => right.Groups(container);

        public IReadOnlyList<PamuWindow> Windows(int container) => wrong == Wrong.WindowListIsShort
            ? [.. right.Windows(container).Skip(1)]
            : right.Windows(container);

        public bool TryIovaToPhys(int container, ulong iova, out ulong phys)
        {
            bool isMapped = right.TryIovaToPhys(container, iova, out phys);
            phys += wrong == Wrong.AddressIsOff && isMapped ? 1u : 0;
            return isMapped;
        }

        public Translation Translate(int container, ulong iova, ulong length, DmaAccess access)
        {
            Translation answer = right.Translate(container, iova, length, access);
            return wrong == Wrong.MessagesAreMemory && answer.IsMsi ? default : answer;
        }

        public void Dispose() => right.Dispose();
    }
}
