/*
 * Readers: PamuReader, ReaderSection, ReaderRegistry.
 */

#define READER_IN_ORDER(r) IN_ORDER(r, BIT(READER_OPS) - 1)
#ifdef LIVENESS
/* The barrier's interrupt: nothing new is begun until it has passed. (Without it a reader could be out of order whenever the writer looks.) */
#define ASKED(w) (program[w] != 0 && CAN(READERS + w, W3barrier + me, W))
#define CAN_R(k) (CAN(me, k, 0) && (BIT(k) < done[me] || !ASKED(0) && !ASKED(WRITERS - 1)))
#else
#define CAN_R(k) CAN(me, k, 0)
#endif

#ifdef NESTED
#define MOVE_INNER(to, from) inner[to] = inner[from]; innerInCell[to] = innerInCell[from]; inner[from] = 0; innerInCell[from] = 0
#else
#define MOVE_INNER(to, from)
#endif
#ifdef COUNTS
#define MOVE_COUNTING(to, from) counting[to] = counting[from]; counting[from] = 0;
#define FREE_BLOCK(s) blocks = blocks & ~BIT(s); shown = shown & ~BIT(s)
#define NEW_BLOCK blocks = blocks | BIT(mine); shown = shown | BIT(mine)
#define USED(n, b, other) if :: done[me] & BIT(b + other) -> table[n] = 0; inCell[n] = 0 :: else fi
#else
#define MOVE_COUNTING(to, from)
#define FREE_BLOCK(s) skip
#define NEW_BLOCK skip
#define USED(n, b, other) table[n] = 0; inCell[n] = 0
#endif
#define MOVE(to, from) \
  MOVE_COUNTING(to, from) \
  announced[to] = announced[from]; table[to] = table[from]; inCell[to] = inCell[from]; \
  announced[from] = 0; table[from] = 0; inCell[from] = 0; MOVE_INNER(to, from)

#ifdef LOST
#define TAKE(s) taken = taken | BIT(s); ownerOf[s] = me; usedBy[me] = s + 1
#define ROUND_OVER usedBy[me] = 0
#define MAY_REGISTER (!registry && (freeSlots != 0 || slotCount < READERS)) /* the code would count more slots */
#else
#define TAKE(s)
#define ROUND_OVER
#define MAY_REGISTER !registry
#endif

/* The text is for trails. */
#define did(k, says) says; performed(k)

inline performed(k)
{
  done[me] = done[me] | BIT(k);
  if
#ifdef REGISTER
  :: done[me] == BIT(READER_OPS) - 1 -> done[me] = 0; ROUND_OVER
#else
  :: (done[me] & (BIT(LENGTH) - 1)) == BIT(LENGTH) - 1 ->
    done[me] = done[me] >> LENGTH;
#if SECTIONS > 1
    MOVE(0, 1);
#endif
#if SECTIONS > 2
    MOVE(1, 2);
#endif
#endif
  :: else
  fi
}

inline loadTable(to, fromCell)
{
  if
  :: fromCell -> assert(!cellFreed); to = current
  :: else -> to = REFUSES
  fi
}

inline checkTable(t)
{
  if
  :: t != REFUSES -> assert(images & BIT(t)); assert(!(freed & BIT(t)))
  :: else
  fi
}

#define MAY_USE(t) (t == REFUSES || t >= firstLegal && !detached)

#ifdef INNER_LEAVE_CLEARS
#define INNER_LEAVE slot[mine] = 0
#else
#define INNER_LEAVE skip
#endif
#ifdef BLOCKING_CALL
#define MAY_CALL !lock
#else
#define MAY_CALL true
#endif

#define SECTION(n, b) \
  :: d_step { CAN_R(b + R1load) -> announced[n] = epoch; did(b + R1load, printf("R1 loads epoch %d\n", epoch)) } \
  :: d_step { CAN_R(b + R1store) -> slot[mine] = announced[n]; announced[n] = 0; did(b + R1store, printf("R1 announces %d\n", slot[mine])) } \
  :: d_step { CAN_R(b + R2cell) -> inCell[n] = !unknown; did(b + R2cell, printf("R2 finds the container %d\n", inCell[n])) } \
  :: d_step { CAN_R(b + R2table) -> loadTable(table[n], inCell[n]); did(b + R2table, printf("R2 loads table %d\n", table[n])) } \
  :: d_step { CAN_R(b + R3read) -> checkTable(table[n]); did(b + R3read, printf("R3 reads table %d\n", table[n])) } \
  :: d_step { CAN_R(b + R3use) -> assert(MAY_USE(table[n])); USED(n, b, R3count); did(b + R3use, printf("R3 uses the translation\n")) } \
  :: d_step { CAN_R(b + R4leave) -> slot[mine] = 0; did(b + R4leave, printf("R4 leaves slot %d\n", mine)) }

