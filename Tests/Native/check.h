/*
 * What the test programs say and count: one line a test, "ok NAME" or "not ok NAME: PLACE: WHAT". The script `run` counts the lines.
 * C11 and C++17.
 */
#ifndef PAMU_TESTS_CHECK_H
#define PAMU_TESTS_CHECK_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* The first failure of the test that runs now; the others are counted. Weak: one of each in a program of several files. */
__attribute__((weak)) char check_first[512];
__attribute__((weak)) unsigned check_failures;
__attribute__((weak)) unsigned check_failed_tests;

static inline void check_fail(const char *file, int line, const char *what)
{
    if (check_failures++ == 0) {
        snprintf(check_first, sizeof check_first, "%s:%d: %s", file, line, what);
    }
}

static inline void check_equal(const char *file, int line, const char *what, int64_t expected, int64_t actual)
{
    if (expected != actual) {
        char text[400];
        snprintf(text, sizeof text, "%s is %" PRId64 " (0x%" PRIx64 "), not %" PRId64 " (0x%" PRIx64 ")", what, actual, (uint64_t)actual, expected,
                 (uint64_t)expected);
        check_fail(file, line, text);
    }
}

/* A condition that has to hold. */
#define CHECK(condition) ((condition) ? (void)0 : check_fail(__FILE__, __LINE__, #condition))

/* An integer that has to be another: the expected one first. */
#define CHECK_IS(expected, actual) check_equal(__FILE__, __LINE__, #actual, (int64_t)(expected), (int64_t)(actual))

/* Ends the program when what the tests stand on fails. */
#define CHECK_OR_EXIT(condition) ((condition) ? (void)0 : check_exit(__FILE__, __LINE__, #condition))

__attribute__((noreturn)) static inline void check_exit(const char *file, int line, const char *what)
{
    printf("not ok setup: %s:%d: %s\n", file, line, what);
    exit(1);
}

/* Runs one test. */
static inline void check_test(const char *name, void (*body)(void))
{
    check_failures = 0;
    body();
    if (check_failures == 0) {
        printf("ok %s\n", name);
    } else {
        check_failed_tests++;
        printf("not ok %s: %s (%u checks failed)\n", name, check_first, check_failures);
    }
    fflush(stdout);
}

#define TEST(name) check_test(#name, name)

/* The exit code of the program. */
static inline int check_end(void) { return check_failed_tests == 0 ? 0 : 1; }

#endif
