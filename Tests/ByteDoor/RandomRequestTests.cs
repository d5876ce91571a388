using System.Globalization;
using System.Runtime.Versioning;
using PamuFastPath.Interop;
using PamuFastPath.Tests.Model;
using PamuFastPath.Tests.Properties;
using Xunit.Abstractions;

namespace PamuFastPath.Tests.ByteDoor;

/// <summary>PAMU_BYTE_DOOR_REQUESTS makes the run longer, PAMU_BYTE_DOOR_SEED changes what is tried.</summary>
[SupportedOSPlatform("linux")]
public sealed class RandomRequestTests(ITestOutputHelper output)
{
    private const long RequestsDefault = 1_000_000;
    private const int RequestsPerMachine = 400;

    [Fact]
    public void A_million_random_requests_have_the_models_answer_at_both_byte_doors_and_change_nothing_when_they_fail()
    {
        long wanted = Setting("PAMU_BYTE_DOOR_REQUESTS", RequestsDefault);
        int seed = (int)Setting("PAMU_BYTE_DOOR_SEED", 42);
        using var memory = new GuardedMemory();
        var results = new Dictionary<long, long>();
        for (long made = 0; made < wanted; made += RequestsPerMachine)
        {
            RunOnOneMachine(unchecked((int)(seed + made)), memory, results);
        }

        output.WriteLine(string.Join(", ", results.OrderBy(result => result.Key).Select(result => $"{result.Key}: {result.Value:#,0}")));
        Assert.True(results.Values.Sum() >= wanted);
        long[] documented = [.. new[] { 0, 9, 14, 16, 19, 22, 25 }.Select(errno => -(long)errno), 1, 3];
        Assert.Equal(documented.Order(), results.Keys.Order()); // each of them was seen, and nothing else
    }

    private static long Setting(string name, long otherwise) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value
        ? long.Parse(value, CultureInfo.InvariantCulture)
        : otherwise;

    /// <summary>Two engines that get the same requests, one by span and one by raw pointer; and a model beside each.</summary>
    private static void RunOnOneMachine(int seed, GuardedMemory memory, Dictionary<long, long> results)
    {
        var random = new Random(seed);
        ModelMachine machine = Machines.All[random.Next(Machines.All.Length)];
        using var bySpan = new Lockstep(machine, containers: 2);
        using var byPointer = new Lockstep(machine, containers: 2);
        foreach (Call call in RandomRequest.Opening(random))
        {
            bySpan.Run(call);
            byPointer.Run(call);
        }

        for (int i = 0; i < RequestsPerMachine; i++)
        {
            RandomRequest request = RandomRequest.Next(random, bySpan);
            try
            {
                long result = BySpan(bySpan, request);
                Assert.Equal(result, ByPointer(byPointer, request, memory));
                results[result] = results.GetValueOrDefault(result) + 1;
            }
            catch (Exception wrong) when (wrong is not OutOfMemoryException)
            {
                throw new DisagreementException(
                    $"PAMU_BYTE_DOOR_SEED={seed}, request {i}: {request}, argument {Convert.ToHexString(request.Argument)}: {wrong}");
            }
        }

        bySpan.CompareAll();
        byPointer.CompareAll();
    }

    private static long BySpan(Lockstep lockstep, RandomRequest request)
    {
        byte[] expected = [.. request.Argument];
        byte[] actual = [.. request.Argument];
        var readOnly = new ReadOnlyArgument(actual);
        bool isByValue = ModelDoor.Plain(request.Request) is PamuRequests.CheckExtension or PamuRequests.SetIommu;
        long result = lockstep.Request(
            request.Container,
            request.Group,
            (engine, container, group) => Model(engine, container, group, request, expected),
            (container, group) => (request.Where, group) switch
            {
                (PointsAt.ReadOnly, null) => container.Ioctl(request.Request, isByValue ? request.Address : 0, readOnly),
                (PointsAt.ReadOnly, _) => group.Ioctl(request.Request, 0, readOnly),
                (_, null) => isByValue ? container.Ioctl(request.Request, request.Address) : container.Ioctl(request.Request, actual),
                _ => group.Ioctl(request.Request, actual),
            });
        Assert.Equal(expected, actual);
        return result;
    }

    private static long ByPointer(Lockstep lockstep, RandomRequest request, GuardedMemory memory)
    {
        int length = request.Argument.Length;
        byte[] expected = [.. request.Argument];
        expected.CopyTo(memory.Last(length));
        bool isByValue = ModelDoor.Plain(request.Request) is PamuRequests.CheckExtension or PamuRequests.SetIommu;
        bool isAddress = request.Where == PointsAt.Nowhere || (isByValue && request.Group == null);
        nuint argument = isAddress ? (nuint)request.Address : memory.AddressOfLast(length);
        if (request.Where == PointsAt.ReadOnly)
        {
            memory.SetWritable(false);
        }

        long result = lockstep.Request(
            request.Container,
            request.Group,
            (engine, container, group) => Model(engine, container, group, request, expected),
            (container, group) => group == null
                ? container.IoctlRaw(request.Request, argument)
                : group.IoctlRaw(request.Request, argument));
        Assert.True(memory.Last(length).SequenceEqual(expected), "the argument after the request");
        if (request.Where == PointsAt.ReadOnly)
        {
            memory.SetWritable(true);
        }

        return result;
    }

    private static long Model(ModelEngine engine, ModelContainer container, ModelGroup? group, RandomRequest request, byte[] argument)
    {
        bool isWritable = request.Where != PointsAt.ReadOnly;
        return group == null
            ? ModelDoor.Ioctl(engine, container, request.Request, request.Address, argument, isWritable)
            : ModelDoor.GroupIoctl(engine, group, request.Request, argument, isWritable);
    }
}
