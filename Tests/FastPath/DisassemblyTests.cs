using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using System.Text.RegularExpressions;
using PamuFastPath.Tests.Child;

namespace PamuFastPath.Tests.FastPath;

/// <summary>Reads the machine code of the per-access path, so that a compiler or an edit that spoils it is noticed.</summary>
public partial class DisassemblyTests
{
    private const string X64Only = "reads x64 machine code";

    private static readonly Lazy<Dictionary<string, string[]>> Listings = new(Disassemble);

    public static TheoryData<string> Probes => ["ProbeOneAccess", "ProbeOneCall", "ProbeInsideSection", "ProbeLiodn"];

    [SkippableX64Theory(X64Only)]
    [MemberData(nameof(Probes))]
    public void Calls_stand_on_refusal_paths_only(string probe)
    {
        string[] code = Listings.Value[probe];
        string[] slow = ["AccessCounter:TranslateOther", "PamuReader:AssertUsable", "PamuReader:TranslateNested"];

        Assert.All(code.Where(line => line.StartsWith("call", StringComparison.Ordinal)), line =>
            Assert.Contains(slow, method => line.Contains(method, StringComparison.Ordinal)));
        Assert.True(ReachesReturnWithoutCall(code), "no way from entry to return without a call");
    }

    [SkippableX64Theory(X64Only)]
    [MemberData(nameof(Probes))]
    public void There_is_no_lock_fence_or_bounds_check(string probe)
    {
        string[] forbidden = ["lock", "mfence", "sfence", "xchg", "cmpxchg", "CORINFO_HELP"];
        Assert.All(Listings.Value[probe], line =>
            Assert.DoesNotContain(forbidden, word => line.Contains(word, StringComparison.Ordinal)));
    }

    [SkippableX64Theory(X64Only)]
    [InlineData("ProbeOneAccess")]
    [InlineData("ProbeOneCall")]
    [InlineData("ProbeLiodn")]
    public void The_announcement_stands_before_the_table_load(string probe)
    {
        string[] code = Listings.Value[probe];

        int announce = SlotStores(code)[0];
        int shift = Array.FindIndex(code, line => line.Contains("+0x20]", StringComparison.Ordinal) && line.Contains("dword ptr", StringComparison.Ordinal)
            && !line.Contains("qword", StringComparison.Ordinal));
        Assert.True(shift >= 0, "first use of the table not found");

        // The table pointer is the base register of its first use; its load is the last write to that register before.
        string table = Regex.Match(code[shift], @"\[(\w+)\+0x20\]").Groups[1].Value;
        int load = Array.FindLastIndex(code, shift, line => Regex.IsMatch(line, $@"^mov +{table}, qword ptr \["));
        Assert.True(announce < load, $"announce at {announce}, table load at {load}:\n" + string.Join("\n", code));
    }

    /// <summary>The cell, too, is freed after a grace period.</summary>
    [SkippableX64Fact(X64Only)]
    public void The_announcement_stands_before_the_load_of_a_LIODNs_cell()
    {
        string[] code = Listings.Value["ProbeLiodn"];

        int load = Array.FindIndex(code, line => Regex.IsMatch(line, @"^mov \w+, qword ptr \[\w+\+8\*\w+\]"));
        Assert.True(load >= 0, "load from the map of LIODNs not found");
        Assert.True(SlotStores(code)[0] < load, string.Join("\n", code));
    }

    [SkippableX64Theory(X64Only)]
    [InlineData("ProbeOneAccess")]
    [InlineData("ProbeOneCall")]
    [InlineData("ProbeLiodn")]
    public void The_leave_stands_after_the_last_use_of_the_table(string probe)
    {
        string[] code = Listings.Value[probe];

        int delta = Array.FindLastIndex(code, line => Regex.IsMatch(line, @"^mov \w+, qword ptr \[\w+\+0x100\]"));
        Assert.True(delta >= 0, "load of the delta not found");
        Assert.True(SlotStores(code) is [_, int leave, ..] && delta < leave, string.Join("\n", code));
    }

    /// <summary>A bounds check can be mispredicted, a masked index cannot leave its array: docs/security.md.</summary>
    [SkippableX64Theory(X64Only)]
    [MemberData(nameof(Probes))]
    public void Indexes_are_masked_after_the_last_branch_and_before_the_load(string probe)
    {
        string code = string.Join("\n", Listings.Value[probe]);

        // Window: shift, cut to 8 bits, scaled into the 256 entries of a column.
        Assert.Matches(@"shrx +(\w+), \w+, \w+\nmovzx +\1, \w+\nlea +(\w+), \[\w+\+8\*\1\]\nmov +\w+, qword ptr \[\2\+0x1100\]", code);
        if (probe == "ProbeLiodn")
        {
            Assert.Matches(@"and +e(\w+), \w+\nmov +\w+, qword ptr \[\w+\+8\*r\1\]", code);
        }
    }

