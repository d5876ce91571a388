/* Table images with accesses and the answers they should have, as TableDump.cs wrote them on the machine of the tables. C11 and C++17. */
#ifndef PAMU_TESTS_DUMP_H
#define PAMU_TESTS_DUMP_H

#include "check.h"

#include <string.h>

enum { DUMP_DMA = 0, DUMP_MSI = 1, DUMP_CROSSES = 2, DUMP_FAULT = 3 };

enum { DUMP_SEGMENTS_MAX = 256 };

typedef struct dump_segment {
    uint64_t iova, target, length;
    int32_t bank;
} dump_segment;

typedef struct dump_probe {
    uint64_t iova, length;
    uint32_t access, kind;
    uint64_t target, fault_iova;
    uint32_t fault;
    int32_t bank;
    uint32_t msi_offset;
    uint32_t range_fault;
    uint64_t range_fault_iova;
    uint32_t segment_count;
    dump_segment segments[DUMP_SEGMENTS_MAX];
} dump_probe;

/* Where we are in the bytes of a dump. */
typedef struct dump {
    uint8_t *bytes;
    size_t size, at;
} dump;

static inline const uint8_t *dump_take(dump *from, size_t size)
{
    CHECK_OR_EXIT(size <= from->size - from->at);
    from->at += size;
    return from->bytes + from->at - size;
}

static inline uint64_t dump_integer(dump *from, size_t size)
{
    const uint8_t *bytes = dump_take(from, size);
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        value |= (uint64_t)bytes[i] << (8 * i);
    }
    return value;
}

static inline uint32_t dump_u32(dump *from) { return (uint32_t)dump_integer(from, 4); }
static inline uint64_t dump_u64(dump *from) { return dump_integer(from, 8); }

/* Opens a dump; the answer is the number of its tables. */
static inline uint32_t dump_open(dump *into, const char *path)
{
    FILE *file = fopen(path, "rb");
    CHECK_OR_EXIT(file != NULL && fseek(file, 0, SEEK_END) == 0);
    long size = ftell(file);
    CHECK_OR_EXIT(size > 0 && fseek(file, 0, SEEK_SET) == 0);
    into->size = (size_t)size;
    into->at = 0;
    into->bytes = (uint8_t *)malloc(into->size);
    CHECK_OR_EXIT(into->bytes != NULL && fread(into->bytes, 1, into->size, file) == into->size);
    fclose(file);
    CHECK_OR_EXIT(memcmp(dump_take(into, 8), "PAMUDUMP", 8) == 0);
    return dump_u32(into);
}

static inline void dump_close(dump *from)
{
    CHECK_IS(from->size, from->at);
    free(from->bytes);
}

/* The next table: its image, in memory of exactly that size that the caller frees, and the number of probes that follow. */
static inline void *dump_table(dump *from, size_t *size, uint32_t *probes)
{
    *size = dump_u32(from);
    *probes = dump_u32(from);
    const uint8_t *bytes = dump_take(from, *size);
    void *image = malloc(*size);
    CHECK_OR_EXIT(image != NULL);
    return memcpy(image, bytes, *size);
}

static inline void dump_next(dump *from, dump_probe *probe)
{
    probe->iova = dump_u64(from);
    probe->length = dump_u64(from);
    probe->access = dump_u32(from);
    probe->kind = dump_u32(from);
    probe->target = dump_u64(from);
    probe->fault_iova = dump_u64(from);
    probe->fault = dump_u32(from);
    probe->bank = (int32_t)dump_u32(from);
    probe->msi_offset = dump_u32(from);
    probe->range_fault = dump_u32(from);
    probe->range_fault_iova = dump_u64(from);
    probe->segment_count = dump_u32(from);
    CHECK_OR_EXIT(probe->segment_count <= DUMP_SEGMENTS_MAX);
    for (uint32_t i = 0; i < probe->segment_count; i++) {
        probe->segments[i].iova = dump_u64(from);
        probe->segments[i].target = dump_u64(from);
        probe->segments[i].length = dump_u64(from);
        probe->segments[i].bank = (int32_t)dump_u32(from);
    }
}

#endif
