/*
 * Damaged images: pamu_image_open() refuses them, or they answer something without touching memory outside the image. The image ends where
 * accessible memory ends, so that a byte too far crashes even without a sanitizer. No library.
 *
 *     damage DUMP ROUNDS
 */
#define _DEFAULT_SOURCE
#include "dump.h"
#include "swap.h"

#include <sys/mman.h>
#include <unistd.h>

enum { ACCESSES = 24 };

static const char *dump_path;
static unsigned rounds;
static uint64_t seed = 88172645463325252u;
static uint64_t opened, refused;

static uint64_t random64(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static uint64_t below(uint64_t limit) { return random64() % limit; }

/* Memory that ends before a page nobody may touch, and begins behind one. */
static struct {
    uint8_t *base;
    size_t page, size;
} guarded;

static void guard(size_t size)
{
    guarded.page = (size_t)sysconf(_SC_PAGESIZE);
    guarded.size = (size + guarded.page - 1) / guarded.page * guarded.page;
    void *base = mmap(NULL, guarded.size + 2 * guarded.page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK_OR_EXIT(base != MAP_FAILED);
    guarded.base = (uint8_t *)base + guarded.page;
    CHECK_OR_EXIT(mprotect(guarded.base, guarded.size, PROT_READ | PROT_WRITE) == 0);
}

static void unguard(void) { CHECK_IS(0, munmap(guarded.base - guarded.page, guarded.size + 2 * guarded.page)); }

static uint8_t *guarded_end(size_t size) { return guarded.base + guarded.size - size; }

static uint64_t some_address(const pamu_table *table)
{
    uint64_t window = (uint64_t)1 << (table->window_shift & 63);
    uint64_t span = table->aperture_last - table->aperture_base;
    switch (below(4)) {
    case 0: return random64();
    case 1: return table->aperture_last - 2 + below(5);
    case 2: return table->aperture_base + window * below(PAMU_WINDOWS_MAX + 1) - 2 + below(5);
    default: return table->aperture_base + (span == UINT64_MAX ? random64() : below(span + 1));
    }
}

static uint64_t some_length(void) { return below(3) == 0 ? random64() : below(2) == 0 ? below(20000) : (uint64_t)1 << below(64); }

/* Whatever a damaged image says, an answer has one of the shapes that there are. */
static void answers(const pamu_image *image, pamu_segment *segments)
{
    for (int i = 0; i < ACCESSES; i++) {
        uint64_t iova = some_address(image->table), length = some_length();
        pamu_access access = (pamu_access)below(2);
        pamu_translation one = pamu_image_translate(image, iova, length, access);
        CHECK_IS(1, pamu_is_dma(one) + pamu_is_msi(one) + pamu_crosses(one) + (pamu_fault(one) != PAMU_FAULT_NONE));
        CHECK(pamu_fault(one) < PAMU_FAULT_MISUSE);
        pamu_range whole = pamu_image_translate_range(image, iova, length, access, segments, PAMU_WINDOWS_MAX);
        CHECK(whole.segments <= PAMU_WINDOWS_MAX);
        CHECK_IS(whole.fault == PAMU_FAULT_NONE, whole.complete);
        uint64_t done = 0;
        for (uint32_t s = 0; s < whole.segments; s++) {
            CHECK_IS(iova + done, segments[s].iova);
            done += segments[s].length;
        }
        CHECK(done == (whole.complete ? length : 0));
    }
}

/* Changes some bytes: mostly of the header, whose fields steer; sometimes a bit, sometimes a field as a whole. */
static void damage(uint8_t *image, size_t size)
{
    for (uint64_t changes = 1 + below(6); changes > 0; changes--) {
        size_t at = (size_t)below(below(4) == 0 ? size : 0x40);
        switch (below(3)) {
        case 0: image[at] ^= (uint8_t)(1u << below(8)); break;
        case 1: image[at] = (uint8_t)random64(); break;
        default: {
            uint64_t field = below(2) == 0 ? random64() : (uint64_t)0 - below(3);
            memcpy(image + (at & ~(size_t)7), &field, sizeof field);
            break;
        }
        }
    }
}

static void try_image(const void *bytes, size_t size, pamu_segment *segments)
{
    pamu_image image;
    int result = pamu_image_open(bytes, size, &image);
    if (result == 0) {
        opened++;
        answers(&image, segments);
    } else {
        refused++;
        CHECK(result == -EINVAL || result == -EPROTO);
    }
}

static void damaged_images_are_refused_or_answer_within_themselves(void)
{
    pamu_segment *segments = (pamu_segment *)malloc(PAMU_WINDOWS_MAX * sizeof *segments);
    CHECK_OR_EXIT(segments != NULL);
    for (unsigned round = 0; round < rounds; round++) {
        dump from;
        dump_probe probe;
        for (uint32_t tables = dump_open(&from, dump_path); tables > 0; tables--) {
            size_t size;
            uint32_t probes;
            uint8_t *bytes = (uint8_t *)dump_table(&from, &size, &probes);
            guard(size);
            for (int copies = 0; copies < 50; copies++) {
                uint8_t *image = guarded_end(size);
                memcpy(image, bytes, size);
                if (copies % 2 != 0) {
                    swap_image((pamu_table *)image);
                }
                damage(image, size);
                try_image(image, size, segments);
            }
            unguard();
            free(bytes);
            for (; probes > 0; probes--) {
                dump_next(&from, &probe);
            }
        }
        dump_close(&from);
    }
    free(segments);
    CHECK(opened > 0 && refused > 0);
}

/* Every length at which an image may have been cut off. */
static void truncated_images_are_refused(void)
{
    dump from;
    size_t size;
    uint32_t probes;
    (void)dump_open(&from, dump_path);
    uint8_t *bytes = (uint8_t *)dump_table(&from, &size, &probes);
    guard(size);
    for (size_t length = 0; length < size; length += 8) {
        pamu_image image;
        memcpy(guarded_end(length), bytes, length);
        CHECK_IS(-EINVAL, pamu_image_open(guarded_end(length), length, &image));
    }
    unguard();
    free(bytes);
    free(from.bytes);
}

/* An image in the order of this machine. */
static pamu_table *first_image(size_t *size)
{
    dump from;
    uint32_t probes;
    (void)dump_open(&from, dump_path);
    pamu_table *table = (pamu_table *)dump_table(&from, size, &probes);
    free(from.bytes);
    if (table->magic != PAMU_TABLE_MAGIC) {
        swap_image(table);
    }
    return table;
}

static void each_wrong_field_has_its_error(void)
{
    size_t size;
    pamu_table *table = first_image(&size);
    pamu_table *work = (pamu_table *)malloc(size + 8);
    pamu_image image;
    CHECK_OR_EXIT(work != NULL);
#define WITH(field, value, expected)                       \
    do {                                                   \
        memcpy(work, table, size);                         \
        work->field = value;                               \
        CHECK_IS(expected, pamu_image_open(work, size, &image)); \
    } while (0)
    WITH(magic, PAMU_TABLE_MAGIC, 0);
    WITH(magic, 0, -EINVAL);
    WITH(magic, PAMU_TABLE_MAGIC ^ 1, -EINVAL);
    WITH(version, PAMU_TABLE_VERSION + 1, -EPROTO);
    WITH(version, 0, -EPROTO);
    WITH(window_shift, 64, -EINVAL);
    WITH(window_shift, 11, -EINVAL);
    WITH(window_shift, table->window_shift + 1, -EINVAL);
    WITH(window_count, 0, -EINVAL);
    WITH(window_count, PAMU_WINDOWS_MAX + 1, -EINVAL);
    WITH(window_count, table->window_count * 2, -EINVAL);
    WITH(window_count, UINT32_MAX, -EINVAL);
    WITH(image_bytes, (uint32_t)size + 1, -EINVAL);
    WITH(image_bytes, (uint32_t)sizeof(pamu_table) - 1, -EINVAL);
    WITH(image_bytes, UINT32_MAX, -EINVAL);
    WITH(aperture_last, table->aperture_last - 1, -EINVAL);
    WITH(aperture_base, table->aperture_base - 4096, -EINVAL);
    WITH(refusal, PAMU_FAULT_MISUSE, -EINVAL);
    WITH(refusal, UINT16_MAX, -EINVAL);
#undef WITH
    CHECK_IS(-EFAULT, pamu_image_open(NULL, size, &image));
    CHECK_IS(-EFAULT, pamu_image_open(table, size, NULL));
    memcpy((uint8_t *)work + 4, table, size);
    CHECK_IS(-EFAULT, pamu_image_open((uint8_t *)work + 4, size, &image));
    free(work);
    free(table);
}

int main(int argc, char **argv)
{
    CHECK_OR_EXIT(argc == 3);
    dump_path = argv[1];
    rounds = (unsigned)atoi(argv[2]);
    TEST(damaged_images_are_refused_or_answer_within_themselves);
    TEST(truncated_images_are_refused);
    TEST(each_wrong_field_has_its_error);
    printf("# %" PRIu64 " damaged images: %" PRIu64 " refused, %" PRIu64 " opened and asked %d times\n", opened + refused, refused, opened, ACCESSES);
    return check_end();
}
