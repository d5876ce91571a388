using System.Runtime.InteropServices;
using PamuFastPath.Tests.Model;
using PamuFastPath.Tests.Properties;

namespace PamuFastPath.Tests.ByteDoor;

/// <summary>What the argument pointer of a request points at.</summary>
internal enum PointsAt
{
    /// <summary>Some bytes, right before an inaccessible page.</summary>
    Memory,

    /// <summary>The same, and they cannot be written.</summary>
    ReadOnly,

    /// <summary>Nothing: null, non-canonical, or the end of the address space.</summary>
    Nowhere,
}

/// <summary>One random request.</summary>
/// <param name="Container">The container it goes to.</param>
/// <param name="Group">The group it goes to instead, or null.</param>
/// <param name="Request">The number.</param>
/// <param name="Argument">The bytes that are there.</param>
/// <param name="Where">What the pointer points at.</param>
/// <param name="Address">The pointer, where it points at nothing; the value, for requests by value.</param>
internal readonly record struct RandomRequest(int Container, int? Group, uint Request, byte[] Argument, PointsAt Where, ulong Address)
{
    private const int StructBytesMax = 64;

    private static readonly Op[] StructOps =
    [
        Op.SetGeometry, Op.SetWindows, Op.SetStash, Op.MapMsiBank, Op.MapMsiBank, Op.UnmapMsiBank,
        Op.MapDma, Op.MapDma, Op.MapDma, Op.MapDma, Op.MapDma, Op.MapDma, Op.UnmapDma, Op.UnmapDma, Op.UnmapDma,
    ];

    private static readonly ulong[] Nowheres = [0, 1, 0xFFF, 1UL << 47, 1UL << 63, ulong.MaxValue - 8, ulong.MaxValue];

    /// <summary>
    /// Calls that set two containers up, so that most requests find something to do; one in ten machines stays as it was opened.
    /// </summary>
    internal static IEnumerable<Call> Opening(Random random)
    {
        int containers = random.Next(10) == 0 ? 0 : 2;
        for (int container = 0; container < containers; container++)
        {
            foreach (Op op in new[] { Op.SetIommu, Op.SetGeometry, Op.SetWindows, Op.Attach })
            {
                yield return new Call(op, true, container, random.Next(256), random.Next(100), random.Next(70), (ulong)random.NextInt64());
            }
        }
    }

    internal static RandomRequest Next(Random random, Lockstep lockstep)
    {
        int index = random.Next(2);
        ModelContainer container = lockstep.Model(index);
        ModelMachine machine = lockstep.Machine;
        var call = new Call(
            default, true, 0, random.Next(256), random.Next(100), random.Next(100), (ulong)random.NextInt64(long.MinValue, long.MaxValue));
        var bytes = new byte[StructBytesMax];
        int? group = random.Next(100) < 12 ? random.Next(lockstep.GroupCount) : null;
        uint request = group != null ? ToGroup(random, container, bytes) : ToContainer(random, call, machine, container, bytes);
        Spoil(random, bytes);
        int length = Length(random, bytes);
        PointsAt where = random.Next(100) switch
        {
            < 85 => PointsAt.Memory,
            < 95 => PointsAt.ReadOnly,
            _ => PointsAt.Nowhere,
        };
        ulong address = ModelDoor.Plain(request) is PamuRequests.CheckExtension or PamuRequests.SetIommu
            ? random.Next(100) < 80 ? machine.Extension : (ulong)random.NextInt64()
            : Nowheres[random.Next(Nowheres.Length)];
        uint number = random.Next(10) == 0 ? request | PamuRequests.PowerPcNone : request;
        return new RandomRequest(index, group, number, where == PointsAt.Nowhere ? [] : bytes[..length], where, address);
    }

    /// <summary>A request with a plausible struct, a query, or a number nobody knows.</summary>
    private static uint ToContainer(Random random, Call call, ModelMachine machine, ModelContainer container, Span<byte> bytes)
    {
        int kind = random.Next(100);
        if (kind < 66)
        {
            call = call with { Op = StructOps[random.Next(StructOps.Length)] };
            return Structs.Write(call.Op, CallArguments.Of(call, machine, container), bytes);
        }

        if (kind < 84)
        {
            Structs.Put(bytes, 0, (uint)random.Next(8, 40));
            Structs.Put(bytes, 8, (uint)random.Next(4));
            Structs.Put(bytes, 16, call.Wild);
            return PamuRequests.IommuGetInfo + (uint)random.Next(8);
        }

        return kind < 94 ? PamuRequests.GetApiVersion + (uint)random.Next(20) : (uint)random.NextInt64();
    }

    private static uint ToGroup(Random random, ModelContainer container, Span<byte> bytes)
    {
        uint request = PamuRequests.GroupGetStatus + (uint)random.Next(4);
        uint first = request == PamuRequests.GroupGetStatus || random.Next(10) == 0 ? (uint)random.Next(16) : (uint)container.Fd;
        Structs.Put(bytes, 0, first); // argsz, or the container's number
        return request;
    }

    /// <summary>Now and then: a wrong argsz, unknown flags, or random bytes anywhere.</summary>
    private static void Spoil(Random random, Span<byte> bytes)
    {
        switch (random.Next(20))
        {
            case 0:
                Structs.Put(bytes, 0, (uint)random.Next(40));
                break;
            case 1:
                Structs.Put(bytes, 0, (uint)random.NextInt64());
                break;
            case 2:
                Structs.Put(bytes, 4, (uint)random.NextInt64());
                break;
            case 3:
                random.NextBytes(bytes.Slice(random.Next(StructBytesMax - 8), 8));
                break;
            case 4:
                random.NextBytes(bytes);
                break;
        }
    }

    /// <summary>How many bytes are there: mostly what argsz says, so that what lies beyond is inaccessible.</summary>
    private static int Length(Random random, ReadOnlySpan<byte> bytes)
    {
        uint argsz = Math.Min(MemoryMarshal.Read<uint>(bytes), StructBytesMax);
        return random.Next(100) switch
        {
            < 75 => (int)argsz,
            < 90 => random.Next(40),
            _ => StructBytesMax,
        };
    }
}
