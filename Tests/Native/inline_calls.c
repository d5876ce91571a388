/*
 * What a device model compiles around the inline half. The script inline_calls reads the machine code: nothing here may call anything, but
 * for the last function, which shows that a call would be seen.
 */
#include "pamu.h"

#ifdef __cplusplus
extern "C" {
#endif

uint64_t inline_in_section(const pamu_section *section, uint64_t iova);
uint64_t inline_by_container(pamu_reader *reader, const pamu_container *container, uint64_t iova);
uint64_t inline_by_liodn(pamu_reader *reader, uint32_t liodn, uint64_t iova);
pamu_translation inline_whole_answer(pamu_reader *reader, uint32_t liodn, uint64_t iova, uint64_t length, pamu_access access);
pamu_range inline_range(const pamu_section *section, uint64_t iova, uint64_t length, pamu_access access, pamu_segment *segments, uint32_t room);
pamu_translation inline_image(const pamu_image *image, uint64_t iova, uint64_t length, pamu_access access);
int calling_control(pamu_section *section, const uint64_t *iovas, uint64_t *targets, uint64_t *masks);

uint64_t inline_in_section(const pamu_section *section, uint64_t iova)
{
    pamu_translation hit = pamu_translate(section, iova, 64, PAMU_WRITE);
    return pamu_is_dma(hit) ? pamu_target(hit) : UINT64_MAX;
}

uint64_t inline_by_container(pamu_reader *reader, const pamu_container *container, uint64_t iova)
{
    pamu_translation hit = pamu_translate_container(reader, container, iova, 64, PAMU_WRITE);
    return pamu_is_dma(hit) ? pamu_target(hit) : UINT64_MAX;
}

uint64_t inline_by_liodn(pamu_reader *reader, uint32_t liodn, uint64_t iova)
{
    pamu_translation hit = pamu_translate_liodn(reader, liodn, iova, 64, PAMU_WRITE);
    return pamu_is_dma(hit) ? pamu_target(hit) : UINT64_MAX;
}

pamu_translation inline_whole_answer(pamu_reader *reader, uint32_t liodn, uint64_t iova, uint64_t length, pamu_access access)
{
    return pamu_translate_liodn(reader, liodn, iova, length, access);
}

pamu_range inline_range(const pamu_section *section, uint64_t iova, uint64_t length, pamu_access access, pamu_segment *segments, uint32_t room)
{
    return pamu_translate_range(section, iova, length, access, segments, room);
}

pamu_translation inline_image(const pamu_image *image, uint64_t iova, uint64_t length, pamu_access access)
{
    return pamu_image_translate(image, iova, length, access);
}

int calling_control(pamu_section *section, const uint64_t *iovas, uint64_t *targets, uint64_t *masks)
{
    int result = pamu_translate_batch(section, iovas, 64, 64, PAMU_WRITE, targets, masks, masks + 1, masks + 2, NULL);
    (void)pamu_leave(section);
    return result;
}

#ifdef __cplusplus
}
#endif
