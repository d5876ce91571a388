#include "abi.h"

#include <string.h>

/* What an access answers: memory at a target, a message to a bank, a fault at an IOVA, or that it crosses. */
static void memory(pamu_section *section, uint64_t iova, uint64_t length, pamu_access access, uint64_t target)
{
    pamu_translation answer = pamu_translate(section, iova, length, access);
    CHECK(pamu_is_hit(answer) && pamu_is_dma(answer) && !pamu_is_msi(answer) && !pamu_crosses(answer));
    CHECK_IS(target, pamu_target(answer));
    CHECK_IS(-1, pamu_msi_bank(answer));
    CHECK_IS(0, pamu_msi_offset(answer));
    CHECK_IS(PAMU_FAULT_NONE, pamu_fault(answer));
    CHECK_IS(0, pamu_fault_iova(answer));
}

static void fault(pamu_section *section, uint64_t iova, uint64_t length, pamu_access access, pamu_fault_kind kind, uint64_t at)
{
    pamu_translation answer = pamu_translate(section, iova, length, access);
    CHECK(!pamu_is_hit(answer) && !pamu_is_dma(answer) && !pamu_is_msi(answer) && !pamu_crosses(answer));
    CHECK_IS(kind, pamu_fault(answer));
    CHECK_IS(at, pamu_fault_iova(answer));
    CHECK_IS(UINT64_MAX, pamu_target(answer));
    CHECK_IS(-1, pamu_msi_bank(answer));
}

static void single_accesses_have_every_kind_of_answer(void)
{
    machine m;
    machine_open(&m);
    pamu_section section = pamu_enter(&m.reader, m.container);
    memory(&section, AT(0), 1, PAMU_READ, RAM);
    memory(&section, AT(0), WINDOW, PAMU_WRITE, RAM);
    memory(&section, AT(2) - 1, 1, PAMU_WRITE, RAM + AT(2) - 1);
    memory(&section, AT(4) + SMALL - 8, 8, PAMU_READ, RAM + AT(4) + SMALL - 8);
    fault(&section, AT(8), 1, PAMU_READ, PAMU_FAULT_OUT_OF_APERTURE, AT(8));
    fault(&section, UINT64_MAX, 1, PAMU_READ, PAMU_FAULT_OUT_OF_APERTURE, UINT64_MAX);
    fault(&section, AT(7) + 5, 1, PAMU_READ, PAMU_FAULT_NO_MAPPING, AT(7) + 5);
    fault(&section, AT(6), 4, PAMU_WRITE, PAMU_FAULT_NO_MAPPING, AT(6)); /* nobody uses that bank */
    fault(&section, AT(4) + SMALL, 1, PAMU_READ, PAMU_FAULT_BEYOND_MAPPING, AT(4) + SMALL);
    fault(&section, AT(4) + SMALL - 8, 9, PAMU_READ, PAMU_FAULT_BEYOND_MAPPING, AT(4) + SMALL);
    fault(&section, AT(2) + 3, 1, PAMU_WRITE, PAMU_FAULT_DIRECTION_DENIED, AT(2) + 3);
    fault(&section, AT(3), 1, PAMU_READ, PAMU_FAULT_DIRECTION_DENIED, AT(3));
    fault(&section, AT(5), 4, PAMU_READ, PAMU_FAULT_DIRECTION_DENIED, AT(5));
    fault(&section, AT(0), 0, PAMU_READ, PAMU_FAULT_BAD_LENGTH, AT(0));

    pamu_translation message = pamu_translate(&section, AT(5) + 0x148, 4, PAMU_WRITE);
    CHECK(pamu_is_hit(message) && pamu_is_msi(message) && !pamu_is_dma(message));
    CHECK_IS(0, pamu_msi_bank(message));
    CHECK_IS(0x148, pamu_msi_offset(message));
    CHECK_IS(0xFFE044148, pamu_target(message)); /* the default platform's first page */

    pamu_translation crosses = pamu_translate(&section, AT(1) - 1, 2, PAMU_READ);
    CHECK(pamu_crosses(crosses) && !pamu_is_hit(crosses));
    CHECK_IS(PAMU_FAULT_NONE, pamu_fault(crosses));
    CHECK_IS(0, pamu_fault_iova(crosses));
    CHECK_IS(UINT64_MAX, pamu_target(crosses));
    CHECK_IS(1, pamu_crosses(pamu_translate(&section, AT(0), UINT64_MAX, PAMU_READ)));
    CHECK_IS(0, pamu_leave(&section));
    machine_close(&m);
}

