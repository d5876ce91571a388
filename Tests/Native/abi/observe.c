#include "abi.h"

#include <string.h>
#include <time.h>

static void figures_count_what_happened(void)
{
    machine m;
    pamu_stats before, after;
    machine_open(&m);
    memset(&before, 0, sizeof before);
    before.size = sizeof before;
    after = before;
    CHECK_IS(0, pamu_get_stats(m.engine, &before));
    CHECK_IS(1, before.containers);
    CHECK_IS(1, before.readers);
    CHECK_IS(0, before.refused_ioctls);
    CHECK_IS(9, before.ioctls); /* those of machine_open() */
    CHECK_IS(0, pamu_map_dma(m.container, RAM, AT(7), WINDOW, PAMU_READ_ALLOWED));
    CHECK_IS(-EBUSY, pamu_map_dma(m.container, RAM, AT(7), WINDOW, PAMU_READ_ALLOWED));
    CHECK_IS(1, pamu_ioctl(m.container, PAMU_CHECK_EXTENSION, 7));
    CHECK_IS(0, pamu_get_stats(m.engine, &after));
    CHECK_IS(before.ioctls + 3, after.ioctls);
    CHECK_IS(1, after.refused_ioctls);
    CHECK_IS(before.publications + 1, after.publications);
    CHECK(after.retired_tables > 0 && after.retired_tables <= after.publications);
    machine_close(&m);
}

static void figures_fill_what_there_is_room_for(void)
{
    machine m;
    pamu_stats stats, untouched;
    machine_open(&m);
    memset(&untouched, 0x5A, sizeof untouched);
    stats = untouched;
    stats.size = 8; /* up to containers */
    CHECK_IS(0, pamu_get_stats(m.engine, &stats));
    CHECK_IS(1, stats.containers);
    CHECK(memcmp(&stats.readers, &untouched.readers, sizeof stats - offsetof(pamu_stats, readers)) == 0);
    stats.size = 7;
    CHECK_IS(-EINVAL, pamu_get_stats(m.engine, &stats));
    stats.size = 0;
    CHECK_IS(-EINVAL, pamu_get_stats(m.engine, &stats));
    struct { pamu_stats stats; uint64_t later; } newer; /* what a newer header would pass */
    memset(&newer, 0x5A, sizeof newer);
    newer.stats.size = sizeof newer;
    CHECK_IS(0, pamu_get_stats(m.engine, &newer.stats));
    CHECK_IS(1, newer.stats.readers);
    CHECK_IS(UINT64_C(0x5A5A5A5A5A5A5A5A), newer.later);
    CHECK_IS(-EFAULT, pamu_get_stats(m.engine, NULL));
    machine_close(&m);
}

static void figures_come_as_json_too(void)
{
    machine m;
    char whole[8192], part[8];
    machine_open(&m);
    int64_t length = pamu_stats_json(m.engine, whole, sizeof whole);
    CHECK(length > 0 && length < (int64_t)sizeof whole);
    CHECK_IS(length, strlen(whole));
    CHECK(whole[0] == '{' && whole[length - 1] == '}');
    CHECK(strstr(whole, "\"containers\"") != NULL && strstr(whole, "\"readers\"") != NULL);
    CHECK_IS(length, pamu_stats_json(m.engine, NULL, 0));
    memset(part, 'x', sizeof part);
    CHECK_IS(length, pamu_stats_json(m.engine, part, 3));
    CHECK(part[0] == '{' && part[2] == 0 && part[3] == 'x');
    machine_close(&m);
}

typedef struct events {
    int kinds[4];
    pamu_event last[4];
    char reader[32];
} events;

static void see(void *context, const pamu_event *event)
{
    events *into = (events *)context;
    CHECK(event->kind >= PAMU_EVENT_IOCTL && event->kind <= PAMU_EVENT_LONG_WAIT);
    into->kinds[event->kind & 3]++;
    into->last[event->kind & 3] = *event;
    if (event->kind == PAMU_EVENT_LONG_WAIT) {
        snprintf(into->reader, sizeof into->reader, "%s", event->reader);
    }
}

