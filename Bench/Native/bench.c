/*
 * What Bench times of libpamufastpath, from C: compiled by Bench with plain -O2 and loaded by it. The loops are those of SingleLoops.cs: they add up targets, so
 * that no translation can be left out.
 */
#include <pamu.h>
#include <stdlib.h>

enum { ACCESS_BYTES = 64, LIODN = 0 };

/* One engine with one container, and the calling thread's reader. */
typedef struct bench {
    pamu_engine *engine;
    pamu_container *container;
    pamu_group *group;
    pamu_memory *memory;
    pamu_port *port;
    pamu_reader reader;
} bench;

#define EXPORT __attribute__((visibility("default"))) extern

/* The table of BenchTable.cs: equal windows from IOVA 0, all mapped, neighbours in each other's place. Null if a call is refused. */
EXPORT bench *bench_open(uint32_t windows, uint64_t window_bytes, uint64_t target_base)
{
    uint32_t liodn = LIODN;
    bench *made = aligned_alloc(64, (sizeof(bench) + 63) / 64 * 64);
    if (made == NULL || pamu_check_header() != 0 || pamu_engine_create(NULL, &made->engine) != 0
        || pamu_container_create(made->engine, &made->container) != 0
        || pamu_set_geometry(made->container, 0, windows * window_bytes - 1) != 0 || pamu_set_windows(made->container, windows) != 0
        || pamu_group_create(made->engine, 0, &liodn, 1, NULL, 0, &made->group) != 0 || pamu_attach(made->group, made->container) != 0
        || pamu_reader_register(made->engine, "bench", &made->reader) != 0 || pamu_memory_create(made->engine, &made->memory) != 0
        || pamu_port_create(&made->reader, LIODN, made->memory, &made->port) != 0) {
        return NULL;
    }
    for (uint64_t i = 0; i < windows; i++) {
        uint64_t target = target_base + (i ^ 1) * window_bytes;
        if (pamu_map_dma(made->container, target, i * window_bytes, window_bytes, PAMU_READ_ALLOWED | PAMU_WRITE_ALLOWED) != 0) {
            return NULL;
        }
    }
    return made;
}

/* RAM behind the targets, for ports. */
EXPORT int bench_add_memory(bench *on, uint64_t target, void *bytes, uint64_t length) { return pamu_memory_add(on->memory, target, bytes, length); }

EXPORT void bench_close(bench *on)
{
    pamu_engine_destroy(on->engine);
    free(on);
}

/* A section around each access, as a device does it. */
EXPORT uint64_t bench_own_section(bench *on, const uint64_t *iovas, size_t count)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += pamu_target(pamu_translate_container(&on->reader, on->container, iovas[i], ACCESS_BYTES, PAMU_WRITE));
    }
    return sum;
}

EXPORT uint64_t bench_by_liodn(bench *on, const uint64_t *iovas, size_t count)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += pamu_target(pamu_translate_liodn(&on->reader, LIODN, iovas[i], ACCESS_BYTES, PAMU_WRITE));
    }
    return sum;
}

/* One section around all. */
EXPORT uint64_t bench_in_section(bench *on, const uint64_t *iovas, size_t count)
{
    uint64_t sum = 0;
    pamu_section section = pamu_enter(&on->reader, on->container);
    for (size_t i = 0; i < count; i++) {
        sum += pamu_target(pamu_translate(&section, iovas[i], ACCESS_BYTES, PAMU_WRITE));
    }
    pamu_leave(&section);
    return sum;
}

/* Several batches, each in a section of its own: C# pays for a call of C only once. */
EXPORT int bench_batch(
    bench *on, size_t batches, const uint64_t *iovas, size_t count, uint64_t *targets, uint64_t *faults, uint64_t *crosses, uint64_t *messages)
{
    int result = 0;
    for (size_t i = 0; i < batches; i++) {
        pamu_section section = pamu_enter(&on->reader, on->container);
        result |= pamu_translate_batch(&section, iovas, count, ACCESS_BYTES, PAMU_WRITE, targets, faults, crosses, messages, NULL);
        pamu_leave(&section);
    }
    return result;
}

EXPORT int bench_port_write(bench *on, const uint64_t *iovas, size_t count, const void *bytes)
{
    int result = 0;
    for (size_t i = 0; i < count; i++) {
        result |= pamu_port_write(on->port, iovas[i], bytes, ACCESS_BYTES, NULL);
    }
    return result;
}

/* The least a call can do, in the library and here. */
EXPORT uint64_t bench_library_calls(size_t count)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += pamu_abi_version();
    }
    return sum;
}

EXPORT __attribute__((noipa)) uint32_t bench_nothing(void) { return PAMU_ABI_VERSION; }

EXPORT uint64_t bench_c_calls(size_t count)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += bench_nothing();
    }
    return sum;
}

EXPORT const char *bench_kernel(bench *on)
{
    pamu_section section = pamu_enter(&on->reader, on->container);
    const char *name = pamu_kernel_name(section.table);
    pamu_leave(&section);
    return name;
}

EXPORT const char *bench_instruction_set(void) { return pamu_instruction_set(); }
