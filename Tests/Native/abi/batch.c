#include "abi.h"

#include <string.h>

enum { COUNT = 130, WORDS = 3 }; /* two words and a bit of a third */

typedef struct batch {
    uint64_t iovas[COUNT], targets[COUNT + 1], faults[WORDS + 1], crosses[WORDS + 1], messages[WORDS + 1];
    uint32_t lengths[COUNT];
} batch;

static const uint64_t some_iovas[] = {AT(0), AT(1) + 77, AT(1) - 2, AT(2), AT(4) + SMALL - 2, AT(5) + 0x140, AT(6), AT(7), AT(8), UINT64_MAX};

static void fill(batch *b)
{
    memset(b, 0x5A, sizeof *b);
    for (size_t i = 0; i < COUNT; i++) {
        b->iovas[i] = some_iovas[i % (sizeof some_iovas / sizeof *some_iovas)];
        b->lengths[i] = (uint32_t)(i % 7);
    }
}

/* Against the inline half, access by access; and nothing behind the arrays. */
static void agree(pamu_section *section, const batch *b, size_t count, pamu_access access, uint64_t length, const pamu_batch_counts *counts)
{
    pamu_batch_counts seen = {0, 0, 0};
    size_t words = (count + 63) / 64;
    for (size_t i = 0; i < words * 64; i++) {
        int faults = (int)(b->faults[i / 64] >> (i % 64) & 1), crosses = (int)(b->crosses[i / 64] >> (i % 64) & 1);
        int messages = (int)(b->messages[i / 64] >> (i % 64) & 1);
        if (i >= count) {
            CHECK_IS(0, faults + crosses + messages);
            continue;
        }
        pamu_translation one = pamu_translate(section, b->iovas[i], length == UINT64_MAX ? b->lengths[i] : length, access);
        CHECK_IS(pamu_target(one), b->targets[i]);
        CHECK_IS(pamu_fault(one) != PAMU_FAULT_NONE, faults);
        CHECK_IS(pamu_crosses(one), crosses);
        CHECK_IS(pamu_is_msi(one), messages);
        seen.faults += (unsigned)faults;
        seen.crosses += (unsigned)crosses;
        seen.messages += (unsigned)messages;
    }
    CHECK_IS(seen.faults, counts->faults);
    CHECK_IS(seen.crosses, counts->crosses);
    CHECK_IS(seen.messages, counts->messages);
    const uint64_t untouched = UINT64_C(0x5A5A5A5A5A5A5A5A);
    CHECK(b->targets[count] == untouched && b->faults[words] == untouched && b->crosses[words] == untouched && b->messages[words] == untouched);
}

static void batches_answer_as_single_accesses_do(void)
{
    static const size_t counts[] = {0, 1, 63, 64, 65, COUNT};
    machine m;
    batch b;
    machine_open(&m);
    pamu_section section = pamu_enter(&m.reader, m.container);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        for (int access = PAMU_READ; access <= PAMU_WRITE; access++) {
            pamu_batch_counts found = {9, 9, 9};
            fill(&b);
            CHECK_IS(0, pamu_translate_batch(&section, b.iovas, counts[i], 4, (pamu_access)access, b.targets, b.faults, b.crosses, b.messages, &found));
            agree(&section, &b, counts[i], (pamu_access)access, 4, &found);
            fill(&b);
            CHECK_IS(0, pamu_translate_batch_lengths(&section, b.iovas, b.lengths, counts[i], (pamu_access)access, b.targets, b.faults, b.crosses,
                                                     b.messages, &found));
            agree(&section, &b, counts[i], (pamu_access)access, UINT64_MAX, &found);
        }
    }
    fill(&b);
    pamu_batch_counts none;
    CHECK_IS(0, pamu_translate_batch(&section, b.iovas, COUNT, 0, PAMU_READ, b.targets, b.faults, b.crosses, b.messages, &none));
    CHECK_IS(COUNT, none.faults);
    CHECK_IS(0, pamu_translate_batch(&section, b.iovas, COUNT, 4, PAMU_READ, b.targets, b.faults, b.crosses, b.messages, NULL));
    CHECK_IS(0, pamu_leave(&section));
    machine_close(&m);
}

