#include "abi.h"

/* Each refusal comes with the state unchanged, which the translation at the end shows. */
static void geometry_and_windows_have_their_rules(void)
{
    machine m;
    machine_open(&m);
    CHECK_IS(-EBUSY, pamu_set_geometry(m.container, 0, AT(8) - 1)); /* mapped */
    CHECK_IS(-EBUSY, pamu_set_windows(m.container, 8));
    CHECK_IS(-EINVAL, pamu_set_geometry(m.container, 0, AT(8)));
    CHECK_IS(-EINVAL, pamu_set_geometry(m.container, 0x1000, 0x2fff));
    CHECK_IS(-EINVAL, pamu_set_geometry(m.container, 1, 0));
    CHECK_IS(-EINVAL, pamu_set_geometry(m.container, 0, UINT64_MAX));
    CHECK_IS(-EINVAL, pamu_set_geometry(m.container, 0, 2047));

    pamu_container *fresh;
    CHECK_IS(0, pamu_container_create(m.engine, &fresh));
    CHECK_IS(-EINVAL, pamu_set_windows(fresh, 8)); /* no geometry yet */
    CHECK_IS(-ENODEV, pamu_map_dma(fresh, RAM, 0, WINDOW, PAMU_READ_ALLOWED));
    CHECK_IS(-ENODEV, pamu_map_msi_bank(fresh, 0, 0, PAMU_WRITE_ALLOWED));
    CHECK_IS(0, pamu_set_geometry(fresh, UINT64_MAX - 0xFFFF, UINT64_MAX)); /* up to the end of the address space */
    CHECK_IS(-EINVAL, pamu_set_windows(fresh, 0));
    CHECK_IS(-EINVAL, pamu_set_windows(fresh, 3));
    CHECK_IS(-EINVAL, pamu_set_windows(fresh, 32)); /* below 4 KiB each */
    CHECK_IS(-EINVAL, pamu_set_windows(fresh, 512));
    CHECK_IS(0, pamu_set_windows(fresh, 16));
    CHECK_IS(0, pamu_map_dma(fresh, RAM, UINT64_MAX - 0xFFF, 0x1000, PAMU_READ_ALLOWED));
    CHECK_IS(RAM + 0xFFF, pamu_target(pamu_translate_container(&m.reader, fresh, UINT64_MAX, 1, PAMU_READ)));
    CHECK_IS(RAM, pamu_target(pamu_translate_container(&m.reader, m.container, AT(0), 4, PAMU_READ)));
    machine_close(&m);
}

static void mapping_has_its_rules(void)
{
    machine m;
    machine_open(&m);
    CHECK_IS(-EBUSY, pamu_map_dma(m.container, RAM, AT(1), WINDOW, PAMU_READ_ALLOWED));
    CHECK_IS(-EINVAL, pamu_map_dma(m.container, RAM, AT(7), WINDOW, 0));
    CHECK_IS(-EINVAL, pamu_map_dma(m.container, RAM, AT(7), WINDOW, 4 | PAMU_READ_ALLOWED));
    CHECK_IS(-EINVAL, pamu_map_dma(m.container, RAM, AT(7), 0, PAMU_READ_ALLOWED));
    CHECK_IS(-EINVAL, pamu_map_dma(m.container, RAM, AT(7), 0x3000, PAMU_READ_ALLOWED));
    CHECK_IS(-EINVAL, pamu_map_dma(m.container, RAM, AT(7) + 0x1000, 0x1000, PAMU_READ_ALLOWED));
    CHECK_IS(-EINVAL, pamu_map_dma(m.container, RAM, AT(8), WINDOW, PAMU_READ_ALLOWED));
    CHECK_IS(-EINVAL, pamu_map_dma(m.container, RAM, UINT64_MAX - 0xFFF, 0x2000, PAMU_READ_ALLOWED));
    CHECK_IS(-EBUSY, pamu_map_dma(m.container, RAM, AT(5), WINDOW, PAMU_READ_ALLOWED)); /* a message window is there */
    CHECK(last_error_is("EBUSY", "iova"));
    CHECK_IS(PAMU_FAULT_NO_MAPPING, pamu_fault(pamu_translate_container(&m.reader, m.container, AT(7), 4, PAMU_READ)));
    CHECK_IS(0, pamu_map_dma(m.container, RAM + AT(7), AT(7), 0x8000, PAMU_WRITE_ALLOWED));
    CHECK_IS(RAM + AT(7) + 0x7FFF, pamu_target(pamu_translate_container(&m.reader, m.container, AT(7) + 0x7FFF, 1, PAMU_WRITE)));
    machine_close(&m);
}

