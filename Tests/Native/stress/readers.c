/*
 * Readers come and go: threads register, translate, unregister and exit; an engine is destroyed under readers that go on. Nothing is left over, and nobody crashes.
 *
 *     readers SECONDS
 */
#include "stress.h"

enum { THREADS = 4, LIODN = 0x42, MAPPED = 0x10000 };

static const uint64_t ram = UINT64_C(0x800000000);
static double seconds;

typedef struct world {
    pamu_engine *engine;
    pamu_container *container;
    int stop;
    uint64_t count;
} world;

static void open_world(world *w)
{
    uint32_t liodn = LIODN;
    pamu_group *group;
    w->stop = 0;
    w->count = 0;
    CHECK_OR_EXIT(pamu_engine_create(NULL, &w->engine) == 0 && pamu_container_create(w->engine, &w->container) == 0);
    CHECK_OR_EXIT(pamu_set_geometry(w->container, 0, MAPPED - 1) == 0 && pamu_set_windows(w->container, 1) == 0);
    CHECK_OR_EXIT(pamu_map_dma(w->container, ram, 0, MAPPED, PAMU_READ_ALLOWED) == 0);
    CHECK_OR_EXIT(pamu_group_create(w->engine, 1, &liodn, 1, NULL, 0, &group) == 0 && pamu_attach(group, w->container) == 0);
}

static pamu_stats figures(world *w)
{
    pamu_stats stats;
    memset(&stats, 0, sizeof stats);
    stats.size = sizeof stats;
    CHECK_IS(0, pamu_get_stats(w->engine, &stats));
    return stats;
}

/* One thread's life: a few readers, one of them in memory that is gone with the thread. */
static void *live(void *context)
{
    world *w = (world *)context;
    pamu_reader local, *heap = (pamu_reader *)malloc(sizeof *heap);
    if (heap == NULL || pamu_reader_register(w->engine, "local", &local) != 0 || pamu_reader_register(w->engine, "heap", heap) != 0) {
        return (void *)1;
    }
    int wrong = 0;
    for (uint64_t i = 0; i < 50; i++) {
        pamu_section outer = pamu_enter_liodn(&local, LIODN), inner = pamu_enter(heap, w->container);
        wrong |= pamu_target(pamu_translate(&outer, i, 1, PAMU_READ)) != ram + i;
        wrong |= pamu_target(pamu_translate(&inner, i, 1, PAMU_READ)) != ram + i;
        wrong |= pamu_leave(&inner) | pamu_leave(&outer);
    }
    wrong |= pamu_reader_unregister(heap);
    free(heap);
    wrong |= pamu_reader_unregister(&local);
    return (void *)(intptr_t)wrong;
}

static void *spawn(void *context)
{
    world *w = (world *)context;
    while (!__atomic_load_n(&w->stop, __ATOMIC_RELAXED)) {
        void *wrong;
        CHECK_OR_EXIT(pthread_join(start_thread(live, w), &wrong) == 0);
        CHECK_OR_EXIT(wrong == NULL);
        __atomic_fetch_add(&w->count, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

static void sleep_for(double duration)
{
    struct timespec pause = {(time_t)duration, (long)((duration - (double)(time_t)duration) * 1e9)};
    nanosleep(&pause, NULL);
}

static void run_threads(world *w, void *(*body)(void *), double duration)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        threads[i] = start_thread(body, w);
    }
    sleep_for(duration);
    __atomic_store_n(&w->stop, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < THREADS; i++) {
        CHECK_OR_EXIT(pthread_join(threads[i], NULL) == 0);
    }
}

static uint64_t resident_kib(void)
{
    uint64_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK_OR_EXIT(file != NULL && fscanf(file, "%*u %" SCNu64, &pages) == 1);
    fclose(file);
    return pages * 4;
}

/* The same number of lives again must not take more memory: what is left over after many would show. */
static void readers_that_come_and_go_leave_nothing(void)
{
    world w;
    open_world(&w);
    run_threads(&w, spawn, seconds / 2);
    CHECK_IS(0, figures(&w).readers);
    uint64_t before = resident_kib(), lives = w.count;
    w.stop = 0;
    run_threads(&w, spawn, seconds / 2);
    uint64_t after = resident_kib();
    CHECK_IS(0, figures(&w).readers);
    printf("# %" PRIu64 " and %" PRIu64 " threads lived; %" PRIu64 " KiB resident after the first, %" PRIu64 " after the rest\n", lives, w.count - lives,
           before, after);
#ifndef __SANITIZE_ADDRESS__ /* which keeps what is freed */
    CHECK(after < before + 64 * 1024);
#endif
    CHECK_IS(0, pamu_unmap_dma(w.container, 0, MAPPED, NULL)); /* waits for nobody */
    CHECK_IS(0, pamu_engine_destroy(w.engine));
}

/* Goes on translating whatever becomes of the engine; the answer is the mapping's until it is gone, and a refusal ever after. */
static void *translate_on(void *context)
{
    world *w = (world *)context;
    pamu_reader reader;
    uint64_t refused = 0, random = (uintptr_t)&reader;
    CHECK_OR_EXIT(pamu_reader_register(w->engine, "lasting", &reader) == 0);
    __atomic_fetch_add(&w->count, 1, __ATOMIC_RELEASE);
    while (!__atomic_load_n(&w->stop, __ATOMIC_RELAXED) || refused < 4) { /* both ways, whatever the scheduler does */
        pamu_translation answer = refused % 2 == 0 ? pamu_translate_liodn(&reader, LIODN, 5, 1, PAMU_READ)
                                                   : pamu_translate_container(&reader, w->container, 5, 1, PAMU_READ);
        CHECK_OR_EXIT(pamu_is_dma(answer) ? pamu_target(answer) == ram + 5 && refused == 0 : pamu_fault(answer) != PAMU_FAULT_NONE);
        refused += !pamu_is_dma(answer);
        for (uint64_t wait = next_random(&random) % 4096; wait > 0; wait--) { /* mostly outside, or the engine would always be busy */
            __atomic_signal_fence(__ATOMIC_SEQ_CST);
        }
    }
    CHECK_OR_EXIT(pamu_reader_unregister(&reader) == -EBADF);
    return NULL;
}

static void an_engine_is_destroyed_under_its_readers(void)
{
    uint64_t engines = 0;
    for (double end = seconds_now() + seconds; seconds_now() < end; engines++) {
        world w;
        pthread_t threads[THREADS];
        open_world(&w);
        for (int i = 0; i < THREADS; i++) {
            threads[i] = start_thread(translate_on, &w);
        }
        while (__atomic_load_n(&w.count, __ATOMIC_ACQUIRE) < THREADS) {
            sched_yield();
        }
        int result;
        while ((result = pamu_engine_destroy(w.engine)) == -EBUSY) {
        }
        CHECK_IS(0, result);
        sleep_for(0.002);
        __atomic_store_n(&w.stop, 1, __ATOMIC_RELAXED);
        for (int i = 0; i < THREADS; i++) {
            CHECK_OR_EXIT(pthread_join(threads[i], NULL) == 0);
        }
    }
    printf("# %" PRIu64 " engines destroyed under %d readers each\n", engines, THREADS);
}

int main(int argc, char **argv)
{
    CHECK_OR_EXIT(argc == 2 && pamu_check_header() == 0);
    seconds = atof(argv[1]);
    TEST(readers_that_come_and_go_leave_nothing);
    TEST(an_engine_is_destroyed_under_its_readers);
    return check_end();
}
