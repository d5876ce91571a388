/*
 * Writers: Publisher, and the control calls that use it.
 */

#define CAN_W(k) CAN(me, k, W)
#define WRITER_IN_ORDER(w) IN_ORDER(w, program[w - READERS])

#ifdef FENCE_OF_WRITER_ONLY
#define READER_PASSES(r) true
#else
#define READER_PASSES(r) READER_IN_ORDER(r)
#endif
#if WRITERS == 2
#define OTHER_PASSES WRITER_IN_ORDER(2 * READERS + 1 - me)
#else
#define OTHER_PASSES true
#endif

#ifdef NO_LOCK
#define MAY_LOCK true
#else
#define MAY_LOCK !lock
#endif
#ifdef GATE_ONLY
#define MAY_LOCK_AGAIN !lock /* taken and given back in one step */
#define LOCKED_AGAIN LOCKED
#else
#define MAY_LOCK_AGAIN true
#define LOCKED_AGAIN STORE
#endif

/* W4, one look. */
#if defined(COMPARED_THE_WRONG_WAY)
#define MAY_HOLD_OLD(s) (slot[s] != 0 && slot[s] >= passed)
#elif defined(COMPARED_BELOW)
#define MAY_HOLD_OLD(s) (slot[s] != 0 && slot[s] < passed)
#elif defined(WAITS_FOR_ZERO)
#define MAY_HOLD_OLD(s) (slot[s] != 0)
#else
#define MAY_HOLD_OLD(s) (slot[s] != 0 && slot[s] <= passed)
#endif
#define MAY_GO_ON(s) (call == RECLAIM || s >= slots || !MAY_HOLD_OLD(s))

#ifdef SWITCHING_OFF_FREES
#define BLOCKS_OFF blocks = 0
#else
#define BLOCKS_OFF skip
#endif

#ifdef RECLAIM_UP_TO_OLDEST
#define BELOW 0
#else
#define BELOW 1
#endif

#define PUBLISHES (call <= RECLAIM)

inline look(s)
{
  if
  :: s < slots ->
    assert(setUp & BIT(s));
    if
    :: call == RECLAIM && slot[s] != 0 && slot[s] < oldest -> oldest = slot[s]
    :: else
    fi
  :: else
  fi
}

inline freeTable(n)
{
  assert(!(freed & BIT(n)));
  freed = freed | BIT(n)
}

inline freeRetired(upTo)
{
  t = 0;
  do
  :: t < TABLES ->
    if
    :: retired[t] != 0 && retired[t] <= upTo -> retired[t] = 0; freeTable(t)
    :: else
    fi;
    t++
  :: else -> break
  od;
  t = 0
}

/* The text is for trails. */
#define didW(k, says) says; done[me] = done[me] | BIT(k)

