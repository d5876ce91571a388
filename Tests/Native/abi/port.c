#include "abi.h"

#include <string.h>

enum { RAM_BYTES = 0x4000 };

/* A machine with RAM behind the first bytes of window 1, and behind all of the small mapping, and a device. */
typedef struct ported {
    machine m;
    pamu_memory *memory;
    pamu_port *port;
    uint8_t ram[RAM_BYTES], small[SMALL];
} ported;

static void ported_open(ported *p)
{
    machine_open(&p->m);
    for (size_t i = 0; i < RAM_BYTES; i++) {
        p->ram[i] = (uint8_t)(i * 7);
    }
    memset(p->small, 0x11, sizeof p->small);
    CHECK_OR_EXIT(pamu_memory_create(p->m.engine, &p->memory) == 0);
    CHECK_OR_EXIT(pamu_memory_add(p->memory, RAM + AT(1), p->ram, RAM_BYTES) == 0);
    CHECK_OR_EXIT(pamu_memory_add(p->memory, RAM + AT(4), p->small, SMALL) == 0);
    CHECK_OR_EXIT(pamu_port_create(&p->m.reader, LIODN, p->memory, &p->port) == 0);
}

static void ported_close(ported *p)
{
    CHECK_IS(0, pamu_port_destroy(p->port));
    CHECK_IS(0, pamu_memory_destroy(p->memory));
    machine_close(&p->m);
}

static void result_is(const pamu_port_result *result, pamu_port_status status, uint64_t bytes, pamu_fault_kind fault, uint64_t at)
{
    CHECK_IS(status, result->status);
    CHECK_IS(bytes, result->bytes_done);
    CHECK_IS(fault, result->fault);
    CHECK_IS(at, result->fault_iova);
}

static void memory_has_its_rules(void)
{
    machine m;
    pamu_memory *memory;
    static uint8_t bytes[64];
    machine_open(&m);
    CHECK_IS(-EFAULT, pamu_memory_create(m.engine, NULL));
    CHECK_IS(0, pamu_memory_create(m.engine, &memory));
    CHECK_IS(-EINVAL, pamu_memory_add(memory, 0x1000, bytes, 0));
    CHECK_IS(-EINVAL, pamu_memory_add(memory, UINT64_MAX - 62, bytes, 64)); /* wraps */
    CHECK_IS(-EFAULT, pamu_memory_add(memory, 0x1000, NULL, 64));
    CHECK_IS(0, pamu_memory_add(memory, 0x1000, bytes, 64));
    CHECK_IS(-EINVAL, pamu_memory_add(memory, 0x103F, bytes, 1)); /* overlaps */
    CHECK_IS(0, pamu_memory_add(memory, 0x1040, bytes, 1));
    CHECK_IS(0, pamu_memory_destroy(memory));
    machine_close(&m);
}

static void devices_read_and_write_memory(void)
{
    static ported p;
    uint8_t bytes[0x100];
    pamu_port_result result;
    ported_open(&p);
    memset(bytes, 0xEE, sizeof bytes);
    CHECK_IS(0, pamu_port_write(p.port, AT(1) + 16, bytes, sizeof bytes, &result));
    result_is(&result, PAMU_PORT_DONE, sizeof bytes, PAMU_FAULT_NONE, 0);
    CHECK(p.ram[15] == (uint8_t)(15 * 7) && p.ram[16] == 0xEE && p.ram[16 + 0xFF] == 0xEE && p.ram[16 + 0x100] == (uint8_t)(0x110 * 7));
    memset(bytes, 0, sizeof bytes);
    CHECK_IS(0, pamu_port_read(p.port, AT(1) + RAM_BYTES - sizeof bytes, bytes, sizeof bytes, &result));
    result_is(&result, PAMU_PORT_DONE, sizeof bytes, PAMU_FAULT_NONE, 0);
    CHECK(memcmp(bytes, p.ram + RAM_BYTES - sizeof bytes, sizeof bytes) == 0);
    CHECK_IS(0, pamu_port_read(p.port, AT(4), bytes, 1, NULL)); /* the result may be left out */
    CHECK_IS(0x11, bytes[0]);

    CHECK_IS(0, pamu_port_read(p.port, AT(1) + RAM_BYTES, bytes, 4, &result)); /* mapped, and no RAM there */
    result_is(&result, PAMU_PORT_NO_MEMORY, 0, PAMU_FAULT_NONE, 0);
    CHECK_IS(0, pamu_port_read(p.port, AT(4) + SMALL - 4, bytes, 8, &result));
    result_is(&result, PAMU_PORT_FAULT, 0, PAMU_FAULT_BEYOND_MAPPING, AT(4) + SMALL);
    CHECK_IS(0, pamu_port_write(p.port, AT(2), bytes, 8, &result));
    result_is(&result, PAMU_PORT_FAULT, 0, PAMU_FAULT_DIRECTION_DENIED, AT(2));
    CHECK_IS(0, pamu_port_write(p.port, AT(2), bytes, 0, &result));
    result_is(&result, PAMU_PORT_FAULT, 0, PAMU_FAULT_BAD_LENGTH, AT(2));

    pamu_fault_record faults[4]; /* refusals are recorded, missing RAM is not one */
    CHECK_IS(3, pamu_fault_take(p.m.engine, faults, 4));
    CHECK_IS(PAMU_FAULT_BEYOND_MAPPING, faults[0].kind);
    CHECK_IS(LIODN, faults[0].liodn);
    CHECK_IS(AT(4) + SMALL - 4, faults[0].iova);
    CHECK_IS(8, faults[0].length);
    CHECK_IS(PAMU_READ, faults[0].access);
    CHECK_IS(PAMU_WRITE, faults[1].access);
    ported_close(&p);
}

