using PamuFastPath.Interop;

namespace PamuFastPath.Tests.Vfio;

public sealed class MemoryLockTests
{
    private const string Head = "Limit                     Soft Limit           Hard Limit           Units     \n";

    [Theory]
    [InlineData("Max locked memory         8388608              67108864             bytes     \n", 8_388_608ul)]
    [InlineData("Max locked memory         unlimited            unlimited            bytes     \n", null)]
    [InlineData("Max processes             62987                62987                processes \n", null)]
    [InlineData("Max locked memory", null)]
    public void The_soft_limit_is_read(string row, ulong? bytes) => Assert.Equal(bytes, MemoryLock.Parse(Head + row));
}
