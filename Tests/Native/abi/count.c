#include "abi.h"

#include <string.h>

static pamu_stats stats_of(pamu_engine *engine)
{
    pamu_stats stats;
    memset(&stats, 0, sizeof stats);
    stats.size = sizeof stats;
    CHECK_IS(0, pamu_get_stats(engine, &stats));
    return stats;
}

static pamu_container_stats container_stats_of(pamu_container *container)
{
    static pamu_container_stats stats;
    memset(&stats, 0x5A, sizeof stats);
    stats.size = sizeof stats;
    CHECK_IS(0, pamu_get_container_stats(container, &stats));
    return stats;
}

/* One access of each kind: two hits, a message, a crossing, each fault. */
static void some_of_each(pamu_section *section)
{
    CHECK(pamu_is_dma(pamu_translate(section, AT(0), 64, PAMU_READ)));
    CHECK(pamu_is_dma(pamu_translate(section, AT(1) + 5, 100, PAMU_WRITE)));
    CHECK_IS(0, pamu_msi_bank(pamu_translate(section, AT(5) + 0x140, 4, PAMU_WRITE)));
    CHECK(pamu_crosses(pamu_translate(section, AT(1) - 4, 8, PAMU_READ)));
    CHECK_IS(PAMU_FAULT_BAD_LENGTH, pamu_fault(pamu_translate(section, AT(0), 0, PAMU_READ)));
    CHECK_IS(PAMU_FAULT_OUT_OF_APERTURE, pamu_fault(pamu_translate(section, AT(8), 1, PAMU_READ)));
    CHECK_IS(PAMU_FAULT_NO_MAPPING, pamu_fault(pamu_translate(section, AT(7), 1, PAMU_READ)));
    CHECK_IS(PAMU_FAULT_BEYOND_MAPPING, pamu_fault(pamu_translate(section, AT(4) + SMALL - 1, 2, PAMU_READ)));
    CHECK_IS(PAMU_FAULT_DIRECTION_DENIED, pamu_fault(pamu_translate(section, AT(2), 1, PAMU_WRITE)));
}

static void check_some_of_each(const pamu_container_stats *stats, uint64_t times)
{
    static const int kinds[] = {PAMU_FAULT_BAD_LENGTH, PAMU_FAULT_OUT_OF_APERTURE, PAMU_FAULT_NO_MAPPING, PAMU_FAULT_BEYOND_MAPPING, PAMU_FAULT_DIRECTION_DENIED};
    CHECK_IS(8 * times, stats->translations);
    CHECK_IS(2 * times, stats->memory_hits);
    CHECK_IS(64 * times, stats->bytes_read);
    CHECK_IS(100 * times, stats->bytes_written);
    CHECK_IS(times, stats->msi_hits);
    CHECK_IS(times, stats->crosses);
    CHECK_IS(0, stats->refused[0]);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        CHECK_IS(times, stats->refused[kinds[i]]);
    }
}

static void nothing_is_counted_until_it_is_switched_on(void)
{
    machine m;
    machine_open(&m);
    pamu_section section = pamu_enter(&m.reader, m.container);
    some_of_each(&section);
    CHECK_IS(0, stats_of(m.engine).counting);
    CHECK_IS(0, stats_of(m.engine).translations);
    CHECK_IS(0, pamu_set_counting(m.engine, PAMU_COUNT_ON)); /* in an open section */
    some_of_each(&section);
    CHECK_IS(0, pamu_set_counting(m.engine, PAMU_COUNT_OFF));
    some_of_each(&section);
    CHECK_IS(0, pamu_leave(&section));
    CHECK_IS(8, stats_of(m.engine).translations); /* what was counted stays */
    CHECK_IS(0, pamu_set_counting(m.engine, PAMU_COUNT_ON));
    CHECK_IS(1, stats_of(m.engine).counting);
    CHECK_IS(-EINVAL, pamu_set_counting(m.engine, (pamu_counting)3));
    CHECK(last_error_is("EINVAL", "counting"));
    CHECK_IS(-EBADF, pamu_set_counting(NULL, PAMU_COUNT_ON));
    CHECK_IS(1, stats_of(m.engine).counting);
    machine_close(&m);
}

