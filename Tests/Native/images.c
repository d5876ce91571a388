/*
 * The inline half on saved images: every answer as the engine gave it when it wrote them, on the image as it is and on one whose
 * integers are swapped to the other byte order. No library.
 *
 *     images DUMP same|foreign       same: the dump was written on a machine of this byte order
 */
#include "dump.h"
#include "swap.h"

enum { UNTOUCHED = 0x5A };

static const char *dump_path;
static int dump_is_foreign;

/* What was seen, so that a dump that shows little does not pass. */
static struct {
    uint64_t probes, kinds[4], faults[8], merged, split, many_banks;
} seen;

static void count(const dump_probe *probe)
{
    seen.probes++;
    seen.kinds[probe->kind]++;
    seen.faults[probe->fault]++;
    seen.split += probe->segment_count > 1;
    seen.merged += probe->kind == DUMP_CROSSES && probe->segment_count == 1;
    for (uint32_t i = 0; i < probe->segment_count; i++) {
        seen.many_banks += probe->segments[i].bank >= 0 && probe->segment_count > 1;
    }
}

static int segment_is(const pamu_segment *segment, const dump_segment *expected)
{
    return segment->iova == expected->iova && segment->target == expected->target && segment->length == expected->length
        && segment->bank == expected->bank && segment->reserved == 0;
}

static int is_untouched(const void *memory, size_t size)
{
    const uint8_t *bytes = (const uint8_t *)memory;
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != UNTOUCHED) {
            return 0;
        }
    }
    return 1;
}

static void single(const pamu_image *image, const dump_probe *probe)
{
    pamu_translation answer = pamu_image_translate(image, probe->iova, probe->length, (pamu_access)probe->access);
    CHECK_IS(probe->kind == DUMP_DMA, pamu_is_dma(answer));
    CHECK_IS(probe->kind == DUMP_MSI, pamu_is_msi(answer));
    CHECK_IS(probe->kind <= DUMP_MSI, pamu_is_hit(answer));
    CHECK_IS(probe->kind == DUMP_CROSSES, pamu_crosses(answer));
    CHECK_IS(probe->fault, pamu_fault(answer));
    CHECK_IS(probe->fault_iova, pamu_fault_iova(answer));
    CHECK_IS(probe->target, pamu_target(answer));
    CHECK_IS(probe->bank, pamu_msi_bank(answer));
    CHECK_IS(probe->msi_offset, pamu_msi_offset(answer));
}

/* A range with room for exactly its segments, in memory of exactly that size; then with one too few, and with none. */
static void range(const pamu_image *image, const dump_probe *probe)
{
    uint32_t needed = probe->segment_count;
    size_t size = needed * sizeof(pamu_segment);
    pamu_segment *segments = (pamu_segment *)malloc(size + 1);
    CHECK_OR_EXIT(segments != NULL);
    memset(segments, UNTOUCHED, size + 1);
    for (uint32_t room = 0; room <= needed; room += room + 1 < needed ? needed - 1 : 1) {
        pamu_range answer =
            pamu_image_translate_range(image, probe->iova, probe->length, (pamu_access)probe->access, room == 0 ? NULL : segments, room);
        CHECK_IS(needed, answer.segments);
        CHECK_IS(probe->range_fault, answer.fault);
        CHECK_IS(probe->range_fault_iova, answer.fault_iova);
        CHECK_IS(needed > 0 && room == needed, answer.complete);
        if (!answer.complete) {
            CHECK(is_untouched(segments, size + 1));
        }
    }
    for (uint32_t i = 0; i < needed; i++) {
        CHECK(segment_is(&segments[i], &probe->segments[i]));
    }
    CHECK(is_untouched((const uint8_t *)segments + size, 1));
    free(segments);
}

static void all_probes(int swapped)
{
    dump from;
    dump_probe probe;
    memset(&seen, 0, sizeof seen);
    for (uint32_t tables = dump_open(&from, dump_path); tables > 0; tables--) {
        size_t size;
        uint32_t probes;
        pamu_image image;
        void *bytes = dump_table(&from, &size, &probes);
        if (swapped) {
            swap_image((pamu_table *)bytes);
        }
        CHECK_OR_EXIT(pamu_image_open(bytes, size, &image) == 0);
        CHECK_IS(dump_is_foreign != swapped, image.foreign);
        for (; probes > 0; probes--) {
            dump_next(&from, &probe);
            count(&probe);
            single(&image, &probe);
            range(&image, &probe);
        }
        free(bytes);
    }
    dump_close(&from);
}

static void images_answer_as_the_engine_did(void) { all_probes(0); }

static void images_of_the_other_byte_order_answer_the_same(void) { all_probes(1); }

static void the_dump_shows_every_kind_of_answer(void)
{
    CHECK(seen.kinds[DUMP_DMA] > 0 && seen.kinds[DUMP_MSI] > 0 && seen.kinds[DUMP_CROSSES] > 0 && seen.kinds[DUMP_FAULT] > 0);
    for (int fault = PAMU_FAULT_OUT_OF_APERTURE; fault <= PAMU_FAULT_BAD_LENGTH; fault++) {
        CHECK(seen.faults[fault] > 0);
    }
    CHECK(seen.split > 0 && seen.merged > 0 && seen.many_banks > 0);
}

int main(int argc, char **argv)
{
    CHECK_OR_EXIT(argc == 3);
    dump_path = argv[1];
    dump_is_foreign = strcmp(argv[2], "foreign") == 0;
    TEST(images_answer_as_the_engine_did);
    TEST(images_of_the_other_byte_order_answer_the_same);
    TEST(the_dump_shows_every_kind_of_answer);
    printf("# %" PRIu64 " probes: %" PRIu64 " memory, %" PRIu64 " messages, %" PRIu64 " cross (%" PRIu64 " of them one segment), %" PRIu64
           " faults; %" PRIu64 " ranges of several segments\n",
           seen.probes, seen.kinds[DUMP_DMA], seen.kinds[DUMP_MSI], seen.kinds[DUMP_CROSSES], seen.merged, seen.kinds[DUMP_FAULT], seen.split);
    return check_end();
}
