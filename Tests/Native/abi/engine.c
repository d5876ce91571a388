#include "abi.h"

#include <string.h>

static void engines_open_and_close(void)
{
    pamu_engine *first = NULL, *second = NULL;
    CHECK_IS(0, pamu_engine_create(NULL, &first));
    CHECK_IS(0, pamu_engine_create(NULL, &second));
    CHECK(first != NULL && second != NULL && first != second);
    CHECK_IS(0, pamu_engine_destroy(first));
    CHECK_IS(0, pamu_engine_destroy(second));
    CHECK_IS(-EFAULT, pamu_engine_create(NULL, NULL));
}

/* Each wrong field by itself. */
static void a_platform_is_checked_field_by_field(void)
{
    pamu_engine *engine = NULL;
    pamu_platform platform;
    uint64_t crooked = 0x1001, page = 0x1000;
#define WRONG(name, field, value)                                 \
    do {                                                          \
        pamu_platform_init(&platform);                            \
        platform.field = value;                                   \
        CHECK_IS(-EINVAL, pamu_engine_create(&platform, &engine)); \
        CHECK(last_error_is("EINVAL", name));                     \
        CHECK(engine == NULL);                                    \
    } while (0)
    WRONG("size", size, 0);
    WRONG("size", size, 3);
    WRONG("max_windows", max_windows, 0);
    WRONG("max_windows", max_windows, 3);
    WRONG("max_windows", max_windows, 512);
    WRONG("physical_address_bits", physical_address_bits, 31);
    WRONG("physical_address_bits", physical_address_bits, 64);
    WRONG("page_size", page_size, 2048);
    WRONG("page_size", page_size, 4097);
    WRONG("page_size", page_size, 1u << 21);
    WRONG("liodn_count", liodn_count, 0);
    WRONG("liodn_count", liodn_count, 65537);
#undef WRONG
    pamu_platform_init(&platform);
    platform.msi_pages = &crooked;
    platform.msi_page_count = 1;
    CHECK_IS(-EINVAL, pamu_engine_create(&platform, &engine));
    platform.msi_pages = &page;
    platform.msi_page_count = 4096;
    CHECK_IS(-EINVAL, pamu_engine_create(&platform, &engine));
    platform.msi_pages = NULL;
    platform.msi_page_count = 1;
    CHECK_IS(-EFAULT, pamu_engine_create(&platform, &engine));
    pamu_platform_init(&platform);
    platform.stash_target_count = 1;
    CHECK_IS(-EFAULT, pamu_engine_create(&platform, &engine));
    CHECK(engine == NULL);
}

static void a_platform_is_what_it_says(void)
{
    pamu_engine *engine;
    pamu_container *container;
    uint64_t pages[] = {0x1000, 0x2000, 0x3000, 0x4000};
    pamu_stash_target stash[] = {{1, 0, 7}, {2, -1, 9}};
    pamu_platform platform;
    pamu_platform_init(&platform);
    platform.max_windows = 16;
    platform.physical_address_bits = 40;
    platform.page_size = 0x10000;
    platform.liodn_count = 0x20;
    platform.pamu_extension = 2;
    platform.msi_pages = pages;
    platform.msi_page_count = 4;
    platform.stash_targets = stash;
    platform.stash_target_count = 2;
    CHECK_OR_EXIT(pamu_engine_create(&platform, &engine) == 0);
    memset(pages, 0xFF, sizeof pages); /* arrays are copied */
    memset(stash, 0xFF, sizeof stash);
    CHECK_OR_EXIT(pamu_container_create(engine, &container) == 0);

    pamu_attr attr;
    pamu_info info = {sizeof info, 0, 0};
    CHECK_IS(1, pamu_ioctl(container, PAMU_CHECK_EXTENSION, 2));
    CHECK_IS(0, pamu_ioctl(container, PAMU_CHECK_EXTENSION, 7));
    CHECK_IS(0, pamu_ioctl(container, PAMU_SET_IOMMU, 2));
    CHECK_IS(4, pamu_ioctl(container, PAMU_GET_MSI_BANK_COUNT, 0));
    CHECK_IS(0, pamu_ioctl(container, PAMU_GET_INFO, (uintptr_t)&info));
    CHECK_IS(~UINT64_C(0xFFFF), info.iova_pgsizes);
    memset(&attr, 0, sizeof attr);
    attr.argsz = sizeof attr;
    attr.attribute = PAMU_ATTR_GEOMETRY;
    CHECK_IS(0, pamu_ioctl(container, PAMU_GET_ATTR, (uintptr_t)&attr));
    CHECK_IS((UINT64_C(1) << 40) - 1, attr.u.geometry.last);
    attr.attribute = PAMU_ATTR_WINDOWS;
    CHECK_IS(0, pamu_ioctl(container, PAMU_GET_ATTR, (uintptr_t)&attr));
    CHECK_IS(16, attr.u.windows.count);
    CHECK_IS(0, pamu_set_geometry(container, 0, (UINT64_C(1) << 40) - 1));
    CHECK_IS(-EINVAL, pamu_set_windows(container, 32));
    CHECK_IS(0, pamu_set_windows(container, 16));
    CHECK_IS(0, pamu_set_stash(container, 0, 1));
    CHECK_IS(-EINVAL, pamu_set_stash(container, 1, 1));
    CHECK_IS(0, pamu_set_stash(container, 5, 2));
    CHECK_IS(-EINVAL, pamu_set_stash(container, 0, 3));
    CHECK_IS(0, pamu_engine_destroy(engine));
}