static void accesses_go_where_their_liodn_leads(void)
{
    machine m;
    machine_open(&m);
    CHECK_IS(RAM + 9, pamu_target(pamu_translate_liodn(&m.reader, LIODN, AT(0) + 9, 4, PAMU_READ)));
    CHECK_IS(RAM + 9, pamu_target(pamu_translate_liodn(&m.reader, OTHER_LIODN, AT(0) + 9, 4, PAMU_READ)));
    const uint32_t unknown[] = {0, LIODN + 2, 0x4FF, 0x500, 0x10000, UINT32_MAX}; /* within and beyond the platform's */
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        pamu_translation answer = pamu_translate_liodn(&m.reader, unknown[i], AT(0) + 9, 4, PAMU_READ);
        CHECK_IS(PAMU_FAULT_UNKNOWN_LIODN, pamu_fault(answer));
        CHECK_IS(AT(0) + 9, pamu_fault_iova(answer));
    }
    machine_close(&m);
}

static void ranges_split_and_merge(void)
{
    machine m;
    machine_open(&m);
    pamu_segment segments[3], untouched[3];
    memset(untouched, 0x5A, sizeof untouched);
    memcpy(segments, untouched, sizeof segments);
    pamu_section section = pamu_enter(&m.reader, m.container);

    /* Windows 0 and 1 are neighbours at their targets too. */
    pamu_range merged = pamu_translate_range(&section, AT(1) - 100, 200, PAMU_READ, segments, 3);
    CHECK_IS(1, merged.segments);
    CHECK_IS(1, merged.complete);
    CHECK_IS(RAM + AT(1) - 100, segments[0].target);
    CHECK_IS(AT(1) - 100, segments[0].iova);
    CHECK_IS(200, segments[0].length);
    CHECK_IS(-1, segments[0].bank);
    CHECK(memcmp(&segments[1], &untouched[1], 2 * sizeof segments[0]) == 0);
    CHECK_IS(0, pamu_leave(&section));

    /* A second message window makes a range of memory and message. */
    CHECK_IS(0, pamu_unmap_msi_bank(m.container, AT(6)));
    CHECK_IS(0, pamu_unmap_dma(m.container, AT(4), WINDOW, NULL));
    CHECK_IS(0, pamu_map_dma(m.container, RAM, AT(4), WINDOW, PAMU_WRITE_ALLOWED));
    section = pamu_enter(&m.reader, m.container);
    memcpy(segments, untouched, sizeof segments);
    pamu_range split = pamu_translate_range(&section, AT(4) - 8, WINDOW + 16, PAMU_WRITE, segments, 2);
    CHECK_IS(3, split.segments);
    CHECK_IS(0, split.complete);
    CHECK_IS(PAMU_FAULT_NONE, split.fault);
    CHECK(memcmp(segments, untouched, sizeof segments) == 0);
    split = pamu_translate_range(&section, AT(4) - 8, WINDOW + 16, PAMU_WRITE, NULL, 0);
    CHECK_IS(3, split.segments);
    split = pamu_translate_range(&section, AT(4) - 8, WINDOW + 16, PAMU_WRITE, segments, 3);
    CHECK_IS(1, split.complete);
    CHECK_IS(RAM + AT(4) - 8, segments[0].target);
    CHECK_IS(RAM, segments[1].target);
    CHECK_IS(WINDOW, segments[1].length);
    CHECK_IS(0, segments[2].bank);
    CHECK_IS(8, segments[2].length);

    memcpy(segments, untouched, sizeof segments);
    pamu_range refused = pamu_translate_range(&section, AT(5), WINDOW, PAMU_WRITE, segments, 3);
    CHECK_IS(0, refused.segments);
    CHECK_IS(0, refused.complete);
    CHECK_IS(PAMU_FAULT_BEYOND_MAPPING, refused.fault);
    CHECK_IS(AT(5) + 0x1000, refused.fault_iova);
    refused = pamu_translate_range(&section, AT(7), UINT64_MAX, PAMU_WRITE, segments, 3);
    CHECK_IS(PAMU_FAULT_NO_MAPPING, refused.fault);
    refused = pamu_translate_range(&section, AT(8) - 1, 2, PAMU_WRITE, segments, 3);
    CHECK_IS(PAMU_FAULT_NO_MAPPING, refused.fault);
    refused = pamu_translate_range(&section, AT(0), 0, PAMU_WRITE, segments, 3);
    CHECK_IS(PAMU_FAULT_BAD_LENGTH, refused.fault);
    CHECK(memcmp(segments, untouched, sizeof segments) == 0);
    CHECK_IS(0, pamu_leave(&section));
    machine_close(&m);
}

