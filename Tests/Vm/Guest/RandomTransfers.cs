using static PamuFastPath.Tests.Vm.Guest.Report;

namespace PamuFastPath.Tests.Vm.Guest;

/// <summary>
/// Random transfers, one per device at a time: any length, direction, place; edges of windows more often than chance would. About one in ten goes
/// where nothing is allowed, and moves nothing. After each round all memory is compared with the model.
/// </summary>
internal sealed class RandomTransfers(Machine machine, Random random)
{
    private readonly record struct Draw(DmaAccess Access, ulong Iova, int Offset, int Count, bool IsAllowed)
    {
        public bool Touches(Draw other) =>
            Iova < other.Iova + (uint)other.Count && other.Iova < Iova + (uint)Count && (Access == DmaAccess.Write || other.Access == DmaAccess.Write);
    }

    public string Run(int transfers)
    {
        int done = 0;
        int refused = 0;
        int crossing = 0;
        int rounds = 0;
        long bytes = 0;
        while (done < transfers)
        {
            var round = new List<Draw>();
            while (round.Count < Math.Min(machine.Devices.Count, transfers - done))
            {
                Draw draw = Next();
                if (!round.Exists(draw.Touches)) // which of two devices comes first is not known
                {
                    round.Add(draw);
                }
            }

            for (int i = 0; i < round.Count; i++)
            {
                machine.Devices[i].Start(round[i].Access, round[i].Iova, round[i].Offset, round[i].Count);
            }

            for (int i = 0; i < round.Count; i++)
            {
                Draw draw = round[i];
                DmaResult result = machine.InModel(machine.Devices[i], draw.Access, draw.Iova, draw.Offset, draw.Count);
                Require(result.IsOk == draw.IsAllowed, $"software on {draw}: {result}");
                refused += result.IsOk ? 0 : 1;
                crossing += draw.Iova / Machine.WindowBytes != (draw.Iova + (uint)draw.Count - 1) / Machine.WindowBytes ? 1 : 0;
                bytes += result.IsOk ? draw.Count : 0;
            }

            machine.Devices.ForEach(static edu => edu.Finish());
            done += round.Count;
            rounds++;
            machine.RequireMemoryAsModel($"round {rounds} ({string.Join(", ", round)})");
        }

        machine.RequireBuffersAsModel($"{done} transfers");
        return $"{done} of {transfers} as software says: {bytes} bytes moved, {refused} refused, {crossing} over two windows; {rounds} rounds";
    }

    private Draw Next()
    {
        int count = random.Next(4) == 0 ? random.Next(1, 9) : random.Next(1, Edu.BufferBytes + 1);
        int offset = random.Next(Edu.BufferBytes - count + 1);
        return random.Next(10) == 0 ? Refused(offset, count) : Allowed(offset, count);
    }

    private Draw Allowed(int offset, int count)
    {
        Window window = machine.Windows[random.Next(machine.Windows.Count)];
        DmaAccess access = random.Next(2) == 0 ? DmaAccess.Read : DmaAccess.Write;
        if (!window.Allows(access))
        {
            access = access == DmaAccess.Read ? DmaAccess.Write : DmaAccess.Read;
        }

        count = (int)Math.Min((ulong)count, window.Size);
        ulong last = window.Last - (uint)(count - 1);
        bool isFollowed = machine.Windows.Any(next => next.Iova == window.Last + 1 && next.Allows(access) && window.Allows(access));
        ulong iova = random.Next(5) switch
        {
            0 => window.Iova,
            1 => last,
            2 when isFollowed => last + (uint)random.Next(count),
            _ => window.Iova + (ulong)random.NextInt64((long)(last - window.Iova) + 1),
        };
        return new Draw(access, iova, offset, count, IsAllowed: true);
    }

    /// <summary>
    /// A write to where no byte may be written. Where a part may, software refuses the whole and hardware, page by page, only the rest. Not a read:
    /// what a device's buffer holds after a refused one is the device's affair.
    /// </summary>
    private Draw Refused(int offset, int count)
    {
        Window small = machine.Windows.First(static window => window.Size < Machine.WindowBytes);
        Window readOnly = machine.Windows.First(static window => window.Permissions == DmaPermissions.Read);
        (ulong from, ulong to) = random.Next(3) switch
        {
            0 => (Machine.UnmappedWindow * Machine.WindowBytes, (Machine.UnmappedWindow + 1) * Machine.WindowBytes),
            1 => (small.Last + 1, small.Iova + Machine.WindowBytes),
            _ => (readOnly.Iova, readOnly.Iova + Machine.WindowBytes),
        };
        ulong iova = random.Next(3) == 0 ? from : from + (ulong)random.NextInt64((long)(to - from) - count + 1);
        return new Draw(DmaAccess.Write, iova, offset, count, IsAllowed: false);
    }
}
