/* Every function that takes a handle, with every handle that is none: null, closed, and of each other kind. */
#include "abi.h"

#include <string.h>

enum { KINDS = 5 };

typedef struct handles {
    machine m;
    pamu_memory *memory;
    pamu_port *port;
    pamu_container copied; /* a container's handle is its address: a copy is none */
    void *open[KINDS], *closed[KINDS];
} handles;

enum { ENGINE, CONTAINER, GROUP, MEMORY, PORT };

static void open_one_of_each(handles *h)
{
    pamu_engine *engine;
    pamu_container *container;
    pamu_group *group;
    pamu_memory *memory;
    pamu_port *port;
    machine_open(&h->m);
    CHECK_OR_EXIT(pamu_memory_create(h->m.engine, &h->memory) == 0 && pamu_port_create(&h->m.reader, LIODN, h->memory, &h->port) == 0);
    h->copied = *h->m.container;
    void *open[KINDS] = {h->m.engine, h->m.container, h->m.group, h->memory, h->port};
    memcpy(h->open, open, sizeof open);

    CHECK_OR_EXIT(pamu_engine_create(NULL, &engine) == 0 && pamu_engine_destroy(engine) == 0);
    CHECK_OR_EXIT(pamu_container_create(h->m.engine, &container) == 0 && pamu_container_destroy(container) == 0);
    CHECK_OR_EXIT(pamu_group_create(h->m.engine, 9, NULL, 0, NULL, 0, &group) == 0 && pamu_group_destroy(group) == 0);
    CHECK_OR_EXIT(pamu_memory_create(h->m.engine, &memory) == 0);
    CHECK_OR_EXIT(pamu_port_create(&h->m.reader, LIODN, memory, &port) == 0 && pamu_port_destroy(port) == 0);
    CHECK_OR_EXIT(pamu_memory_destroy(memory) == 0);
    void *closed[KINDS] = {engine, container, group, memory, port};
    memcpy(h->closed, closed, sizeof closed);
}

static void close_all(handles *h)
{
    CHECK_IS(0, pamu_port_destroy(h->port));
    CHECK_IS(0, pamu_memory_destroy(h->memory));
    machine_close(&h->m);
}

/* The i-th handle that is no open one of a kind; null at the end, which is one of them. */
static void *wrong(handles *h, int kind, int i)
{
    if (i < KINDS) {
        return i == kind ? h->closed[kind] : h->open[i];
    }
    return i == KINDS ? (void *)&h->copied : i == KINDS + 1 ? (void *)(uintptr_t)0x1234560 : NULL;
}

#define EACH_WRONG(kind, type, name)  \
    static handles h;                 \
    type *name;                       \
    open_one_of_each(&h);             \
    for (int i = 0; name = (type *)wrong(&h, kind, i), i < KINDS + 3; i++)

static void engines(void)
{
    pamu_container *container;
    pamu_group *group;
    pamu_reader reader;
    pamu_memory *memory;
    pamu_fault_record fault;
    pamu_stats stats;
    memset(&fault, 0, sizeof fault);
    fault.kind = PAMU_FAULT_NO_MAPPING;
    stats.size = sizeof stats;
    EACH_WRONG(ENGINE, pamu_engine, engine)
    {
        CHECK_IS(-EBADF, pamu_engine_destroy(engine));
        CHECK_IS(-EBADF, pamu_container_create(engine, &container));
        CHECK_IS(-EBADF, pamu_group_create(engine, 8, NULL, 0, NULL, 0, &group));
        CHECK_IS(-EBADF, pamu_group_find(engine, 1, &group));
        CHECK_IS(-EBADF, pamu_reader_register(engine, "none", &reader));
        CHECK_IS(-EBADF, pamu_fault_record_add(engine, &fault));
        CHECK_IS(-EBADF, pamu_fault_take(engine, &fault, 1));
        CHECK_IS(-EBADF, pamu_on_fault(engine, NULL, NULL));
        CHECK_IS(-EBADF, pamu_on_message(engine, NULL, NULL));
        CHECK_IS(-EBADF, pamu_on_event(engine, NULL, NULL));
        CHECK_IS(-EBADF, pamu_memory_create(engine, &memory));
        CHECK_IS(-EBADF, pamu_get_stats(engine, &stats));
        CHECK_IS(-EBADF, pamu_stats_json(engine, NULL, 0));
        CHECK(last_error_is("EBADF", "engine"));
    }
    close_all(&h);
}

