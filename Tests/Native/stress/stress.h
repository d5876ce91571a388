/* What the stress programs share: threads that run for a while. C11. */
#ifndef PAMU_TESTS_STRESS_H
#define PAMU_TESTS_STRESS_H

#define _GNU_SOURCE
#include "../check.h"
#include "pamu.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <time.h>

static inline double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static inline uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static inline pthread_t start_thread(void *(*body)(void *), void *context)
{
    pthread_t thread;
    CHECK_OR_EXIT(pthread_create(&thread, NULL, body, context) == 0);
    return thread;
}

#endif
