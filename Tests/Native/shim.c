/*
 * The inline half of pamu.h as functions, for C# programs that compare it with the engine. Answers are taken apart by the header's own accessors.
 */
#include "pamu.h"

#define SHIM __attribute__((visibility("default")))

typedef struct shim_answer {
    uint32_t kind; /* 0 memory, 1 message, 2 crosses, 3 fault, as TranslationKind */
    uint32_t fault;
    int32_t bank;
    uint32_t msi_offset;
    uint64_t target, fault_iova;
} shim_answer;

SHIM void shim_enter(pamu_reader *reader, const pamu_container *container, pamu_section *section);
SHIM int shim_leave(pamu_section *section);
SHIM void shim_translate(
    const pamu_section *section, size_t count, const uint64_t *iovas, const uint64_t *lengths, const uint32_t *accesses, shim_answer *answers);
SHIM size_t shim_translate_ranges(
    const pamu_section *section, size_t count, const uint64_t *iovas, const uint64_t *lengths, const uint32_t *accesses, pamu_range *ranges,
    pamu_segment *segments, size_t room);
SHIM int shim_check(void);

int shim_check(void) { return pamu_check_header(); }

void shim_enter(pamu_reader *reader, const pamu_container *container, pamu_section *section) { *section = pamu_enter(reader, container); }

int shim_leave(pamu_section *section) { return pamu_leave(section); }

void shim_translate(
    const pamu_section *section, size_t count, const uint64_t *iovas, const uint64_t *lengths, const uint32_t *accesses, shim_answer *answers)
{
    for (size_t i = 0; i < count; i++) {
        pamu_translation t = pamu_translate(section, iovas[i], lengths[i], (pamu_access)accesses[i]);
        shim_answer answer = {
            pamu_is_dma(t) ? 0u : pamu_is_msi(t) ? 1u : pamu_crosses(t) ? 2u : 3u,
            (uint32_t)pamu_fault(t),
            pamu_msi_bank(t),
            pamu_msi_offset(t),
            pamu_target(t),
            pamu_fault_iova(t),
        };
        answers[i] = answer;
    }
}

/* Segments of all ranges one behind the other. The answer is how many; 0 if the room did not suffice. */
size_t shim_translate_ranges(
    const pamu_section *section, size_t count, const uint64_t *iovas, const uint64_t *lengths, const uint32_t *accesses, pamu_range *ranges,
    pamu_segment *segments, size_t room)
{
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        ranges[i] = pamu_translate_range(section, iovas[i], lengths[i], (pamu_access)accesses[i], segments + used, (uint32_t)(room - used));
        if (ranges[i].fault == PAMU_FAULT_NONE && !ranges[i].complete) {
            return 0;
        }
        used += ranges[i].segments;
    }
    return used;
}
