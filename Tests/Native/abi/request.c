/* The door for whoever has ioctl(2) arguments already. That it answers as the shipped driver did is shown by replaying recordings: NativeSubject.cs. */
#include "abi.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { POWERPC = 0x20000000 };

static void requests_answer_as_the_abi_says(void)
{
    machine m;
    machine_open(&m);
    pamu_container *container;
    CHECK_IS(0, pamu_container_create(m.engine, &container));
    CHECK_IS(0, pamu_ioctl(container, PAMU_GET_API_VERSION, 0));
    CHECK_IS(1, pamu_ioctl(container, PAMU_CHECK_EXTENSION, 7));
    CHECK_IS(0, pamu_ioctl(container, PAMU_CHECK_EXTENSION, 1));
    CHECK_IS(-ENOTTY, pamu_ioctl(container, PAMU_GET_MSI_BANK_COUNT, 0)); /* as in the kernel, SET_IOMMU comes first */
    CHECK_IS(0, pamu_ioctl(container, PAMU_SET_IOMMU, 7));
    CHECK_IS(-EINVAL, pamu_ioctl(container, PAMU_SET_IOMMU, 7));
    CHECK_IS(3, pamu_ioctl(container, PAMU_GET_MSI_BANK_COUNT, 0));
    CHECK_IS(3, pamu_ioctl(container, PAMU_GET_MSI_BANK_COUNT | POWERPC, 0));
    CHECK_IS(-ENOTTY, pamu_ioctl(container, 0x3B00, 0));
    CHECK_IS(-ENOTTY, pamu_ioctl(container, PAMU_GROUP_GET_STATUS, 0));

    pamu_info info = {sizeof info, 0, 0};
    CHECK_IS(0, pamu_ioctl(container, PAMU_GET_INFO, (uintptr_t)&info));
    CHECK_IS(1, info.flags);
    CHECK_IS(~UINT64_C(0xFFF), info.iova_pgsizes);

    pamu_attr attr = {sizeof attr, 0, PAMU_ATTR_GEOMETRY, 0, {{0, AT(8) - 1}}};
    CHECK_IS(0, pamu_ioctl(container, PAMU_SET_ATTR, (uintptr_t)&attr));
    attr.attribute = PAMU_ATTR_WINDOWS;
    attr.u.windows.count = 8;
    CHECK_IS(0, pamu_ioctl(container, PAMU_SET_ATTR | POWERPC, (uintptr_t)&attr));
    attr.attribute = 9;
    CHECK_IS(-EINVAL, pamu_ioctl(container, PAMU_SET_ATTR, (uintptr_t)&attr));
    CHECK(last_error_is("EINVAL", "attribute"));

    pamu_dma_map map = {sizeof map, PAMU_READ_ALLOWED, RAM, AT(1), 2 * (uint64_t)WINDOW};
    CHECK_IS(0, pamu_ioctl(container, PAMU_MAP_DMA, (uintptr_t)&map));
    CHECK_IS(-EBUSY, pamu_ioctl(container, PAMU_MAP_DMA, (uintptr_t)&map));
    pamu_msi_map message = {sizeof message, PAMU_WRITE_ALLOWED, 2, 0, AT(6)};
    CHECK_IS(0, pamu_ioctl(container, PAMU_MAP_MSI_BANK, (uintptr_t)&message));
    pamu_msi_unmap no_message = {sizeof no_message, 0, AT(6)};
    CHECK_IS(0, pamu_ioctl(container, PAMU_UNMAP_MSI_BANK, (uintptr_t)&no_message));
    CHECK_IS(-EINVAL, pamu_ioctl(container, PAMU_UNMAP_MSI_BANK, (uintptr_t)&no_message));
    CHECK_IS(RAM, pamu_target(pamu_translate_container(&m.reader, container, AT(1), 4, PAMU_READ)));

    pamu_dma_unmap unmap = {sizeof unmap, 0, AT(0), UINT64_MAX};
    CHECK_IS(0, pamu_ioctl(container, PAMU_UNMAP_DMA, (uintptr_t)&unmap));
    CHECK_IS(2 * (uint64_t)WINDOW, unmap.size); /* written back */
    machine_close(&m);
}

