using PamuFastPath.Bench.Baselines;
using PamuFastPath.Bench.Workloads;
using PamuFastPath.Tests.Kernels;

namespace PamuFastPath.Tests.Baselines;

/// <summary>A comparison is worth something only if both sides give the same answers.</summary>
public class BaselineAgreementTests
{
    private const int Accesses = 1_000_000;
    private const int AccessesPerTable = 5_000;

    private delegate Translation Way(ulong iova, ulong length, DmaAccess access);

    [Fact]
    public void Baselines_that_check_agree_with_the_single_translation()
    {
        var random = new Random(7);
        var kinds = new Dictionary<TranslationKind, int>();
        for (int done = 0; done < Accesses; done += AccessesPerTable)
        {
            using var table = new RandomTable(random);
            CheckTable(table, random, kinds);
        }

        Assert.All(
            Enum.GetValues<TranslationKind>(), kind => Assert.True(kinds.GetValueOrDefault(kind) > Accesses / 1000, $"too few of {kind}"));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(16)]
    [InlineData(256)]
    public void The_two_level_directory_agrees_on_accesses_that_hit(int windows)
    {
        using var table = new BenchTable(windows);
        using var baselines = new BaselineSet(table);
        TwoLevelDirectory.Lookup directory = baselines.TwoLevel;
        var random = new Random(8);
        int hits = 0;
        while (hits < Accesses / 3)
        {
            ulong iova = (ulong)random.NextInt64((long)((ulong)windows * table.WindowBytes));
            Translation expected = table.Reader.Translate(table.Container, iova, 64, DmaAccess.Read);
            if (expected.IsDma)
            {
                Same(expected.Target, directory.Target(iova, 64, DmaAccess.Read), nameof(TwoLevelDirectory), iova);
                hits++;
            }
        }
    }

    private static void CheckTable(RandomTable table, Random random, Dictionary<TranslationKind, int> kinds)
    {
        using PamuReader reader = table.Engine.CreateReader();
        using NativeArray<Region> regions = Region.LiveRegions(reader, table.Container);
        using var sorted = new SortedRanges(regions);
        using var tree = new RegionTree(regions);
        using var dictionary = new LockedDictionary(regions, (int)ulong.Log2(table.Container.WindowSize));
        (string Name, Way Translate)[] ways =
        [
            (nameof(LinearList), new LinearList(regions).Translate),
            (nameof(SortedRanges), sorted.Searcher.Translate),
            (nameof(RegionTree), tree.NewSearcher().Translate),
            (nameof(LockedDictionary), dictionary.Reader.Translate),
        ];

        for (int i = 0; i < AccessesPerTable; i++)
        {
            ulong iova = table.SomeIova(random);
            ulong length = table.SomeLength(random);
            var access = (DmaAccess)random.Next(2);
            Translation expected = reader.Translate(table.Container, iova, length, access);
            kinds[expected.Kind] = kinds.GetValueOrDefault(expected.Kind) + 1;
            foreach ((string name, Way translate) in ways)
            {
                Translation got = translate(iova, length, access);
                Same(expected.Target, got.Target, name, iova);
                Same((ulong)expected.MsiBank, (ulong)got.MsiBank, name, iova);
            }
        }
    }

    private static void Same(ulong expected, ulong got, string name, ulong iova) =>
        Assert.True(expected == got, expected == got ? "" : $"{name} at 0x{iova:x}: 0x{got:x}, not 0x{expected:x}");
}