static void each_access_counts_once(void)
{
    machine m;
    uint64_t banks[4];
    machine_open(&m);
    CHECK_IS(0, pamu_set_counting(m.engine, PAMU_COUNT_ON));
    pamu_section section = pamu_enter(&m.reader, m.container);
    some_of_each(&section);
    pamu_section nested = pamu_enter_liodn(&m.reader, LIODN); /* counts as the outer one does */
    some_of_each(&nested);
    CHECK_IS(0, pamu_leave(&nested));
    CHECK_IS(0, pamu_leave(&section));
    pamu_container_stats stats = container_stats_of(m.container);
    check_some_of_each(&stats, 2);
    CHECK(pamu_is_dma(pamu_translate_container(&m.reader, m.container, AT(0), 8, PAMU_READ)));
    CHECK(pamu_is_dma(pamu_translate_liodn(&m.reader, LIODN, AT(0), 8, PAMU_READ)));
    CHECK_IS(PAMU_FAULT_UNKNOWN_LIODN, pamu_fault(pamu_translate_liodn(&m.reader, 9, AT(0), 8, PAMU_READ)));
    CHECK_IS(4 + 2, container_stats_of(m.container).memory_hits);
    CHECK_IS(2 * 64 + 16, container_stats_of(m.container).bytes_read);
    CHECK_IS(0, container_stats_of(m.container).refused[PAMU_FAULT_UNKNOWN_LIODN]); /* no container's */
    CHECK_IS(1, stats_of(m.engine).refused[PAMU_FAULT_UNKNOWN_LIODN]);
    CHECK_IS(16 + 3, stats_of(m.engine).translations);
    memset(banks, 0x5A, sizeof banks);
    CHECK_IS(3, pamu_get_msi_hits(m.container, banks, 4));
    CHECK_IS(2, banks[0]);
    CHECK_IS(0, banks[1]);
    CHECK_IS(UINT64_C(0x5A5A5A5A5A5A5A5A), banks[3]);
    CHECK_IS(3, pamu_get_msi_hits(m.container, NULL, 0));
    CHECK_IS(-EFAULT, pamu_get_msi_hits(m.container, NULL, 1));
    CHECK_IS(-EBADF, pamu_get_msi_hits(NULL, banks, 4));
    machine_close(&m);
}

static void ranges_count_when_they_are_answered(void)
{
    machine m;
    pamu_segment segments[4];
    machine_open(&m);
    CHECK_IS(0, pamu_set_counting(m.engine, PAMU_COUNT_WINDOWS));
    pamu_section section = pamu_enter(&m.reader, m.container);
    CHECK_IS(1, pamu_translate_range(&section, AT(1) - 8, 16, PAMU_READ, NULL, 0).segments); /* asks only */
    CHECK_IS(1, pamu_translate_range(&section, AT(1) - 8, 16, PAMU_READ, segments, 4).segments); /* contiguous windows */
    CHECK_IS(1, pamu_translate_range(&section, AT(5) + 0x140, 4, PAMU_WRITE, segments, 4).segments);
    CHECK_IS(PAMU_FAULT_NO_MAPPING, pamu_translate_range(&section, AT(7) - 4, 8, PAMU_READ, segments, 4).fault);
    CHECK_IS(PAMU_FAULT_OUT_OF_APERTURE, pamu_translate_range(&section, AT(8), UINT64_MAX, PAMU_READ, segments, 4).fault);
    CHECK_IS(0, pamu_leave(&section));
    pamu_container_stats stats = container_stats_of(m.container);
    CHECK_IS(1, stats.memory_hits);
    CHECK_IS(16, stats.bytes_read);
    CHECK_IS(1, stats.msi_hits);
    CHECK_IS(1, stats.refused[PAMU_FAULT_NO_MAPPING]);
    CHECK_IS(1, stats.refused[PAMU_FAULT_OUT_OF_APERTURE]);
    CHECK_IS(4, stats.translations);
    CHECK_IS(1, stats.window_hits[0]);
    CHECK_IS(1, stats.window_hits[1]);
    CHECK_IS(1, stats.window_hits[5]);
    machine_close(&m);
}

