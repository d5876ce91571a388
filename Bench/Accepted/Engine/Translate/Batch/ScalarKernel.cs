// Unsafe: see BatchTranslator.cs.

namespace PamuFastPath;

/// <summary>The batch as single translations: the definition that the vector kernels agree with bit for bit.</summary>
internal static unsafe class ScalarKernel
{
    internal static void Run<TLengths>(in BatchArguments batch, TLengths lengths)
        where TLengths : struct, IBatchLengths
    {
        TableHeader* table = batch.Table;
        DmaAccess access = batch.Access;
        for (nuint i = 0; i < batch.Count; i += 8)
        {
            uint fault = 0;
            uint cross = 0;
            uint msi = 0;
            for (int lane = 0; lane < 8; lane++)
            {
                nuint at = i + (nuint)lane;
                Translation answer = Translator.Translate(table, batch.Iovas[at], lengths.At(at), access);
                batch.Targets[at] = answer.Target;
                if (!answer.IsDma)
                {
                    msi |= (answer.IsMsi ? 1u : 0) << lane;
                    cross |= (answer.Kind == TranslationKind.Crosses ? 1u : 0) << lane;
                    fault |= (answer.Kind == TranslationKind.Fault ? 1u : 0) << lane;
                }
            }

            batch.Msi[i / 8] = (byte)msi;
            batch.Cross[i / 8] = (byte)cross;
            batch.Fault[i / 8] = (byte)fault;
        }
    }
}
