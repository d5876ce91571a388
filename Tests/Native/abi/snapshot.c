#include "abi.h"

#include <string.h>

/* Saves the usual container; the caller frees the bytes. */
static uint8_t *save(const machine *m, int64_t *size)
{
    *size = pamu_snapshot_save(m->container, NULL, 0);
    CHECK_OR_EXIT(*size > 0 && *size < 1 << 20);
    uint8_t *bytes = (uint8_t *)malloc((size_t)*size + 1);
    CHECK_OR_EXIT(bytes != NULL);
    bytes[*size] = 0x5A;
    CHECK_IS(*size, pamu_snapshot_save(m->container, bytes, (size_t)*size));
    CHECK_IS(0x5A, bytes[*size]);
    return bytes;
}

static void a_restored_container_answers_as_the_saved_one(void)
{
    machine m;
    int64_t size;
    machine_open(&m);
    uint8_t *bytes = save(&m, &size);
    uint8_t little[64];
    memset(little, 0x5A, sizeof little);
    CHECK_IS(size, pamu_snapshot_save(m.container, little, sizeof little)); /* too little room: only how much it takes */
    CHECK_IS(0x5A, little[0]);
    machine_close(&m);

    pamu_engine *engine;
    pamu_container *container;
    pamu_reader reader;
    CHECK_OR_EXIT(pamu_engine_create(NULL, &engine) == 0 && pamu_container_create(engine, &container) == 0);
    CHECK_OR_EXIT(pamu_reader_register(engine, "restored", &reader) == 0);
    CHECK_IS(0, pamu_snapshot_restore(container, bytes, (size_t)size));
    CHECK_IS(RAM + 3, pamu_target(pamu_translate_liodn(&reader, LIODN, AT(0) + 3, 4, PAMU_READ)));
    CHECK_IS(RAM + AT(2), pamu_target(pamu_translate_liodn(&reader, OTHER_LIODN, AT(2), 4, PAMU_READ)));
    CHECK_IS(PAMU_FAULT_DIRECTION_DENIED, pamu_fault(pamu_translate_liodn(&reader, LIODN, AT(2), 4, PAMU_WRITE)));
    CHECK_IS(PAMU_FAULT_BEYOND_MAPPING, pamu_fault(pamu_translate_liodn(&reader, LIODN, AT(4) + SMALL, 4, PAMU_WRITE)));
    CHECK_IS(0, pamu_msi_bank(pamu_translate_liodn(&reader, LIODN, AT(5), 4, PAMU_WRITE)));
    pamu_group *group = NULL;
    CHECK_IS(0, pamu_group_find(engine, 1, &group)); /* it came along */
    CHECK_IS(-EINVAL, pamu_attach(group, container));
    CHECK_IS(-EBUSY, pamu_snapshot_restore(container, bytes, (size_t)size)); /* not fresh any more */
    pamu_container *second;
    CHECK_IS(0, pamu_container_create(engine, &second));
    CHECK_IS(-EBUSY, pamu_snapshot_restore(second, bytes, (size_t)size)); /* its group is taken */
    CHECK_IS(0, pamu_reader_unregister(&reader));
    CHECK_IS(0, pamu_engine_destroy(engine));
    free(bytes);
}

typedef struct moves {
    int calls, refuses;
    uint64_t distance;
} moves;

static int moved(void *context, uint64_t vaddr, uint64_t length, uint64_t *now)
{
    moves *m = (moves *)context;
    m->calls += length > 0;
    *now = vaddr + m->distance;
    return m->refuses;
}

static void memory_may_be_elsewhere_when_a_container_is_restored(void)
{
    machine m;
    int64_t size;
    machine_open(&m);
    uint8_t *bytes = save(&m, &size);
    pamu_container *fresh;
    moves to = {0, 1, UINT64_C(0x2000000000)};
    CHECK_IS(0, pamu_detach(m.group));
    CHECK_IS(0, pamu_container_create(m.engine, &fresh));
    CHECK_IS(-EFAULT, pamu_snapshot_restore_moved(fresh, bytes, (size_t)size, NULL, NULL));
    CHECK_IS(-EFAULT, pamu_snapshot_restore_moved(fresh, NULL, 1, moved, &to));
    CHECK_IS(-EFAULT, pamu_snapshot_restore_moved(fresh, bytes, (size_t)size, moved, &to)); /* there is no such memory */
    CHECK_IS(PAMU_FAULT_UNKNOWN_LIODN, pamu_fault(pamu_translate_liodn(&m.reader, LIODN, AT(0), 4, PAMU_READ)));
    to.calls = to.refuses = 0;
    CHECK_IS(0, pamu_snapshot_restore_moved(fresh, bytes, (size_t)size, moved, &to));
    CHECK_IS(5, to.calls); /* once for each window of memory */
    CHECK_IS(RAM + to.distance + 3, pamu_target(pamu_translate_liodn(&m.reader, LIODN, AT(0) + 3, 4, PAMU_READ)));
    CHECK_IS(RAM, pamu_target(pamu_translate_container(&m.reader, m.container, AT(0), 4, PAMU_READ)));
    free(bytes);
    machine_close(&m);
}

static void bytes_that_are_no_snapshot_are_refused_and_change_nothing(void)
{
    machine m;
    int64_t size;
    machine_open(&m);
    uint8_t *bytes = save(&m, &size);
    CHECK_IS(-EFAULT, pamu_snapshot_save(m.container, NULL, 1));
    pamu_engine *engine;
    pamu_container *container;
    CHECK_OR_EXIT(pamu_engine_create(NULL, &engine) == 0 && pamu_container_create(engine, &container) == 0);
    CHECK_IS(-EFAULT, pamu_snapshot_restore(container, NULL, 1));
    CHECK_IS(-EINVAL, pamu_snapshot_restore(container, NULL, 0));
    for (int64_t length = 0; length < size; length += length < 64 ? 1 : 97) {
        CHECK_IS(-EINVAL, pamu_snapshot_restore(container, bytes, (size_t)length));
    }
    for (int64_t at = 0; at < size; at++) {
        bytes[at] ^= 0x10;
        int result = pamu_snapshot_restore(container, bytes, (size_t)size);
        CHECK(result == -EINVAL || result == -EPROTO); /* EPROTO where the version stands */
        bytes[at] ^= 0x10;
    }
    CHECK_IS(0, pamu_snapshot_restore(container, bytes, (size_t)size)); /* still fresh */
    CHECK_IS(0, pamu_engine_destroy(engine));

    pamu_platform other;
    pamu_platform_init(&other);
    other.max_windows = 4;
    CHECK_OR_EXIT(pamu_engine_create(&other, &engine) == 0 && pamu_container_create(engine, &container) == 0);
    CHECK_IS(-EXDEV, pamu_snapshot_restore(container, bytes, (size_t)size));
    CHECK_IS(0, pamu_engine_destroy(engine));
    free(bytes);
    machine_close(&m);
}

void snapshot_tests(void)
{
    TEST(a_restored_container_answers_as_the_saved_one);
    TEST(memory_may_be_elsewhere_when_a_container_is_restored);
    TEST(bytes_that_are_no_snapshot_are_refused_and_change_nothing);
}
