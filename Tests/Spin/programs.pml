/*
 * What readers and writers do, as places in program order, and the ways to break the protocol that are another order.
 * An operation's place is its bit in the mask of what was performed.
 */

/* ------------------------------------------------------------------------------------------------------------------------ readers */

#ifdef REGISTER
#define FIRST 5 /* registering: G1lock lock, G2slot choose a slot, G3setUp set it up, G4count count it, G5unlock unlock */
#ifdef LOST
#define TAIL  0 /* the collector gives the slot back */
#else
#define TAIL  3 /* giving the slot back: U1lock lock, U2slot give back, U3unlock unlock */
#endif
#define G1lock 0
#define G2slot 1
#define G3setUp 2
#define G4count 3
#define G5unlock 4
#ifdef COUNT_BEFORE_SET_UP
#undef G3setUp
#undef G4count
#define G3setUp 3
#define G4count 2
#endif
#else
#define FIRST 0
#define TAIL  0
#endif

#if defined(LOAD_BEFORE_ANNOUNCE)
#define R2cell 0
#define R2table 1
#define R1load 2
#define R1store 3
#elif defined(CELL_BEFORE_ANNOUNCE)
#define R2cell 0
#define R1load 1
#define R1store 2
#define R2table 3
#else
#define R1load 0 /* R1 load the epoch */
#define R1store 1 /* R1 store it in the slot */
#define R2cell 2 /* R2 load the cell, from the LIODN map or the container */
#define R2table 3 /* R2 load the table pointer in the cell */
#endif
#if defined(NESTED)
#define N2cell 4 /* the inner section loads cell and table again, uses them, and leaves, which does nothing */
#define N2table 5
#define N3use 6
#define N4leave 7
#define R3read 8
#define R3use 9
#define R4leave 10
#define LENGTH 11
#elif defined(CONTROL_IN_SECTION)
#define C1call 4 /* an adding control call: takes the lock, or is refused (EDEADLK) if it is held */
#define C2done 5 /* and gives it back */
#define R3read 6
#define R3use 7
#define R4leave 8
#define LENGTH 9
#elif defined(LEAVE_BEFORE_USE)
#define R4leave 4
#define R3read 5
#define R3use 6
#define LENGTH 7
#elif defined(COUNTS)
#define R2counters 4 /* load from the slot where to count */
#define R3read 5
#define R3use 6
#ifdef COUNT_AFTER_LEAVE
#define R4leave 7
#define R3count 8
#else
#define R3count 7 /* add to the counters of the table's account */
#define R4leave 8
#endif
#define LENGTH 9
#else
#define R3read 4 /* R3 read the table */
#define R3use 5 /* R3 use the translation: a device's write lands in guest memory */
#define R4leave 6 /* R4 store 0 in the slot */
#define LENGTH 7
#endif
#define U1lock (FIRST + SECTIONS * LENGTH)
#define U2slot (U1lock + 1)
#define U3unlock (U1lock + 2)
#define READER_OPS (FIRST + SECTIONS * LENGTH + TAIL)

/* ------------------------------------------------------------------------------------------------------------------------ writers */

#define W0lock 0 /* take the lock */
#define W0old 1 /* read the current table and the epoch */
#define W0image 2 /* write the new image */
#if defined(EPOCH_BEFORE_SWAP)
#define W1swap  4
#define W2epoch 3
#elif defined(BARRIER_BEFORE_SWAP)
#define W1swap  6
#define W2epoch 7
#else
#define W1swap  3 /* the table pointer (UNMAP, ADD, RECLAIM) or the map's entry (DETACH, ATTACH, CLOSE) */
#define W2epoch 4 /* epoch + 1; the old table is retired */
#endif

#if defined(COUNTS)
#define W6unlock 15
#define at 5
#elif defined(GATE_ONLY)
#define W6unlock 5 /* give the lock back: it protects no more than the publication */
#define at 6
#else
#define W6unlock 13 /* give the lock back: it is held for the whole call */
#define at 5
#endif

#if defined(COUNTS)
#define W3newest  at
#define W3barrier (at + 1)
#if defined(CLEAR_BEFORE_WAIT)
#define W5clear   (at + 4)
#define W4count   (at + 5)
#define W5account (at + 8)
#elif defined(ACCOUNT_BEFORE_WAIT)
#define W5account (at + 4)
#define W4count   (at + 5)
#define W5clear   (at + 8)
#else
#define W4count   (at + 4)
#define W5clear   (at + 7) /* CLOSE: what the readers counted is added up and their blocks of the account are cleared */
#define W5account (at + 8) /* the account is free for the next container */
#endif
#elif defined(NEWEST_AFTER_BARRIER)
#define W3barrier at
#define W3newest  (at + 3)
#define W4count   (at + 4)
#elif defined(COUNT_BEFORE_BARRIER)
#define W3newest  at
#define W4count   (at + 1)
#define W3barrier (at + 2)
#elif defined(BARRIER_BEFORE_SWAP)
#define W3barrier 3
#define W3newest  8
#define W4count   (at + 4)
#else
#define W3newest  at       /* RECLAIM with GATE_ONLY: the newest epoch that retired a table; behind the control lock it is this call's */
#define W3barrier (at + 1) /* in three parts: reader 0, reader 1 and the other writer pass a fence */
#define W4count   (at + 4) /* how many slots there are */
#endif

#if defined(COUNTS)
#define W4slot (W4count + 1)
#define W5free (at + 9)
#elif defined(FREE_BEFORE_WAIT)
#define W5free (at + 5)
#define W4slot (at + 6)
#else
#define W4slot (at + 5) /* W4 load the slots, in two parts; wait while one is old */
#define W5free (at + 7) /* W5 free */
#endif

#ifdef COUNTS
#define W7returned 16
#define S1zero 17 /* SWITCH: each reader gets zeroed counters */
#define S2show 18 /* and is shown them: counting is on */
#define S3hide 19 /* counting is off: they are hidden, and kept */
#define WRITER_OPS 20
#define CLEARS (BIT(W5clear) | BIT(W5account))
#define SWITCHES (BIT(S1zero) | BIT(S2show) | BIT(S3hide))
#else
#define W7returned 14 /* the call has returned: the caller takes back the memory behind the mapping */
#define WRITER_OPS 15
#define CLEARS 0
#define SWITCHES 0
#endif

#define BIT(k) (1 << (k))
#ifdef GATE_ONLY
#define NEWEST BIT(W3newest)
#else
#define NEWEST 0
#endif
#define ALWAYS (BIT(W0lock) | BIT(W0old) | BIT(W1swap) | BIT(W6unlock))
#if defined(NO_BARRIER)
#define BARRIER 0
#else
#define BARRIER (BIT(W3barrier) | BIT(W3barrier + 1) | (WRITERS == 2 -> BIT(W3barrier + 2) : 0))
#endif
#if defined(NO_SCAN)
#define SCAN 0
#else
#define SCAN (BIT(W4count) | BIT(W4slot) | BIT(W4slot + 1))
#endif
#define PROGRAM(call) (call == SWITCH -> SWITCHES : ALWAYS \
  | (call <= RECLAIM -> BIT(W0image) : 0) \
  | (call != ATTACH -> BIT(W2epoch) : 0) \
  | (call == RECLAIM -> NEWEST : 0) \
  | (call != ADD && call != ATTACH -> BARRIER | SCAN | BIT(W5free) : 0) \
  | (call == CLOSE -> CLEARS : 0) \
  | (call == UNMAP || call == DETACH || call == CLOSE -> BIT(W7returned) : 0))
