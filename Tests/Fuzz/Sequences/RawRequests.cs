using PamuFastPath.Interop;
using PamuFastPath.Tests.ByteDoor;
using PamuFastPath.Tests.Model;
using PamuFastPath.Tests.Properties;

namespace PamuFastPath.Fuzz.Sequences;

/// <summary>
/// Requests with raw pointers: structs that are whole, cut short or spoilt, right before an inaccessible page, in memory that can't be written, or
/// nowhere.
/// </summary>
internal sealed class RawRequests(Lockstep lockstep, GuardedMemory memory)
{
    private const int StructBytesMax = 64;

    private static readonly ulong[] Nowheres = [0, 1, 0xFFF, 1UL << 47, 1UL << 63, ulong.MaxValue - 8, ulong.MaxValue];

    private static readonly uint[] Queries =
    [
        PamuRequests.GetApiVersion, PamuRequests.CheckExtension, PamuRequests.IommuGetInfo, PamuRequests.PamuGetAttr, PamuRequests.PamuGetMsiBankCount,
        PamuRequests.GroupGetStatus, PamuRequests.GroupSetContainer, PamuRequests.GroupUnsetContainer, 0x3B78, 0,
    ];

    /// <summary>Makes one request and compares answer, argument and everything else with the model.</summary>
    /// <param name="call">The call that it is, more or less.</param>
    /// <param name="step">What it is made of besides.</param>
    internal void Make(in Call call, ReadOnlySpan<byte> step)
    {
        byte[] bytes = new byte[StructBytesMax];
        bool isQuery = step[2] >= 0xC0;
        uint request;
        if (isQuery)
        {
            request = Queries[call.Window % Queries.Length];
            Structs.Put(bytes, 0, (uint)call.Length % 40);
            Structs.Put(bytes, 8, (uint)call.Shape % 4);
            Structs.Put(bytes, 16, call.Wild);
        }
        else
        {
            request = lockstep.Write(call, bytes);
        }

        bool isOfGroup = PamuRequests.Plain(request) is PamuRequests.GroupGetStatus or PamuRequests.GroupSetContainer or PamuRequests.GroupUnsetContainer;
        Spoil(bytes, step[7]);
        bool isWritable = (step[2] & 0x06) != 2;
        bool isNowhere = (step[2] & 0x38) == 0x38;
        bool isByValue = PamuRequests.Plain(request) is PamuRequests.CheckExtension or PamuRequests.SetIommu && !isOfGroup;
        int length = LengthOf(bytes, step[2]);
        ulong address = isByValue ? ValueOf(call) : isNowhere ? Nowheres[call.Window % Nowheres.Length] : memory.AddressOfLast(length);
        byte[] argument = isNowhere || isByValue ? [] : bytes[..length];
        argument.CopyTo(memory.Last(argument.Length));
        memory.SetWritable(isWritable);
        try
        {
            lockstep.RawRequest(
                call.Container,
                isOfGroup ? call.Window : null,
                request | ((step[2] & 0x40) != 0 ? PamuRequests.PowerPcNone : 0),
                address,
                argument,
                isWritable,
                memory.Last(argument.Length));
        }
        finally
        {
            memory.SetWritable(true);
        }
    }

    private ulong ValueOf(in Call call) => call.Shape < 70 ? lockstep.Machine.Extension : call.Wild >> call.Length % 64;

    /// <summary>Mostly what argsz says, so that what lies beyond is inaccessible.</summary>
    private static int LengthOf(ReadOnlySpan<byte> bytes, byte how)
    {
        uint argsz = Math.Min(BitConverter.ToUInt32(bytes), StructBytesMax);
        return (how & 0x18) switch
        {
            0x18 => how % 40,
            0x10 => StructBytesMax,
            _ => (int)argsz,
        };
    }

    private static void Spoil(byte[] bytes, byte how)
    {
        switch (how & 0xF0)
        {
            case 0xF0:
                Structs.Put(bytes, 0, (uint)(how & 0x0F) * 4);
                break;
            case 0xE0:
                Structs.Put(bytes, 4, 1u << (how & 0x0F));
                break;
            case 0xD0:
                bytes[how & 0x0F] ^= 0xFF;
                break;
            case 0xC0:
                bytes[16 + (how & 0x0F)] ^= 0x80;
                break;
        }
    }
}
