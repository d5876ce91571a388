namespace PamuFastPath;

/// <summary>What became of a batch. The four counts add up to its elements.</summary>
/// <param name="DmaCount">Elements that go to memory.</param>
/// <param name="MsiCount">Elements that hit an MSI page (their bit in the MSI mask is set).</param>
/// <param name="FaultCount">Elements that are refused (their bit in the fault mask is set).</param>
/// <param name="CrossCount">Elements that run over their window's end (their bit in the cross mask is set).</param>
public readonly record struct BatchResult(int DmaCount, int MsiCount, int FaultCount, int CrossCount);
