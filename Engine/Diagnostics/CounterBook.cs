// The counters of one engine: for each reader an array of blocks, one for each account.
//
// Unsafe: owns the native arrays. Invariants:
//   - an array is zeroed before its reader can see it, never moves, and is freed when its reader can enter no section any more (it unregistered
//     outside of one) or with the engine, if all readers did. Switching counting off hides it and keeps it;
//   - a block is written by its reader's thread alone, inside a section on a table that carries the account's offset;
//   - an account is closed after a grace period: no section has such a table any more. Only then are its blocks cleared for another container;
//   - what a freed or cleared block had counted is added to the account before, under the same lock: sums never miss it or have it twice.

using System.Diagnostics;
using System.Runtime.InteropServices;

namespace PamuFastPath.Diagnostics;

internal sealed unsafe class CounterBook
{
    /// <summary>The account of accesses that no open container has: LIODNs nobody holds, and containers that were closed.</summary>
    internal const int NoContainer = 0;

    /// <summary>Blocks of a reader. Containers beyond share the account of no container. Blocks that are never used cost address space only.</summary>
    internal const int AccountsMax = 256;

    private readonly Lock _gate = new();
    private readonly CounterAccount?[] _accounts = new CounterAccount?[AccountsMax];
    private readonly HashSet<CountedReader> _readers = [];
    private readonly int _banks;
    private readonly int _blockBytes;
    private int _lost; // readers that were removed by force: their counters stay
    private int _accountCount = 1; // accounts that were ever open: blocks from here on are untouched
    private bool _isOn;
    private bool _countsWindows;
    private bool _hasCountedWindows; // otherwise nobody needs to look at the windows of every block

    internal CounterBook(int banks)
    {
        _banks = banks;
        _blockBytes = ReaderCounters.BytesFor(banks);
        _accounts[NoContainer] = new CounterAccount(NoContainer, 0, null, banks);
    }

    internal bool IsOn
    {
        get
        {
            lock (_gate)
            {
                return _isOn;
            }
        }
    }

    internal int ReaderCount
    {
        get
        {
            lock (_gate)
            {
                return _readers.Count - _lost;
            }
        }
    }

    internal CounterAccount None => _accounts[NoContainer]!;

    internal CounterAccount Open(PamuContainer container)
    {
        lock (_gate)
        {
            int index = Array.IndexOf(_accounts, null);
            if (index < 0)
            {
                return None;
            }

            _accountCount = Math.Max(_accountCount, index + 1);
            return _accounts[index] = new CounterAccount(index, (uint)(index * _blockBytes), container, _banks);
        }
    }

    /// <summary>Closes a container's account after a grace period. Its counts are added to those of no container.</summary>
    internal void Close(CounterAccount account)
    {
        lock (_gate)
        {
            if (account == None)
            {
                return;
            }

            foreach (CountedReader reader in _readers)
            {
                if (Block(reader, account) is var block && block != null)
                {
                    account.Fold(block, _hasCountedWindows);
                    NativeMemory.Clear(block, (nuint)_blockBytes);
                }
            }

            None.Ended.Add(account.Ended);
            account.IsClosed = true;
            _accounts[account.Index] = null;
        }
    }

    /// <summary>A reader comes.</summary>
    /// <exception cref="PamuException">ENOMEM: accesses are counted, and there is no memory for its counters.</exception>
    internal CountedReader Join(ReaderSlot* slot)
    {
        var reader = new CountedReader(slot);
        slot->Counters = null;
        slot->CountsWindows = 0;
        lock (_gate)
        {
            if (_isOn)
            {
                Furnish(reader);
            }

            _readers.Add(reader);
            Show(reader);
        }

        return reader;
    }

    /// <summary>A reader is gone: it can enter no section any more. What it counted stays counted.</summary>
    internal void Leave(CountedReader reader)
    {
        lock (_gate)
        {
            if (_readers.Remove(reader))
            {
                reader.Slot->Counters = null;
                Fold(reader);
                NativeBlocks.FreeSparse(reader.Memory);
                reader.Memory = null;
            }
        }
    }

