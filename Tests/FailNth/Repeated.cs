namespace PamuFastPath.Tests.FailNth;

/// <summary>Makes a call again and again, each time with another step of it failing, until none is left.</summary>
internal static class Repeated
{
    /// <summary>With no memory for the call's first native block, then for its second, until it needs no more.</summary>
    /// <param name="call">The call.</param>
    /// <param name="after">Looks at what it left each time it failed.</param>
    /// <returns>How many blocks there were no memory for; the call has succeeded in the end, or was refused by its own rules.</returns>
    internal static int WithoutMemory(Func<Errno> call, Action? after = null)
    {
        for (int n = 1; ; n++)
        {
            long live = NativeBlocks.LiveCountOfThread;
            bool isLeft = FailsAt(n, call, out Errno errno);
            if (isLeft)
            {
                return n - 1;
            }

            Assert.True(errno == Errno.ENOMEM, $"no memory for block {n}, and the answer was {errno}");
            Assert.Equal(live, NativeBlocks.LiveCountOfThread);
            after?.Invoke();
        }
    }

    /// <returns>Whether the call needed fewer blocks.</returns>
    internal static bool FailsAt(int n, Func<Errno> call, out Errno errno)
    {
        NativeBlocks.OutOfMemoryAtForTest = n;
        try
        {
            errno = call();
            return NativeBlocks.OutOfMemoryAtForTest != 0;
        }
        finally
        {
            NativeBlocks.OutOfMemoryAtForTest = 0;
        }
    }
}
