/*
 * The memory model (order.pml) on what everybody knows of it: two threads of two operations each.
 *
 *   SHAPE 0  store buffering   x = 1; load y   |   y = 1; load x    can both load 0?
 *   SHAPE 1  message passing   x = 1; y = 1    |   load y; load x   can they load 1 and then 0?
 *   SHAPE 2  load buffering    load x; y = 1   |   load y; x = 1    can both load 1?
 *   SHAPE 3  one location      x = 1; x = 2    |   load x; load x   can the second load see the older value?
 *
 * If so, the assertion fails. RELEASE: each second operation that is a store is a release. ACQUIRE: each first one that is a load is an acquire. DEPENDS:
 * each second one depends on the first. BARRIER: thread 1 makes a process-wide barrier between its two; thread 0 has nothing there.
 */

#define BIT(k) (1 << (k))
#define W 3 /* thread 1's operations in the arrays */
#define WRITER_OPS 3
byte done[2];

#include "order.pml"

#ifdef RELEASE
#define SECOND_STORE (STORE | REL)
#else
#define SECOND_STORE STORE
#endif
#ifdef ACQUIRE
#define FIRST_LOAD (LOAD | ACQ)
#else
#define FIRST_LOAD LOAD
#endif
#ifdef DEPENDS
#define ON_FIRST BIT(0)
#else
#define ON_FIRST 0
#endif

#define X theCell
#define Y theEpoch
byte x;
byte y;
byte loaded[4] = 9; /* thread 0: first and second operation; thread 1: the same */

#if SHAPE == 0
#define FIRST_0  x = 1
#define SECOND_0 loaded[1] = y
#define FIRST_1  y = 1
#define SECOND_1 loaded[3] = x
#define ORDER op(0, STORE, X, 0); op(2, LOAD, Y, ON_FIRST); op(W, STORE, Y, 0); op(W + 2, LOAD, X, ON_FIRST)
#define STRANGE (loaded[1] == 0 && loaded[3] == 0)
#elif SHAPE == 1
#define FIRST_0  x = 1
#define SECOND_0 y = 1
#define FIRST_1  loaded[2] = y
#define SECOND_1 loaded[3] = x
#define ORDER op(0, STORE, X, 0); op(2, SECOND_STORE, Y, 0); op(W, FIRST_LOAD, Y, 0); op(W + 2, LOAD, X, ON_FIRST)
#define STRANGE (loaded[2] == 1 && loaded[3] == 0)
#elif SHAPE == 2
#define FIRST_0  loaded[0] = x
#define SECOND_0 y = 1
#define FIRST_1  loaded[2] = y
#define SECOND_1 x = 1
#define ORDER op(0, FIRST_LOAD, X, 0); op(2, SECOND_STORE, Y, ON_FIRST); op(W, FIRST_LOAD, Y, 0); op(W + 2, SECOND_STORE, X, ON_FIRST)
#define STRANGE (loaded[0] == 1 && loaded[2] == 1)
#else
#define FIRST_0  x = 1
#define SECOND_0 x = 2
#define FIRST_1  loaded[2] = x
#define SECOND_1 loaded[3] = x
#define ORDER op(0, STORE, X, 0); op(2, SECOND_STORE, X, 0); op(W, FIRST_LOAD, X, 0); op(W + 2, LOAD, X, 0)
#define STRANGE (loaded[2] > loaded[3])
#endif

/* Operation 1 is the barrier; it is done from the beginning where there is none. */
#ifdef BARRIER
#define MIDDLE FENCE
#define FENCED_LATER 0
#else
#define MIDDLE 0
#define FENCED_LATER BIT(1)
#endif

#define NEXT(k) CAN(me, k, me * W)
#define THREAD(first, second) \
  do \
  :: d_step { NEXT(0) -> first; done[me] = done[me] | BIT(0) } \
  :: d_step { NEXT(1) && IN_ORDER(0, BIT(0) | BIT(2)) -> done[me] = done[me] | BIT(1) } \
  :: d_step { NEXT(2) -> second; done[me] = done[me] | BIT(2) } \
  :: done[me] == 7 -> break \
  od; \
  assert(done[0] != 7 || done[1] != 7 || !STRANGE)

proctype Thread0(byte me) { THREAD(FIRST_0, SECOND_0) }
proctype Thread1(byte me) { THREAD(FIRST_1, SECOND_1) }

init
{
  d_step
  {
    ORDER;
    op(W + 1, MIDDLE, theBarrier, 0);
    keepOrder(0, 3);
    keepOrder(W, 3);
    done[0] = BIT(1);
    done[1] = FENCED_LATER
  };
  atomic { run Thread0(0); run Thread1(1) }
}
