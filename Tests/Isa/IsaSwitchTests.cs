using System.Runtime.Intrinsics;
using Xunit.Abstractions;

namespace PamuFastPath.Tests.Isa;

/// <summary>
/// The ISA matrix of <c>.ci/run</c> switches instruction sets off by environment variables. A variable that the runtime ignores would make
/// the matrix test the same path four times, so every run says which sets it sees and holds that against its variables.
/// </summary>
public class IsaSwitchTests(ITestOutputHelper output)
{
    [Fact]
    public void A_switched_off_instruction_set_is_really_off()
    {
        bool v128 = Vector128.IsHardwareAccelerated;
        bool v256 = Vector256.IsHardwareAccelerated;
        bool v512 = Vector512.IsHardwareAccelerated;
        output.WriteLine($"Vector128 {v128}, Vector256 {v256}, Vector512 {v512}");

        if (IsOff("DOTNET_EnableHWIntrinsic"))
        {
            Assert.False(v128 || v256 || v512, "DOTNET_EnableHWIntrinsic=0 left a vector width accelerated");
        }

        if (IsOff("DOTNET_EnableAVX2"))
        {
            Assert.False(v256 || v512, "DOTNET_EnableAVX2=0 left 256 or 512 bits accelerated");
        }

        if (IsOff("DOTNET_EnableAVX512"))
        {
            Assert.False(v512, "DOTNET_EnableAVX512=0 left 512 bits accelerated");
        }

        Assert.False(IsOff("DOTNET_EnableAVX512F"), "DOTNET_EnableAVX512F=0 switches nothing off on this runtime");
    }

    private static bool IsOff(string variable) => Environment.GetEnvironmentVariable(variable) == "0";
}