typedef struct source {
    uint64_t vaddr, length;
    int calls, refuses;
} source;

static int supply(void *context, uint64_t vaddr, uint64_t length, uint64_t *target)
{
    source *from = (source *)context;
    from->calls++;
    from->vaddr = vaddr;
    from->length = length;
    *target = vaddr ^ 0x100000000;
    return from->refuses;
}

static void a_page_source_says_what_a_window_maps(void)
{
    source from = {0, 0, 0, 0};
    pamu_engine *engine;
    pamu_container *container;
    pamu_reader reader;
    pamu_platform platform;
    pamu_platform_init(&platform);
    platform.page_source = supply;
    platform.page_source_context = &from;
    CHECK_OR_EXIT(pamu_engine_create(&platform, &engine) == 0);
    CHECK_OR_EXIT(pamu_container_create(engine, &container) == 0);
    CHECK_OR_EXIT(pamu_reader_register(engine, NULL, &reader) == 0);
    CHECK_OR_EXIT(pamu_set_geometry(container, 0, AT(8) - 1) == 0 && pamu_set_windows(container, 8) == 0);

    CHECK_IS(0, pamu_map_dma(container, 0x700000000, AT(1), 2 * (uint64_t)WINDOW, PAMU_READ_ALLOWED));
    CHECK_IS(2, from.calls);
    CHECK_IS(0x700000000 + WINDOW, from.vaddr);
    CHECK_IS(WINDOW, from.length);
    CHECK_IS(0x600000000 + WINDOW + 5, pamu_target(pamu_translate_container(&reader, container, AT(2) + 5, 1, PAMU_READ)));

    from.refuses = 1;
    CHECK_IS(-EFAULT, pamu_map_dma(container, 0x700000000, AT(4), WINDOW, PAMU_READ_ALLOWED));
    CHECK_IS(PAMU_FAULT_NO_MAPPING, pamu_fault(pamu_translate_container(&reader, container, AT(4), 1, PAMU_READ)));
    CHECK_IS(0, pamu_reader_unregister(&reader));
    CHECK_IS(0, pamu_engine_destroy(engine));
}

static void containers_have_the_smallest_free_number(void)
{
    pamu_engine *engine;
    pamu_container *containers[4];
    CHECK_OR_EXIT(pamu_engine_create(NULL, &engine) == 0);
    for (int i = 0; i < 3; i++) {
        CHECK_IS(0, pamu_container_create(engine, &containers[i]));
        CHECK_IS(i, pamu_container_fd(containers[i]));
    }
    CHECK_IS(0, pamu_container_destroy(containers[1]));
    CHECK_IS(-EBADF, pamu_container_fd(containers[1]));
    CHECK_IS(0, pamu_container_create(engine, &containers[3]));
    CHECK_IS(1, pamu_container_fd(containers[3]));
    CHECK_IS(-EFAULT, pamu_container_create(engine, NULL));
    CHECK_IS(0, pamu_engine_destroy(engine));
}

