/*
 * The publication protocol of docs/publication.md, for SPIN. `Tests/Spin/run` checks it in all its configurations and broken in many ways;
 * docs/publication.md says for what line of the code each label stands (R1 to R4, W1 to W7), and a test that both know the same labels.
 *
 * A thread is a list of memory operations (programs.pml) and a bit mask of those that were performed, that is, took their value from memory
 * or reached it. Any operation may be performed next before which nothing has to be (order.pml). So a store buffer is a store that is
 * not performed yet while later loads are.
 *
 * The process-wide barrier is a fence in each other thread, one by one in any order.
 *
 * Readers enter sections without end, or stop between two. When a reader's oldest section is all performed, its window moves on, so operations of up to
 * SECTIONS of them overlap. Epochs and tables are bounded by the number of calls, not by the readers.
 *
 * -D of a run: MEMORY (order.pml), WRITERS, CALL0 to CALL2 (of one writer, in order; of two, one each), SECTIONS, and what is left out unless named:
 * REGISTER (readers come and go), LOST (they go without a word), NESTED, CONTROL_IN_SECTION, DEATH, GATE_ONLY, COUNTS (accesses are counted), SWITCHED
 * (not from the beginning). Everything else is a way to break it.
 */

#define UNMAP   0 /* takes a mapping away: publishes, waits */
#define ADD     1 /* adds one: publishes */
#define RECLAIM 2 /* adds one and frees what it can without a wait */
#define DETACH  3 /* takes LIODNs off the container: no table is published, waits */
#define CLOSE   4 /* the same, then frees the container's cell and table */
#define ATTACH  5 /* puts them on again: no table is published */
#define SWITCH  6 /* switches counting on and off again, outside the control lock */
#define NONE    7

#ifndef CALL0
#define CALL0 UNMAP
#endif
#ifndef CALL1
#define CALL1 NONE
#endif
#ifndef CALL2
#define CALL2 NONE
#endif
#ifndef WRITERS
#define WRITERS 1
#endif
#ifndef SECTIONS
#define SECTIONS 1
#endif
#define READERS 2
#define W 32
#ifdef LOST
#define REGISTER
#endif

#include "programs.pml"
#include "order.pml"

/* --------------------------------------------------------------------------------------------------------------------------- state */

#define TABLES  4 /* 0 is current at first, the others come by publication */
#define REFUSES 7 /* the table of the cell for unknown LIODNs and closed containers */

byte epoch = 1;
byte current;             /* the container's cell: its table */
bool unknown;             /* the map's entry or the container's pointer does not lead to that cell any more */
byte slot[READERS];
byte slotCount = (FIRST == 0 -> READERS : 0);
byte setUp = (FIRST == 0 -> 3 : 0); /* bit mask of slots: memory is there, and zero */
byte freeSlots;           /* bit mask */
bool registry;            /* the registry's lock */
bool lock;                /* the control lock; with GATE_ONLY the publisher's */
byte tables = 1;          /* made so far */
byte images = 1;          /* bit mask of tables: written */
byte freed;               /* bit mask of tables */
bool cellFreed;
byte retired[TABLES];     /* at which epoch; 0 if it is not */
byte firstLegal;          /* tables below hold a mapping whose unmap has returned */
bool detached;            /* DETACH or CLOSE has returned */
byte finished;            /* writers */
#ifdef DEATH
bool dead;                /* reader 1 died in a section */
#endif
#ifdef COUNTS
#ifdef SWITCHED
#define COUNTED 0
#else
#define COUNTED (FIRST == 0 -> 3 : 0)
#endif
byte blocks = COUNTED;    /* bit mask of slots: there is memory to count in, zeroed */
byte shown = COUNTED;     /* bit mask of slots: it says so */
bool cleared;             /* the container's account was added up, and its counters are zero again */
bool accountGiven;        /* another container may have the account */
#endif
#ifdef LOST
byte ownerOf[READERS];    /* by slot: the reader it was given to last */
byte taken;               /* bit mask of slots: given to a reader */
byte garbage;             /* bit mask of slots: their reader's object was found unreachable */
byte usedBy[READERS];     /* by reader: the slot of its present object, plus 1 */
#endif

int done[READERS + WRITERS];
int program[WRITERS];

#include "readers.pml"
#include "writers.pml"

#ifdef DEATH
/* RemoveByForce. */
proctype Remover()
{
end:
  dead -> slot[1] = 0
}
#endif

#ifdef LOST
#ifdef NO_KEEP_ALIVE
#define LAST_USE G5unlock
#else
#define LAST_USE (FIRST + R1store)
#endif
#ifdef FINALIZER_DOES_NOT_LOOK
#define LOOKS_FREE(s) true
#else
#define LOOKS_FREE(s) (slot[s] == 0)
#endif

/* The collector stops the thread, which is a fence, where nothing refers to the reader's object any more; its finalizer runs later, beside the thread. */
#define UNREACHABLE(s) (READER_IN_ORDER(ownerOf[s]) && (usedBy[ownerOf[s]] != s + 1 || done[ownerOf[s]] & BIT(LAST_USE)))
#if defined(COUNTS) && defined(BLOCK_FREED_BEFORE_LOOK)
#define FREE_BLOCK_EARLY(s) :: d_step { (garbage & blocks & BIT(s)) -> FREE_BLOCK(s) }
#else
#define FREE_BLOCK_EARLY(s)
#endif
#define COLLECT(s) \
  FREE_BLOCK_EARLY(s) \
  :: d_step { (taken & ~garbage & BIT(s)) && UNREACHABLE(s) -> garbage = garbage | BIT(s) } \
  :: d_step { (garbage & BIT(s)) && !registry && LOOKS_FREE(s) -> \
       garbage = garbage & ~BIT(s); taken = taken & ~BIT(s); freeSlots = freeSlots | BIT(s); FREE_BLOCK(s) }

proctype Collector()
{
end:
  do
  COLLECT(0)
  COLLECT(1)
  od
}
#endif

#ifdef LIVENESS
ltl finishes { <> (finished == WRITERS) }
#endif

init
{
  d_step { readerOrder(); writerOrder(); done[READERS] = ~0; done[READERS + WRITERS - 1] = ~0 };
  atomic
  {
    run Reader(0);
    run Reader(1);
    run Writer(READERS, CALL0);
#if WRITERS == 2
    run Writer(READERS + 1, CALL1);
#endif
#if defined(DEATH) && !defined(NOT_REMOVED)
    run Remover();
#endif
#ifdef LOST
    run Collector();
#endif
    skip
  }
}
