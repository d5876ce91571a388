namespace PamuFastPath.Tests.Kernels;

/// <summary>Batches through every kernel that can run, compared with the single translation bit by bit.</summary>
internal static class KernelCheck
{
    /// <summary>One random batch, with one length for all and with a length each.</summary>
    /// <returns>How many accesses were compared, over all kernels.</returns>
    internal static long Batch(RandomTable table, Random random, SortedDictionary<BatchKernel, long> counts)
    {
        int count = random.Next(4) == 0 ? random.Next(70) : random.Next(1, 2000);
        DmaAccess access = (DmaAccess)random.Next(2);
        ulong[] iovas = new ulong[count];
        uint[] lengths = new uint[count];
        for (int i = 0; i < count; i++)
        {
            iovas[i] = table.SomeIova(random);
            lengths[i] = (uint)Math.Min(table.SomeLength(random), uint.MaxValue);
        }

        ulong uniform = table.SomeLength(random);
        using PamuReader reader = table.Engine.CreateReader();
        using ReaderSection section = reader.Enter(table.Container);
        long checkedAccesses = 0;
        foreach (bool perElement in new[] { false, true })
        {
            Expected expected = Expect(section, iovas, lengths, uniform, perElement, access);
            foreach (BatchKernel kernel in Enum.GetValues<BatchKernel>())
            {
                if (!section.CanRun(kernel))
                {
                    continue;
                }

                bool inPlace = random.Next(2) == 0;
                ulong[] buffer = new ulong[count + 1];
                int shift = random.Next(2); // odd starts: spans are not aligned
                iovas.CopyTo(buffer, shift == 1 ? 1 : 0);
                Span<ulong> from = buffer.AsSpan(shift, count);
                ulong[] elsewhere = Rubbish(count);
                Span<ulong> to = inPlace ? from : elsewhere;
                int words = (count + 63) / 64;
                ulong[] fault = Rubbish(words); // what was there before must not matter
                ulong[] cross = Rubbish(words);
                ulong[] msi = Rubbish(words);
                BatchResult result = perElement
                    ? section.TranslateBatch(from, lengths, access, to, fault, cross, msi, kernel)
                    : section.TranslateBatch(from, uniform, access, to, fault, cross, msi, kernel);

                string where = $"{kernel}, {(perElement ? "lengths" : $"length {uniform}")}, {access}, {table}";
                AssertSame(expected.Targets, to, iovas, where);
                Assert.True(expected.Fault.AsSpan().SequenceEqual(fault), "fault mask: " + where);
                Assert.True(expected.Cross.AsSpan().SequenceEqual(cross), "cross mask: " + where);
                Assert.True(expected.Msi.AsSpan().SequenceEqual(msi), "MSI mask: " + where);
                Assert.Equal(expected.Result, result);
                counts[kernel] = counts.GetValueOrDefault(kernel) + count;
                checkedAccesses += count;
            }
        }

        return checkedAccesses;
    }

    private static ulong[] Rubbish(int count)
    {
        ulong[] values = new ulong[count];
        Array.Fill(values, 0x5A5A_5A5A_5A5A_5A5AUL);
        return values;
    }

    private static void AssertSame(ulong[] expected, ReadOnlySpan<ulong> got, ulong[] iovas, string where)
    {
        int differs = expected.AsSpan().CommonPrefixLength(got);
        Assert.True(differs == expected.Length,
            differs == expected.Length
                ? ""
                : $"0x{iovas[differs]:x} -> 0x{got[differs]:x}, not 0x{expected[differs]:x}, element {differs} of {expected.Length}: {where}");
    }

    private static Expected Expect(in ReaderSection section, ulong[] iovas, uint[] lengths, ulong uniform, bool perElement, DmaAccess access)
    {
        int words = (iovas.Length + 63) / 64;
        var expected = new Expected(new ulong[iovas.Length], new ulong[words], new ulong[words], new ulong[words]);
        int dma = 0, msi = 0, faults = 0, crosses = 0;
        for (int i = 0; i < iovas.Length; i++)
        {
            Translation answer = section.Translate(iovas[i], perElement ? lengths[i] : uniform, access);
            expected.Targets[i] = answer.Target;
            ulong bit = 1UL << (i % 64);
            switch (answer.Kind)
            {
                case TranslationKind.Dma:
                    dma++;
                    break;
                case TranslationKind.Msi:
                    expected.Msi[i / 64] |= bit;
                    msi++;
                    break;
                case TranslationKind.Crosses:
                    expected.Cross[i / 64] |= bit;
                    crosses++;
                    break;
                default:
                    expected.Fault[i / 64] |= bit;
                    faults++;
                    break;
            }
        }

        return expected with { Result = new BatchResult(dma, msi, faults, crosses) };
    }

    private sealed record Expected(ulong[] Targets, ulong[] Fault, ulong[] Cross, ulong[] Msi)
    {
        internal BatchResult Result { get; init; }
    }
}
