#include "abi.h"

#include <string.h>

static void versions_agree_with_the_header(void)
{
    CHECK_IS(PAMU_ABI_VERSION, pamu_abi_version());
    CHECK_IS(0, pamu_check_header());
    CHECK_IS(0, pamu_check(PAMU_ABI_VERSION, PAMU_TABLE_VERSION, sizeof(pamu_reader)));
    unsigned numbers[3];
    char rest;
    CHECK_IS(3, sscanf(pamu_version(), "%u.%u.%u%c", &numbers[0], &numbers[1], &numbers[2], &rest));
    CHECK(pamu_version() == pamu_version());
}

static void another_version_is_refused(void)
{
    CHECK_IS(-EPROTO, pamu_check(PAMU_ABI_VERSION + 1, PAMU_TABLE_VERSION, sizeof(pamu_reader)));
    CHECK_IS(-EPROTO, pamu_check(0, PAMU_TABLE_VERSION, sizeof(pamu_reader)));
    CHECK_IS(-EPROTO, pamu_check(PAMU_ABI_VERSION, PAMU_TABLE_VERSION + 1, sizeof(pamu_reader)));
    CHECK_IS(-EPROTO, pamu_check(PAMU_ABI_VERSION, PAMU_TABLE_VERSION, sizeof(pamu_reader) - 8));
    char text[200];
    CHECK(pamu_last_error(text, sizeof text) > 0);
    CHECK(strncmp(text, "EPROTO: ", 8) == 0);
}

static void the_instruction_set_has_a_name(void)
{
    CHECK(pamu_instruction_set() != NULL && strlen(pamu_instruction_set()) > 2);
    CHECK(pamu_instruction_set() == pamu_instruction_set());
}

static void nothing_was_refused_here(void *length) { *(int *)length = pamu_last_error(NULL, 0); }

static void the_last_error_is_the_threads_own_and_fits_what_it_is_given(void)
{
    pamu_engine *engine;
    pamu_platform platform;
    pamu_platform_init(&platform);
    platform.max_windows = 3;
    CHECK_IS(-EINVAL, pamu_engine_create(&platform, &engine));
    CHECK(last_error_is("EINVAL", "max_windows"));

    int elsewhere = -1;
    on_other_thread(nothing_was_refused_here, &elsewhere);
    CHECK_IS(0, elsewhere);

    char whole[512], part[8];
    int length = pamu_last_error(whole, sizeof whole);
    CHECK_IS(length, pamu_last_error(NULL, 0));
    memset(part, 'x', sizeof part);
    CHECK_IS(length, pamu_last_error(part, 5));
    CHECK(memcmp(part, "EINV\0xxx", 8) == 0);
    memset(part, 'x', sizeof part);
    CHECK_IS(length, pamu_last_error(part, 1));
    CHECK(memcmp(part, "\0xxxxxxx", 8) == 0);
    memset(part, 'x', sizeof part);
    CHECK_IS(length, pamu_last_error(part, 0));
    CHECK(memcmp(part, "xxxxxxxx", 8) == 0);
}

void versions_tests(void)
{
    TEST(versions_agree_with_the_header);
    TEST(another_version_is_refused);
    TEST(the_instruction_set_has_a_name);
    TEST(the_last_error_is_the_threads_own_and_fits_what_it_is_given);
}