typedef struct heard {
    ported *p;
    int calls, unmapped;
    pamu_message message;
} heard;

static void hear(void *context, const pamu_message *message)
{
    heard *to = (heard *)context;
    to->calls++;
    to->message = *message;
    to->unmapped = pamu_unmap_msi_bank(to->p->m.container, AT(5)); /* it may make control calls */
}

static void devices_send_messages(void)
{
    static ported p;
    const uint8_t data[] = {0x78, 0x56, 0x34, 0x12, 0, 0, 0, 0};
    pamu_port_result result;
    ported_open(&p);
    heard to = {&p, 0, -1, {0, 0, 0, 0}};
    CHECK_IS(0, pamu_port_write(p.port, AT(5) + 0x140, data, 4, &result)); /* nobody listens */
    result_is(&result, PAMU_PORT_MESSAGE, 4, PAMU_FAULT_NONE, 0);
    CHECK_IS(0, pamu_on_message(p.m.engine, hear, &to));
    CHECK_IS(0, pamu_port_write(p.port, AT(5) + 0x142, data, 4, &result)); /* not aligned */
    result_is(&result, PAMU_PORT_FAULT, 0, PAMU_FAULT_BAD_LENGTH, AT(5) + 0x142);
    CHECK_IS(0, pamu_port_write(p.port, AT(5) + 0x140, data, 8, &result)); /* not one word */
    result_is(&result, PAMU_PORT_FAULT, 0, PAMU_FAULT_BAD_LENGTH, AT(5) + 0x140);
    CHECK_IS(0, to.calls);

    CHECK_IS(0, pamu_port_write(p.port, AT(5) + 0x148, data, 4, &result));
    result_is(&result, PAMU_PORT_MESSAGE, 4, PAMU_FAULT_NONE, 0);
    CHECK_IS(1, to.calls);
    CHECK_IS(LIODN, to.message.liodn);
    CHECK_IS(0, to.message.bank);
    CHECK_IS(0x148, to.message.offset);
    CHECK_IS(0x12345678, to.message.data);
    CHECK_IS(0, to.unmapped);
    CHECK_IS(0, pamu_port_write(p.port, AT(5) + 0x148, data, 4, &result));
    result_is(&result, PAMU_PORT_FAULT, 0, PAMU_FAULT_NO_MAPPING, AT(5) + 0x148);

    CHECK_IS(0, pamu_on_message(p.m.engine, NULL, NULL));
    CHECK_IS(0, pamu_map_msi_bank(p.m.container, 0, AT(7), PAMU_WRITE_ALLOWED));
    CHECK_IS(0, pamu_port_write(p.port, AT(7), data, 4, &result));
    result_is(&result, PAMU_PORT_MESSAGE, 4, PAMU_FAULT_NONE, 0);
    CHECK_IS(1, to.calls);
    ported_close(&p);
}

static void use_port_from_elsewhere(void *context)
{
    ported *p = (ported *)context;
    uint8_t byte = 0;
    pamu_port *port;
    CHECK_IS(-EPERM, pamu_port_read(p->port, AT(1), &byte, 1, NULL));
    CHECK_IS(-EPERM, pamu_port_write(p->port, AT(1), &byte, 1, NULL));
    CHECK_IS(-EPERM, pamu_port_destroy(p->port));
    CHECK_IS(-EPERM, pamu_port_create(&p->m.reader, LIODN, p->memory, &port));
}

static void ports_have_their_rules(void)
{
    static ported p;
    uint8_t byte = 0;
    pamu_port *port = NULL;
    ported_open(&p);
    pamu_reader copy = p.m.reader;
    CHECK_IS(-EBADF, pamu_port_create(&copy, LIODN, p.memory, &port));
    CHECK_IS(-EBADF, pamu_port_create(NULL, LIODN, p.memory, &port));
    CHECK_IS(-EFAULT, pamu_port_create(&p.m.reader, LIODN, p.memory, NULL));
    CHECK(port == NULL);
    CHECK_IS(-EFAULT, pamu_port_read(p.port, AT(1), NULL, 4, NULL));
    CHECK_IS(-EFAULT, pamu_port_write(p.port, AT(1), NULL, 4, NULL));
    on_other_thread(use_port_from_elsewhere, &p);

    pamu_section section = pamu_enter(&p.m.reader, p.m.container);
    CHECK_IS(-EDEADLK, pamu_port_read(p.port, AT(1), &byte, 1, NULL));
    CHECK_IS(-EDEADLK, pamu_port_write(p.port, AT(1), &byte, 1, NULL));
    CHECK_IS(0, pamu_leave(&section));
    CHECK_IS(0, pamu_port_read(p.port, AT(1), &byte, 1, NULL));
    ported_close(&p);
}

void port_tests(void)
{
    TEST(memory_has_its_rules);
    TEST(devices_read_and_write_memory);
    TEST(devices_send_messages);
    TEST(ports_have_their_rules);
}
