using System.Buffers.Binary;
using PamuFastPath.Cli;
using PamuFastPath.Fuzz.Mutate;
using PamuFastPath.Tests.Properties;

namespace PamuFastPath.Fuzz.Targets;

/// <summary>
/// Snapshots, as they are and with their length and checksum put right. One is refused with a documented errno and nothing has happened; or it is
/// restored, and the container is in a state that control calls lead to, translates as the plain model in that state, and saves what it was. And
/// <c>pamu snapshot</c> prints those that can be restored, and refuses the others in one line.
/// </summary>
internal sealed class SnapshotsTarget : FuzzTarget
{
    private static readonly Errno[] Documented =
        [Errno.EINVAL, Errno.EPROTO, Errno.EXDEV, Errno.EBUSY, Errno.EFAULT];

    private readonly string _file = Path.Combine(Path.GetTempPath(), "container.snap");

    internal override string Extension => ".snap";

    internal override void Run(byte[] input)
    {
        Try(input);
        if (input.Length >= SnapshotLayout.HeaderBytes)
        {
            Try(Framed(input));
        }
    }

    /// <summary>Half of the time inside one chunk, or with chunks that come, go and change places.</summary>
    internal override byte[] Mutate(Random random, byte[] input, byte[] other)
    {
        List<Range> chunks = Chunks(input);
        if (chunks.Count == 0 || random.Next(4) == 0)
        {
            return BinaryMutator.Mutate(random, input, other, header: 0, unit: 8);
        }

        List<byte[]> parts = chunks.ConvertAll(chunk => input[chunk]);
        int at = random.Next(parts.Count);
        switch (random.Next(10))
        {
            case 0:
                parts.RemoveAt(at);
                break;
            case 1:
                parts.Insert(at, parts[random.Next(parts.Count)]);
                break;
            case 2 when Chunks(other) is { Count: > 0 } others:
                parts[at] = other[others[random.Next(others.Count)]];
                break;
            default:
                byte[] changed = BinaryMutator.Mutate(random, parts[at], parts[random.Next(parts.Count)], SnapshotLayout.ChunkHeaderBytes, unit: 8);
                parts[at] = random.Next(4) == 0 ? changed : Sized(changed);
                break;
        }

        return [.. input[..SnapshotLayout.HeaderBytes], .. parts.SelectMany(part => part)];
    }

    internal override IEnumerable<byte[]> Seeds()
    {
        var random = new Random(1);
        foreach (Tests.Model.ModelMachine machine in Machines.All)
        {
            using var engine = new PamuEngine(machine.ToPlatform());
            PamuContainer container = engine.CreateContainer();
            yield return container.Save();
            container.SetIommu(engine.Platform.PamuExtension);
            container.SetGeometry(0, 0xF_FFFF);
            container.SetWindows(16);
            container.SetStash(engine.Platform.StashTargets[0].Cpu ?? 0, engine.Platform.StashTargets[0].Cache);
            container.MapDma(0x1_0000_0000, 0, 0x1_0000, DmaPermissions.ReadWrite);
            container.MapDma(0x2_0000_0000, 0x1_0000, 0x2_0000, DmaPermissions.Read);
            container.MapMsiBank(0, 0x8_0000);
            engine.CreateGroup(3, [0x42, 0x51], [0]).Attach(container);
            engine.CreateGroup(-1, [0x10], []).Attach(container);
            engine.Faults.Record(new FaultRecord(FaultKind.NoMapping, 0x42, (ulong)random.Next(), 64, DmaAccess.Write, 7));
            yield return container.Save();
        }
    }

    private void Try(byte[] snapshot)
    {
        long live = NativeBlocks.LiveCountOfThread;
        PamuPlatform? own = null;
        Errno errno = ErrnoOf(() => own = PamuSnapshot.PlatformOf(snapshot));
        Require(errno is Errno.Ok or Errno.EINVAL or Errno.EPROTO, $"the platform of a snapshot is {errno}");
        Restore(snapshot, new PamuPlatform { MaxWindows = 16 });
        bool isGood = own != null && Restore(snapshot, own);
        File.WriteAllBytes(_file, snapshot);
        Same(isGood ? PamuCli.Success : PamuCli.BadInput, CommandLine.RunForJson("snapshot", _file, "--json"), "the exit code of pamu snapshot");
        if (isGood)
        {
            Same(PamuCli.Success, CommandLine.Run("snapshot", _file).ExitCode, "the exit code with text");
        }

        Same(live, NativeBlocks.LiveCountOfThread, "native blocks afterwards");
    }