    /// <summary>A reader was removed by force. Its thread might still count, so its counters stay; its slot, which may be freed first, is not touched again.</summary>
    internal void Lose(CountedReader reader)
    {
        lock (_gate)
        {
            if (_readers.Contains(reader))
            {
                reader.IsLost = true;
                _lost++;
            }
        }
    }

    /// <summary>Switches counting for all readers, those in a section included.</summary>
    /// <exception cref="PamuException">ENOMEM: there is no memory for a reader's counters; nothing changes then.</exception>
    internal void Switch(bool isOn, bool countsWindows)
    {
        lock (_gate)
        {
            if (_isOn == isOn && _countsWindows == countsWindows)
            {
                return;
            }

            foreach (CountedReader reader in isOn ? _readers : [])
            {
                Furnish(reader);
            }

            SampleAll(); // as it was counted until now
            _isOn = isOn;
            _countsWindows = countsWindows;
            _hasCountedWindows |= countsWindows;
            foreach (CountedReader reader in _readers)
            {
                Show(reader);
            }
        }
    }

    /// <summary>Counts as of one moment, which add up. Takes a sample of the windows on the way.</summary>
    /// <param name="accounts">Whose counts are wanted one by one.</param>
    /// <param name="others">Receives the counts of all others.</param>
    /// <returns>
    /// The counts of each; those of an account that was closed meanwhile are null and among the others. None for <see cref="None"/>, which are too.
    /// </returns>
    internal AccessCounts?[] Look(ReadOnlySpan<CounterAccount> accounts, out AccessCounts others)
    {
        var counts = new AccessCounts?[accounts.Length];
        others = new AccessCounts(_banks);
        lock (_gate)
        {
            foreach (CounterAccount? account in _accounts.AsSpan(0, _accountCount))
            {
                if (account != null)
                {
                    int at = account == None ? -1 : IndexOf(accounts, account);
                    AddTo(at < 0 ? others : counts[at] = new AccessCounts(_banks), account);
                }
            }

            for (int i = 0; i < accounts.Length; i++)
            {
                counts[i] ??= accounts[i].IsClosed ? null : new AccessCounts(_banks);
            }
        }

        return counts;
    }

    /// <summary>The counts of one account, closed or not.</summary>
    internal AccessCounts Look(CounterAccount account)
    {
        var counts = new AccessCounts(_banks);
        lock (_gate)
        {
            if (account.IsClosed)
            {
                counts.Add(account.Ended);
            }
            else if (account != None)
            {
                AddTo(counts, account);
            }
        }

        return counts;
    }

    /// <summary>Looks at every block, so that hits since the last look are given to the windows that are hot now.</summary>
    internal void Sample()
    {
        lock (_gate)
        {
            SampleAll();
        }
    }

    /// <summary>With the engine, after its slots. Nobody is counted any more.</summary>
    /// <param name="isQuiet">Whether no reader can be about to enter a section. Otherwise the memory of those that are left is only forgotten.</param>
    /// <returns>The memory that was forgotten.</returns>
    internal nint[] Free(bool isQuiet)
    {
        lock (_gate)
        {
            _isOn = false;
            var kept = new List<nint>();
            foreach (CountedReader reader in _readers)
            {
                Fold(reader);
                if (isQuiet)
                {
                    NativeBlocks.FreeSparse(reader.Memory);
                }
                else
                {
                    kept.Add((nint)reader.Memory);
                }

                reader.Memory = null;
            }

            _readers.Clear();
            _lost = 0;
            return [.. kept];
        }
    }

    /// <summary>Gives a reader its counters. Most accounts are never used, so most of their memory is never touched.</summary>
    private void Furnish(CountedReader reader)
    {
        if (reader.Memory == null && !reader.IsLost)
        {
            reader.Memory = NativeBlocks.TakeSparse((nuint)(AccountsMax * _blockBytes + ReaderCounters.Alignment), "counters");
        }
    }

