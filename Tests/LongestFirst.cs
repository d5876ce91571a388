using PamuFastPath.Tests;
using Xunit.Abstractions;

[assembly: TestCollectionOrderer("PamuFastPath.Tests." + nameof(LongestFirst), "PamuFastPath.Tests")]

namespace PamuFastPath.Tests;

/// <summary>
/// What takes a minute or more begins first, so that the rest fills the other processors meanwhile: the virtual machine alone takes as long as half of all tests.
/// </summary>
public sealed class LongestFirst : ITestCollectionOrderer
{
    internal const string VirtualMachine = "virtual machine";

    private static readonly string[] Long = [VirtualMachine, nameof(Properties.RandomControlCallTests), nameof(ByteDoor.RandomRequestTests)];

    /// <summary>The long ones, then the others in the order they came in.</summary>
    public IEnumerable<ITestCollection> OrderTestCollections(IEnumerable<ITestCollection> testCollections) =>
        testCollections.OrderBy(static collection => Array.FindIndex(Long, name => collection.DisplayName.EndsWith(name, StringComparison.Ordinal)) switch
        {
            < 0 => Long.Length,
            int place => place,
        });
}
