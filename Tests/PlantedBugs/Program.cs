// Plants bugs in the engine, one by one, and checks that the tests notice every one of them (docs/planted-bugs.md).

using System.Globalization;
using PamuFastPath.Tests.PlantedBugs;

const string Usage = """
    planted-bugs: plants bugs in the engine and checks that the tests notice.
      check                     every bug of the list can still be planted
      sample [COUNT [SEED]]     some of them, 4 by default; the seed is printed
      only NAME...              these
      fuzz [SECONDS [NAME...]]  those that the fuzzer has to find, for 60 seconds each by default; needs Interop/Native/build
      all [--resume]            all of them, and docs/planted-bugs.md; --resume goes on where a run of the same sources was interrupted
    exit code: 0 all were noticed, 1 one was not, 2 a bad call or list, 3 none went unnoticed, but this processor cannot show all of them
    """;

string root = AppContext.BaseDirectory;
while (!File.Exists(Path.Combine(root, "PamuFastPath.sln")))
{
    root = Path.GetDirectoryName(root) ?? throw new DirectoryNotFoundException($"no PamuFastPath.sln above {AppContext.BaseDirectory}");
}

try
{
    List<Bug> list = BugList.Read(root);
    List<Bug> bugs = [.. list.Where(bug => bug.IsCounted)];
    List<Bug> forFuzzer = [.. bugs.Where(bug => bug.Fuzz != null).OrderBy(bug => bug.Fuzz, StringComparer.Ordinal)];
    switch (args)
    {
        case ["check"]:
            Console.WriteLine($"{bugs.Count} bugs, {list.Count - bugs.Count} changes that no test can see: each can be planted in one place");
            return 0;
        case ["sample", .. string[] numbers] when numbers.Length <= 2 && numbers.All(number => int.TryParse(number, out int n) && n > 0):
            return Sample(numbers.Length > 0 ? Number(numbers[0]) : 4, numbers.Length > 1 ? Number(numbers[1]) : Random.Shared.Next(1, 1_000_000));
        case ["only", .. string[] names] when names.Length > 0:
            return SeekAll(Named(bugs, names));
        case ["fuzz"]:
            return SeekByFuzzing(60, forFuzzer);
        case ["fuzz", string seconds, .. string[] names] when int.TryParse(seconds, out int n) && n > 0:
            return SeekByFuzzing(n, names.Length == 0 ? forFuzzer : Named(forFuzzer, names));
        case ["all"]:
            return All(isResumed: false);
        case ["all", "--resume"]:
            return All(isResumed: true);
        default:
            Console.Error.WriteLine(Usage);
            return 2;
    }

    int Sample(int count, int seed)
    {
        Console.WriteLine($"{count} of {bugs.Count} bugs, seed {seed}");

        // A hang takes a minute to see; races are left to the litmus, and breaks of the model to the model's own runs.
        Bug[] chosen = [.. bugs.Where(bug => Processor.Has(bug.Needs) && bug.HangsAfter == 0 && !bug.Races && !bug.Litmus && bug.Model == null)];
        new Random(seed).Shuffle(chosen);
        return SeekAll(chosen[..Math.Min(count, chosen.Length)]);
    }

    int SeekAll(IReadOnlyList<Bug> chosen)
    {
        var hunt = new Hunt(root);
        return hunt.IsQuietWithoutBugs(chosen, isWhole: false) ? Sum(hunt.Confirm([.. chosen.Select(hunt.Seek)])) : 1;
    }

    int SeekByFuzzing(int seconds, List<Bug> asked)
    {
        var hunt = new FuzzHunt(root);
        int found = asked.Count(bug => hunt.Seek(bug, seconds));
        Console.WriteLine($"{found} of {asked.Count} bugs found");
        return found == asked.Count ? 0 : 1;
    }

    int All(bool isResumed)
    {
        var record = new Record(root);
        if (!isResumed)
        {
            record.Clear();
        }

        Dictionary<string, Finding> known = record.Read().GroupBy(finding => finding.Bug.Name).ToDictionary(same => same.Key, same => same.Last());
        var hunt = new Hunt(root);
        if (known.Count == 0 && !hunt.IsQuietWithoutBugs(bugs, isWhole: true))
        {
            return 1;
        }

        var findings = new List<Finding>();
        foreach (Bug bug in bugs)
        {
            if (!known.TryGetValue(bug.Name, out Finding? finding) || !finding.Bug.IsSameAs(bug))
            {
                finding = hunt.Seek(bug);
                if (finding.End != SuiteEnd.NotHere)
                {
                    record.Add(finding);
                }
            }

            findings.Add(finding with { Bug = bug });
        }

        findings = hunt.Confirm(findings);
        Page.Write(root, findings, [.. list.Where(bug => !bug.IsCounted)]);
        return Sum(findings);
    }
}
catch (BadListException wrong)
{
    Console.Error.WriteLine(wrong.Message);
    return 2;
}

static List<Bug> Named(List<Bug> bugs, string[] names)
{
    string? unknown = Array.Find(names, name => !bugs.Exists(bug => bug.Name == name));
    return unknown == null ? bugs.FindAll(bug => names.Contains(bug.Name)) : throw new BadListException($"there is no such bug: {unknown}");
}

static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

static int Sum(IReadOnlyList<Finding> findings)
{
    int caught = findings.Count(finding => finding.IsCaught);
    int argued = findings.Count(finding => finding.IsCaught && finding.Bug.Model != null);
    int notHere = findings.Count(finding => finding.End == SuiteEnd.NotHere);
    Console.WriteLine(
        $"{caught} of {findings.Count} bugs caught{(argued > 0 ? $", {argued} of them by the model, where this machine shows nothing" : "")}"
        + (notHere > 0 ? $"; {notHere} not tried, for want of a processor that shows them" : ""));
    return caught == findings.Count ? 0 : caught + notHere == findings.Count ? 3 : 1;
}