static void a_destroyed_container_refuses_everything(void)
{
    machine m;
    machine_open(&m);
    CHECK_IS(0, pamu_container_destroy(m.container));
    pamu_translation answer = pamu_translate_container(&m.reader, m.container, AT(0), 4, PAMU_READ);
    CHECK_IS(PAMU_FAULT_OUT_OF_APERTURE, pamu_fault(answer));
    CHECK_IS(PAMU_FAULT_UNKNOWN_LIODN, pamu_fault(pamu_translate_liodn(&m.reader, LIODN, AT(0), 4, PAMU_READ)));
    CHECK_IS(-EBADF, pamu_map_dma(m.container, RAM, AT(7), WINDOW, PAMU_READ_ALLOWED));

    pamu_container *next; /* the group is free for another */
    CHECK_IS(0, pamu_container_create(m.engine, &next));
    CHECK_IS(0, pamu_attach(m.group, next));
    machine_close(&m);
}

static void destroying_waits_for_no_section_of_its_own(void)
{
    machine m;
    machine_open(&m);
    pamu_section section = pamu_enter(&m.reader, m.container);
    CHECK_IS(-EDEADLK, pamu_container_destroy(m.container));
    CHECK_IS(-EDEADLK, pamu_engine_destroy(m.engine));
    CHECK_IS(RAM, pamu_target(pamu_translate(&section, AT(0), 4, PAMU_READ)));
    CHECK_IS(0, pamu_leave(&section));
    machine_close(&m);
}

static void destroy_while_a_section_is_open(void *used)
{
    machine *m = (machine *)used;
    CHECK_IS(-EBUSY, pamu_engine_destroy(m->engine));
}

static void an_engine_is_busy_while_another_reader_is_in_a_section(void)
{
    machine m;
    machine_open(&m);
    pamu_section section = pamu_enter_liodn(&m.reader, LIODN);
    on_other_thread(destroy_while_a_section_is_open, &m);
    CHECK_IS(RAM, pamu_target(pamu_translate(&section, AT(0), 4, PAMU_READ)));
    CHECK_IS(0, pamu_leave(&section));
    CHECK_IS(0, pamu_map_dma(m.container, RAM, AT(7), WINDOW, PAMU_READ_ALLOWED)); /* nothing changed */
    machine_close(&m);
}

/* In a checked build the reader is none any more; otherwise it leads to a table that refuses everything. */
static void a_reader_whose_engine_is_gone_is_refused(void)
{
    machine m;
    machine_open(&m);
    CHECK_IS(0, pamu_engine_destroy(m.engine));
    for (int i = 0; i < 3; i++) {
        pamu_fault_kind by_container = pamu_fault(pamu_translate_container(&m.reader, m.container, AT(0), 4, PAMU_READ));
        pamu_fault_kind by_liodn = pamu_fault(pamu_translate_liodn(&m.reader, LIODN, AT(0), 4, PAMU_READ));
#ifdef PAMU_CHECKED
        CHECK_IS(PAMU_FAULT_MISUSE, by_container);
        CHECK_IS(PAMU_FAULT_MISUSE, by_liodn);
#else
        CHECK_IS(PAMU_FAULT_OUT_OF_APERTURE, by_container);
        CHECK_IS(PAMU_FAULT_OUT_OF_APERTURE, by_liodn);
#endif
    }
    CHECK_IS(-EBADF, pamu_reader_unregister(&m.reader));
    CHECK_IS(-EBADF, pamu_container_fd(m.container));
    CHECK_IS(-EBADF, pamu_detach(m.group));
}

void engine_tests(void)
{
    TEST(engines_open_and_close);
    TEST(a_platform_is_checked_field_by_field);
    TEST(a_platform_is_what_it_says);
    TEST(a_page_source_says_what_a_window_maps);
    TEST(containers_have_the_smallest_free_number);
    TEST(a_destroyed_container_refuses_everything);
    TEST(destroying_waits_for_no_section_of_its_own);
    TEST(an_engine_is_busy_while_another_reader_is_in_a_section);
    TEST(a_reader_whose_engine_is_gone_is_refused);
}