    /// <summary>Where the reader's slot is written: the announcement, then the leave (two of them, where one is for exceptions).</summary>
    private static int[] SlotStores(string[] code)
    {
        // The slot's register is the one that is compared with 0 on entry (is this a nested section?).
        int test = Array.FindIndex(code, line => NestedTest().IsMatch(line));
        Assert.True(test >= 0, "the nested-section test is not where it was: " + string.Join("\n", code));
        string slot = NestedTest().Match(code[test]).Groups[1].Value;

        int[] stores = [.. Enumerable.Range(0, code.Length).Where(i => code[i].StartsWith($"mov qword ptr [{slot}], ", StringComparison.Ordinal))];
        Assert.NotEmpty(stores);
        return stores;
    }

    /// <summary>
    /// What a gather reads is chosen by eight bits of each lane, as a constant of the code has it; there is no gather in a kernel that looks entries
    /// up in registers.
    /// </summary>
    [SkippableX64Fact(X64Only)]
    public void Gathers_use_indexes_that_are_cut_to_8_bits()
    {
        int gathers = 0;
        foreach ((string kernel, string[] code) in Listings.Value.Where(listing => listing.Key.Contains("Kernel", StringComparison.Ordinal)))
        {
            int here = 0;
            for (int i = 0; i < code.Length; i++)
            {
                if (code[i].StartsWith("vpgather", StringComparison.Ordinal))
                {
                    here++;
                    Assert.True(IsCutTo8Bits(code, i, GatherIndex().Match(code[i]).Groups[1].Value), $"{kernel}: {code[i]}\n" + string.Join("\n", code));
                }
            }

            Assert.Equal(kernel.Contains(":Gather", StringComparison.Ordinal), here > 0);
            gathers += here;
        }

        // Two columns, twice a step, for one length and for many; more with wider registers.
        Assert.True(gathers >= 8, $"{gathers} gathers found");
    }

    /// <summary>The kernels that load entries one by one, beside the single translation that the probes show.</summary>
    [SkippableX64Theory(X64Only)]
    [InlineData("UniformLength")]
    [InlineData("ElementLengths")]
    public void Loads_of_single_entries_use_indexes_that_are_cut_to_8_bits(string lengths)
    {
        string[] scalar = Listings.Value[$"ScalarKernel:Run[PamuFastPath.{lengths}]"];
        Assert.Matches(@"shrx +(\w+), \w+, \w+\nmovzx +(\w+), \w+\nlea +\w+, \[\w+\+8\*\2\]", string.Join("\n", scalar));

        string[] pairs = Listings.Value[$"Vector128Kernel:Run[PamuFastPath.{lengths}]"];
        int[] loads = [.. Enumerable.Range(0, pairs.Length).Where(i => EntryLoad().IsMatch(pairs[i]))];
        Assert.Equal(4, loads.Length);
        Assert.All(loads, load =>
        {
            string index = EntryLoad().Match(pairs[load]).Groups[1].Value;
            Assert.StartsWith("movzx", pairs[LastWrite(pairs, load, index)], StringComparison.Ordinal);
        });
    }

    /// <summary>Whether a vector register is a copy or a half of one that was masked with 0xFF in each lane.</summary>
    private static bool IsCutTo8Bits(string[] code, int at, string number)
    {
        int write = LastWrite(code, at, $"[xyz]mm{number}");
        return write >= 0 && VectorOperation().Match(code[write]) is { Success: true } operation && (operation.Groups[1].Value switch
        {
            "vmovaps" or "vextracti64x4" or "vextracti128" => IsCutTo8Bits(code, write, operation.Groups[2].Value),
            "vpand" or "vpandq" => IsByteMask(code, write, operation.Groups[2].Value) || IsByteMask(code, write, operation.Groups[3].Value),
            _ => false,
        });
    }

    /// <summary>Whether an operand, the number of a register or a constant, is 0xFF in each lane.</summary>
    private static bool IsByteMask(string[] code, int at, string operand)
    {
        if (Constant().Match(operand) is { Success: true } constant)
        {
            string line = Array.Find(code, line => line.StartsWith(constant.Groups[1].Value + " dq ", StringComparison.Ordinal)) ?? "";
            return ByteMask().IsMatch(line);
        }

        int write = LastWrite(code, at, $"[xyz]mm{operand}");
        return write >= 0 && Broadcast().IsMatch(code[write]) && IsByteMask(code, write, code[write]);
    }