#define INNER(n, b) \
  :: d_step { CAN_R(b + N2cell) -> innerInCell[n] = !unknown; did(b + N2cell, printf("inner finds the container %d\n", innerInCell[n])) } \
  :: d_step { CAN_R(b + N2table) -> loadTable(inner[n], innerInCell[n]); innerInCell[n] = 0; did(b + N2table, printf("inner loads table %d\n", inner[n])) } \
  :: d_step { CAN_R(b + N3use) -> checkTable(inner[n]); assert(MAY_USE(inner[n])); inner[n] = 0; did(b + N3use, printf("inner uses its table\n")) } \
  :: d_step { CAN_R(b + N4leave) -> INNER_LEAVE; did(b + N4leave, printf("inner leaves; slot is %d\n", slot[mine])) }

/* A table carries its container's account; the one that refuses counts in an account that stays. */
inline checkCounters(is, t)
{
  if
  :: is -> assert(blocks & BIT(mine));
    if
    :: t != REFUSES -> assert(!cleared); assert(!accountGiven)
    :: else
    fi
  :: else
  fi
}

#define COUNTING(n, b) \
  :: d_step { CAN_R(b + R2counters) -> counting[n] = (shown & BIT(mine)) != 0; did(b + R2counters, printf("counts %d\n", counting[n])) } \
  :: d_step { CAN_R(b + R3count) -> checkCounters(counting[n], table[n]); \
       counting[n] = 0; USED(n, b, R3use); did(b + R3count, printf("R3 adds to the counters\n")) }

#define CALL_INSIDE(b) \
  :: d_step { CAN_R(b + C1call) && MAY_CALL -> holds = !lock; lock = 1; did(b + C1call, printf("makes a control call, accepted %d\n", holds)) } \
  :: d_step { CAN_R(b + C2done) -> lock = lock && !holds; holds = 0; did(b + C2done, printf("call is over\n")) }

proctype Reader(byte me)
{
  byte mine = (FIRST == 0 -> me : 0); /* its slot */
  byte announced[SECTIONS];           /* the epoch, between its load and its store */
  byte table[SECTIONS];
  bool inCell[SECTIONS];              /* the cell that was loaded is the container's */
#ifdef NESTED
  byte inner[SECTIONS];
  bool innerInCell[SECTIONS];
#endif
#ifdef CONTROL_IN_SECTION
  bool holds;
#endif
#ifdef COUNTS
  bool counting[SECTIONS];
#endif

  do
#ifdef REGISTER
  :: d_step { CAN_R(G1lock) && MAY_REGISTER -> registry = 1; did(G1lock, printf("registers\n")) }
  :: d_step { CAN_R(G2slot) && (freeSlots & 1) -> mine = 0; freeSlots = freeSlots & ~1; TAKE(mine); did(G2slot, printf("gets slot %d\n", mine)) }
  :: d_step { CAN_R(G2slot) && (freeSlots & 2) -> mine = 1; freeSlots = freeSlots & ~2; TAKE(mine); did(G2slot, printf("gets slot %d\n", mine)) }
  :: d_step { CAN_R(G2slot) && freeSlots == 0 -> mine = slotCount; TAKE(mine); did(G2slot, printf("gets slot %d\n", mine)) }
  :: d_step { CAN_R(G3setUp) -> setUp = setUp | BIT(mine); NEW_BLOCK; did(G3setUp, printf("sets up slot %d\n", mine)) }
  :: d_step { CAN_R(G4count) -> slotCount = (mine < slotCount -> slotCount : mine + 1); did(G4count, printf("counts slots %d\n", slotCount)) }
  :: d_step { CAN_R(G5unlock) -> registry = 0; did(G5unlock, printf("is registered\n")) }
#ifndef LOST
  :: d_step { CAN_R(U1lock) && !registry -> registry = 1; did(U1lock, printf("gives back\n")) }
  :: d_step { CAN_R(U2slot) -> freeSlots = freeSlots | BIT(mine); FREE_BLOCK(mine); did(U2slot, printf("gives back slot %d\n", mine)) }
  :: d_step { CAN_R(U3unlock) -> registry = 0; did(U3unlock, printf("is not registered\n")) }
#endif
#endif
  SECTION(0, FIRST)
#if SECTIONS > 1
  SECTION(1, FIRST + LENGTH)
#endif
#if SECTIONS > 2
  SECTION(2, FIRST + 2 * LENGTH)
#endif
#ifdef NESTED
  INNER(0, FIRST)
#if SECTIONS > 1
  INNER(1, FIRST + LENGTH)
#endif
#endif
#ifdef CONTROL_IN_SECTION
  CALL_INSIDE(FIRST)
#if SECTIONS > 1
  CALL_INSIDE(FIRST + LENGTH)
#endif
#endif
#ifdef COUNTS
  COUNTING(0, FIRST)
#if SECTIONS > 1
  COUNTING(1, FIRST + LENGTH)
#endif
#endif
  :: done[me] == 0 -> break
#ifdef DEATH
  :: me == 1 && done[me] != 0 && READER_IN_ORDER(me) -> dead = 1; break
#endif
  od
}

