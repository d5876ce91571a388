/*
 * The memory model: which operations of a thread have to be performed before which.
 *
 *   SC     all, in program order
 *   TSO    all but a store before a later load, which a store buffer may swap (x86)
 *   WEAK   only what was asked for: after an acquire, before a release, around a fence, at one location, and what an address, a value or
 *          a branch depends on (ARM; as there, a store that reaches memory is there for all at once)
 */

#define SC   0
#define TSO  1
#define WEAK 2
#ifndef MEMORY
#define MEMORY TSO
#endif

#define LOAD  1
#define STORE 2
#define ACQ   4
#define REL   8
#define FENCE 16

/* An interlocked instruction, which takes a lock, is a full fence on x86 and no more than an acquire elsewhere. */
#if MEMORY == WEAK
#define LOCKED (LOAD | STORE | ACQ)
#else
#define LOCKED (LOAD | STORE | FENCE)
#endif

/* Locations. The parts of the barrier are in no order among themselves. */
#define nowhere     0
#define theEpoch    1
#define theCell     2
#define theSlot     3
#define theCount    4
#define theLock     5
#define theRegistry 6
#define theBarrier  7
#define theBlock    8 /* the memory a reader counts in */
#define theShown    9 /* where its slot says that it is */

/* Constants of a run, so not part of a state. A writer's operation k stands at W + k. */
hidden byte kind[W + WRITER_OPS];
hidden byte where[W + WRITER_OPS];
hidden int depends[W + WRITER_OPS]; /* bits of the operations it depends on */
hidden int before[W + WRITER_OPS];  /* bits of the operations that have to be performed first */
hidden int i;
hidden int j;
hidden int k;
hidden int b;

inline op(k, is, place, on)
{
  kind[k] = is; where[k] = place; depends[k] = on
}

#define IS_STORE(k) ((kind[k] & (LOAD | STORE)) == STORE)
#define IS_LOAD(k)  ((kind[k] & (LOAD | STORE)) == LOAD)
#define FENCED(a, b) (((kind[a] | kind[b]) & FENCE) && !(where[a] == theBarrier && where[b] == theBarrier))
#define SAME_PLACE(a, b) (where[a] == where[b] && where[a] != nowhere && where[a] != theBarrier)
#if MEMORY == SC
#define KEPT(a, b) (where[a] != theBarrier || where[b] != theBarrier)
#elif MEMORY == TSO
#define KEPT(a, b) (FENCED(a, b) || SAME_PLACE(a, b) || !(IS_STORE(a) && IS_LOAD(b)) && (where[a] != theBarrier || where[b] != theBarrier))
#else
#define KEPT(a, b) (FENCED(a, b) || (kind[a] & ACQ) || (kind[b] & REL) || SAME_PLACE(a, b))
#endif

inline keepOrder(first, count)
{
  i = 0;
  do
  :: i < count ->
    j = 0;
    do
    :: j < i ->
      if
      :: KEPT(first + j, first + i) || (MEMORY == WEAK && (depends[first + i] & BIT(j))) ->
        before[first + i] = before[first + i] | BIT(j)
      :: else
      fi;
      j++
    :: else -> break
    od;
    i++
  :: else -> break
  od
}

/* An operation of a thread that can be performed: not performed yet, and all that goes before it is. */
#define CAN(thread, k, first) ((done[thread] & BIT(k)) == 0 && (before[first + k] & ~done[thread]) == 0)

/*
 * Where a thread can pass a fence: what it has performed is a beginning of its program, so nothing is late and nothing was early. `all` are the
 * operations of its program. The fence does not wait for that in a processor; executions in which it came at another moment are not executions.
 */
#define MISSING(thread, all) ((all) & ~done[thread])
#define IN_ORDER(thread, all) (MISSING(thread, all) == 0 || (done[thread] & (all)) < (MISSING(thread, all) & -MISSING(thread, all)))
