/*
 * After pamu_unmap_dma() has returned, nobody uses the old translation. The readers are the inline half, on threads of their own.
 *
 *     unmap memory SECONDS      windows map real memory, which is made inaccessible after the unmap: whoever still uses it dies of SIGSEGV
 *     unmap watch SECONDS       a flag is raised after the unmap, and readers look at it before they leave a section: no system call comes between, so
 *                               that many more unmaps are seen, and readers announce themselves with stores of their own pending
 *
 * Exit code 0: nothing was used after its unmap. With a library whose grace periods are broken it must not be: 139 (memory) or 1 (watch).
 */
#include "stress.h"

#include <sys/mman.h>

enum { WINDOWS = 8, WINDOW_BYTES = 64 * 1024, READERS = 2, LIODN = 0x42, USES = 32 };

static pamu_engine *engine;
static pamu_container *container;
static uint8_t *memory;
static int watches, stop;
static uint64_t total_reads, total_unmaps, total_violations;

/* Watching: whether window 0 is unmapped. On a cache line of its own. */
static struct {
    uint8_t before[128];
    int is_up;
    uint8_t after[124];
} flag;

static void map(unsigned window)
{
    uint64_t at = (uint64_t)window * WINDOW_BYTES;
    CHECK_OR_EXIT(pamu_map_dma(container, (uintptr_t)memory + at, at, WINDOW_BYTES, PAMU_READ_ALLOWED | PAMU_WRITE_ALLOWED) == 0);
}

/* Uses a translation for a while, as a copy does. */
static void use(pamu_translation hit)
{
    volatile const uint8_t *byte = (volatile const uint8_t *)(uintptr_t)pamu_target(hit);
    for (int i = 0; i < USES; i++) {
        (void)*byte;
    }
}

/* By container and by LIODN in turn, and sometimes with a section inside. */
static void *read_memory(void *context)
{
    uint64_t random = 0x9E3779B97F4A7C15u + (uintptr_t)context, reads = 0;
    pamu_reader reader;
    CHECK_OR_EXIT(pamu_reader_register(engine, "reader", &reader) == 0);
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        uint64_t draw = next_random(&random), iova = draw % (WINDOWS * WINDOW_BYTES);
        pamu_section section = (draw >> 40) % 2 == 0 ? pamu_enter(&reader, container) : pamu_enter_liodn(&reader, LIODN);
        pamu_section inner = {NULL, NULL, NULL};
        if ((draw >> 41) % 4 == 0) {
            inner = pamu_enter(&reader, container);
        }
        pamu_translation hit = pamu_translate(inner.table != NULL ? &inner : &section, iova, 1, PAMU_READ);
        if (pamu_is_dma(hit)) {
            use(hit);
            reads++;
        }
        if (inner.table != NULL) {
            (void)pamu_leave(&inner);
        }
        (void)pamu_leave(&section);
    }
    CHECK_OR_EXIT(pamu_reader_unregister(&reader) == 0);
    __atomic_fetch_add(&total_reads, reads, __ATOMIC_RELAXED);
    return NULL;
}

/*
 * Sections of all lengths up to some microseconds, so that some outlast an unmap that does not wait for them. The announcement waits in the processor
 * behind stores to memory that is in no cache: that is when only the barrier of the writer helps.
 */
