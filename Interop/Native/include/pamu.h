/*
 * pamu.h - DMA translation for emulators, from C11 and C++17.
 *
 * PamuFastPath does in software what a Freescale/NXP PAMU does: it takes the address a device puts on the bus (the IOVA)
 * and says where it goes, whether it may, and whether it is an interrupt message.
 *
 * SYNOPSIS
 *
 *     pamu_engine *engine;   pamu_container *container;   pamu_group *nic;   pamu_reader reader;
 *     uint32_t liodn = 0x42, bank = 0;
 *
 *     if (pamu_check_header() != 0) ...                          // this header and the library belong together
 *     pamu_engine_create(NULL, &engine);
 *     pamu_container_create(engine, &container);
 *     pamu_set_geometry(container, 0, 0x1fffffff);               // aperture, last address inclusive
 *     pamu_set_windows(container, 8);                            // 64 MiB each
 *     pamu_map_dma(container, vaddr, 0, 0x4000000, PAMU_READ_ALLOWED | PAMU_WRITE_ALLOWED);
 *     pamu_map_msi_bank(container, 0, 0x10000000, PAMU_WRITE_ALLOWED);
 *     pamu_group_create(engine, 1, &liodn, 1, &bank, 1, &nic);
 *     pamu_attach(nic, container);
 *
 *     pamu_reader_register(engine, "nic", &reader);              // on the device's thread, once
 *     pamu_translation hit = pamu_translate_liodn(&reader, liodn, iova, length, PAMU_WRITE);
 *     if (pamu_is_dma(hit)) ... pamu_target(hit) ...
 *
 * Compile with `pkg-config --cflags --libs pamufastpath`.
 *
 * THE TWO HALVES
 *
 * What is declared `static inline` here runs in the caller's own code: entering and leaving a reader section, and translation. It
 * reads the table image that the library published; a hit makes no call and takes no lock. Everything else is a call into the library (5 to 10 ns
 * more than a C function, since the library is managed code compiled ahead of time).
 *
 * While accesses are counted (pamu_set_counting()), the inline half adds each to counters of its reader, in memory that the library keeps and sums up for
 * pamu_get_stats(). While they are not, that costs a load and a test.
 *
 * ERRORS
 *
 * Functions that return int or int64_t answer 0 or a positive result, or a negative errno. A refused call changes nothing.
 * pamu_last_error() says in words what rule the calling thread's last refused call broke. No exception ever leaves the library.
 * Handles (engine, container, group, memory, port) are checked in every build: null, freed twice, or of another kind is -EBADF.
 *
 * With PAMU_CHECKED defined before this header is included, the inline half checks its caller too: a null or unregistered reader, a reader used
 * by another thread than its own, a section that was left, answer PAMU_FAULT_MISUSE from translations, and a negative errno from pamu_leave.
 * Without it, those are undefined, except that a reader which was unregistered, or whose engine is gone, finds a table that refuses
 * everything. (A pointer to memory that is not there cannot be answered by any build.)
 *
 * THREADS
 *
 * Each function says. A reader belongs to the thread that registered it; everything else may be called from any thread. Control calls of one
 * engine take turns. A call that takes rights away (unmap, geometry, detach, destroy) returns when no reader can be using the old
 * translation any more; it waits for sections that are open, and answers -EDEADLK if one of them is the caller's own. A call that only adds
 * does not wait, unless 1,024 replaced tables wait for a section that does not end: then it is as one that takes away.
 *
 * ONE RUNTIME
 *
 * The library carries a managed runtime. There is one per process, however many engines; it starts with the first call and is never
 * unloaded: do not dlclose() the library. After fork() only the parent may use it. The runtime blocks no signal and installs handlers for
 * SIGSEGV and SIGFPE that chain to those installed before it.
 *
 * BYTE ORDER
 *
 * A live table is in the order of the machine. An image that was saved elsewhere states its order in its magic number, and
 * pamu_image_open() reads either. The layout is described in docs/table-layout.md.
 */
#ifndef PAMU_H
#define PAMU_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef PAMU_CHECKED
#include <pthread.h>
#endif