static void a_batch_may_work_in_place_and_not_overlap_otherwise(void)
{
    machine m;
    batch b, in_place;
    machine_open(&m);
    pamu_section section = pamu_enter(&m.reader, m.container);
    fill(&b);
    in_place = b;
    CHECK_IS(0, pamu_translate_batch(&section, b.iovas, COUNT, 4, PAMU_READ, b.targets, b.faults, b.crosses, b.messages, NULL));
    CHECK_IS(0, pamu_translate_batch(&section, in_place.iovas, COUNT, 4, PAMU_READ, in_place.iovas, in_place.faults, in_place.crosses,
                                     in_place.messages, NULL));
    CHECK(memcmp(b.targets, in_place.iovas, sizeof b.iovas) == 0);

    fill(&b);
    batch before = b;
#define REFUSED(expected, ...)                                              \
    do {                                                                    \
        CHECK_IS(expected, pamu_translate_batch(&section, __VA_ARGS__, NULL)); \
        CHECK(memcmp(&b, &before, sizeof b) == 0);                          \
    } while (0)
    REFUSED(-EINVAL, b.iovas, 100, 4, PAMU_READ, b.iovas + 1, b.faults, b.crosses, b.messages);
    REFUSED(-EINVAL, b.iovas + 1, 100, 4, PAMU_READ, b.iovas, b.faults, b.crosses, b.messages);
    REFUSED(-EINVAL, b.iovas, 100, 4, PAMU_READ, b.iovas + 99, b.faults, b.crosses, b.messages);
    REFUSED(-EINVAL, b.iovas, 100, 4, PAMU_READ, b.targets, b.iovas + 5, b.crosses, b.messages);
    REFUSED(-EINVAL, b.iovas, 100, 4, PAMU_READ, b.targets, b.faults, b.faults + 1, b.messages);
    REFUSED(-EINVAL, b.iovas, 100, 4, PAMU_READ, b.targets, b.faults, b.crosses, b.faults);
    REFUSED(-EINVAL, b.iovas, 100, 4, PAMU_READ, b.targets, b.targets + 99, b.crosses, b.messages);
    REFUSED(-EINVAL, (const uint64_t *)((uintptr_t)b.iovas + 4), 100, 4, PAMU_READ, b.targets, b.faults, b.crosses, b.messages);
    REFUSED(-EINVAL, b.iovas, 100, 4, PAMU_READ, (uint64_t *)((uintptr_t)b.targets + 1), b.faults, b.crosses, b.messages);
    REFUSED(-EFAULT, NULL, 100, 4, PAMU_READ, b.targets, b.faults, b.crosses, b.messages);
    REFUSED(-EFAULT, b.iovas, 100, 4, PAMU_READ, NULL, b.faults, b.crosses, b.messages);
    REFUSED(-EFAULT, b.iovas, 100, 4, PAMU_READ, b.targets, NULL, b.crosses, b.messages);
    REFUSED(-EFAULT, b.iovas, 100, 4, PAMU_READ, b.targets, b.faults, NULL, b.messages);
    REFUSED(-EFAULT, b.iovas, 100, 4, PAMU_READ, b.targets, b.faults, b.crosses, NULL);
    REFUSED(-EINVAL, b.iovas, SIZE_MAX, 4, PAMU_READ, b.targets, b.faults, b.crosses, b.messages);
#undef REFUSED
    CHECK_IS(-EFAULT, pamu_translate_batch_lengths(&section, b.iovas, NULL, 100, PAMU_READ, b.targets, b.faults, b.crosses, b.messages, NULL));
    CHECK_IS(-EINVAL, pamu_translate_batch_lengths(&section, b.iovas, (const uint32_t *)b.targets, 100, PAMU_READ, b.targets, b.faults, b.crosses,
                                                   b.messages, NULL));
    CHECK(memcmp(&b, &before, sizeof b) == 0);
    CHECK_IS(0, pamu_leave(&section));
    machine_close(&m);
}

typedef struct borrowed {
    pamu_section *section;
    batch *b;
} borrowed;

static void batch_on_another_thread(void *context)
{
    borrowed *from = (borrowed *)context;
    batch *b = from->b;
    CHECK_IS(-EPERM, pamu_translate_batch(from->section, b->iovas, COUNT, 4, PAMU_READ, b->targets, b->faults, b->crosses, b->messages, NULL));
    CHECK_IS(-EPERM, pamu_translate_batch_lengths(from->section, b->iovas, b->lengths, COUNT, PAMU_READ, b->targets, b->faults, b->crosses, b->messages,
                                                  NULL));
}

static void a_batch_needs_a_section_of_its_thread(void)
{
    machine m;
    batch b;
    machine_open(&m);
    fill(&b);
    batch before = b;
    pamu_section section = pamu_enter(&m.reader, m.container);
    borrowed context = {&section, &b};
    on_other_thread(batch_on_another_thread, &context);
    CHECK_IS(-EBADF, pamu_translate_batch(NULL, b.iovas, COUNT, 4, PAMU_READ, b.targets, b.faults, b.crosses, b.messages, NULL));
    pamu_section blank = {NULL, NULL, NULL};
    CHECK_IS(-EBADF, pamu_translate_batch(&blank, b.iovas, COUNT, 4, PAMU_READ, b.targets, b.faults, b.crosses, b.messages, NULL));
    CHECK_IS(0, pamu_leave(&section));
    CHECK_IS(-EBADF, pamu_translate_batch(&section, b.iovas, COUNT, 4, PAMU_READ, b.targets, b.faults, b.crosses, b.messages, NULL));
    CHECK_IS(-EBADF, pamu_translate_batch_lengths(&section, b.iovas, b.lengths, COUNT, PAMU_READ, b.targets, b.faults, b.crosses, b.messages, NULL));

    pamu_section last = pamu_enter(&m.reader, m.container);
    CHECK_IS(0, pamu_leave(&last));
    CHECK_IS(0, pamu_reader_unregister(&m.reader));
    CHECK_IS(-EBADF, pamu_translate_batch(&last, b.iovas, COUNT, 4, PAMU_READ, b.targets, b.faults, b.crosses, b.messages, NULL));
    CHECK(memcmp(&b, &before, sizeof b) == 0);
    CHECK_IS(0, pamu_engine_destroy(m.engine));
}

static void the_kernel_of_a_table_has_a_name(void)
{
    machine m;
    machine_open(&m);
    pamu_section section = pamu_enter(&m.reader, m.container);
    const char *name = pamu_kernel_name(section.table);
    CHECK(name != NULL && strlen(name) > 3);
    CHECK_IS(0, pamu_leave(&section));
    CHECK(pamu_kernel_name(NULL) == NULL);
    machine_close(&m);
}

void batch_tests(void)
{
    TEST(batches_answer_as_single_accesses_do);
    TEST(a_batch_may_work_in_place_and_not_overlap_otherwise);
    TEST(a_batch_needs_a_section_of_its_thread);
    TEST(the_kernel_of_a_table_has_a_name);
}
