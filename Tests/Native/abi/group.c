#include "abi.h"

static void groups_hold_their_liodns(void)
{
    machine m;
    machine_open(&m);
    pamu_group *group = NULL;
    uint32_t liodns[] = {0x50, 0x51}, held = OTHER_LIODN, banks[] = {0, 2}, no_bank = 3, too_high = 65536;
    CHECK_IS(-EBUSY, pamu_group_create(m.engine, 1, liodns, 2, banks, 2, &group)); /* the number */
    CHECK(last_error_is("EBUSY", "id"));
    CHECK_IS(-EBUSY, pamu_group_create(m.engine, 2, &held, 1, banks, 2, &group));
    CHECK(last_error_is("EBUSY", "liodns"));
    CHECK_IS(-EINVAL, pamu_group_create(m.engine, 2, &too_high, 1, banks, 2, &group));
    liodns[1] = 0x50;
    CHECK_IS(-EINVAL, pamu_group_create(m.engine, 2, liodns, 2, banks, 2, &group)); /* named twice */
    liodns[1] = 0x51;
    CHECK_IS(-ENODEV, pamu_group_create(m.engine, 2, liodns, 2, &no_bank, 1, &group));
    CHECK_IS(-EFAULT, pamu_group_create(m.engine, 2, NULL, 1, banks, 2, &group));
    CHECK_IS(-EFAULT, pamu_group_create(m.engine, 2, liodns, 2, NULL, 1, &group));
    CHECK_IS(-EFAULT, pamu_group_create(m.engine, 2, liodns, 2, banks, 2, NULL));
    CHECK(group == NULL);
    CHECK_IS(0, pamu_group_create(m.engine, 2, liodns, 2, banks, 2, &group));
    liodns[0] = liodns[1] = 0x60; /* arrays are copied */
    CHECK_IS(0, pamu_attach(group, m.container));
    CHECK_IS(RAM, pamu_target(pamu_translate_liodn(&m.reader, 0x50, AT(0), 4, PAMU_READ)));
    CHECK_IS(RAM, pamu_target(pamu_translate_liodn(&m.reader, 0x51, AT(0), 4, PAMU_READ)));
    CHECK_IS(PAMU_FAULT_UNKNOWN_LIODN, pamu_fault(pamu_translate_liodn(&m.reader, 0x60, AT(0), 4, PAMU_READ)));
    machine_close(&m);
}

static void groups_are_found_by_number(void)
{
    machine m;
    machine_open(&m);
    pamu_group *group = NULL;
    CHECK_IS(-ENODEV, pamu_group_find(m.engine, 2, &group));
    CHECK_IS(-EFAULT, pamu_group_find(m.engine, 1, NULL));
    CHECK(group == NULL);
    CHECK_IS(0, pamu_group_find(m.engine, 1, &group));
    CHECK(group == m.group);
    CHECK_IS(0, pamu_detach(group));
    CHECK_IS(0, pamu_group_destroy(group));
    CHECK_IS(-EBADF, pamu_detach(m.group));
    CHECK_IS(-ENODEV, pamu_group_find(m.engine, 1, &group));
    machine_close(&m);
}

static void groups_attach_and_detach(void)
{
    machine m;
    machine_open(&m);
    pamu_container *other;
    pamu_group_status status = {sizeof status, 0};
    CHECK_IS(0, pamu_container_create(m.engine, &other));
    CHECK_IS(-EINVAL, pamu_attach(m.group, other));
    CHECK_IS(0, pamu_group_ioctl(m.group, PAMU_GROUP_GET_STATUS, (uintptr_t)&status));
    CHECK_IS(3, status.flags);
    CHECK_IS(-EBUSY, pamu_group_destroy(m.group));

    pamu_section section = pamu_enter(&m.reader, m.container);
    CHECK_IS(-EDEADLK, pamu_detach(m.group));
    CHECK_IS(0, pamu_leave(&section));
    CHECK_IS(0, pamu_detach(m.group));
    CHECK_IS(PAMU_FAULT_UNKNOWN_LIODN, pamu_fault(pamu_translate_liodn(&m.reader, LIODN, AT(0), 4, PAMU_READ)));
    CHECK_IS(-EINVAL, pamu_detach(m.group));
    CHECK_IS(0, pamu_group_ioctl(m.group, PAMU_GROUP_GET_STATUS, (uintptr_t)&status));
    CHECK_IS(1, status.flags);

    CHECK_IS(0, pamu_attach(m.group, other));
    CHECK_IS(PAMU_FAULT_NO_MAPPING, pamu_fault(pamu_translate_liodn(&m.reader, LIODN, AT(0), 4, PAMU_READ)));
    CHECK_IS(0, pamu_detach(m.group));
    CHECK_IS(0, pamu_group_destroy(m.group));
    CHECK_IS(-EBADF, pamu_attach(m.group, m.container));

    uint32_t liodn = LIODN, bank = 0; /* number and LIODN are free again */
    CHECK_IS(0, pamu_group_create(m.engine, 1, &liodn, 1, &bank, 1, &m.group));
    CHECK_IS(0, pamu_attach(m.group, m.container));
    CHECK_IS(0, pamu_detach(m.group));
    CHECK_IS(-EINVAL, pamu_group_ioctl(m.group, PAMU_GROUP_UNSET_CONTAINER, 0));
    machine_close(&m);
}

static void groups_stay_in_their_engine(void)
{
    machine m;
    machine_open(&m);
    pamu_engine *engine;
    pamu_container *container; /* it has a number that the other engine has as well */
    CHECK_OR_EXIT(pamu_engine_create(NULL, &engine) == 0);
    CHECK_OR_EXIT(pamu_container_create(engine, &container) == 0);
    CHECK_IS(0, pamu_detach(m.group));
    CHECK_IS(-EINVAL, pamu_attach(m.group, container));
    CHECK_IS(PAMU_FAULT_UNKNOWN_LIODN, pamu_fault(pamu_translate_liodn(&m.reader, LIODN, AT(0), 4, PAMU_READ)));
    CHECK_IS(0, pamu_attach(m.group, m.container));
    CHECK_IS(0, pamu_engine_destroy(engine));
    machine_close(&m);
}

static void a_bank_is_live_while_a_group_uses_it(void)
{
    machine m;
    machine_open(&m);
    CHECK_IS(0, pamu_msi_bank(pamu_translate_container(&m.reader, m.container, AT(5) + 0x140, 4, PAMU_WRITE)));
    CHECK_IS(PAMU_FAULT_NO_MAPPING, pamu_fault(pamu_translate_container(&m.reader, m.container, AT(6), 4, PAMU_WRITE)));
    pamu_group *second;
    uint32_t liodn = 0x77, bank = 1;
    CHECK_IS(0, pamu_group_create(m.engine, 2, &liodn, 1, &bank, 1, &second));
    CHECK_IS(0, pamu_attach(second, m.container));
    CHECK_IS(1, pamu_msi_bank(pamu_translate_container(&m.reader, m.container, AT(6), 4, PAMU_WRITE)));
    CHECK_IS(0, pamu_detach(second));
    CHECK_IS(PAMU_FAULT_NO_MAPPING, pamu_fault(pamu_translate_container(&m.reader, m.container, AT(6), 4, PAMU_WRITE)));
    machine_close(&m);
}

void group_tests(void)
{
    TEST(groups_hold_their_liodns);
    TEST(groups_are_found_by_number);
    TEST(groups_attach_and_detach);
    TEST(groups_stay_in_their_engine);
    TEST(a_bank_is_live_while_a_group_uses_it);
}