static void windows_are_counted_or_sampled(void)
{
    machine m;
    machine_open(&m);
    CHECK_IS(0, pamu_set_counting(m.engine, PAMU_COUNT_WINDOWS));
    pamu_section section = pamu_enter(&m.reader, m.container);
    some_of_each(&section);
    pamu_section nested = pamu_enter(&m.reader, m.container);
    some_of_each(&nested);
    CHECK_IS(0, pamu_leave(&nested));
    CHECK_IS(0, pamu_leave(&section));
    pamu_container_stats stats = container_stats_of(m.container);
    check_some_of_each(&stats, 2);
    CHECK_IS(2, stats.window_hits[0]);
    CHECK_IS(2, stats.window_hits[1]);
    CHECK_IS(2, stats.window_hits[5]);
    CHECK_IS(0, stats.window_hits[7] + stats.window_hits[2] + stats.window_hits[4] + stats.window_hits[255]);
    CHECK_IS(4, stats.window_samples[1]); /* of the last hit */
    CHECK_IS(8, stats.windows);
    CHECK_IS(6, stats.live_windows);
    CHECK_IS(0, stats.aperture_start);
    CHECK_IS(AT(8) - 1, stats.aperture_last);
    section = pamu_enter(&m.reader, m.container);
    CHECK_IS(section.table->generation, stats.generation);
    CHECK_IS(0, pamu_leave(&section));
    CHECK_IS(pamu_container_fd(m.container), stats.container);
    machine_close(&m);
}

enum { BATCH = 70 };

static void batches_count_as_their_accesses_do(void)
{
    static const uint64_t some[] = {AT(0), AT(1) + 77, AT(1) - 2, AT(2), AT(4) + SMALL - 2, AT(5) + 0x140, AT(6), AT(7), AT(8), UINT64_MAX};
    for (int counting = PAMU_COUNT_ON; counting <= PAMU_COUNT_WINDOWS; counting++) {
        machine one_by_one, batch;
        uint64_t iovas[BATCH], targets[BATCH], faults[2], crosses[2], messages[2];
        uint32_t lengths[BATCH];
        machine_open(&one_by_one);
        machine_open(&batch);
        CHECK_IS(0, pamu_set_counting(one_by_one.engine, (pamu_counting)counting));
        CHECK_IS(0, pamu_set_counting(batch.engine, (pamu_counting)counting));
        pamu_section single = pamu_enter(&one_by_one.reader, one_by_one.container), section = pamu_enter(&batch.reader, batch.container);
        for (size_t i = 0; i < BATCH; i++) {
            iovas[i] = some[i % (sizeof some / sizeof *some)];
            lengths[i] = (uint32_t)(i % 7);
            (void)pamu_translate(&single, iovas[i], 4, PAMU_WRITE); /* counted, whether or not it is looked at */
            (void)pamu_translate(&single, iovas[i], lengths[i], PAMU_READ);
        }
        CHECK_IS(0, pamu_translate_batch(&section, iovas, BATCH, 4, PAMU_WRITE, targets, faults, crosses, messages, NULL));
        CHECK_IS(0, pamu_translate_batch_lengths(&section, iovas, lengths, BATCH, PAMU_READ, targets, faults, crosses, messages, NULL));
        CHECK_IS(0, pamu_leave(&single));
        CHECK_IS(0, pamu_leave(&section));
        pamu_container_stats expected = container_stats_of(one_by_one.container), got = container_stats_of(batch.container);
        CHECK(expected.memory_hits > 0 && expected.msi_hits > 0 && expected.crosses > 0);
        memset(expected.window_samples, 0, sizeof expected.window_samples); /* an estimate */
        memset(got.window_samples, 0, sizeof got.window_samples);
        CHECK(memcmp(&expected, &got, sizeof got) == 0);
        machine_close(&one_by_one);
        machine_close(&batch);
    }
}