proctype Writer(byte me; byte call)
{
  byte number;       /* of the call */
  byte old;          /* the table it replaces */
  byte next;         /* the table it publishes */
  byte passed;       /* the epoch it outwaits; RECLAIM: the newest that retired a table */
  byte slots;
  byte oldest = 255; /* RECLAIM: the oldest epoch in a slot */
  byte t;

  do
  :: d_step { program[me - READERS] == 0 && call != NONE ->
       program[me - READERS] = PROGRAM(call);
       done[me] = ~PROGRAM(call) }
  :: d_step { CAN_W(W0lock) && MAY_LOCK -> lock = 1; didW(W0lock, printf("takes the lock\n")) }
  :: d_step { CAN_W(W0old) ->
       old = current; passed = epoch; next = tables;
       if :: PUBLISHES -> tables++ :: else fi;
       didW(W0old, printf("replaces table %d\n", old)) }
  :: d_step { CAN_W(W0image) -> images = images | BIT(next); didW(W0image, printf("writes image %d\n", next)) }
  :: d_step { CAN_W(W1swap) ->
       if
       :: PUBLISHES -> current = next
       :: call == ATTACH -> unknown = 0; detached = 0
       :: else -> unknown = 1
       fi;
       didW(W1swap, printf("W1 swaps; table is %d\n", current)) }
  :: d_step { CAN_W(W2epoch) ->
       epoch = passed + 1;
       if :: PUBLISHES -> retired[old] = passed :: else fi;
       didW(W2epoch, printf("W2 epoch %d\n", epoch)) }
  :: d_step { CAN_W(W6unlock) -> lock = 0; didW(W6unlock, printf("unlocks\n")) }
  :: d_step { CAN_W(W3newest) && MAY_LOCK_AGAIN -> passed = epoch - 1; didW(W3newest, printf("newest epoch that retired %d\n", passed)) }
  :: d_step { CAN_W(W3barrier) && READER_PASSES(0) -> didW(W3barrier, printf("W3 fences reader 0\n")) }
  :: d_step { CAN_W(W3barrier + 1) && READER_PASSES(1) -> didW(W3barrier + 1, printf("W3 fences reader 1\n")) }
  :: d_step { CAN_W(W3barrier + 2) && OTHER_PASSES -> didW(W3barrier + 2, printf("W3 fences the other writer\n")) }
  :: d_step { CAN_W(W4count) -> slots = slotCount; didW(W4count, printf("W4 slots %d\n", slots)) }
  :: d_step { CAN_W(W4slot) && MAY_GO_ON(0) -> look(0); didW(W4slot, printf("W4 passes slot 0\n")) }
  :: d_step { CAN_W(W4slot + 1) && MAY_GO_ON(1) -> look(1); didW(W4slot + 1, printf("W4 passes slot 1\n")) }
  :: d_step { CAN_W(W5free) && MAY_LOCK_AGAIN ->
       if
       :: call == RECLAIM && oldest - BELOW < passed -> passed = oldest - BELOW
       :: else
       fi;
       freeRetired(passed);
       if :: call == CLOSE -> freeTable(current); cellFreed = 1 :: else fi;
       didW(W5free, printf("W5 frees up to epoch %d\n", passed)) }
#ifdef COUNTS
  :: d_step { CAN_W(W5clear) -> cleared = 1; didW(W5clear, printf("W5 clears the account\n")) }
  :: d_step { CAN_W(W5account) -> accountGiven = 1; didW(W5account, printf("W5 gives the account on\n")) }
  :: d_step { CAN_W(S1zero) -> blocks = setUp; didW(S1zero, printf("zeroes counters\n")) }
  :: d_step { CAN_W(S2show) -> shown = setUp; didW(S2show, printf("switches counting on\n")) }
  :: d_step { CAN_W(S3hide) -> shown = 0; BLOCKS_OFF; didW(S3hide, printf("switches counting off\n")) }
#endif
  :: d_step { CAN_W(W7returned) ->
       if :: call == UNMAP && next > firstLegal -> firstLegal = next :: call != UNMAP -> detached = 1 :: else fi;
       didW(W7returned, printf("call has returned\n")) }
  :: d_step { program[me - READERS] != 0 && (~done[me] & program[me - READERS]) == 0 ->
       program[me - READERS] = 0; done[me] = ~0;
       number++; old = 0; next = 0; passed = 0; slots = 0; oldest = 255;
       call = (WRITERS == 2 || number > 2 -> NONE : (number == 1 -> CALL1 : CALL2));
       if :: call == NONE -> finished++ :: else fi }
  :: call == NONE -> break
  od
}

#ifdef PLAIN_SWAP
#define RELEASE_SWAP 0
#else
#define RELEASE_SWAP REL
#endif
#ifdef PLAIN_STEP
#define RELEASE_STEP 0
#else
#define RELEASE_STEP REL
#endif
#ifdef PLAIN_SCAN
#define ACQUIRE_SLOT 0
#else
#define ACQUIRE_SLOT ACQ
#endif

#ifdef PLAIN_SHOW
#define RELEASE_SHOW 0
#else
#define RELEASE_SHOW REL
#endif

inline writerOrder()
{
  op(W + W0lock, LOCKED, theLock, 0);
  op(W + W0old, LOAD, nowhere, 0);
  op(W + W0image, STORE, nowhere, BIT(W0old));
  op(W + W1swap, STORE | RELEASE_SWAP, theCell, BIT(W0old));
  op(W + W2epoch, STORE | RELEASE_STEP, theEpoch, BIT(W0old));
  op(W + W6unlock, STORE | REL, theLock, 0);
  op(W + W3newest, LOCKED, theEpoch, 0);
  op(W + W3barrier, FENCE, theBarrier, 0);
  op(W + W3barrier + 1, FENCE, theBarrier, 0);
  op(W + W3barrier + 2, FENCE, theBarrier, 0);
  op(W + W4count, LOAD | ACQ, theCount, 0);
  op(W + W4slot, LOAD | ACQUIRE_SLOT, nowhere, BIT(W4count));
  op(W + W4slot + 1, LOAD | ACQUIRE_SLOT, nowhere, BIT(W4count));
  op(W + W5free, LOCKED_AGAIN, nowhere, BIT(W4count) | BIT(W4slot) | BIT(W4slot + 1)); /* behind the branches of the scan */
  op(W + W7returned, LOAD, nowhere, 0);
#ifdef COUNTS
  op(W + W5clear, LOCKED, theBlock, BIT(W4count) | BIT(W4slot) | BIT(W4slot + 1)); /* the book's lock */
  op(W + W5account, STORE, nowhere, BIT(W5clear));
  op(W + S1zero, STORE, theBlock, 0);
  op(W + S2show, STORE | RELEASE_SHOW, theShown, 0);
  op(W + S3hide, STORE | REL, theShown, 0);
#endif
  keepOrder(W, WRITER_OPS)
}
