using System.Runtime.InteropServices;

namespace PamuFastPath.Tests.ByteDoor;

/// <summary>A page of argument memory with an inaccessible page behind it, so that one byte read too far is EFAULT.</summary>
internal sealed unsafe partial class GuardedMemory : IDisposable
{
    internal const int PageBytes = 4096;

    private const int None = 0;
    private const int Read = 1;
    private const int ReadWrite = 3;
    private const int PrivateAnonymous = 0x22;

    private readonly byte* _page;

    internal GuardedMemory()
    {
        nint mapped = mmap(0, 2 * PageBytes, ReadWrite, PrivateAnonymous, -1, 0);
        Assert.NotEqual(-1, mapped);
        _page = (byte*)mapped;
        Assert.Equal(0, mprotect(_page + PageBytes, PageBytes, None));
    }

    /// <summary>The last bytes before the inaccessible page.</summary>
    internal Span<byte> Last(int length) => new(_page + PageBytes - length, length);

    /// <summary>Their address.</summary>
    internal nuint AddressOfLast(int length) => (nuint)(_page + PageBytes - length);

    /// <summary>Lets the page be written, or only read.</summary>
    internal void SetWritable(bool isWritable) => Assert.Equal(0, mprotect(_page, PageBytes, isWritable ? ReadWrite : Read));

    public void Dispose() => Assert.Equal(0, munmap(_page, 2 * PageBytes));

    [LibraryImport("libc")]
    private static partial nint mmap(nint address, nuint length, int protection, int flags, int fd, nint offset);

    [LibraryImport("libc")]
    private static partial int mprotect(byte* address, nuint length, int protection);

    [LibraryImport("libc")]
    private static partial int munmap(byte* address, nuint length);
}
