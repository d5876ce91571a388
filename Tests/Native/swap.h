/* An image of the other byte order, for machines that cannot write one. C11 and C++17. */
#ifndef PAMU_TESTS_SWAP_H
#define PAMU_TESTS_SWAP_H

#include "pamu.h"

/* Turns every integer of an image that a reader looks at into the other byte order. */
static inline void swap_image(pamu_table *table)
{
    table->magic = __builtin_bswap32(table->magic);
    table->version = __builtin_bswap16(table->version);
    table->column_count = __builtin_bswap16(table->column_count);
    table->generation = __builtin_bswap64(table->generation);
    table->aperture_base = __builtin_bswap64(table->aperture_base);
    table->aperture_last = __builtin_bswap64(table->aperture_last);
    table->window_shift = __builtin_bswap32(table->window_shift);
    table->window_count = __builtin_bswap32(table->window_count);
    table->image_bytes = __builtin_bswap32(table->image_bytes);
    table->refusal = __builtin_bswap16(table->refusal);
    for (unsigned i = 0; i < PAMU_WINDOWS_MAX; i++) {
        table->delta[i] = __builtin_bswap64(table->delta[i]);
        table->end[PAMU_READ][i] = __builtin_bswap64(table->end[PAMU_READ][i]);
        table->end[PAMU_WRITE][i] = __builtin_bswap64(table->end[PAMU_WRITE][i]);
    }
}

#endif
