#include "abi.h"

#include <string.h>

static uint32_t readers_of(pamu_engine *engine)
{
    pamu_stats stats;
    memset(&stats, 0, sizeof stats);
    stats.size = sizeof stats;
    CHECK_IS(0, pamu_get_stats(engine, &stats));
    return stats.readers;
}

static void readers_register_and_unregister(void)
{
    machine m;
    pamu_reader second;
    machine_open(&m);
    CHECK_IS(1, readers_of(m.engine));
    CHECK_IS(-EBUSY, pamu_reader_register(m.engine, "again", &m.reader));
    CHECK_IS(-EFAULT, pamu_reader_register(m.engine, "none", NULL));
    CHECK_IS(0, pamu_reader_register(m.engine, NULL, &second)); /* a thread may have several */
    CHECK_IS(2, readers_of(m.engine));
    CHECK_IS(0, pamu_reader_unregister(&second));
    CHECK_IS(-EBADF, pamu_reader_unregister(&second));
    CHECK_IS(-EBADF, pamu_reader_take_over(&second));
    CHECK_IS(-EBADF, pamu_reader_remove_by_force(&second));
    CHECK_IS(-EBADF, pamu_reader_unregister(NULL));
    CHECK_IS(-EBADF, pamu_reader_take_over(NULL));
    CHECK_IS(-EBADF, pamu_reader_remove_by_force(NULL));
    CHECK_IS(1, readers_of(m.engine));
    CHECK_IS(0, pamu_reader_register(m.engine, "again", &second));
    CHECK_IS(RAM, pamu_target(pamu_translate_liodn(&second, LIODN, AT(0), 4, PAMU_READ)));
    CHECK_IS(0, pamu_reader_unregister(&second));
    machine_close(&m);
}

static void a_copy_is_no_reader(void)
{
    machine m;
    machine_open(&m);
    pamu_reader copy = m.reader;
    CHECK_IS(-EBADF, pamu_reader_unregister(&copy));
    CHECK_IS(-EBADF, pamu_reader_take_over(&copy));
    CHECK_IS(-EBADF, pamu_reader_remove_by_force(&copy));
    pamu_reader blank;
    memset(&blank, 0, sizeof blank);
    CHECK_IS(-EBADF, pamu_reader_unregister(&blank));
    machine_close(&m);
}

static void sections_nest_and_the_outermost_counts(void)
{
    machine m;
    machine_open(&m);
    pamu_section outer = pamu_enter(&m.reader, m.container);
    pamu_section inner = pamu_enter_liodn(&m.reader, LIODN);
    CHECK(outer.table == inner.table);
    CHECK_IS(-EBUSY, pamu_reader_unregister(&m.reader));
    CHECK_IS(0, pamu_leave(&inner));
    CHECK_IS(-EDEADLK, pamu_unmap_dma(m.container, AT(2), WINDOW, NULL)); /* the outer one is still open */
    CHECK_IS(-EBUSY, pamu_reader_unregister(&m.reader));
    CHECK_IS(-EBUSY, pamu_reader_take_over(&m.reader));
    CHECK_IS(RAM, pamu_target(pamu_translate_container(&m.reader, m.container, AT(0), 4, PAMU_READ))); /* one inside as well */
    CHECK_IS(-EDEADLK, pamu_unmap_dma(m.container, AT(2), WINDOW, NULL));
    CHECK_IS(RAM, pamu_target(pamu_translate(&outer, AT(0), 4, PAMU_READ)));
    CHECK_IS(0, pamu_leave(&outer));
    CHECK_IS(0, pamu_unmap_dma(m.container, AT(2), WINDOW, NULL));
    machine_close(&m);
}

static void a_section_keeps_its_table(void)
{
    machine m;
    machine_open(&m);
    pamu_section section = pamu_enter(&m.reader, m.container);
    uint64_t generation = section.table->generation;
    CHECK_IS(0, pamu_map_dma(m.container, RAM + AT(7), AT(7), WINDOW, PAMU_READ_ALLOWED)); /* adding waits for nobody */
    CHECK_IS(PAMU_FAULT_NO_MAPPING, pamu_fault(pamu_translate(&section, AT(7), 4, PAMU_READ)));
    CHECK_IS(generation, section.table->generation);
    CHECK_IS(0, pamu_leave(&section));
    section = pamu_enter(&m.reader, m.container);
    CHECK_IS(generation + 1, section.table->generation);
    CHECK_IS(RAM + AT(7), pamu_target(pamu_translate(&section, AT(7), 4, PAMU_READ)));
    CHECK_IS(0, pamu_leave(&section));
    machine_close(&m);
}