static void group_requests_answer_as_the_abi_says(void)
{
    machine m;
    machine_open(&m);
    int32_t fd = 77;
    pamu_group_status status = {sizeof status, 0};
    CHECK_IS(0, pamu_group_ioctl(m.group, PAMU_GROUP_GET_STATUS | POWERPC, (uintptr_t)&status));
    CHECK_IS(3, status.flags);
    CHECK_IS(-EINVAL, pamu_group_ioctl(m.group, PAMU_GROUP_SET_CONTAINER, (uintptr_t)&fd));
    CHECK_IS(0, pamu_group_ioctl(m.group, PAMU_GROUP_UNSET_CONTAINER, 0));
    CHECK_IS(-EBADF, pamu_group_ioctl(m.group, PAMU_GROUP_SET_CONTAINER, (uintptr_t)&fd));
    fd = pamu_container_fd(m.container);
    CHECK_IS(0, pamu_group_ioctl(m.group, PAMU_GROUP_SET_CONTAINER, (uintptr_t)&fd));
    CHECK_IS(-ENOTTY, pamu_group_ioctl(m.group, PAMU_MAP_DMA, 0));
    status.argsz = 4;
    CHECK_IS(-EINVAL, pamu_group_ioctl(m.group, PAMU_GROUP_GET_STATUS, (uintptr_t)&status));
    machine_close(&m);
}

/* Pointers come from a guest: any value has an answer. */
static void arguments_that_cannot_be_read_or_written_are_EFAULT(void)
{
    machine m;
    machine_open(&m);
    CHECK_IS(0, pamu_ioctl(m.container, PAMU_SET_IOMMU, 7));
    const uintptr_t nowhere[] = {0, 1, 0x7FFF, (uintptr_t)1 << 47, (uintptr_t)1 << 63, UINTPTR_MAX - 3, UINTPTR_MAX};
    const uint32_t requests[] = {PAMU_GET_INFO,     PAMU_MAP_DMA,       PAMU_UNMAP_DMA, PAMU_GET_ATTR, PAMU_SET_ATTR,
                                 PAMU_MAP_MSI_BANK, PAMU_UNMAP_MSI_BANK};
    for (size_t i = 0; i < sizeof nowhere / sizeof *nowhere; i++) {
        for (size_t j = 0; j < sizeof requests / sizeof *requests; j++) {
            CHECK_IS(-EFAULT, pamu_ioctl(m.container, requests[j], nowhere[i]));
        }
        CHECK_IS(-EFAULT, pamu_group_ioctl(m.group, PAMU_GROUP_GET_STATUS, nowhere[i]));
    }
    CHECK(last_error_is("EFAULT", "argument"));

    /* At the end of a page, with none behind it; and in one that cannot be written. */
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *memory = (uint8_t *)mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK_OR_EXIT(memory != MAP_FAILED && mprotect(memory + page, page, PROT_NONE) == 0);
    pamu_dma_unmap unmap = {sizeof unmap, 0, AT(2), WINDOW};
    memcpy(memory + page - sizeof unmap, &unmap, sizeof unmap);
    CHECK_IS(-EFAULT, pamu_ioctl(m.container, PAMU_UNMAP_DMA, (uintptr_t)(memory + page - 2)));
    memcpy(memory + page - 8, &unmap, 8);
    CHECK_IS(-EFAULT, pamu_ioctl(m.container, PAMU_UNMAP_DMA, (uintptr_t)(memory + page - 8)));
    memcpy(memory + page - sizeof unmap, &unmap, sizeof unmap);
    CHECK_OR_EXIT(mprotect(memory, page, PROT_READ) == 0);
    CHECK_IS(-EFAULT, pamu_ioctl(m.container, PAMU_UNMAP_DMA, (uintptr_t)(memory + page - sizeof unmap)));
    CHECK_IS(RAM + AT(2), pamu_target(pamu_translate_container(&m.reader, m.container, AT(2), 4, PAMU_READ))); /* still there */
    CHECK_OR_EXIT(mprotect(memory, page, PROT_READ | PROT_WRITE) == 0);
    CHECK_IS(0, pamu_ioctl(m.container, PAMU_UNMAP_DMA, (uintptr_t)(memory + page - sizeof unmap)));
    munmap(memory, 2 * page);
    machine_close(&m);
}

void request_tests(void)
{
    TEST(requests_answer_as_the_abi_says);
    TEST(group_requests_answer_as_the_abi_says);
    TEST(arguments_that_cannot_be_read_or_written_are_EFAULT);
}