static void events_tell_of_control_calls(void)
{
    machine m;
    static events seen;
    memset(&seen, 0, sizeof seen);
    machine_open(&m);
    CHECK_IS(0, pamu_on_event(m.engine, see, &seen));
    CHECK_IS(0, pamu_map_dma(m.container, RAM, AT(7), WINDOW, PAMU_READ_ALLOWED));
    CHECK_IS(1, seen.kinds[PAMU_EVENT_IOCTL]);
    CHECK_IS(1, seen.kinds[PAMU_EVENT_PUBLICATION]);
    CHECK_IS(PAMU_MAP_DMA, seen.last[PAMU_EVENT_IOCTL].request);
    CHECK_IS(0, seen.last[PAMU_EVENT_IOCTL].result);
    CHECK_IS(pamu_container_fd(m.container), seen.last[PAMU_EVENT_IOCTL].container);
    CHECK(seen.last[PAMU_EVENT_IOCTL].nanoseconds > 0);
    pamu_section section = pamu_enter(&m.reader, m.container);
    CHECK_IS(section.table->generation, seen.last[PAMU_EVENT_PUBLICATION].generation);
    CHECK_IS(0, pamu_leave(&section));
    CHECK_IS(-EBUSY, pamu_map_dma(m.container, RAM, AT(7), WINDOW, PAMU_READ_ALLOWED));
    CHECK_IS(2, seen.kinds[PAMU_EVENT_IOCTL]);
    CHECK_IS(1, seen.kinds[PAMU_EVENT_PUBLICATION]);
    CHECK_IS(-EBUSY, seen.last[PAMU_EVENT_IOCTL].result);
    CHECK_IS(0, pamu_on_event(m.engine, NULL, NULL));
    CHECK_IS(0, pamu_unmap_dma(m.container, AT(7), WINDOW, NULL));
    CHECK_IS(2, seen.kinds[PAMU_EVENT_IOCTL]);
    machine_close(&m);
}

typedef struct slow {
    machine *m;
    int inside; /* 1 once the section is open */
} slow;

static void *hold_a_section(void *argument)
{
    slow *s = (slow *)argument;
    pamu_reader reader;
    struct timespec pause = {1, 600 * 1000 * 1000};
    CHECK_IS(0, pamu_reader_register(s->m->engine, "slow device", &reader));
    pamu_section section = pamu_enter_liodn(&reader, LIODN);
    __atomic_store_n(&s->inside, 1, __ATOMIC_RELEASE);
    nanosleep(&pause, NULL);
    CHECK_IS(RAM + AT(2), pamu_target(pamu_translate(&section, AT(2), 4, PAMU_READ)));
    CHECK_IS(0, pamu_leave(&section));
    CHECK_IS(0, pamu_reader_unregister(&reader));
    return NULL;
}

static void events_name_a_reader_that_is_waited_for(void)
{
    machine m;
    static events seen;
    pthread_t thread;
    memset(&seen, 0, sizeof seen);
    machine_open(&m);
    slow s = {&m, 0};
    CHECK_IS(0, pamu_on_event(m.engine, see, &seen));
    CHECK_OR_EXIT(pthread_create(&thread, NULL, hold_a_section, &s) == 0);
    while (__atomic_load_n(&s.inside, __ATOMIC_ACQUIRE) == 0) {
        sched_yield();
    }
    CHECK_IS(0, pamu_unmap_dma(m.container, AT(2), WINDOW, NULL));
    CHECK_IS(1, seen.kinds[PAMU_EVENT_LONG_WAIT]);
    CHECK(strcmp(seen.reader, "slow device") == 0);
    CHECK(seen.last[PAMU_EVENT_LONG_WAIT].nanoseconds >= 900u * 1000 * 1000);
    CHECK_OR_EXIT(pthread_join(thread, NULL) == 0);
    machine_close(&m);
}

void observe_tests(void)
{
    TEST(figures_count_what_happened);
    TEST(figures_fill_what_there_is_room_for);
    TEST(figures_come_as_json_too);
    TEST(events_tell_of_control_calls);
    TEST(events_name_a_reader_that_is_waited_for);
}