#ifdef __cplusplus
extern "C" {
#define PAMU__STATIC_ASSERT(condition, why) static_assert(condition, why)
#else
#define PAMU__STATIC_ASSERT(condition, why) _Static_assert(condition, why)
#endif

/* The GNU forms of the atomics: they mean what <stdatomic.h> means, on plain integers, in C and in C++ alike. */
#if !defined(__GNUC__)
#error "pamu.h needs a compiler with GNU atomics: gcc or clang"
#endif
#define PAMU__INLINE static inline __attribute__((always_inline, unused))
#define PAMU__COLD static __attribute__((noinline, cold, pure, unused))
#define PAMU__LIKELY(condition) __builtin_expect(!!(condition), 1)
#define PAMU__UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/* ---------------------------------------------------------------------------------------------------------------- versions */

/** The binary interface this header describes. A library answers the one it has; they agree or pamu_check() refuses. */
#define PAMU_ABI_VERSION 1u

/** The layout of the table image this header reads. */
#define PAMU_TABLE_VERSION 1u

/* ------------------------------------------------------------------------------------------------------------------- names */

/** Direction of an access, seen from the device. */
typedef enum pamu_access { PAMU_READ = 0, PAMU_WRITE = 1 } pamu_access;

/** What a mapping lets devices do: the flags of MAP_DMA and MAP_MSI_BANK. */
enum { PAMU_READ_ALLOWED = 1, PAMU_WRITE_ALLOWED = 2 };

/** Why an access is refused. */
typedef enum pamu_fault_kind {
    PAMU_FAULT_NONE = 0,
    PAMU_FAULT_OUT_OF_APERTURE = 1,  /**< the IOVA lies outside the aperture */
    PAMU_FAULT_NO_MAPPING = 2,       /**< the window maps nothing, or no group uses its MSI bank */
    PAMU_FAULT_BEYOND_MAPPING = 3,   /**< past the end of a mapping that is smaller than its window */
    PAMU_FAULT_DIRECTION_DENIED = 4, /**< the mapping does not allow this direction */
    PAMU_FAULT_UNKNOWN_LIODN = 5,    /**< no container holds the LIODN */
    PAMU_FAULT_BAD_LENGTH = 6,       /**< zero bytes, or a message that is not one aligned 32-bit write */
    PAMU_FAULT_MISUSE = 255          /**< PAMU_CHECKED builds: the caller broke a rule of this page; not an access of a device */
} pamu_fault_kind;

/** Everything of one emulated machine. Opaque. */
typedef struct pamu_engine pamu_engine;

/** Devices that are isolated together. Opaque. */
typedef struct pamu_group pamu_group;

/** Guest RAM at target addresses, for ports. Opaque. */
typedef struct pamu_memory pamu_memory;

/** A device's door to guest RAM, by call. Opaque. */
typedef struct pamu_port pamu_port;

/* --------------------------------------------------------------------------------------------- what the inline half reads */

#define PAMU_WINDOWS_MAX 256u
#define PAMU_TABLE_MAGIC 0x554D4150u
#define PAMU_MSI_TAG_MASK 0xFFFu

/** One column of the image, in its directory. */
typedef struct pamu_table_column {
    uint32_t column;
    uint32_t offset; /**< bytes from the start of the image */
    uint16_t entry_bytes;
    uint16_t entry_count;
    uint32_t version;
} pamu_table_column;

/**
 * A published table: immutable, 64-byte aligned. Good from pamu_enter() to pamu_leave(). Every column has 256 entries whatever the window count
 * is, so that an index masked to 8 bits cannot leave it, not even in a mispredicted branch.
 */
typedef struct pamu_table {
    uint32_t magic;   /**< PAMU_TABLE_MAGIC, in the byte order of the writer */
    uint16_t version; /**< PAMU_TABLE_VERSION */
    uint16_t column_count;
    uint64_t generation; /**< counts the container's publications */
    uint64_t aperture_base;
    uint64_t aperture_last; /**< inclusive */
    uint32_t window_shift;  /**< log2 of the bytes of a window */
    uint32_t window_count;
    uint32_t image_bytes;
    uint16_t refusal; /**< 0, or the fault that every access answers */
    uint16_t kernel;  /**< the library's batch kernel for this table, see pamu_kernel_name() */
    uint32_t directory_offset;
    uint16_t live_windows;
    uint16_t msi_is_packed;
    uint64_t target_base;
    pamu_table_column directory[11];
    uint32_t counters_offset; /**< bytes from a reader's counters to those of the table's container; means nothing elsewhere */
    uint32_t reserved[3];
    uint64_t delta[PAMU_WINDOWS_MAX];  /**< target minus IOVA; the low 12 bits are 0, or MSI bank + 1 */
    uint64_t end[2][PAMU_WINDOWS_MAX]; /**< by direction: bytes from the base to the end of what may be accessed; the window's start if nothing */
    /* Columns for the library's batch kernels follow. */
} pamu_table;

PAMU__STATIC_ASSERT(offsetof(pamu_table, refusal) == 0x2C && offsetof(pamu_table, target_base) == 0x38, "header of layout 1");
PAMU__STATIC_ASSERT(offsetof(pamu_table, directory) == 0x40 && offsetof(pamu_table, counters_offset) == 0xF0 && offsetof(pamu_table, delta) == 0x100, "directory of layout 1");
PAMU__STATIC_ASSERT(offsetof(pamu_table, end) == 0x900 && sizeof(pamu_table) == 0x1900, "columns of layout 1");

/** Where the library keeps the pointer to a container's current table. */
typedef struct pamu_cell {
    const pamu_table *current;
} pamu_cell;

/**
 * The unit of control: one geometry, one set of windows, many groups. Made by pamu_container_create(). Read `cell` through
 * pamu_enter() only. It stays readable until the engine is destroyed; after pamu_container_destroy() it leads to a table that refuses everything.
 */
typedef struct pamu_container {
    const pamu_cell *cell;
} pamu_container;

/**
 * One thread's right to enter sections. The caller supplies the memory (a local, or a member of its device), the library fills it in. Do not copy or
 * move it while it is registered, and do not touch its fields.
 */
typedef struct pamu_reader {
    uint64_t *slot;               /* a pamu__slot; its announcement is 0 outside sections, a closed reader's is all ones for ever */
    const uint64_t *epoch;        /* what is announced */
    const pamu_cell *const *liodns; /* by LIODN */
    const pamu_cell *unknown;     /* for a LIODN nobody holds */
    const pamu_table *closed;     /* the table of a closed reader; lives as long as the process */
    uint64_t liodn_count;
    uint64_t owner;               /* pthread_self() of the owning thread */
    uint64_t number;              /* the library's own; 0 when not registered */
    struct pamu_reader *self;     /* this address: a copy is no reader */
    uint64_t ignored;             /* what nested sections clear when they are left, so that leaving has no branch: a pamu__slot begins here */
    uint64_t counters;            /* of nested sections: 1, so that counting asks the reader's own slot */
    uint64_t reserved[5];
} pamu_reader;

PAMU__STATIC_ASSERT(sizeof(pamu_reader) == 64 + 64 || sizeof(void *) != 8, "a reader has two cache lines");

/* What a section's slot points at. */
typedef struct pamu__slot {
    uint64_t announced;      /* the epoch, or 0 outside sections */
    uint64_t counters;       /* address of the reader's counters; 0: accesses are not counted; 1: ask the reader's own slot */
    uint32_t counts_windows; /* not 0: in each window, too */
} pamu__slot;

/* What one reader counted in one container; only the reader's thread writes. Counts of each MSI bank follow. docs/observability.md. */
typedef struct pamu__counters {
    uint64_t hits;
    uint64_t bytes[2]; /* by direction */
    uint64_t last_iova;
    uint64_t crosses;
    uint64_t unused[3];
    uint64_t faults[8];
    uint64_t of_the_library[16];
    uint64_t window_hits[PAMU_WINDOWS_MAX];
} pamu__counters;

PAMU__STATIC_ASSERT(offsetof(pamu_reader, counters) - offsetof(pamu_reader, ignored) == offsetof(pamu__slot, counters), "a nested section's slot");
PAMU__STATIC_ASSERT(offsetof(pamu__counters, faults) == 0x40 && offsetof(pamu__counters, window_hits) == 0x100, "counters of layout 1");
PAMU__STATIC_ASSERT(sizeof(pamu__counters) == 0x900, "MSI banks of layout 1");

/** From pamu_enter() to pamu_leave(): a table that stays as it is, whatever control calls do meanwhile. Belongs to the reader's thread. */
typedef struct pamu_section {
    const pamu_table *table;
    pamu_reader *reader;
    uint64_t *slot; /* what pamu_leave() clears: the announcement, or for a nested section something that nobody reads */
} pamu_section;

/** The answer to one access; 16 bytes, returned in registers. Use the accessors below. */
typedef struct pamu_translation {
    uint64_t value; /* target plus MSI tag; for a fault the first refused IOVA */
    uint32_t code;  /* 0: memory. 1..0xFFF: MSI bank + 1. 0x1000: crosses. 0x3000 + kind: fault. */
} pamu_translation;

/** One contiguous piece of a range. */
typedef struct pamu_segment {
    uint64_t iova;   /**< first IOVA of the piece */
    uint64_t target; /**< where its first byte goes */
    uint64_t length; /**< bytes, at least 1 */
    int32_t bank;    /**< the MSI bank it hits, or -1 for memory */
    uint32_t reserved;
} pamu_segment;

/** The answer to a range: all of it or nothing. */
typedef struct pamu_range {
    uint32_t segments;     /**< how many it needs; 0 for a fault */
    int complete;          /**< whether they were written: 0 for a fault, and when there was no room for all */
    pamu_fault_kind fault; /**< PAMU_FAULT_NONE, or why it is refused */
    uint64_t fault_iova;   /**< the first refused IOVA of a fault */
} pamu_range;

/* ------------------------------------------------------------------------------------------------- reading a translation */

/** Whether the access may go ahead, to memory or to an MSI page. */
PAMU__INLINE int pamu_is_hit(pamu_translation t) { return t.code < 0x1000u; }

/** Whether the access may go ahead and goes to memory: the usual case, one compare. */
PAMU__INLINE int pamu_is_dma(pamu_translation t) { return t.code == 0; }

/** Whether the access hits an MSI bank's page. */
PAMU__INLINE int pamu_is_msi(pamu_translation t) { return t.code - 1u < PAMU_MSI_TAG_MASK; }

/** Whether the access starts in the aperture and runs over its window's end: nobody has faulted yet, pamu_translate_range() decides. */
PAMU__INLINE int pamu_crosses(pamu_translation t) { return t.code == 0x1000u; }

/** Why the access is refused, or PAMU_FAULT_NONE. */
PAMU__INLINE pamu_fault_kind pamu_fault(pamu_translation t)
{
    return t.code >= 0x3000u ? (pamu_fault_kind)(t.code - 0x3000u) : PAMU_FAULT_NONE;
}

/** The first refused IOVA; 0 unless it is a fault. */
PAMU__INLINE uint64_t pamu_fault_iova(pamu_translation t) { return t.code >= 0x3000u ? t.value : 0; }

/** Where the first byte goes; all ones for a fault or a crossing access. */
PAMU__INLINE uint64_t pamu_target(pamu_translation t) { return t.code < 0x1000u ? t.value - t.code : UINT64_MAX; }

/** The MSI bank that is hit, or -1. */
PAMU__INLINE int pamu_msi_bank(pamu_translation t) { return pamu_is_msi(t) ? (int)t.code - 1 : -1; }

/** Offset of the first byte in the bank's 4 KiB page (0x140 is MSIIR, 0x148 MSIIR1); 0 unless it is a message. */
PAMU__INLINE uint32_t pamu_msi_offset(pamu_translation t)
{
    return pamu_is_msi(t) ? (uint32_t)((t.value - t.code) & PAMU_MSI_TAG_MASK) : 0;
}

/* ------------------------------------------------------------------------------------------------------ the lookup itself */
/* `foreign` is a constant in every use: 0 leaves no trace of it in a live lookup, 1 reads an image of the other byte order. */

PAMU__INLINE uint64_t pamu__64(uint64_t value, int foreign) { return foreign ? __builtin_bswap64(value) : value; }
PAMU__INLINE uint32_t pamu__32(uint32_t value, int foreign) { return foreign ? __builtin_bswap32(value) : value; }
PAMU__INLINE uint16_t pamu__16(uint16_t value, int foreign) { return foreign ? __builtin_bswap16(value) : value; }

PAMU__INLINE pamu_translation pamu__refused(uint32_t kind, uint64_t iova)
{
    pamu_translation answer = {iova, 0x3000u + kind};
    return answer;
}

/* Why an access from `offset` inside a window is refused; the first refused offset comes back in `at`. */
PAMU__INLINE uint32_t pamu__window_refusal(const pamu_table *table, int foreign, uint32_t index, uint64_t offset, pamu_access access, uint64_t *at)
{
    uint64_t start = (uint64_t)index << (pamu__32(table->window_shift, foreign) & 63u);
    uint64_t read = pamu__64(table->end[PAMU_READ][index], foreign) - start;
    uint64_t write = pamu__64(table->end[PAMU_WRITE][index], foreign) - start;

    /* A mapping allows some direction, and each end is the start's or the mapping's: together they are its size. */
    uint64_t size = read | write;
    *at = offset;
    if (size == 0) {
        return PAMU_FAULT_NO_MAPPING;
    }
    if (offset >= size) {
        return PAMU_FAULT_BEYOND_MAPPING;
    }
    if ((((unsigned)access & 1u) ? write : read) == 0) {
        return PAMU_FAULT_DIRECTION_DENIED;
    }
    *at = size;
    return PAMU_FAULT_BEYOND_MAPPING;
}

/*
 * Why an access is no hit. The order is the specification's: length, aperture, the window's end, mapping, direction, the mapping's end.
 * A function of its own, so that a hit needs no registers for it; pure, so that who does not ask why has no call either.
 */
PAMU__COLD pamu_translation pamu__explain(const pamu_table *table, int foreign, uint64_t iova, uint64_t length, pamu_access access)
{
    uint64_t base = pamu__64(table->aperture_base, foreign);
    uint64_t relative = iova - base;
    uint32_t shift = pamu__32(table->window_shift, foreign) & 63u;
    uint64_t window = (uint64_t)1 << shift;
    uint64_t offset = relative & (window - 1);
    uint32_t refusal = pamu__16(table->refusal, foreign);
    uint64_t at = 0;
    if (refusal != 0) {
        return pamu__refused(refusal, iova);
    }
    if (length == 0) {
        return pamu__refused(PAMU_FAULT_BAD_LENGTH, iova);
    }
    if (relative > pamu__64(table->aperture_last, foreign) - base) {
        return pamu__refused(PAMU_FAULT_OUT_OF_APERTURE, iova);
    }
    if (length > window - offset) {
        pamu_translation crosses = {0, 0x1000u};
        return crosses;
    }
    refusal = pamu__window_refusal(table, foreign, (uint8_t)(relative >> shift), offset, access, &at);
    return pamu__refused(refusal, iova + (at - offset));
}

/*
 * One compare decides validity, permission, the mapping's end and the aperture: an address in a window is never below its start, which is
 * the end of a window that allows nothing, and one outside the aperture is beyond every end, whichever entry its cut index names.
 * length - 1: a zero length becomes the largest of all and is refused here as well.
 */
PAMU__INLINE int pamu__is_hit(const pamu_table *table, int foreign, uint64_t iova, uint64_t length, pamu_access access, uint32_t *index)
{
    uint64_t relative = iova - pamu__64(table->aperture_base, foreign);
    *index = (uint8_t)(relative >> (pamu__32(table->window_shift, foreign) & 63u));
    uint64_t end = pamu__64(table->end[(unsigned)access & 1u][*index], foreign);
    return relative < end && length - 1 < end - relative;
}

PAMU__INLINE pamu_translation pamu__hit(const pamu_table *table, int foreign, uint64_t iova, uint32_t index)
{
    uint64_t delta = pamu__64(table->delta[index], foreign);
    pamu_translation hit = {iova + delta, (uint32_t)delta & PAMU_MSI_TAG_MASK};
    return hit;
}

PAMU__INLINE pamu_translation pamu__no_hit(const pamu_table *table, int foreign, uint64_t iova, uint64_t length, pamu_access access)
{
    pamu_translation none = pamu__explain(table, foreign, iova, length, access);
    none.code |= 0x1000u; /* as it is; tells the compiler that it is no hit, so that who asks for no more has no call */
    return none;
}

PAMU__INLINE pamu_translation pamu__translate(const pamu_table *table, int foreign, uint64_t iova, uint64_t length, pamu_access access)
{
    uint32_t index = 0;
    return PAMU__LIKELY(pamu__is_hit(table, foreign, iova, length, access, &index)) ? pamu__hit(table, foreign, iova, index)
                                                                                 : pamu__no_hit(table, foreign, iova, length, access);
}

PAMU__INLINE pamu_range pamu__translate_range(
    const pamu_table *table, int foreign, uint64_t iova, uint64_t length, pamu_access access, pamu_segment *segments, uint32_t room)
{
    pamu_range answer = {0, 0, PAMU_FAULT_NONE, 0};
    uint64_t base = pamu__64(table->aperture_base, foreign);
    uint64_t span = pamu__64(table->aperture_last, foreign) - base;
    uint32_t shift = pamu__32(table->window_shift, foreign) & 63u;
    uint64_t window = (uint64_t)1 << shift;
    uint32_t refusal = pamu__16(table->refusal, foreign);
    if (refusal == 0 && length == 0) {
        refusal = PAMU_FAULT_BAD_LENGTH;
    }
    if (refusal != 0) {
        answer.fault = (pamu_fault_kind)refusal;
        answer.fault_iova = iova;
        return answer;
    }

    /* Twice: the first walk writes nothing, so that a refusal or a lack of room leaves the segments untouched. */
    for (int writes = 0; writes < 2; writes++) {
        uint32_t count = 0;
        pamu_segment current = {0, 0, 0, -1, 0};
        for (uint64_t done = 0; done < length;) {
            uint64_t here = iova + done;
            uint64_t relative = here - base;
            if (here < iova || relative > span) {
                answer.segments = 0;
                answer.fault = PAMU_FAULT_OUT_OF_APERTURE;
                answer.fault_iova = here;
                return answer;
            }
            uint32_t index = (uint8_t)(relative >> shift);
            uint64_t offset = relative & (window - 1);
            uint64_t piece = window - offset < length - done ? window - offset : length - done;
            uint64_t end = pamu__64(table->end[(unsigned)access & 1u][index], foreign);
            if (relative >= end || piece > end - relative) {
                uint64_t at = 0;
                answer.segments = 0;
                answer.fault = (pamu_fault_kind)pamu__window_refusal(table, foreign, index, offset, access, &at);
                answer.fault_iova = here + (at - offset);
                return answer;
            }
            uint64_t delta = pamu__64(table->delta[index], foreign);
            uint32_t tag = (uint32_t)delta & PAMU_MSI_TAG_MASK;
            uint64_t target = here + delta - tag;

            /* Greater, not only next to each other: nothing is contiguous across the end of the address space. */
            if (count > 0 && tag == 0 && current.bank < 0 && current.target + current.length == target && target > current.target) {
                current.length += piece;
            } else {
                current.iova = here;
                current.target = target;
                current.length = piece;
                current.bank = (int32_t)tag - 1;
                count++;
            }
            if (writes) {
                segments[count - 1] = current;
            }
            done += piece;
        }
        answer.segments = count;
        if (count > room) {
            return answer;
        }
    }
    answer.complete = 1;
    return answer;
}

/* --------------------------------------------------------------------------------------------------------------- counting */

#define PAMU__COUNTS static __attribute__((noinline, cold, unused))

/* Plain loads and stores, of whole words: whoever adds up reads them meanwhile. */
PAMU__INLINE void pamu__add(uint64_t *count, uint64_t more) { __atomic_store_n(count, *count + more, __ATOMIC_RELAXED); }

/* A slot's counters: see pamu__slot. Acquire: pairs with the release by which the library shows them. */
PAMU__INLINE uint64_t pamu__counters_of(const uint64_t *slot) { return __atomic_load_n(&((const pamu__slot *)(const void *)slot)->counters, __ATOMIC_ACQUIRE); }

PAMU__INLINE void pamu__count_hit(uint64_t counters, const pamu_table *table, uint64_t iova, uint64_t length, pamu_access access)
{
    pamu__counters *into = (pamu__counters *)(uintptr_t)(counters + table->counters_offset);
    pamu__add(&into->hits, 1);
    pamu__add(&into->bytes[(unsigned)access & 1u], length);
    __atomic_store_n(&into->last_iova, iova, __ATOMIC_RELAXED);
}

PAMU__INLINE void pamu__count_windows(pamu__counters *into, const pamu_table *table, uint64_t iova, uint64_t length)
{
    uint64_t first = (iova - table->aperture_base) >> (table->window_shift & 63u);
    uint64_t last = (iova - table->aperture_base + (length - 1)) >> (table->window_shift & 63u);
    for (uint64_t window = first; window <= last; window++) {
        pamu__add(&into->window_hits[window & (PAMU_WINDOWS_MAX - 1)], 1);
    }
}

PAMU__INLINE void pamu__count_message(pamu__counters *into, int bank) { pamu__add((uint64_t *)(void *)(into + 1) + bank, 1); }

/*
 * Counts whatever is not a hit to memory in a section that is not nested, and all with windows. Translates again and answers, so that nobody keeps registers
 * for this.
 */
PAMU__COUNTS pamu_translation pamu__count(const pamu_reader *reader, const pamu_table *table, uint64_t iova, uint64_t length, pamu_access access)
{
    const uint64_t *slot = __atomic_load_n(&reader->slot, __ATOMIC_RELAXED);
    uint64_t counters = pamu__counters_of(slot);
    pamu__counters *into = (pamu__counters *)(uintptr_t)(counters + table->counters_offset);
    pamu_translation answer = pamu__translate(table, 0, iova, length, access);
    if (counters == 0) {
        return answer; /* nested in a section that is not counted, or of a reader that was closed */
    }
    if (pamu_crosses(answer)) {
        pamu__add(&into->crosses, 1);
        return answer;
    }
    if (!pamu_is_hit(answer)) {
        pamu__add(&into->faults[(unsigned)pamu_fault(answer) & 7u], 1);
        return answer;
    }
    if (pamu_is_msi(answer)) {
        pamu__count_message(into, pamu_msi_bank(answer));
    } else {
        pamu__count_hit(counters, table, iova, length, access);
    }
    if (((const pamu__slot *)(const void *)slot)->counts_windows != 0) {
        pamu__count_windows(into, table, iova, length);
    }
    return answer;
}

/* The same for a range. One that only asked how many segments it needs is asked again, and counts then. */
PAMU__COUNTS void pamu__count_range(
    const pamu_reader *reader, const pamu_table *table, uint64_t iova, uint64_t length, pamu_access access, const pamu_range *answer, int32_t bank)
{
    const uint64_t *slot = __atomic_load_n(&reader->slot, __ATOMIC_RELAXED);
    uint64_t counters = pamu__counters_of(slot);
    pamu__counters *into = (pamu__counters *)(uintptr_t)(counters + table->counters_offset);
    if (counters == 0 || (answer->fault == PAMU_FAULT_NONE && !answer->complete)) {
        return;
    }
    if (answer->fault != PAMU_FAULT_NONE) {
        pamu__add(&into->faults[(unsigned)answer->fault & 7u], 1);
        return;
    }
    if (answer->segments == 1 && bank >= 0) {
        pamu__count_message(into, bank);
    } else {
        pamu__count_hit(counters, table, iova, length, access);
    }
    if (((const pamu__slot *)(const void *)slot)->counts_windows != 0) {
        pamu__count_windows(into, table, iova, length);
    }
}

/* A translation in a section, counted if the reader is counted. Hits and others are told apart once, so that who asks for no more has no call to explain. */
PAMU__INLINE pamu_translation pamu__translate_counted(const pamu_section *section, uint64_t iova, uint64_t length, pamu_access access)
{
    const pamu_table *table = section->table;
    uint32_t index = 0;
    if (PAMU__LIKELY(pamu__is_hit(table, 0, iova, length, access, &index))) {
        pamu_translation hit = pamu__hit(table, 0, iova, index);
        uint64_t counters = pamu__counters_of(section->slot);
        if (PAMU__UNLIKELY(counters != 0)) {
            if ((hit.code | ((const pamu__slot *)(const void *)section->slot)->counts_windows | ((uint32_t)counters & 1u)) == 0) {
                pamu__count_hit(counters, table, iova, length, access);
            } else {
                return pamu__count(section->reader, table, iova, length, access);
            }
        }
        return hit;
    }
    if (pamu__counters_of(section->slot) != 0) {
        pamu_translation counted = pamu__count(section->reader, table, iova, length, access);
        counted.code |= 0x1000u; /* as in pamu__no_hit() */
        return counted;
    }
    return pamu__no_hit(table, 0, iova, length, access);
}

/* --------------------------------------------------------------------------------------------------------------- sections */

/*
 * R1 of the protocol (docs/publication.md): announce, before the table is loaded. The epoch is loaded with acquire, so that a reader which
 * announces it also sees the tables published before it. The announcement is a relaxed store: the writer pays with a process-wide barrier for the fence
 * that is missing here. The signal fence costs nothing and keeps the compiler from moving the table load up across the store.
 */
PAMU__INLINE pamu_section pamu__announce(pamu_reader *reader)
{
    uint64_t *slot = __atomic_load_n(&reader->slot, __ATOMIC_RELAXED);
    uint64_t announced = __atomic_load_n(slot, __ATOMIC_RELAXED);
    if (PAMU__UNLIKELY(announced != 0)) {
        /* Nested; or a closed reader, which has a table already: nothing of its engine may be read. */
        pamu_section nested = {announced == UINT64_MAX ? reader->closed : NULL, reader, &reader->ignored};
        return nested;
    }
    pamu_section section = {NULL, reader, slot};
    __atomic_store_n(slot, __atomic_load_n(reader->epoch, __ATOMIC_ACQUIRE), __ATOMIC_RELAXED);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    return section;
}

/* R2: load the table, with acquire: its bytes were written before the library stored the pointer. */
PAMU__INLINE const pamu_table *pamu__current(const pamu_cell *cell) { return __atomic_load_n(&cell->current, __ATOMIC_ACQUIRE); }

#ifdef PAMU_CHECKED
PAMU__INLINE int pamu__usable(const pamu_reader *reader)
{
    return reader != NULL && reader->self == reader && reader->number != 0 && reader->owner == (uint64_t)(uintptr_t)pthread_self();
}
#endif

PAMU__INLINE const pamu_cell *pamu__liodn_cell(const pamu_reader *reader, uint32_t liodn)
{
    /* Acquire: pairs with the release that attached the group. The count is a power of two: masked, a mispredicted check loads a live cell too. */
    return PAMU__LIKELY(liodn < reader->liodn_count) ? __atomic_load_n(&reader->liodns[liodn & (reader->liodn_count - 1)], __ATOMIC_ACQUIRE)
                                                     : reader->unknown;
}

/**
 * Enters a section on a container's current table. Whatever control calls do, the table stays until pamu_leave(). Sections of one reader
 * nest; the outermost counts. A section that is held keeps every call that takes rights away waiting, in all of the engine, and in the end those that add.
 * Leave it before blocking.
 * Thread: the reader's. The container must be of the reader's engine.
 */
PAMU__INLINE pamu_section pamu_enter(pamu_reader *reader, const pamu_container *container)
{
#ifdef PAMU_CHECKED
    if (container == NULL || !pamu__usable(reader)) {
        pamu_section none = {NULL, NULL, NULL};
        return none;
    }
#endif
    pamu_section section = pamu__announce(reader);
    if (PAMU__LIKELY(section.table == NULL)) {
        section.table = pamu__current(__atomic_load_n(&container->cell, __ATOMIC_ACQUIRE));
    }
    return section;
}

/** Enters a section on the table of the container that holds a LIODN; any value. One nobody holds answers PAMU_FAULT_UNKNOWN_LIODN. Thread: the reader's. */
PAMU__INLINE pamu_section pamu_enter_liodn(pamu_reader *reader, uint32_t liodn)
{
#ifdef PAMU_CHECKED
    if (!pamu__usable(reader)) {
        pamu_section none = {NULL, NULL, NULL};
        return none;
    }
#endif
    pamu_section section = pamu__announce(reader);
    if (PAMU__LIKELY(section.table == NULL)) {
        section.table = pamu__current(pamu__liodn_cell(reader, liodn));
    }
    return section;
}

/**
 * Leaves a section. Thread: the reader's.
 * Returns 0. With PAMU_CHECKED: -EBADF for a section that was never entered or is left already, -EPERM on another thread.
 */
PAMU__INLINE int pamu_leave(pamu_section *section)
{
#ifdef PAMU_CHECKED
    if (section == NULL || section->table == NULL || section->reader == NULL) {
        return -EBADF;
    }
    if (!pamu__usable(section->reader)) {
        return -EPERM;
    }
    section->table = NULL;
#endif
    /* R4. Release: every use of the table stays before it. The slot that was announced in: the reader's own may be a closed one's by now. */
    __atomic_store_n(section->slot, (uint64_t)0, __ATOMIC_RELEASE);
    return 0;
}

/**
 * Translates one access that should stay within one window.
 *   iova    first IOVA; any value
 *   length  bytes; any value, 0 is PAMU_FAULT_BAD_LENGTH
 * Answers a target, a message, a fault, or "crosses" for one that runs over its window's end. Thread: the reader's, inside the section.
 */
PAMU__INLINE pamu_translation pamu_translate(const pamu_section *section, uint64_t iova, uint64_t length, pamu_access access)
{
#ifdef PAMU_CHECKED
    if (section == NULL || section->table == NULL || !pamu__usable(section->reader)) {
        return pamu__refused(PAMU_FAULT_MISUSE, iova);
    }
#endif
    return pamu__translate_counted(section, iova, length, access);
}

/**
 * Translates a range over as many windows as it touches, all or nothing. Segments come in IOVA order, neighbours with contiguous targets
 * merged; they are untouched on a fault, and when `room` is too small (the answer says how many are needed: at most one per window).
 * Thread: the reader's, inside the section.
 */
static inline __attribute__((unused)) pamu_range pamu_translate_range(
    const pamu_section *section, uint64_t iova, uint64_t length, pamu_access access, pamu_segment *segments, uint32_t room)
{
#ifdef PAMU_CHECKED
    if (section == NULL || section->table == NULL || !pamu__usable(section->reader) || (segments == NULL && room > 0)) {
        pamu_range misuse = {0, 0, PAMU_FAULT_MISUSE, iova};
        return misuse;
    }
#endif
    pamu_range answer = pamu__translate_range(section->table, 0, iova, length, access, segments, room);
    if (PAMU__UNLIKELY(pamu__counters_of(section->slot) != 0)) {
        pamu__count_range(section->reader, section->table, iova, length, access, &answer, answer.complete ? segments[0].bank : -1);
    }
    return answer;
}

/** One access in a section of its own, by container. Thread: the reader's. */
PAMU__INLINE pamu_translation pamu_translate_container(
    pamu_reader *reader, const pamu_container *container, uint64_t iova, uint64_t length, pamu_access access)
{
    pamu_section section = pamu_enter(reader, container);
    pamu_translation answer = pamu_translate(&section, iova, length, access);
    (void)pamu_leave(&section);
    return answer;
}

/** One access in a section of its own, by the LIODN it carries; any value. Thread: the reader's. */
PAMU__INLINE pamu_translation pamu_translate_liodn(pamu_reader *reader, uint32_t liodn, uint64_t iova, uint64_t length, pamu_access access)
{
    pamu_section section = pamu_enter_liodn(reader, liodn);
    pamu_translation answer = pamu_translate(&section, iova, length, access);
    (void)pamu_leave(&section);
    return answer;
}

/* ------------------------------------------------------------------------------------------------------------ saved images */

/** A table image that was saved: bytes of this or of the other byte order. */
typedef struct pamu_image {
    const pamu_table *table;
    int foreign; /**< written in the other byte order */
} pamu_image;

/**
 * Opens a saved image. `bytes` is 8-byte aligned and stays while the image is used; nothing is copied. Any thread.
 * Returns 0; -EINVAL: no image, too short or damaged; -EPROTO: another layout version; -EFAULT: null or misaligned.
 */
PAMU__INLINE int pamu_image_open(const void *bytes, size_t size, pamu_image *image)
{
    const pamu_table *table = (const pamu_table *)bytes;
    if (bytes == NULL || image == NULL || ((uintptr_t)bytes & 7u) != 0) {
        return -EFAULT;
    }
    if (size < sizeof(pamu_table)) {
        return -EINVAL;
    }
    int foreign = table->magic == __builtin_bswap32(PAMU_TABLE_MAGIC);
    if (!foreign && table->magic != PAMU_TABLE_MAGIC) {
        return -EINVAL;
    }
    if (pamu__16(table->version, foreign) != PAMU_TABLE_VERSION) {
        return -EPROTO;
    }
    if (pamu__32(table->image_bytes, foreign) < sizeof(pamu_table) || pamu__32(table->image_bytes, foreign) > size
        || pamu__32(table->window_shift, foreign) > 63 || pamu__32(table->window_count, foreign) > PAMU_WINDOWS_MAX
        || pamu__16(table->refusal, foreign) >= PAMU_FAULT_MISUSE) {
        return -EINVAL;
    }
    if (table->refusal == 0) {
        /* A table that answers: the windows fill the aperture, which bounds the walk over a range. */
        uint64_t span = pamu__64(table->aperture_last, foreign) - pamu__64(table->aperture_base, foreign);
        uint64_t windows = pamu__32(table->window_count, foreign);
        uint32_t shift = pamu__32(table->window_shift, foreign);
        if (windows == 0 || shift < 12 || span >> shift != windows - 1 || (~span & (((uint64_t)1 << shift) - 1)) != 0) {
            return -EINVAL;
        }
    }
    image->table = table;
    image->foreign = foreign;
    return 0;
}

/** As pamu_translate(), on a saved image. Any thread. */
PAMU__INLINE pamu_translation pamu_image_translate(const pamu_image *image, uint64_t iova, uint64_t length, pamu_access access)
{
    return image->foreign ? pamu__translate(image->table, 1, iova, length, access) : pamu__translate(image->table, 0, iova, length, access);
}

/** As pamu_translate_range(), on a saved image. Any thread. */
static inline __attribute__((unused)) pamu_range pamu_image_translate_range(
    const pamu_image *image, uint64_t iova, uint64_t length, pamu_access access, pamu_segment *segments, uint32_t room)
{
    return image->foreign ? pamu__translate_range(image->table, 1, iova, length, access, segments, room)
                          : pamu__translate_range(image->table, 0, iova, length, access, segments, room);
}

/* ----------------------------------------------------------------------------------------------------- the library: versions */

/** The ABI version of the library that was loaded. Any thread. */
uint32_t pamu_abi_version(void);

/** The library's version, as "0.1.0"; lives as long as the process. Any thread. */
const char *pamu_version(void);

/**
 * Whether a header and the library belong together. Any thread.
 * Returns 0, or -EPROTO: another ABI version, table layout or reader size. Use pamu_check_header().
 */
int pamu_check(uint32_t abi_version, uint32_t table_version, size_t reader_bytes);

/** Whether this header and the library that was loaded belong together: the first call to make. Any thread. Returns 0 or -EPROTO. */
PAMU__INLINE int pamu_check_header(void) { return pamu_check(PAMU_ABI_VERSION, PAMU_TABLE_VERSION, sizeof(pamu_reader)); }

/** The instruction set the library's kernels were compiled for and picked on this processor, as "AVX-512 (VBMI)"; lives as long as the process. */
const char *pamu_instruction_set(void);

/**
 * What the calling thread's last refused call broke, as "EINVAL: size: a power of two". Writes at most `size` bytes, a zero at the end.
 * Any thread. Returns the length without the zero (0: nothing was refused yet), which may be larger than what fitted.
 */
int pamu_last_error(char *text, size_t size);

/* ---------------------------------------------------------------------------------------------------------- the library: engine */

/** One place a device's data can be stashed to. */
typedef struct pamu_stash_target {
    uint32_t cache; /**< cache level, 1 to 3 */
    int32_t cpu;    /**< whose cache it is; -1: all share it */
    int32_t id;     /**< the platform's stash id */
} pamu_stash_target;

/**
 * Finds what stands behind a process address: the target that a window maps. Called once per window, inside MAP_DMA, on its thread, under the control
 * lock; it must not make control calls.
 * `vaddr` is page aligned, `length` in bytes; the memory must be contiguous at the target, which is a multiple of 4 KiB.
 * Return 0 and set *target, or anything else to make the call -EFAULT.
 */
typedef int (*pamu_page_source)(void *context, uint64_t vaddr, uint64_t length, uint64_t *target);

/** What the machine around the PAMU is like. Initialise with pamu_platform_init(), then change what differs. Arrays are copied. */
typedef struct pamu_platform {
    uint32_t size;                  /**< bytes of this struct, so that it can grow */
    uint32_t max_windows;           /**< a power of two, 1 to 256; default 256 */
    uint32_t physical_address_bits; /**< 32 to 63; default 36 */
    uint32_t page_size;             /**< bytes: a power of two, 4 KiB to 1 MiB; default 4 KiB */
    uint32_t liodn_count;           /**< LIODNs are 0 to this minus one; 1 to 65,536; default 0x500 */
    uint32_t pamu_extension;        /**< how CHECK_EXTENSION and SET_IOMMU name the PAMU; default 7 */
    const uint64_t *msi_pages;      /**< physical address of each MSI bank's 4 KiB page; null with a count of 0: the three of a P4080 */
    const pamu_stash_target *stash_targets; /**< null with a count of 0: one shared L3 */
    uint32_t msi_page_count;        /**< at most 4,095 */
    uint32_t stash_target_count;
    pamu_page_source page_source;   /**< null: every address is its own target */
    void *page_source_context;
} pamu_platform;

/** Fills in the defaults. */
PAMU__INLINE void pamu_platform_init(pamu_platform *platform)
{
    memset(platform, 0, sizeof *platform);
    platform->size = (uint32_t)sizeof *platform;
    platform->max_windows = PAMU_WINDOWS_MAX;
    platform->physical_address_bits = 36;
    platform->page_size = 4096;
    platform->liodn_count = 0x500;
    platform->pamu_extension = 7;
}

/** Makes an engine. `platform` null: the defaults. Any thread. Returns 0, -EINVAL (a field, see pamu_last_error()), -EFAULT, -ENOMEM. */
int pamu_engine_create(const pamu_platform *platform, pamu_engine **engine);

/**
 * Closes an engine with everything that was made from it: containers, groups, ports; their handles are dead, and readers find a
 * table that refuses everything. Any thread. Returns 0; -EBADF; -EDEADLK: the caller is inside a section; -EBUSY: another reader is.
 */
int pamu_engine_destroy(pamu_engine *engine);

/** Opens a container. Its number (pamu_container_fd()) is the smallest that is free. Any thread. Returns 0, -EBADF, -EFAULT, -ENOMEM. */
int pamu_container_create(pamu_engine *engine, pamu_container **container);

/**
 * Takes the groups out and closes the container. On return no reader uses its translations. Any thread.
 * Returns 0, -EBADF, or -EDEADLK: the caller is inside a section.
 */
int pamu_container_destroy(pamu_container *container);

/** The container's number, which GROUP_SET_CONTAINER names it by. Any thread. Returns it, or -EBADF. */
int pamu_container_fd(const pamu_container *container);

/**
 * Makes a group: `liodns` are 0 to 65,535 and held by no other group; `banks` are the MSI banks its devices use. Arrays are copied. Any thread.
 * Returns 0; -EBUSY: number or LIODN taken; -EINVAL: no LIODN number; -ENODEV: no such bank; -EBADF; -EFAULT.
 */
int pamu_group_create(
    pamu_engine *engine, int id, const uint32_t *liodns, size_t liodn_count, const uint32_t *banks, size_t bank_count, pamu_group **group);

/** Finds a group by its number, also one that a restored container brought with it. Any thread. Returns 0; -ENODEV: there is none; -EBADF; -EFAULT. */
int pamu_group_find(pamu_engine *engine, int id, pamu_group **group);

/** Removes a group that is in no container. Any thread. Returns 0, -EBUSY: it is in one, -EBADF, -EDEADLK. */
int pamu_group_destroy(pamu_group *group);

/* --------------------------------------------------------------------------------------------------- the library: control calls */

/** Request numbers of the VFIO-PAMU ABI, where _IOC_NONE is 0; the powerpc form, with bit 29 set, is taken too. */
enum {
    PAMU_GET_API_VERSION = 0x3B64,   /**< no argument; returns 0 */
    PAMU_CHECK_EXTENSION = 0x3B65,   /**< extension number by value; returns 0 or 1 */
    PAMU_SET_IOMMU = 0x3B66,         /**< IOMMU type by value */
    PAMU_GROUP_GET_STATUS = 0x3B67,  /**< struct pamu_group_status */
    PAMU_GROUP_SET_CONTAINER = 0x3B68, /**< pointer to the container's number, an int32_t */
    PAMU_GROUP_UNSET_CONTAINER = 0x3B69, /**< no argument */
    PAMU_GET_INFO = 0x3B70,          /**< struct pamu_info */
    PAMU_MAP_DMA = 0x3B71,           /**< struct pamu_dma_map */
    PAMU_UNMAP_DMA = 0x3B72,         /**< struct pamu_dma_unmap; on return `size` holds what was unmapped */
    PAMU_GET_ATTR = 0x3B73,          /**< struct pamu_attr */
    PAMU_SET_ATTR = 0x3B74,          /**< struct pamu_attr */
    PAMU_GET_MSI_BANK_COUNT = 0x3B75, /**< no argument; returns the count */
    PAMU_MAP_MSI_BANK = 0x3B76,      /**< struct pamu_msi_map */
    PAMU_UNMAP_MSI_BANK = 0x3B77     /**< struct pamu_msi_unmap */
};

/** Attributes of PAMU_GET_ATTR and PAMU_SET_ATTR. */
enum { PAMU_ATTR_GEOMETRY = 0, PAMU_ATTR_WINDOWS = 1, PAMU_ATTR_STASH = 2 };

/* The argument structs: argsz is the struct's size in bytes, flags that are not named must be 0. */
typedef struct pamu_group_status { uint32_t argsz, flags; } pamu_group_status; /* flags: 1 viable, 2 has a container */
typedef struct pamu_info { uint32_t argsz, flags; uint64_t iova_pgsizes; } pamu_info; /* flags: 1 page sizes are valid */
typedef struct pamu_dma_map { uint32_t argsz, flags; uint64_t vaddr, iova, size; } pamu_dma_map; /* flags: PAMU_..._ALLOWED */
typedef struct pamu_dma_unmap { uint32_t argsz, flags; uint64_t iova, size; } pamu_dma_unmap;
typedef struct pamu_msi_map { uint32_t argsz, flags, bank, padding; uint64_t iova; } pamu_msi_map; /* flags: PAMU_..._ALLOWED */
typedef struct pamu_msi_unmap { uint32_t argsz, flags; uint64_t iova; } pamu_msi_unmap;
typedef struct pamu_attr {
    uint32_t argsz, flags, attribute, padding;
    union {
        struct { uint64_t start, last; } geometry; /* `last` is inclusive */
        struct { uint32_t count; } windows;
        struct { uint32_t cpu, cache; } stash;
    } u;
} pamu_attr;

PAMU__STATIC_ASSERT(sizeof(pamu_attr) == 32 && sizeof(pamu_dma_map) == 32 && sizeof(pamu_msi_map) == 24, "structs of the ABI");

/**
 * A container request, as ioctl(2) on a VFIO container: what the ABI says, errno for errno. `argument` is the pointer, or the value for requests that
 * take one; any value is answered, a pointer that cannot be read or written is -EFAULT. Any thread.
 * As there, PAMU_SET_IOMMU comes before whatever the IOMMU answers: -ENOTTY otherwise.
 * Returns 0 or a positive result, or a negative errno; -EBADF for a handle that is no open container.
 */
int64_t pamu_ioctl(pamu_container *container, uint32_t request, uintptr_t argument);

/** A group request. As pamu_ioctl(). */
int64_t pamu_group_ioctl(pamu_group *group, uint32_t request, uintptr_t argument);

/*
 * The same calls with arguments of their own, for whoever talks to the library and not to VFIO: they need no PAMU_SET_IOMMU. Any thread. They return 0 or a
 * negative errno; -EBADF for a handle that is not open.
 */

/** Sets the aperture, `last` inclusive, and drops all windows. -EINVAL: shape. -EBUSY: a DMA mapping exists. -EDEADLK. */
int pamu_set_geometry(pamu_container *container, uint64_t start, uint64_t last);

/** Sets the window count, a power of two, and drops all windows. -EINVAL: count, or no geometry yet. -EBUSY: a DMA mapping exists. -EDEADLK. */
int pamu_set_windows(pamu_container *container, uint32_t count);

/** Chooses the cache that devices stash to. -EINVAL: the platform has no such cache. */
int pamu_set_stash(pamu_container *container, uint32_t cpu, uint32_t cache);

/** Maps whole windows, or a power of two smaller than one from a window's start. -EINVAL, -EBUSY: mapped; -EFAULT: page source; -ENODEV: no windows yet. */
int pamu_map_dma(pamu_container *container, uint64_t vaddr, uint64_t iova, uint64_t size, uint32_t allowed);

/** Unmaps whole mappings. On return no reader uses them. *unmapped, which may be null: bytes that were unmapped. -EINVAL: would split one. -EDEADLK. */
int pamu_unmap_dma(pamu_container *container, uint64_t iova, uint64_t size, uint64_t *unmapped);

/** Maps an MSI bank's page into a window of its own. Live while a group uses the bank. -EINVAL, -ENODEV: no such bank; -EBUSY: window mapped. */
int pamu_map_msi_bank(pamu_container *container, uint32_t bank, uint64_t iova, uint32_t allowed);

/** Unmaps an MSI window. On return no reader uses it. -EINVAL: none starts there. -EDEADLK. */
int pamu_unmap_msi_bank(pamu_container *container, uint64_t iova);

/** Puts a group into a container; takes effect at once. -EINVAL: it is in one already, has no LIODN, or is of another engine. */
int pamu_attach(pamu_group *group, const pamu_container *container);

/** Takes a group out of its container. On return no reader uses a translation for its LIODNs. -EINVAL: it is in none. -EDEADLK. */
int pamu_detach(pamu_group *group);

/* --------------------------------------------------------------------------------------------------------- the library: readers */

/**
 * Registers the calling thread as a reader. `name` (null: "reader") is what events call it; `reader` is the caller's memory.
 * Returns 0; -ENOMEM: the engine has its 65,536 readers; -EBUSY: `reader` is registered already; -EBADF; -EFAULT.
 */
int pamu_reader_register(pamu_engine *engine, const char *name, pamu_reader *reader);

/** Gives the reader back. Thread: the reader's. Returns 0; -EBUSY: inside a section; -EPERM: another thread's; -EBADF: not registered, or a copy. */
int pamu_reader_unregister(pamu_reader *reader);

/** Makes the calling thread the owner; the old one must be done with it. Returns 0; -EBUSY: inside a section; -EBADF. */
int pamu_reader_take_over(pamu_reader *reader);

/**
 * Declares a reader dead whose thread died inside a section, and only such a one: a live one would go on reading memory that may be freed. Closes the
 * reader; whoever waits for its section goes on. Any thread. Returns 0 or -EBADF.
 */
int pamu_reader_remove_by_force(pamu_reader *reader);

/* ----------------------------------------------------------------------------------------------------------- the library: batch */

/** How many accesses of a batch there were of each kind. */
typedef struct pamu_batch_counts { uint64_t faults, crosses, messages; } pamu_batch_counts;

/**
 * Translates `count` accesses of one length inside a section, with the widest instructions of the processor.
 *   iovas    first IOVA of each access; any values
 *   length   bytes of every access; any value, with 0 all are refused
 *   targets  receives where each goes, all ones for one that is refused or crosses; may be `iovas` itself, and must not overlap it otherwise
 *   faults, crosses, messages  receive a bit per access, i in bit i % 64 of word i / 64: ceil(count / 64) words, unused bits 0
 *   counts   may be null
 * Thread: the reader's. Returns 0; -EINVAL: overlapping or misaligned arrays; -EFAULT: a null one; -EBADF: not inside a section; -EPERM: another
 * thread's. Memory behind the arrays is not probed.
 */
int pamu_translate_batch(
    const pamu_section *section, const uint64_t *iovas, size_t count, uint64_t length, pamu_access access, uint64_t *targets, uint64_t *faults,
    uint64_t *crosses, uint64_t *messages, pamu_batch_counts *counts);

/** The same with a length for each access. */
int pamu_translate_batch_lengths(
    const pamu_section *section, const uint64_t *iovas, const uint32_t *lengths, size_t count, pamu_access access, uint64_t *targets, uint64_t *faults,
    uint64_t *crosses, uint64_t *messages, pamu_batch_counts *counts);

/** The name of the kernel that batches over a table use, as "Vector512Bytes"; lives as long as the process. Inside the section. Null for null. */
const char *pamu_kernel_name(const pamu_table *table);

/* ------------------------------------------------------------------------------------------------ the library: faults, messages */

/** One refused access. */
typedef struct pamu_fault_record {
    uint32_t kind;  /**< a pamu_fault_kind */
    uint32_t liodn;
    uint64_t iova;  /**< its first IOVA */
    uint64_t length;
    uint32_t access; /**< a pamu_access */
    uint32_t reserved;
    uint64_t fault_iova; /**< the first refused IOVA */
} pamu_fault_record;

/**
 * Called for each fault, whether or not the log had room for it, on the recording thread, outside sections and under no lock: it may make control calls.
 * Callbacks return as functions do: no longjmp() and no C++ exception through the library.
 */
typedef void (*pamu_fault_callback)(void *context, const pamu_fault_record *fault);

/**
 * Records a fault that the inline half found: into the engine's log, which ports use too. Call it after leaving the section. Any thread.
 * Returns 0; -ENOSPC: the log was full, the fault is counted and dropped; -EINVAL: no fault kind; -EBADF; -EFAULT.
 */
int pamu_fault_record_add(pamu_engine *engine, const pamu_fault_record *fault);

/** Takes the oldest records, at most `room`. Any thread. Returns how many, 0 if there is none, -EBADF, -EFAULT. */
int64_t pamu_fault_take(pamu_engine *engine, pamu_fault_record *faults, size_t room);

/** Sets who is told of faults; null: nobody. Any thread; calls under way may still end in the old one. Returns 0 or -EBADF. */
int pamu_on_fault(pamu_engine *engine, pamu_fault_callback callback, void *context);

/** One message: a 32-bit write that hit an MSI bank's page. */
typedef struct pamu_message {
    uint32_t liodn;
    uint32_t bank;
    uint32_t offset; /**< in the bank's 4 KiB page: 0x140 is MSIIR, 0x148 MSIIR1 */
    uint32_t data;   /**< the first byte on the wire is its lowest */
} pamu_message;

/** Receives the messages of ports, on the device's thread, outside sections and under no lock: it may make control calls. */
typedef void (*pamu_message_callback)(void *context, const pamu_message *message);

/** Sets who receives the messages of an engine's ports; null: nobody. Any thread. Returns 0 or -EBADF. */
int pamu_on_message(pamu_engine *engine, pamu_message_callback callback, void *context);

/* ------------------------------------------------------------------------------------------------- the library: ports, by call */

/** Makes an empty set of RAM regions. Any thread. Returns 0, -EBADF, -EFAULT. */
int pamu_memory_create(pamu_engine *engine, pamu_memory **memory);

/** Adds RAM that stays accessible until the memory is destroyed. Any thread. Returns 0; -EINVAL: empty, wraps or overlaps; -EFAULT; -EBADF. */
int pamu_memory_add(pamu_memory *memory, uint64_t target, void *bytes, uint64_t length);

/** Forgets the regions. No port may be using it. Any thread. Returns 0 or -EBADF. */
int pamu_memory_destroy(pamu_memory *memory);

/** How a port's access ended. */
typedef enum pamu_port_status {
    PAMU_PORT_DONE = 0,      /**< all bytes were copied */
    PAMU_PORT_MESSAGE = 1,   /**< it was a message; the callback had it */
    PAMU_PORT_FAULT = 2,     /**< refused and recorded */
    PAMU_PORT_NO_MEMORY = 3  /**< translated to where no RAM is */
} pamu_port_status;

/** The answer to a port's access. */
typedef struct pamu_port_result {
    uint32_t status;     /**< a pamu_port_status */
    uint32_t fault;      /**< a pamu_fault_kind */
    uint64_t bytes_done; /**< less than asked for if it ended early */
    uint64_t fault_iova;
} pamu_port_result;

/**
 * Makes a device's port: it translates, copies over as many windows as needed, delivers messages and records faults. The reader is the
 * device thread's, and no section of its own may be open around a port's access. Returns 0, -EBADF, -EPERM, -EFAULT.
 */
int pamu_port_create(pamu_reader *reader, uint32_t liodn, pamu_memory *memory, pamu_port **port);

/** The device reads memory. Thread: the reader's. Returns 0 and fills in `result`, which may be null; -EBADF; -EPERM; -EDEADLK: inside a section; -EFAULT. */
int pamu_port_read(pamu_port *port, uint64_t iova, void *bytes, size_t length, pamu_port_result *result);

/** The device writes memory, or sends a message: one aligned 32-bit write into an MSI window. As pamu_port_read(). */
int pamu_port_write(pamu_port *port, uint64_t iova, const void *bytes, size_t length, pamu_port_result *result);

/** Closes a port. Thread: the reader's. Returns 0, -EBADF, -EPERM. */
int pamu_port_destroy(pamu_port *port);

/* ------------------------------------------------------------------------------------------------- the library: what happened */

/** What an engine has done so far. Set `size` before the call; fields beyond it are left alone. */
typedef struct pamu_stats {
    uint32_t size;
    uint32_t containers;     /**< open now */
    uint32_t readers;        /**< registered now */
    uint32_t retired_tables; /**< replaced and not yet freed */
    uint64_t ioctls;         /**< control calls through this library, refused ones included */
    uint64_t refused_ioctls;
    uint64_t publications;   /**< tables published */
    uint64_t faults;         /**< recorded or dropped */
    uint64_t dropped_faults; /**< found the log full */
    uint32_t counting;       /**< 1 while accesses are counted (pamu_set_counting()); what follows but for grace periods stands still otherwise */
    uint32_t reserved;
    uint64_t translations;   /**< accesses that were decided: memory_hits, msi_hits and those refused */
    uint64_t memory_hits;    /**< accesses that go to memory; a range is one, and so is a port's read or write */
    uint64_t bytes_read;     /**< bytes of those */
    uint64_t bytes_written;
    uint64_t msi_hits;       /**< accesses that hit an MSI bank's page */
    uint64_t crosses;        /**< accesses over their window's end; the range form, asked next, decides about them */
    uint64_t refused[8];     /**< by pamu_fault_kind; at 0 those of batches in place, whose kind cannot be known afterwards */
    uint64_t grace_periods;  /**< waits for readers, and how many nanoseconds they took */
    uint64_t grace_nanoseconds;
    uint64_t longest_grace_nanoseconds;
} pamu_stats;

/** What was done with one container so far. As pamu_stats. */
typedef struct pamu_container_stats {
    uint32_t size;
    int32_t container;   /**< its number */
    uint64_t generation; /**< tables published so far; 1 for the first */
    uint64_t aperture_start;
    uint64_t aperture_last; /**< inclusive */
    uint32_t windows;
    uint32_t live_windows; /**< that a device can reach */
    uint64_t translations;
    uint64_t memory_hits;
    uint64_t bytes_read;
    uint64_t bytes_written;
    uint64_t msi_hits;
    uint64_t crosses;
    uint64_t refused[8];
    uint64_t window_samples[PAMU_WINDOWS_MAX]; /**< accesses by window, an estimate: those between two looks at the figures go to the window of the last one */
    uint64_t window_hits[PAMU_WINDOWS_MAX];    /**< the same counted exactly, while PAMU_COUNT_WINDOWS is set */
} pamu_container_stats;

/** Whether accesses are counted. */
typedef enum pamu_counting {
    PAMU_COUNT_OFF = 0,    /**< as an engine begins */
    PAMU_COUNT_ON = 1,
    PAMU_COUNT_WINDOWS = 2 /**< in each window, too: a call for each access, and batches are translated twice */
} pamu_counting;

/**
 * Counts accesses from now on, or no longer. Takes effect in the next section of each reader at the latest, and waits for nobody; what was counted stays. What it costs is in
 * docs/observability.md. Any thread. Returns 0; -EINVAL: no such value; -ENOMEM: nothing has changed; -EBADF.
 */
int pamu_set_counting(pamu_engine *engine, pamu_counting counting);

/** Fills in what an engine has done. Any thread. Returns 0, -EBADF, -EFAULT, -EINVAL: a size below 8. */
int pamu_get_stats(pamu_engine *engine, pamu_stats *stats);

/** The same as JSON, and what was done with each container, at most `size` bytes, a zero at the end. Any thread. Returns the length without the zero, or -EBADF. */
int64_t pamu_stats_json(pamu_engine *engine, char *text, size_t size);

/** Fills in what was done with a container. Any thread. Returns 0, -EBADF, -EFAULT, -EINVAL: a size below 8. */
int pamu_get_container_stats(pamu_container *container, pamu_container_stats *stats);

/** The hits of a container on each MSI bank's page: as many as there is room for. Any thread. Returns the number of banks, -EBADF, -EFAULT. */
int64_t pamu_get_msi_hits(pamu_container *container, uint64_t *hits, size_t room);

/** What a pamu_event tells. */
enum {
    PAMU_EVENT_IOCTL = 1,      /**< a control call ended */
    PAMU_EVENT_PUBLICATION = 2, /**< a container has a new table */
    PAMU_EVENT_LONG_WAIT = 3   /**< a control call has waited a second for a reader, and waits on */
};

/** One event. */
typedef struct pamu_event {
    uint32_t kind;
    int32_t container;    /**< its number; -1 for none */
    uint32_t request;     /**< of an ioctl */
    uint32_t reserved;
    int64_t result;       /**< of an ioctl */
    uint64_t generation;  /**< of a publication */
    uint64_t nanoseconds; /**< how long it took, or has taken */
    const char *reader;   /**< who is waited for; good during the callback */
} pamu_event;

/** Told of events, on the thread of the control call. It must not make control calls. */
typedef void (*pamu_event_callback)(void *context, const pamu_event *event);

/** Sets who is told of events; null: nobody. Any thread. A control call that is under way may tell the old one once more. Returns 0 or -EBADF. */
int pamu_on_event(pamu_engine *engine, pamu_event_callback callback, void *context);

/* ------------------------------------------------------------------------------------------------ the library: save and restore */

/**
 * Saves a container: geometry, windows, MSI banks, groups, stash, faults, generation, in a format of its own version (docs/snapshot.md). Any thread.
 * Returns the bytes it takes; if they do not fit into `room`, nothing is written; -EBADF; -EFAULT: a null buffer with room.
 */
int64_t pamu_snapshot_save(pamu_container *container, void *bytes, size_t room);

/**
 * Restores into a fresh container, all or nothing. A group of the snapshot is made, or used if it is there, alike and in no container. Vaddrs and targets are
 * those that were saved, and the page source is not asked: whoever has the snapshot from elsewhere says with the other form where memory is. Any thread. Returns 0; -EINVAL: truncated, altered or no snapshot; -EPROTO: a newer version;
 * -EXDEV: of another platform; -EBUSY: the container is not fresh, or a group or LIODN is taken; -EBADF; -EFAULT.
 */
int pamu_snapshot_restore(pamu_container *container, const void *bytes, size_t size);

/**
 * Says where memory is now that was at `vaddr` when the container was saved: `length` bytes, for one window. Rules as for pamu_page_source, which is then
 * asked for the target. Return 0 and set *now, or anything else to make the call -EFAULT.
 */
typedef int (*pamu_moved_memory)(void *context, uint64_t vaddr, uint64_t length, uint64_t *now);

/** As pamu_snapshot_restore(), with memory where `moved` says it is. Also -EFAULT: it has none, or `moved` is null. */
int pamu_snapshot_restore_moved(pamu_container *container, const void *bytes, size_t size, pamu_moved_memory moved, void *context);

#ifdef __cplusplus
}
#endif

#endif /* PAMU_H */
