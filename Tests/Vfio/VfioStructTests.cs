using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using PamuFastPath.Interop;

namespace PamuFastPath.Tests.Vfio;

/// <summary>The container's and groups' argument structures against include/uapi/linux/vfio.h on LP64.</summary>
public sealed class VfioStructTests
{
    /// <summary>Name, bytes, and the offset of every field.</summary>
    public static TheoryData<string, int, string> Layouts => new()
    {
        { nameof(VfioGroupStatus), 8, "Argsz 0, Flags 4" },
        { nameof(VfioDmaMap), 32, "Argsz 0, Flags 4, Vaddr 8, Iova 16, Size 24" },
        { nameof(VfioDmaUnmap), 24, "Argsz 0, Flags 4, Iova 8, Size 16" },
        { nameof(VfioType1Info), 24, "Argsz 0, Flags 4, PageSizes 8, CapabilityOffset 16" },
        { nameof(VfioCapability), 8, "Id 0, Version 2, Next 4" },
        { nameof(VfioIovaRanges), 16, "Header 0, Count 8" },
        { nameof(VfioMapsAvailable), 12, "Header 0, Available 8" },
        { nameof(IovaRange), 16, "Start 0, Last 8" },
    };

    [Theory]
    [MemberData(nameof(Layouts))]
    public void Sizes_and_offsets_are_the_kernels(string name, int bytes, string fields)
    {
        Type type = typeof(VfioMirror).Assembly.GetType($"PamuFastPath.Interop.{name}", throwOnError: true)!;

        Assert.Equal(bytes, Marshal.SizeOf(type));
        Assert.Equal(bytes, SizeInMemory(type));
        Assert.Equal(fields, string.Join(", ", type
            .GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)
            .Select(field => (Name: PlainName(field), Offset: (int)Marshal.OffsetOf(type, field.Name)))
            .OrderBy(field => field.Offset)
            .Select(field => $"{field.Name} {field.Offset}")));
    }

    [Fact]
    public void Permission_bits_are_the_flags_of_MAP_DMA()
    {
        Assert.Equal(1, (int)DmaPermissions.Read); // VFIO_DMA_MAP_FLAG_READ
        Assert.Equal(2, (int)DmaPermissions.Write); // VFIO_DMA_MAP_FLAG_WRITE
    }

    /// <summary>A field's name; of a property's field, the property's.</summary>
    private static string PlainName(FieldInfo field) =>
        field.Name.StartsWith('<') ? field.Name[1..field.Name.IndexOf('>', StringComparison.Ordinal)] : field.Name;

    /// <summary>What an array of them takes for each.</summary>
    private static int SizeInMemory(Type type) => (int)typeof(Unsafe).GetMethod(nameof(Unsafe.SizeOf))!.MakeGenericMethod(type).Invoke(null, null)!;
}