static int moved_nowhere(void *context, uint64_t vaddr, uint64_t length, uint64_t *now)
{
    (void)context;
    *now = vaddr;
    return length == 0;
}

static void containers(void)
{
    uint64_t unmapped;
    uint8_t byte;
    EACH_WRONG(CONTAINER, pamu_container, container)
    {
        CHECK_IS(-EBADF, pamu_container_destroy(container));
        CHECK_IS(-EBADF, pamu_container_fd(container));
        CHECK_IS(-EBADF, pamu_ioctl(container, PAMU_GET_API_VERSION, 0));
        CHECK_IS(-EBADF, pamu_set_geometry(container, 0, AT(8) - 1));
        CHECK_IS(-EBADF, pamu_set_windows(container, 8));
        CHECK_IS(-EBADF, pamu_set_stash(container, 0, 3));
        CHECK_IS(-EBADF, pamu_map_dma(container, RAM, AT(7), WINDOW, PAMU_READ_ALLOWED));
        CHECK_IS(-EBADF, pamu_unmap_dma(container, AT(7), WINDOW, &unmapped));
        CHECK_IS(-EBADF, pamu_map_msi_bank(container, 0, AT(7), PAMU_WRITE_ALLOWED));
        CHECK_IS(-EBADF, pamu_unmap_msi_bank(container, AT(5)));
        CHECK_IS(-EBADF, pamu_attach(h.m.group, container));
        CHECK_IS(-EBADF, pamu_snapshot_save(container, &byte, 1));
        CHECK_IS(-EBADF, pamu_snapshot_restore(container, &byte, 1));
        CHECK_IS(-EBADF, pamu_snapshot_restore_moved(container, &byte, 1, moved_nowhere, NULL));
        CHECK(last_error_is("EBADF", "container"));
    }
    close_all(&h);
}

static void groups(void)
{
    EACH_WRONG(GROUP, pamu_group, group)
    {
        CHECK_IS(-EBADF, pamu_group_destroy(group));
        CHECK_IS(-EBADF, pamu_group_ioctl(group, PAMU_GROUP_UNSET_CONTAINER, 0));
        CHECK_IS(-EBADF, pamu_attach(group, h.m.container));
        CHECK_IS(-EBADF, pamu_detach(group));
        CHECK(last_error_is("EBADF", "group"));
    }
    close_all(&h);
}

static void memories_and_ports(void)
{
    static handles h;
    pamu_port *made;
    uint8_t byte = 0;
    open_one_of_each(&h);
    for (int i = 0; i < KINDS + 3; i++) {
        pamu_memory *memory = (pamu_memory *)wrong(&h, MEMORY, i);
        CHECK_IS(-EBADF, pamu_memory_add(memory, RAM, &byte, 1));
        CHECK_IS(-EBADF, pamu_memory_destroy(memory));
        CHECK_IS(-EBADF, pamu_port_create(&h.m.reader, LIODN, memory, &made));
        CHECK(last_error_is("EBADF", "memory"));
        pamu_port *port = (pamu_port *)wrong(&h, PORT, i);
        CHECK_IS(-EBADF, pamu_port_read(port, AT(0), &byte, 1, NULL));
        CHECK_IS(-EBADF, pamu_port_write(port, AT(0), &byte, 1, NULL));
        CHECK_IS(-EBADF, pamu_port_destroy(port));
        CHECK(last_error_is("EBADF", "port"));
    }
    close_all(&h);
}

static void handles_that_are_none_are_EBADF(void)
{
    engines();
    containers();
    groups();
    memories_and_ports();
}

static void an_engine_takes_everything_made_from_it_along(void)
{
    static handles h;
    uint8_t byte = 0;
    open_one_of_each(&h);
    CHECK_IS(0, pamu_engine_destroy(h.m.engine));
    CHECK_IS(-EBADF, pamu_engine_destroy(h.m.engine));
    CHECK_IS(-EBADF, pamu_container_destroy(h.m.container));
    CHECK_IS(-EBADF, pamu_group_destroy(h.m.group));
    CHECK_IS(-EBADF, pamu_memory_destroy(h.memory));
    CHECK_IS(-EBADF, pamu_port_read(h.port, AT(0), &byte, 1, NULL));
    CHECK_IS(-EBADF, pamu_port_destroy(h.port));
    CHECK_IS(-EBADF, pamu_reader_unregister(&h.m.reader));
}

void handle_tests(void)
{
    TEST(handles_that_are_none_are_EBADF);
    TEST(an_engine_takes_everything_made_from_it_along);
}