static void unmapping_tells_how_much_it_took(void)
{
    machine m;
    machine_open(&m);
    uint64_t unmapped = 1;
    CHECK_IS(-EINVAL, pamu_unmap_dma(m.container, AT(2), 0x1000, &unmapped)); /* would split it */
    CHECK_IS(0, unmapped);
    CHECK_IS(0, pamu_unmap_dma(m.container, AT(7), WINDOW, &unmapped)); /* nothing there */
    CHECK_IS(0, unmapped);
    CHECK_IS(0, pamu_unmap_dma(m.container, AT(3), 2 * (uint64_t)WINDOW, &unmapped)); /* one of them small */
    CHECK_IS(WINDOW + SMALL, unmapped);
    CHECK_IS(0, pamu_unmap_dma(m.container, AT(2), WINDOW, NULL));
    CHECK_IS(PAMU_FAULT_NO_MAPPING, pamu_fault(pamu_translate_container(&m.reader, m.container, AT(2), 4, PAMU_READ)));

    pamu_section section = pamu_enter_liodn(&m.reader, OTHER_LIODN);
    unmapped = 1;
    CHECK_IS(-EDEADLK, pamu_unmap_dma(m.container, AT(0), 2 * (uint64_t)WINDOW, &unmapped));
    CHECK_IS(0, unmapped);
    CHECK_IS(RAM, pamu_target(pamu_translate(&section, AT(0), 4, PAMU_READ)));
    CHECK_IS(0, pamu_leave(&section));
    CHECK_IS(0, pamu_unmap_dma(m.container, AT(0), 2 * (uint64_t)WINDOW, &unmapped));
    CHECK_IS(2 * (uint64_t)WINDOW, unmapped);
    CHECK_IS(0, pamu_set_geometry(m.container, 0, AT(8) - 1)); /* nothing but messages is mapped now */
    CHECK_IS(PAMU_FAULT_NO_MAPPING, pamu_fault(pamu_translate_container(&m.reader, m.container, AT(5), 4, PAMU_WRITE)));
    machine_close(&m);
}

static void message_windows_map_and_unmap(void)
{
    machine m;
    machine_open(&m);
    CHECK_IS(-ENODEV, pamu_map_msi_bank(m.container, 3, AT(7), PAMU_WRITE_ALLOWED));
    CHECK_IS(-EINVAL, pamu_map_msi_bank(m.container, 0, AT(7) + 4, PAMU_WRITE_ALLOWED));
    CHECK_IS(-EINVAL, pamu_map_msi_bank(m.container, 0, AT(8), PAMU_WRITE_ALLOWED));
    CHECK_IS(-EINVAL, pamu_map_msi_bank(m.container, 0, AT(7), 0));
    CHECK_IS(-EBUSY, pamu_map_msi_bank(m.container, 0, AT(0), PAMU_WRITE_ALLOWED));
    CHECK_IS(0, pamu_map_msi_bank(m.container, 0, AT(7), PAMU_READ_ALLOWED)); /* a bank may have several windows */
    CHECK_IS(0, pamu_msi_bank(pamu_translate_container(&m.reader, m.container, AT(7), 4, PAMU_READ)));
    CHECK_IS(-EINVAL, pamu_unmap_msi_bank(m.container, AT(0)));
    CHECK_IS(-EINVAL, pamu_unmap_msi_bank(m.container, AT(5) + 4));

    pamu_section section = pamu_enter(&m.reader, m.container);
    CHECK_IS(-EDEADLK, pamu_unmap_msi_bank(m.container, AT(5)));
    CHECK_IS(0, pamu_leave(&section));
    CHECK_IS(0, pamu_unmap_msi_bank(m.container, AT(5)));
    CHECK_IS(PAMU_FAULT_NO_MAPPING, pamu_fault(pamu_translate_container(&m.reader, m.container, AT(5), 4, PAMU_WRITE)));
    CHECK_IS(-EINVAL, pamu_unmap_msi_bank(m.container, AT(5)));
    machine_close(&m);
}

static void stashing_goes_to_caches_that_there_are(void)
{
    machine m;
    machine_open(&m);
    CHECK_IS(0, pamu_set_stash(m.container, 5, 3));
    CHECK_IS(-EINVAL, pamu_set_stash(m.container, 0, 1));
    pamu_attr attr = {sizeof attr, 0, PAMU_ATTR_STASH, 0, {{0, 0}}};
    CHECK_IS(0, pamu_ioctl(m.container, PAMU_SET_IOMMU, 7));
    CHECK_IS(0, pamu_ioctl(m.container, PAMU_GET_ATTR, (uintptr_t)&attr));
    CHECK_IS(5, attr.u.stash.cpu);
    CHECK_IS(3, attr.u.stash.cache);
    machine_close(&m);
}

void control_tests(void)
{
    TEST(geometry_and_windows_have_their_rules);
    TEST(mapping_has_its_rules);
    TEST(unmapping_tells_how_much_it_took);
    TEST(message_windows_map_and_unmap);
    TEST(stashing_goes_to_caches_that_there_are);
}