static void use_from_elsewhere(void *used)
{
    machine *m = (machine *)used;
    CHECK_IS(-EPERM, pamu_reader_unregister(&m->reader));
    CHECK(last_error_is("EPERM", "reader"));
}

static void take_over_and_use(void *used)
{
    machine *m = (machine *)used;
    CHECK_IS(0, pamu_reader_take_over(&m->reader));
    CHECK_IS(RAM, pamu_target(pamu_translate_liodn(&m->reader, LIODN, AT(0), 4, PAMU_READ)));
    pamu_section section = pamu_enter(&m->reader, m->container);
    CHECK_IS(-EDEADLK, pamu_unmap_dma(m->container, AT(2), WINDOW, NULL)); /* it is this thread's section */
    CHECK_IS(0, pamu_leave(&section));
}

static void a_reader_belongs_to_one_thread_until_it_is_taken_over(void)
{
    machine m;
    machine_open(&m);
    on_other_thread(use_from_elsewhere, &m);
    on_other_thread(take_over_and_use, &m);
    CHECK_IS(-EPERM, pamu_reader_unregister(&m.reader));
    CHECK_IS(0, pamu_reader_take_over(&m.reader));
    machine_close(&m);
}

static void die_in_a_section(void *used)
{
    machine *m = (machine *)used;
    CHECK_IS(0, pamu_reader_take_over(&m->reader));
    (void)pamu_enter(&m->reader, m->container);
}

static void a_reader_that_died_in_a_section_is_removed_by_force(void)
{
    machine m;
    machine_open(&m);
    on_other_thread(die_in_a_section, &m);
    CHECK_IS(-EBUSY, pamu_engine_destroy(m.engine));
    CHECK_IS(-EBUSY, pamu_reader_take_over(&m.reader));
    CHECK_IS(0, pamu_reader_remove_by_force(&m.reader));
    CHECK_IS(-EBADF, pamu_reader_remove_by_force(&m.reader));
    CHECK_IS(0, readers_of(m.engine));
    CHECK_IS(0, pamu_unmap_dma(m.container, AT(2), WINDOW, NULL)); /* nobody is waited for */
    CHECK_IS(0, pamu_reader_register(m.engine, "next", &m.reader)); /* its memory is free again */
    CHECK_IS(RAM, pamu_target(pamu_translate_liodn(&m.reader, LIODN, AT(0), 4, PAMU_READ)));
    machine_close(&m);
}

/* The header's promise for builds that do not check. */
static void a_reader_that_was_unregistered_is_refused(void)
{
    machine m;
    machine_open(&m);
    CHECK_IS(0, pamu_reader_unregister(&m.reader));
#ifdef PAMU_CHECKED
    pamu_fault_kind expected = PAMU_FAULT_MISUSE;
#else
    pamu_fault_kind expected = PAMU_FAULT_OUT_OF_APERTURE;
#endif
    for (int i = 0; i < 3; i++) { /* leaving one of its sections must not open the reader */
        CHECK_IS(expected, pamu_fault(pamu_translate_container(&m.reader, m.container, AT(0), 4, PAMU_READ)));
        CHECK_IS(expected, pamu_fault(pamu_translate_liodn(&m.reader, LIODN, AT(0), 4, PAMU_READ)));
    }
    CHECK_IS(0, pamu_unmap_dma(m.container, AT(2), WINDOW, NULL));
    CHECK_IS(0, pamu_engine_destroy(m.engine));
}

void reader_tests(void)
{
    TEST(readers_register_and_unregister);
    TEST(a_copy_is_no_reader);
    TEST(sections_nest_and_the_outermost_counts);
    TEST(a_section_keeps_its_table);
    TEST(a_reader_belongs_to_one_thread_until_it_is_taken_over);
    TEST(a_reader_that_died_in_a_section_is_removed_by_force);
    TEST(a_reader_that_was_unregistered_is_refused);
}