    private void Show(CountedReader reader)
    {
        if (reader.IsLost)
        {
            return;
        }

        Debug.Assert(!_isOn || reader.Memory != null, "who is counted has counters");
        reader.Slot->CountsWindows = _countsWindows ? 1u : 0u;

        // Release: the blocks are zero before the reader sees them.
        Volatile.Write(ref *(nint*)&reader.Slot->Counters, _isOn ? (nint)reader.First : 0);
    }

    /// <summary>Adds what a reader counted to the accounts.</summary>
    private void Fold(CountedReader reader)
    {
        foreach (CounterAccount? account in _accounts.AsSpan(0, _accountCount))
        {
            if (account != null && Block(reader, account) is var block && block != null)
            {
                account.Fold(block, _hasCountedWindows);
            }
        }
    }

    private void SampleAll()
    {
        foreach (CounterAccount? account in _accounts.AsSpan(0, _accountCount))
        {
            foreach (CountedReader reader in account == null ? [] : _readers)
            {
                if (Block(reader, account!) is var block && block != null)
                {
                    account!.Sample(block);
                }
            }
        }
    }

    private void AddTo(AccessCounts sum, CounterAccount account)
    {
        foreach (CountedReader reader in _readers)
        {
            if (Block(reader, account) is var block && block != null)
            {
                account.Sample(block);
                sum.Add(block, _hasCountedWindows);
            }
        }

        sum.Add(account.Ended); // after the samples
    }

    private static int IndexOf(ReadOnlySpan<CounterAccount> accounts, CounterAccount account)
    {
        int at = accounts.Length - 1;
        while (at >= 0 && accounts[at] != account)
        {
            at--;
        }

        return at;
    }

    private static ReaderCounters* Block(CountedReader reader, CounterAccount account) =>
        reader.Memory == null ? null : (ReaderCounters*)((byte*)reader.First + account.Offset);
}

/// <summary>A reader's counters.</summary>
internal sealed unsafe class CountedReader(ReaderSlot* slot)
{
    internal ReaderSlot* Slot { get; } = slot;

    /// <summary>Whether it was removed by force.</summary>
    internal bool IsLost { get; set; }

    /// <summary>As it was allocated; null until the reader was counted for the first time.</summary>
    internal void* Memory { get; set; }

    /// <summary>The block of the first account.</summary>
    internal ReaderCounters* First => (ReaderCounters*)(((nuint)Memory + ReaderCounters.Alignment - 1) & ~((nuint)ReaderCounters.Alignment - 1));
}

/// <summary>What was counted in one container, beside what stands in the blocks of its readers. Changes under the book's lock.</summary>
/// <param name="index">Its number.</param>
/// <param name="offset">Bytes from a reader's first block to this account's: what the container's tables carry.</param>
/// <param name="container">The container, or null.</param>
/// <param name="banks">MSI banks of the platform.</param>
internal sealed unsafe class CounterAccount(int index, uint offset, PamuContainer? container, int banks)
{
    internal int Index { get; } = index;

    internal uint Offset { get; } = offset;

    internal bool IsClosed { get; set; }

    /// <summary>Counts of blocks that are gone, and the sampled windows.</summary>
    internal AccessCounts Ended { get; } = new(banks);

    internal void Fold(ReaderCounters* block, bool withWindows)
    {
        Sample(block);
        Ended.Add(block, withWindows);
    }

    /// <summary>Gives the hits since the last look to the window of the last of them.</summary>
    internal void Sample(ReaderCounters* block)
    {
        ulong hits = Volatile.Read(ref block->Hits);
        ulong since = hits - block->SampledHits;
        if (since == 0 || container == null)
        {
            return; // no table but a container's has hits
        }

        // If the geometry was set anew since, the sample goes to the window that has the address now.
        int window = container.CurrentState.Geometry.WindowOf(Volatile.Read(ref block->LastIova));
        block->SampledHits = hits;
        Ended.AddSample(window, since);
    }
}
