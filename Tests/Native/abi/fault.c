#include "abi.h"

#include <string.h>

enum { LOG_ROOM = 4096 }; /* of an engine's log */

static pamu_fault_record some_fault(uint64_t iova)
{
    pamu_fault_record fault;
    memset(&fault, 0, sizeof fault);
    fault.kind = PAMU_FAULT_NO_MAPPING;
    fault.liodn = LIODN;
    fault.iova = iova;
    fault.length = 8;
    fault.access = PAMU_WRITE;
    fault.fault_iova = iova + 4;
    return fault;
}

static void faults_are_taken_in_order(void)
{
    machine m;
    machine_open(&m);
    pamu_fault_record taken[3];
    CHECK_IS(0, pamu_fault_take(m.engine, taken, 3));
    for (uint64_t i = 0; i < 3; i++) {
        pamu_fault_record fault = some_fault(AT(7) + i * 16);
        CHECK_IS(0, pamu_fault_record_add(m.engine, &fault));
    }
    CHECK_IS(2, pamu_fault_take(m.engine, taken, 2));
    for (uint64_t i = 0; i < 2; i++) {
        CHECK_IS(PAMU_FAULT_NO_MAPPING, taken[i].kind);
        CHECK_IS(LIODN, taken[i].liodn);
        CHECK_IS(AT(7) + i * 16, taken[i].iova);
        CHECK_IS(8, taken[i].length);
        CHECK_IS(PAMU_WRITE, taken[i].access);
        CHECK_IS(AT(7) + i * 16 + 4, taken[i].fault_iova);
        CHECK_IS(0, taken[i].reserved);
    }
    CHECK_IS(0, pamu_fault_take(m.engine, NULL, 0));
    CHECK_IS(1, pamu_fault_take(m.engine, taken, 3));
    CHECK_IS(0, pamu_fault_take(m.engine, taken, 3));
    machine_close(&m);
}

static void what_is_no_fault_is_not_recorded(void)
{
    machine m;
    machine_open(&m);
    pamu_fault_record taken, fault = some_fault(AT(7));
    const uint32_t wrong[] = {PAMU_FAULT_NONE, PAMU_FAULT_BAD_LENGTH + 1, PAMU_FAULT_MISUSE, UINT32_MAX};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        fault.kind = wrong[i];
        CHECK_IS(-EINVAL, pamu_fault_record_add(m.engine, &fault));
    }
    CHECK_IS(-EFAULT, pamu_fault_record_add(m.engine, NULL));
    CHECK_IS(-EFAULT, pamu_fault_take(m.engine, NULL, 1));
    CHECK_IS(0, pamu_fault_take(m.engine, &taken, 1));
    machine_close(&m);
}

static void a_full_log_drops_and_counts(void)
{
    machine m;
    machine_open(&m);
    pamu_fault_record fault = some_fault(AT(7));
    for (int i = 0; i < LOG_ROOM; i++) {
        CHECK_IS(0, pamu_fault_record_add(m.engine, &fault));
    }
    CHECK_IS(-ENOSPC, pamu_fault_record_add(m.engine, &fault));
    CHECK_IS(-ENOSPC, pamu_fault_record_add(m.engine, &fault));
    pamu_stats stats;
    memset(&stats, 0, sizeof stats);
    stats.size = sizeof stats;
    CHECK_IS(0, pamu_get_stats(m.engine, &stats));
    CHECK_IS(LOG_ROOM + 2, stats.faults);
    CHECK_IS(2, stats.dropped_faults);
    pamu_fault_record *all = (pamu_fault_record *)calloc(LOG_ROOM + 1, sizeof *all);
    CHECK_OR_EXIT(all != NULL);
    CHECK_IS(LOG_ROOM, pamu_fault_take(m.engine, all, LOG_ROOM + 1));
    free(all);
    CHECK_IS(0, pamu_fault_record_add(m.engine, &fault));
    machine_close(&m);
}

typedef struct told {
    machine *m;
    int calls;
    pamu_fault_record last;
    int unmapped;
} told;

static void note(void *context, const pamu_fault_record *fault)
{
    told *to = (told *)context;
    to->calls++;
    to->last = *fault;
    to->unmapped = pamu_unmap_dma(to->m->container, AT(2), WINDOW, NULL); /* it may make control calls */
}

static void whoever_asked_is_told_of_faults(void)
{
    machine m;
    machine_open(&m);
    told to = {&m, 0, some_fault(0), -1};
    pamu_fault_record fault = some_fault(AT(7) + 99);
    CHECK_IS(0, pamu_on_fault(m.engine, note, &to));
    CHECK_IS(0, pamu_fault_record_add(m.engine, &fault));
    CHECK_IS(1, to.calls);
    CHECK(memcmp(&to.last, &fault, sizeof fault) == 0);
    CHECK_IS(0, to.unmapped);
    CHECK_IS(PAMU_FAULT_NO_MAPPING, pamu_fault(pamu_translate_container(&m.reader, m.container, AT(2), 4, PAMU_READ)));
    CHECK_IS(0, pamu_on_fault(m.engine, NULL, NULL));
    CHECK_IS(0, pamu_fault_record_add(m.engine, &fault));
    CHECK_IS(1, to.calls);
    machine_close(&m);
}

void fault_tests(void)
{
    TEST(faults_are_taken_in_order);
    TEST(what_is_no_fault_is_not_recorded);
    TEST(a_full_log_drops_and_counts);
    TEST(whoever_asked_is_told_of_faults);
}
