using PamuFastPath.Tests.Model;

namespace PamuFastPath.Fuzz.Targets;

/// <summary>What becomes of one access by the model's range translation and the rules for writes to MSI windows, as replays and scenarios report it.</summary>
/// <param name="Fault">Why it is refused, or <see cref="FaultKind.None"/>.</param>
/// <param name="IsMessage">Whether it is a message.</param>
/// <param name="Target">Where its first byte goes.</param>
internal readonly record struct PlainAccess(FaultKind Fault, bool IsMessage, ulong Target)
{
    internal static PlainAccess Of(ModelContainer? holder, ulong iova, ulong length, DmaAccess access)
    {
        ModelRange range = ModelTranslation.TranslateRange(holder, iova, length, access);
        if (range.Fault != FaultKind.None)
        {
            return new PlainAccess(range.Fault, false, ulong.MaxValue);
        }

        bool isMessage = access == DmaAccess.Write && range.Segments is [{ IsMsi: true }] && length == 4 && iova % 4 == 0;
        bool isRefused = access == DmaAccess.Write && !isMessage && range.Segments.Exists(segment => segment.IsMsi);
        return isRefused ? new PlainAccess(FaultKind.BadLength, false, ulong.MaxValue) : new PlainAccess(FaultKind.None, isMessage, range.Segments[0].Target);
    }
}