    private static int LastWrite(string[] code, int before, string register) =>
        before == 0 ? -1 : Array.FindLastIndex(code, before - 1, line => Regex.IsMatch(line, $@"^(?!cmp)\w+ {register}(,|$)"));

    /// <summary>Depth-first over the listing: jumps are followed both ways, a call ends a path.</summary>
    private static bool ReachesReturnWithoutCall(string[] code)
    {
        var labels = code.Select((line, i) => (line, i)).Where(x => x.line.EndsWith(':')).ToDictionary(x => x.line.TrimEnd(':'), x => x.i);
        var seen = new HashSet<int>();
        var open = new Stack<int>([0]);
        while (open.TryPop(out int at))
        {
            for (; at < code.Length && seen.Add(at); at++)
            {
                string line = code[at];
                if (line.StartsWith("ret", StringComparison.Ordinal))
                {
                    return true;
                }

                if (line.StartsWith("call", StringComparison.Ordinal))
                {
                    break;
                }

                if (line.StartsWith('j'))
                {
                    open.Push(labels[line.Split(' ')[^1]]);
                    if (line.StartsWith("jmp", StringComparison.Ordinal))
                    {
                        break;
                    }
                }
            }
        }

        return false;
    }

    private static Dictionary<string, string[]> Disassemble()
    {
        string file = Path.GetTempFileName();
        try
        {
            var environment = new Dictionary<string, string>
            {
                ["DOTNET_TieredCompilation"] = "0",
                ["DOTNET_JitStdOutFile"] = file,
                ["DOTNET_JitDisasm"] = "Probe* *Kernel*:*",
            };
            ChildResult child = ChildProcess.Run(TimeSpan.FromMinutes(1), environment, "fast-path-probe");
            Assert.True(child.ExitCode == 0, child.ToString());
            return Parse(File.ReadAllLines(file));
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static Dictionary<string, string[]> Parse(string[] lines)
    {
        var listings = new Dictionary<string, List<string>>();
        List<string> current = [];
        foreach (string raw in lines)
        {
            Match header = ListingHeader().Match(raw);
            if (header.Success)
            {
                listings[header.Groups[1].Value + header.Groups[2].Value] = current = [];
                continue;
            }

            string line = raw.Split(';')[0].Trim();
            if (line.Length > 0)
            {
                current.Add(SpaceRun().Replace(line, " "));
            }
        }

        return listings.ToDictionary(x => x.Key, x => x.Value.ToArray());
    }

    [GeneratedRegex(@"^; Assembly listing for method (?:.*:(Probe\w+)|PamuFastPath\.(\w+Kernels?:.+?))\(")]
    private static partial Regex ListingHeader();

    [GeneratedRegex(@"\[\w+\+8\*[xyz]mm(\d+)\]")]
    private static partial Regex GatherIndex();

    [GeneratedRegex(@"^(?:vmovq|vpinsrq) .*\[\w+\+8\*(\w+)\]")]
    private static partial Regex EntryLoad();

    [GeneratedRegex(@"^(\w+) [xyz]mm\d+, [xyz]mm(\d+)(?:, (?:[xyz]mm)?(.+))?$")]
    private static partial Regex VectorOperation();

    [GeneratedRegex(@"^vp?broadcast(sd|q) \w+, qword ptr \[reloc @RWD\d+\]")]
    private static partial Regex Broadcast();

    [GeneratedRegex("^RWD\\d+ dq 00000000000000FFh(, 00000000000000FFh)*$")]
    private static partial Regex ByteMask();

    [GeneratedRegex(@"@(RWD\d+)\]")]
    private static partial Regex Constant();

    [GeneratedRegex(@"^cmp qword ptr \[(\w+)\], 0$")]
    private static partial Regex NestedTest();

    [GeneratedRegex(@"\s+")]
    private static partial Regex SpaceRun();
}

internal sealed class SkippableX64FactAttribute : FactAttribute
{
    public SkippableX64FactAttribute(string what) => Skip = MachineCode.WhyNotRead(what);
}

internal sealed class SkippableX64TheoryAttribute : TheoryAttribute
{
    public SkippableX64TheoryAttribute(string what) => Skip = MachineCode.WhyNotRead(what);
}

internal static class MachineCode
{
    /// <summary>The listings are read as they are on x64 with AVX2 and BMI2, which nearly every machine has; null if this one has them.</summary>
    internal static string? WhyNotRead(string what) =>
        RuntimeInformation.ProcessArchitecture != Architecture.X64 ? $"{what}; this machine is {RuntimeInformation.ProcessArchitecture}"
        : !Avx2.IsSupported || !Bmi2.X64.IsSupported ? $"{what} of processors with AVX2 and BMI2; here they are switched off or not there"
        : null;
}