    /// <returns>Whether it was restored.</returns>
    private static bool Restore(byte[] snapshot, PamuPlatform platform)
    {
        using var engine = new PamuEngine(platform);
        PamuContainer container = engine.CreateContainer();
        byte[] before = container.Save();
        Errno errno = ErrnoOf(() => container.Restore(snapshot));
        if (errno != Errno.Ok)
        {
            Require(Array.IndexOf(Documented, errno) >= 0, $"a snapshot is refused with {errno}");
            Require(container.Save().AsSpan().SequenceEqual(before), "a refused snapshot has changed the container");
            Require(engine.Faults.TotalCount == 0, "a refused snapshot has left faults");
            return false;
        }

        RebuiltModel model = RebuiltModel.Of(container);
        Lockstep.CompareQueries(model.Container, container);
        using (PamuReader reader = engine.CreateReader())
        {
            new Probes(reader).Some(container, model.Container, windowsMax: 16);
        }

        byte[] saved = container.Save();
        RestoreAgain(saved, container.Engine.Platform, container.Generation);
        foreach (PamuGroup group in container.Groups.ToArray())
        {
            group.Detach();
            engine.RemoveGroup(group);
        }

        return true;
    }

    /// <summary>What was saved is restored, also from a stream and with memory said to be where it was, and saves the same.</summary>
    private static void RestoreAgain(byte[] saved, PamuPlatform platform, ulong generation)
    {
        using var engine = new PamuEngine(platform);
        PamuContainer container = engine.CreateContainer();
        using var stream = new MemoryStream([.. saved, 1, 2, 3]);
        container.Restore(stream);
        Same(saved.Length, (int)stream.Position, "bytes read of a stream");
        Same(generation, container.Generation, "the generation of a restored container");
        Require(container.Save().AsSpan().SequenceEqual(saved), "a restored container saves something else");
    }

    private static Errno ErrnoOf(Action call) => Tests.ErrnoOf.Call(call);

    /// <summary>With its length and checksum right.</summary>
    private static byte[] Framed(byte[] input)
    {
        byte[] framed = [.. input, .. new byte[-input.Length & (SnapshotLayout.ChunkAlignment - 1)]];
        BinaryPrimitives.WriteUInt64LittleEndian(framed.AsSpan(SnapshotLayout.LengthOffset), (ulong)framed.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(framed.AsSpan(SnapshotLayout.ChecksumOffset), SnapshotLayout.ChecksumOf(framed));
        return framed;
    }

    /// <summary>A chunk with its length right.</summary>
    private static byte[] Sized(byte[] chunk)
    {
        if (chunk.Length < SnapshotLayout.ChunkHeaderBytes)
        {
            return chunk;
        }

        byte[] sized = [.. chunk, .. new byte[-chunk.Length & (SnapshotLayout.ChunkAlignment - 1)]];
        BinaryPrimitives.WriteUInt64LittleEndian(sized.AsSpan(sizeof(ulong)), (ulong)(sized.Length - SnapshotLayout.ChunkHeaderBytes));
        return sized;
    }

    /// <summary>Where chunks are, as far as they can be told apart.</summary>
    private static List<Range> Chunks(byte[] input)
    {
        var chunks = new List<Range>();
        int at = SnapshotLayout.HeaderBytes;
        while (at + SnapshotLayout.ChunkHeaderBytes <= input.Length)
        {
            ulong bytes = BinaryPrimitives.ReadUInt64LittleEndian(input.AsSpan(at + sizeof(ulong)));
            if (bytes > (ulong)(input.Length - at - SnapshotLayout.ChunkHeaderBytes))
            {
                break;
            }

            int end = at + SnapshotLayout.ChunkHeaderBytes + (int)bytes;
            chunks.Add(at..end);
            at = end;
        }

        return chunks;
    }
}
