using System.Reflection;
using System.Text.RegularExpressions;
using PamuFastPath.Tests.Run;

namespace PamuFastPath.Tests.Limits;

/// <summary>
/// The pages that say which test shows what name tests and files that are there. A name is a word of code that looks like one of a test class (<c>XTests</c>,
/// <c>XTests.Method</c>, also <c>XTests.Beginning…</c>) or a path from the root of the repository, perhaps with a function or part that is in the file.
/// </summary>
public sealed partial class PageNamesTests
{
    private const string Security = "docs/security.md";

    private static readonly ILookup<string, Type> Types = typeof(PageNamesTests).Assembly.GetTypes().ToLookup(static type => type.Name);

    [Theory]
    [InlineData(Security, 60)]
    [InlineData("docs/failing.md", 6)]
    public void Every_test_and_file_that_a_page_names_is_there(string page, int namesMin)
    {
        string[] names = [.. Code(Read(page)).Where(IsName)];

        Assert.True(names.Length >= namesMin, $"{names.Length} names found");
        Assert.All(names, static name => Assert.Null(WhatIsWrong(name)));
    }

    [Fact]
    public void Every_value_of_a_guest_and_every_limit_names_what_shows_it()
    {
        string[] rows = [.. Rows("Values a guest controls").Concat(Rows("Which tests show the limits"))];

        Assert.True(rows.Length >= 35, $"{rows.Length} rows found");
        Assert.All(rows, static row =>
        {
            string shown = LastCell(row);
            Assert.True(shown.StartsWith("the same", StringComparison.Ordinal) || Code(shown).Any(), $"nothing shows {row}");
            Assert.All(Code(shown), static name => Assert.True(IsName(name), name));
        });
    }

    [Fact]
    public void The_command_on_the_page_runs_every_test_that_the_page_names()
    {
        string page = Read(Security);
        string[] filtered = Command().Match(page).Groups[1].Value.Split('|');
        string[] named = [.. Code(page).Where(static name => TestName().IsMatch(name)).Select(static name => name.Split('.')[0])
            .Where(static name => name.EndsWith("Tests", StringComparison.Ordinal)).Distinct()];

        Assert.Equal(named.Order(StringComparer.Ordinal), filtered.Order(StringComparer.Ordinal));
    }

    /// <summary>What would rot is found: else the tests above could not fail.</summary>
    [Theory]
    [InlineData("KernelLimitTests", true)]
    [InlineData("KernelLimitsTests", false)]
    [InlineData("KernelAgreementTests.All_kernels_agree_with_the_single_translation", true)]
    [InlineData("KernelAgreementTests.All_kernels_agree…", true)]
    [InlineData("KernelAgreementTests.All_kernels_agree", false)]
    [InlineData("KernelAgreementTests.No_kernels_agree…", false)]
    [InlineData("KernelAgreementTests.Accesses", false)]
    [InlineData("PublicationStress", true)]
    [InlineData("PublicationsStress", false)]
    [InlineData("Tests/Native/run agreement", true)]
    [InlineData("Tests/Native/run disagreement", false)]
    [InlineData("Tests/Native/abi/handle.c handles_that_are_none_are_EBADF", true)]
    [InlineData("Tests/Native/abi/handle.c handles_that_are_none", false)]
    [InlineData("Tests/Native/abi/handles.c", false)]
    [InlineData("Tests/Soak", true)]
    [InlineData("Engine/NativeBlocks.cs", true)]
    [InlineData("Engine/NativeBlock.cs", false)]
    public void A_name_that_is_not_there_is_noticed(string name, bool isThere)
    {
        Assert.True(IsName(name));
        Assert.Equal(isThere, WhatIsWrong(name) == null);
    }

    private static bool IsName(string code) => TestName().IsMatch(code) || PathName().IsMatch(code);

    private static string? WhatIsWrong(string name) => TestName().Match(name) is { Success: true } test
        ? IsTest(test.Groups[1].Value, test.Groups[2].Value) ? null : $"there is no test {name}"
        : IsInRepository(PathName().Match(name)) ? null : $"{name} is not in the repository";

    private static bool IsTest(string type, string method)
    {
        if (method.Length == 0)
        {
            return Types.Contains(type);
        }

        bool isBeginning = method.EndsWith('…');
        string begins = method.TrimEnd('…');
        return Types[type].SelectMany(static one => one.GetMethods())
            .Any(one => (isBeginning ? one.Name.StartsWith(begins, StringComparison.Ordinal) : one.Name == begins)
                && one.GetCustomAttribute<FactAttribute>() != null);
    }

    private static bool IsInRepository(Match path)
    {
        string full = Path.Combine(RunCase.Repository, path.Groups[1].Value);
        string word = path.Groups[2].Value;
        return word.Length == 0
            ? File.Exists(full) || Directory.Exists(full)
            : File.Exists(full) && Regex.IsMatch(File.ReadAllText(full), $@"\b(part_)?{word}\b");
    }

    private static string Read(string page) => File.ReadAllText(Path.Combine(RunCase.Repository, page));

    /// <summary>What stands between single back quotes; listings and commands are not names.</summary>
    private static IEnumerable<string> Code(string text) => Quoted().Matches(Listing().Replace(text, "")).Select(static match => match.Groups[1].Value);

    /// <summary>The rows of the table under a heading, its head left out.</summary>
    private static IEnumerable<string> Rows(string heading)
    {
        string page = Read(Security);
        int start = page.IndexOf($"# {heading}\n", StringComparison.Ordinal);
        Assert.True(start >= 0, $"there is no heading '{heading}'");
        return page[start..].Split('\n').SkipWhile(static line => !line.StartsWith('|')).TakeWhile(static line => line.StartsWith('|')).Skip(2);
    }

    private static string LastCell(string row) => row.TrimEnd().TrimEnd('|').Split(" | ")[^1].Trim();

    [GeneratedRegex("`([^`\n]+)`")]
    private static partial Regex Quoted();

    [GeneratedRegex("^```.*?^```", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex Listing();

    [GeneratedRegex("^dotnet test -c Release --filter \"([^\"]+)\"$", RegexOptions.Multiline)]
    private static partial Regex Command();

    [GeneratedRegex(@"^(\w+(?:Tests|Stress))(?:\.(\w+…?))?$")]
    private static partial Regex TestName();

    [GeneratedRegex(@"^((?:Tests|Engine|Interop|Cli|Bench|docs|samples|scenarios)/[\w./-]+)(?: (\w+))?$")]
    private static partial Regex PathName();
}
