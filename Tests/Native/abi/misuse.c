/* What the inline half answers whoever breaks its rules, in builds that check. */
#include "abi.h"

#ifndef PAMU_CHECKED

void misuse_tests(void) {}

#else

#include <string.h>

static void is_misuse(pamu_translation answer, uint64_t iova)
{
    CHECK(!pamu_is_hit(answer) && !pamu_crosses(answer));
    CHECK_IS(PAMU_FAULT_MISUSE, pamu_fault(answer));
    CHECK_IS(iova, pamu_fault_iova(answer));
    CHECK_IS(UINT64_MAX, pamu_target(answer));
}

static void no_reader(pamu_reader *reader, const pamu_container *container)
{
    is_misuse(pamu_translate_container(reader, container, AT(1), 4, PAMU_READ), AT(1));
    is_misuse(pamu_translate_liodn(reader, LIODN, AT(1), 4, PAMU_READ), AT(1));
    pamu_section section = pamu_enter(reader, container);
    is_misuse(pamu_translate(&section, AT(1), 4, PAMU_READ), AT(1));
    CHECK_IS(-EBADF, pamu_leave(&section));
    section = pamu_enter_liodn(reader, LIODN);
    is_misuse(pamu_translate(&section, AT(1), 4, PAMU_READ), AT(1));
    pamu_segment segment;
    pamu_range range = pamu_translate_range(&section, AT(1), 4, PAMU_READ, &segment, 1);
    CHECK_IS(PAMU_FAULT_MISUSE, range.fault);
    CHECK_IS(AT(1), range.fault_iova);
    CHECK_IS(0, range.segments + (unsigned)range.complete);
    CHECK_IS(-EBADF, pamu_leave(&section));
}

static void what_is_no_reader_is_misuse(void)
{
    machine m;
    machine_open(&m);
    pamu_reader copy = m.reader, blank;
    memset(&blank, 0, sizeof blank);
    no_reader(NULL, m.container);
    no_reader(&copy, m.container);
    no_reader(&blank, m.container);
    is_misuse(pamu_translate_container(&m.reader, NULL, AT(1), 4, PAMU_READ), AT(1));
    CHECK_IS(RAM, pamu_target(pamu_translate_container(&m.reader, m.container, AT(0), 4, PAMU_READ)));
    CHECK_IS(0, pamu_unmap_dma(m.container, AT(2), WINDOW, NULL)); /* nothing stayed announced */
    pamu_reader second;
    CHECK_IS(0, pamu_reader_register(m.engine, "second", &second));
    CHECK_IS(0, pamu_reader_unregister(&second));
    no_reader(&second, m.container);
    machine_close(&m);
}

typedef struct borrowed {
    machine *m;
    pamu_section *section;
} borrowed;

static void use_another_threads(void *context)
{
    borrowed *from = (borrowed *)context;
    no_reader(&from->m->reader, from->m->container);
    is_misuse(pamu_translate(from->section, AT(1), 4, PAMU_READ), AT(1));
    CHECK_IS(PAMU_FAULT_MISUSE, pamu_translate_range(from->section, AT(1), 4, PAMU_READ, NULL, 0).fault);
    CHECK_IS(-EPERM, pamu_leave(from->section));
}

static void another_threads_reader_is_misuse(void)
{
    machine m;
    machine_open(&m);
    pamu_section section = pamu_enter(&m.reader, m.container);
    borrowed context = {&m, &section};
    on_other_thread(use_another_threads, &context);
    CHECK_IS(RAM, pamu_target(pamu_translate(&section, AT(0), 4, PAMU_READ)));
    CHECK_IS(0, pamu_leave(&section));
    machine_close(&m);
}

static void a_section_that_is_not_open_is_misuse(void)
{
    machine m;
    machine_open(&m);
    pamu_section never = {NULL, NULL, NULL};
    is_misuse(pamu_translate(&never, AT(1), 4, PAMU_READ), AT(1));
    is_misuse(pamu_translate(NULL, AT(1), 4, PAMU_READ), AT(1));
    CHECK_IS(-EBADF, pamu_leave(&never));
    CHECK_IS(-EBADF, pamu_leave(NULL));
    pamu_section section = pamu_enter(&m.reader, m.container);
    CHECK_IS(PAMU_FAULT_MISUSE, pamu_translate_range(&section, AT(1), 4, PAMU_READ, NULL, 1).fault); /* room without an array */
    CHECK_IS(1, pamu_translate_range(&section, AT(1), 4, PAMU_READ, NULL, 0).segments);
    CHECK_IS(0, pamu_leave(&section));
    is_misuse(pamu_translate(&section, AT(1), 4, PAMU_READ), AT(1));
    CHECK_IS(-EBADF, pamu_leave(&section)); /* left twice */
    CHECK_IS(0, pamu_unmap_dma(m.container, AT(2), WINDOW, NULL));
    machine_close(&m);
}

void misuse_tests(void)
{
    TEST(what_is_no_reader_is_misuse);
    TEST(another_threads_reader_is_misuse);
    TEST(a_section_that_is_not_open_is_misuse);
}

#endif