#ifdef PLAIN_COUNT
#define RELEASE_COUNT 0
#else
#define RELEASE_COUNT REL
#endif
#ifdef PLAIN_EPOCH
#define ACQUIRE_EPOCH 0
#else
#define ACQUIRE_EPOCH ACQ
#endif
#ifdef PLAIN_LEAVE
#define RELEASE_LEAVE 0
#else
#define RELEASE_LEAVE REL
#endif

/* Who registers writes its slot's address of counters, and the counters, itself: the same places. */
#ifdef REGISTER
#define OWN_BLOCK BIT(G3setUp)
#else
#define OWN_BLOCK 0
#endif

inline readerOrder()
{
  k = 0;
#ifdef REGISTER
  op(G1lock, LOCKED, theRegistry, 0);
  op(G2slot, LOAD, nowhere, 0);
  op(G3setUp, STORE, theSlot, BIT(G2slot));
  op(G4count, STORE | RELEASE_COUNT, theCount, BIT(G2slot));
  op(G5unlock, STORE | REL, theRegistry, 0);
#ifndef LOST
  op(U1lock, LOCKED, theRegistry, 0);
#ifdef COUNTS
  op(U2slot, STORE, theBlock, BIT(G2slot)); /* reads its counters for the last time, and frees them */
#else
  op(U2slot, STORE, nowhere, BIT(G2slot));
#endif
  op(U3unlock, STORE | REL, theRegistry, 0);
#endif
#endif
  do
  :: k < SECTIONS ->
    b = FIRST + k * LENGTH;
    op(b + R1load, LOAD | ACQUIRE_EPOCH, theEpoch, 0);
    op(b + R1store, STORE, theSlot, BIT(b + R1load));
    op(b + R2cell, LOAD | ACQ, nowhere, 0);
    op(b + R2table, LOAD | ACQ, nowhere, BIT(b + R2cell));
    op(b + R3read, LOAD, nowhere, BIT(b + R2table));
    op(b + R3use, STORE, nowhere, BIT(b + R3read));
    op(b + R4leave, STORE | RELEASE_LEAVE, theSlot, 0);
#ifdef COUNTS
    op(b + R2counters, LOAD | ACQ, theShown, OWN_BLOCK);
    op(b + R3count, STORE, theBlock, BIT(b + R2counters) | BIT(b + R3read) | OWN_BLOCK);
#endif
#ifdef NESTED
    op(b + N2cell, LOAD | ACQ, nowhere, 0);
    op(b + N2table, LOAD | ACQ, nowhere, BIT(b + N2cell));
    op(b + N3use, LOAD, nowhere, BIT(b + N2table));
#ifdef INNER_LEAVE_CLEARS
    op(b + N4leave, STORE | REL, theSlot, 0);
#else
    op(b + N4leave, LOAD, nowhere, 0);
#endif
#endif
#ifdef CONTROL_IN_SECTION
    op(b + C1call, LOCKED, theLock, 0);
    op(b + C2done, STORE | REL, theLock, 0);
#endif
    k++
  :: else -> break
  od;
  keepOrder(0, READER_OPS)
}
