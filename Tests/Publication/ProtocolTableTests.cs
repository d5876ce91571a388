using System.Reflection;
using System.Text.RegularExpressions;
using PamuFastPath.Tests.Run;

namespace PamuFastPath.Tests.Publication;

/// <summary>
/// The tables of docs/publication.md say which line of the code each step of the model stands for. Whoever renames one of the three has to look at the
/// others: what a table names must be there, and a step that is there must be in a table.
/// </summary>
public sealed class ProtocolTableTests
{
    private const BindingFlags Declared =
        BindingFlags.DeclaredOnly | BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic;

    private static readonly string Root = RunCase.Repository;
    private static readonly string Page = Read("docs", "publication.md");
    private static readonly string Header = Read("Interop", "Native", "include", "pamu.h");
    private static readonly string Publish = ReadAll("*.cs", "Engine", "Publish");
    private static readonly string Model = Regex.Replace(ReadAll("*.pml", "Tests", "Spin"), @"/\*.*?\*/", " ", RegexOptions.Singleline);

    [Fact]
    public void Every_step_of_the_model_has_a_row()
    {
        List<string> steps = [.. Found(Model, @"^#define ([A-Z]\d[a-z]\w*)")];

        Assert.NotEmpty(steps);
        AssertNone(steps.Except(Rows("in the model").SelectMany(static row => Spans(row[0]))));
    }

    [Fact]
    public void Every_label_of_a_row_is_in_the_model()
    {
        List<string> labels = [.. Rows("in the model").SelectMany(static row => Spans(row[0]))];

        Assert.NotEmpty(labels);
        AssertNone(labels.Where(static label => !Regex.IsMatch(Model, $@"\b{Regex.Escape(label)}\b")));
    }

    [Fact]
    public void Every_symbol_of_a_row_is_in_the_code()
    {
        List<string[]> rows = [.. Rows("in the model"), .. Rows("")];

        AssertNone(rows.Where(static row => !Spans(row[^1]).Any()).Select(static row => $"nothing of the code in the row of {row[0]}"));
        AssertNone(rows.SelectMany(static row => Spans(row[^1])).Where(static symbol => !IsInCode(symbol)));
    }

    [Fact]
    public void The_steps_that_comments_name_are_those_of_the_page_and_of_the_model()
    {
        List<string> steps = [.. Rows("").Select(static row => row[0])];
        List<string> labels = [.. Rows("in the model").SelectMany(static row => Spans(row[0]))];
        List<string> named = [.. Found(Publish + Header, @"\b([RW]\d)\b")];

        Assert.NotEmpty(steps);
        AssertNone(steps.Except(named));
        AssertNone(named.Where(step => !labels.Any(label => label.StartsWith(step, StringComparison.Ordinal))));
        AssertNone(named.Except(steps));
    }

    /// <summary>A failure shows which there are.</summary>
    private static void AssertNone(IEnumerable<string> missing)
    {
        List<string> all = [.. missing];
        Assert.Empty(all);
    }

    /// <summary>`Type.Member` or `Type` of the engine or of .NET's core, `~Type` for a finalizer, a function of the C interface.</summary>
    private static bool IsInCode(string symbol)
    {
        if (symbol.StartsWith("pamu_", StringComparison.Ordinal))
        {
            return Regex.IsMatch(Header, $@"^[A-Za-z].*\b{Regex.Escape(symbol)}\(", RegexOptions.Multiline);
        }

        string[] parts = symbol.StartsWith('~') ? [symbol[1..], "Finalize"] : symbol.Split('.');
        IEnumerable<Type> types = typeof(PamuEngine).Assembly.GetTypes().Append(typeof(GC)).Where(type => type.Name == parts[0]);
        return parts.Length == 1 ? types.Any() : types.Any(type => type.GetMember(parts[1], Declared).Length > 0);
    }

    /// <summary>The rows of the tables whose first column has this heading, cell by cell.</summary>
    private static IEnumerable<string[]> Rows(string heading)
    {
        string? current = null;
        foreach (string line in Page.Split('\n'))
        {
            if (!line.StartsWith('|'))
            {
                current = null;
                continue;
            }

            string[] cells = [.. line.Trim()[1..^1].Split('|').Select(static cell => cell.Trim())];
            if (current == null)
            {
                current = cells[0];
            }
            else if (current == heading && !cells[0].StartsWith("--", StringComparison.Ordinal))
            {
                yield return cells;
            }
        }
    }

    private static IEnumerable<string> Spans(string cell) => Found(cell, "`([^`]+)`");

    private static IEnumerable<string> Found(string text, string pattern) =>
        Regex.Matches(text, pattern, RegexOptions.Multiline).Select(static match => match.Groups[1].Value).Distinct();

    private static string Read(params ReadOnlySpan<string> path) => File.ReadAllText(Path.Combine([Root, .. path]));

    private static string ReadAll(string pattern, params ReadOnlySpan<string> path) =>
        string.Join('\n', Directory.GetFiles(Path.Combine([Root, .. path]), pattern).Select(File.ReadAllText));
}
