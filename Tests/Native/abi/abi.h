/*
 * The tests of the C interface, function by function. One program; each file tests one part of the header and adds its tests in one function.
 * C11 and C++17.
 */
#ifndef PAMU_TESTS_ABI_H
#define PAMU_TESTS_ABI_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* of g++'s own making in C++ */
#endif

#include "../check.h"
#include "pamu.h"

#include <pthread.h>

/* The usual machine: an aperture of 512 MiB from 0 in eight windows of 64 MiB. */
enum {
    WINDOW = 0x4000000,
    LIODN = 0x42,
    OTHER_LIODN = 0x43, /* of the same group */
    SMALL = 0x1000      /* bytes of the mapping in window 4 */
};

#define RAM UINT64_C(0x1000000000)
#define AT(window) ((uint64_t)(window)*WINDOW)

/*
 *   0, 1  memory at RAM, read and write, contiguous
 *   2     memory at RAM + 2 windows, read only
 *   3     memory at RAM + 3 windows, write only
 *   4     SMALL bytes at RAM + 4 windows, read and write
 *   5     MSI bank 0, write: the group uses it
 *   6     MSI bank 1, write: the group does not use it
 *   7     nothing
 */
typedef struct machine {
    pamu_engine *engine;
    pamu_container *container;
    pamu_group *group;
    pamu_reader reader;
} machine;

/* Makes a machine whose reader is the calling thread's. */
void machine_open(machine *made);

/* Gives the reader back and destroys the engine, with everything made from it. */
void machine_close(machine *used);

/* Runs a function on a thread of its own and waits for it. */
void on_other_thread(void (*body)(void *), void *context);

/* Whether the last refused call of this thread broke a rule about a parameter with an errno name, as in "EINVAL: size: ...". */
int last_error_is(const char *errno_name, const char *parameter);

void versions_tests(void);
void engine_tests(void);
void group_tests(void);
void control_tests(void);
void request_tests(void);
void reader_tests(void);
void translate_tests(void);
void batch_tests(void);
void fault_tests(void);
void port_tests(void);
void observe_tests(void);
void snapshot_tests(void);
void handle_tests(void);
void misuse_tests(void);

#endif
