using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace PamuFastPath;

/// <summary>Which of its four shapes a <see cref="Translation"/> has.</summary>
public enum TranslationKind
{
    /// <summary>The access goes to memory at <see cref="Translation.Target"/>.</summary>
    Dma = 0,

    /// <summary>The access hits an MSI bank's page.</summary>
    Msi = 1,

    /// <summary>
    /// The access starts in the aperture and runs over its window's end. Nobody has faulted yet: the range form decides.
    /// </summary>
    Crosses = 2,

    /// <summary>The access is refused.</summary>
    Fault = 3,
}

/// <summary>The answer to one access. 16 bytes, passed in registers.</summary>
public readonly struct Translation : IEquatable<Translation>
{
    // 0: DMA. 1..0xFFF: MSI tag (bank + 1), as in the delta column. Above: crosses, or a fault kind.
    private const uint CrossesCode = 0x1000;
    private const uint FaultCode = 0x2000;

    private readonly ulong _value; // target plus MSI tag, or for a fault the first refused IOVA
    private readonly uint _code;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Translation(ulong value, uint code)
    {
        _value = value;
        _code = code;
    }

    /// <summary>0 for memory, the one shape that is only a target.</summary>
    internal uint Code
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _code;
    }

    /// <summary>Which shape the answer has.</summary>
    public TranslationKind Kind => _code switch
    {
        0 => TranslationKind.Dma,
        < CrossesCode => TranslationKind.Msi,
        CrossesCode => TranslationKind.Crosses,
        _ => TranslationKind.Fault,
    };

    /// <summary>Whether the access may go ahead, to memory or to an MSI page.</summary>
    public bool IsHit
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _code < CrossesCode;
    }

    /// <summary>Whether the access may go ahead and goes to memory: the usual case, one compare.</summary>
    public bool IsDma
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _code == 0;
    }

    /// <summary>Whether the access hits an MSI bank's page.</summary>
    public bool IsMsi => _code - 1 < TableLayout.MsiTagMask;

    /// <summary>Where the first byte goes; all ones for a fault or a crossing access.</summary>
    public ulong Target
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _code < CrossesCode ? _value - _code : ulong.MaxValue; // for memory the tag is 0
    }

    /// <summary>The MSI bank that is hit, or -1.</summary>
    public int MsiBank => IsMsi ? (int)_code - 1 : -1;

    /// <summary>Offset of the first byte in the MSI bank's 4 KiB page; 0 unless <see cref="IsMsi"/>.</summary>
    public int MsiOffset => IsMsi ? (int)((_value - _code) & TableLayout.MsiTagMask) : 0;

    /// <summary>Why the access is refused, or <see cref="FaultKind.None"/>.</summary>
    public FaultKind Fault => _code >= FaultCode ? (FaultKind)(_code - FaultCode) : FaultKind.None;

    /// <summary>The first IOVA that is refused; 0 unless this is a fault.</summary>
    public ulong FaultIova => _code >= FaultCode ? _value : 0;

    internal static Translation Crossing
    {
        get => new(0, CrossesCode);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Translation Hit(ulong iova, ulong delta)
    {
        return new(iova + delta, (uint)delta & (uint)TableLayout.MsiTagMask);
    }

    internal static Translation Refused(FaultKind kind, ulong firstRefusedIova)
    {
        Debug.Assert(kind != FaultKind.None, "a refusal has a reason");
        return new(firstRefusedIova, FaultCode + (uint)kind);
    }

    /// <inheritdoc/>
    public bool Equals(Translation other) => _value == other._value && _code == other._code;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Translation other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(_value, _code);

    /// <summary>Whether two answers are the same.</summary>
    public static bool operator ==(Translation left, Translation right) => left.Equals(right);

    /// <summary>Whether two answers differ.</summary>
    public static bool operator !=(Translation left, Translation right) => !left.Equals(right);

    /// <inheritdoc/>
    public override string ToString() => Kind switch
    {
        TranslationKind.Dma => $"0x{Target:x}",
        TranslationKind.Msi => $"msi bank {MsiBank} + 0x{MsiOffset:x}",
        TranslationKind.Crosses => "crosses",
        _ => $"{Fault} at 0x{_value:x}",
    };
}