static void ports_count_once_and_counts_outlive_readers(void)
{
    machine m;
    pamu_memory *memory;
    pamu_port *port;
    static unsigned char ram[4096], bytes[64];
    pamu_reader second;
    machine_open(&m);
    CHECK_IS(0, pamu_set_counting(m.engine, PAMU_COUNT_ON));
    CHECK_IS(0, pamu_memory_create(m.engine, &memory));
    CHECK_IS(0, pamu_memory_add(memory, RAM, ram, sizeof ram));
    CHECK_IS(0, pamu_reader_register(m.engine, "second", &second));
    CHECK_IS(0, pamu_port_create(&second, LIODN, memory, &port));
    CHECK_IS(0, pamu_port_write(port, AT(0), bytes, sizeof bytes, NULL));
    CHECK_IS(0, pamu_port_write(port, AT(7), bytes, sizeof bytes, NULL));
    CHECK_IS(0, pamu_port_destroy(port));
    CHECK(pamu_is_dma(pamu_translate_container(&second, m.container, AT(0), 8, PAMU_READ)));
    CHECK_IS(0, pamu_reader_unregister(&second));
    CHECK(!pamu_is_hit(pamu_translate_container(&second, m.container, AT(0), 8, PAMU_READ))); /* closed: not counted */
    pamu_container_stats stats = container_stats_of(m.container);
    CHECK_IS(2, stats.memory_hits);
    CHECK_IS(64, stats.bytes_written);
    CHECK_IS(8, stats.bytes_read);
    CHECK_IS(1, stats.refused[PAMU_FAULT_NO_MAPPING]);
    CHECK_IS(3, stats.translations);
    CHECK_IS(0, pamu_container_destroy(m.container));
    CHECK_IS(3, stats_of(m.engine).translations); /* a container's counts outlive it, in the engine's */
    CHECK_IS(0, pamu_memory_destroy(memory));
    machine_close(&m);
}

static void struct_sizes_bound_what_is_written(void)
{
    machine m;
    pamu_container_stats stats, untouched;
    machine_open(&m);
    memset(&untouched, 0x5A, sizeof untouched);
    stats = untouched;
    stats.size = offsetof(pamu_container_stats, generation);
    CHECK_IS(0, pamu_get_container_stats(m.container, &stats));
    CHECK_IS(pamu_container_fd(m.container), stats.container);
    CHECK(memcmp(&stats.generation, &untouched.generation, sizeof stats - offsetof(pamu_container_stats, generation)) == 0);
    stats.size = 7;
    CHECK_IS(-EINVAL, pamu_get_container_stats(m.container, &stats));
    CHECK_IS(-EFAULT, pamu_get_container_stats(m.container, NULL));
    CHECK_IS(-EBADF, pamu_get_container_stats(NULL, &stats));
    pamu_stats old; /* of a header that ended before there were counters */
    memset(&old, 0x5A, sizeof old);
    old.size = offsetof(pamu_stats, counting);
    CHECK_IS(0, pamu_get_stats(m.engine, &old));
    CHECK_IS(UINT64_C(0x5A5A5A5A5A5A5A5A), old.translations);
    machine_close(&m);
}

static void json_has_every_count(void)
{
    machine m;
    static char text[65536];
    machine_open(&m);
    CHECK_IS(0, pamu_set_counting(m.engine, PAMU_COUNT_WINDOWS));
    pamu_section section = pamu_enter(&m.reader, m.container);
    some_of_each(&section);
    CHECK_IS(0, pamu_leave(&section));
    int64_t length = pamu_stats_json(m.engine, text, sizeof text);
    CHECK(length > 0 && length < (int64_t)sizeof text);
    CHECK(strstr(text, "\"counting\":true,\"translations\":8,\"memory_hits\":2,\"bytes_read\":64,\"bytes_written\":100,\"msi_hits\":1,\"crosses\":1,") != NULL);
    CHECK(strstr(text, "\"refused\":[0,1,1,1,1,0,1,0]") != NULL);
    CHECK(strstr(text, "\"by_container\":[{\"container\":") != NULL);
    CHECK(strstr(text, "\"msi_hits_by_bank\":[1,0,0]") != NULL);
    CHECK(strstr(text, "\"window_hits\":[1,1,0,0,0,1,0,0]") != NULL);
    machine_close(&m);
}

void count_tests(void)
{
    TEST(nothing_is_counted_until_it_is_switched_on);
    TEST(each_access_counts_once);
    TEST(ranges_count_when_they_are_answered);
    TEST(windows_are_counted_or_sampled);
    TEST(batches_count_as_their_accesses_do);
    TEST(ports_count_once_and_counts_outlive_readers);
    TEST(struct_sizes_bound_what_is_written);
    TEST(json_has_every_count);
}