static int at_the_end_of_the_address_space(void *context, uint64_t vaddr, uint64_t length, uint64_t *target)
{
    (void)context;
    *target = vaddr - length; /* the first window of all ends at 2^64, the next begins at 0 */
    return 0;
}

static void nothing_is_contiguous_across_the_end_of_the_address_space(void)
{
    pamu_engine *engine;
    pamu_container *container;
    pamu_reader reader;
    pamu_platform platform;
    pamu_segment segments[3];
    pamu_platform_init(&platform);
    platform.page_source = at_the_end_of_the_address_space;
    CHECK_OR_EXIT(pamu_engine_create(&platform, &engine) == 0 && pamu_container_create(engine, &container) == 0);
    CHECK_OR_EXIT(pamu_set_geometry(container, 0, AT(4) - 1) == 0 && pamu_set_windows(container, 4) == 0);
    CHECK_OR_EXIT(pamu_map_dma(container, 0, 0, 3 * (uint64_t)WINDOW, PAMU_READ_ALLOWED) == 0);
    CHECK_OR_EXIT(pamu_reader_register(engine, NULL, &reader) == 0);
    pamu_section section = pamu_enter(&reader, container);
    pamu_range range = pamu_translate_range(&section, 0, 3 * (uint64_t)WINDOW, PAMU_READ, segments, 3);
    CHECK_IS(2, range.segments);
    CHECK_IS(0 - (uint64_t)WINDOW, segments[0].target);
    CHECK_IS(WINDOW, segments[0].length);
    CHECK_IS(0, segments[1].target);
    CHECK_IS(2 * (uint64_t)WINDOW, segments[1].length);
    CHECK_IS(0, pamu_leave(&section));
    CHECK_IS(0, pamu_reader_unregister(&reader));
    CHECK_IS(0, pamu_engine_destroy(engine));
}

static void a_live_table_can_be_saved_and_opened(void)
{
    machine m;
    pamu_image image;
    machine_open(&m);
    pamu_section section = pamu_enter(&m.reader, m.container);
    size_t size = section.table->image_bytes;
    void *saved = malloc(size);
    CHECK_OR_EXIT(saved != NULL);
    memcpy(saved, section.table, size);
    CHECK_IS(0, pamu_leave(&section));
    machine_close(&m);

    CHECK_OR_EXIT(pamu_image_open(saved, size, &image) == 0);
    CHECK_IS(0, image.foreign);
    CHECK_IS(RAM + 7, pamu_target(pamu_image_translate(&image, AT(0) + 7, 4, PAMU_READ)));
    pamu_segment segment;
    CHECK_IS(1, pamu_image_translate_range(&image, AT(1) - 2, 4, PAMU_READ, &segment, 1).complete);
    CHECK_IS(-EINVAL, pamu_image_open(saved, size - 1, &image));
    free(saved);
}

void translate_tests(void)
{
    TEST(single_accesses_have_every_kind_of_answer);
    TEST(accesses_go_where_their_liodn_leads);
    TEST(ranges_split_and_merge);
    TEST(nothing_is_contiguous_across_the_end_of_the_address_space);
    TEST(a_live_table_can_be_saved_and_opened);
}