static void *watch_flag(void *context)
{
    enum { PENDING = 12, LINES = 1 << 19, CHECKS = 4096 }; /* lines: of 32 MiB */
    uint64_t random = 0x9E3779B97F4A7C15u + (uintptr_t)context, reads = 0, violations = 0;
    uint8_t *cold = (uint8_t *)calloc(LINES, 64);
    pamu_reader reader;
    CHECK_OR_EXIT(cold != NULL && pamu_reader_register(engine, "reader", &reader) == 0);
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        size_t lines[PENDING];
        for (int i = 0; i < PENDING; i++) {
            lines[i] = (size_t)(next_random(&random) % LINES) * 64;
        }
        uint64_t checks = next_random(&random) % CHECKS;
        for (int i = 0; i < PENDING; i++) {
            __atomic_store_n(cold + lines[i], 1, __ATOMIC_RELAXED);
        }
        pamu_section section = pamu_enter(&reader, container);
        if (pamu_is_dma(pamu_translate(&section, 0, 1, PAMU_READ))) {
            reads++;
            for (; checks > 0; checks--) {
                if (__atomic_load_n(&flag.is_up, __ATOMIC_ACQUIRE)) {
                    violations++;
                    break;
                }
            }
        }
        (void)pamu_leave(&section);
    }
    CHECK_OR_EXIT(pamu_reader_unregister(&reader) == 0);
    free(cold);
    __atomic_fetch_add(&total_reads, reads, __ATOMIC_RELAXED);
    __atomic_fetch_add(&total_violations, violations, __ATOMIC_RELAXED);
    return NULL;
}

static void protect(unsigned window, int protection)
{
    CHECK_OR_EXIT(mprotect(memory + (size_t)window * WINDOW_BYTES, WINDOW_BYTES, protection) == 0);
}

static void unmap_for(double seconds)
{
    uint64_t random = 1;
    for (double end = seconds_now() + seconds; seconds_now() < end; total_unmaps++) {
        unsigned window = watches ? 0 : (unsigned)(next_random(&random) % WINDOWS);
        uint64_t unmapped = 0;
        CHECK_OR_EXIT(pamu_unmap_dma(container, (uint64_t)window * WINDOW_BYTES, WINDOW_BYTES, &unmapped) == 0 && unmapped == WINDOW_BYTES);
        if (watches) {
            __atomic_store_n(&flag.is_up, 1, __ATOMIC_SEQ_CST);
            for (uint64_t wait = next_random(&random) % 4096; wait > 0; wait--) {
                __atomic_signal_fence(__ATOMIC_SEQ_CST);
            }
            __atomic_store_n(&flag.is_up, 0, __ATOMIC_SEQ_CST);
        } else {
            protect(window, PROT_NONE);
            protect(window, PROT_READ | PROT_WRITE);
        }
        map(window);
    }
}

int main(int argc, char **argv)
{
    CHECK_OR_EXIT(argc == 3 && pamu_check_header() == 0);
    watches = strcmp(argv[1], "watch") == 0;
    uint32_t liodn = LIODN;
    pamu_group *group;
    memory = (uint8_t *)mmap(NULL, WINDOWS * WINDOW_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK_OR_EXIT(memory != MAP_FAILED);
    CHECK_OR_EXIT(pamu_engine_create(NULL, &engine) == 0 && pamu_container_create(engine, &container) == 0);
    CHECK_OR_EXIT(pamu_set_geometry(container, 0, WINDOWS * WINDOW_BYTES - 1) == 0 && pamu_set_windows(container, WINDOWS) == 0);
    CHECK_OR_EXIT(pamu_group_create(engine, 1, &liodn, 1, NULL, 0, &group) == 0 && pamu_attach(group, container) == 0);
    for (unsigned i = 0; i < WINDOWS; i++) {
        map(i);
    }

    pthread_t readers[READERS];
    for (uintptr_t i = 0; i < READERS; i++) {
        readers[i] = start_thread(watches ? watch_flag : read_memory, (void *)i);
    }
    unmap_for(atof(argv[2]));
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < READERS; i++) {
        CHECK_OR_EXIT(pthread_join(readers[i], NULL) == 0);
    }
    CHECK_OR_EXIT(pamu_engine_destroy(engine) == 0);
    printf("# %s: %" PRIu64 " reads through translations, %" PRIu64 " unmaps, %" PRIu64 " uses seen after one\n", pamu_version(), total_reads,
           total_unmaps, total_violations);
    return total_violations == 0 ? 0 : 1;
}
