#include "abi.h"

#include <string.h>

void machine_open(machine *made)
{
    uint32_t liodns[] = {LIODN, OTHER_LIODN}, bank = 0;
    CHECK_OR_EXIT(pamu_engine_create(NULL, &made->engine) == 0);
    CHECK_OR_EXIT(pamu_container_create(made->engine, &made->container) == 0);
    CHECK_OR_EXIT(pamu_set_geometry(made->container, 0, AT(8) - 1) == 0);
    CHECK_OR_EXIT(pamu_set_windows(made->container, 8) == 0);
    CHECK_OR_EXIT(pamu_map_dma(made->container, RAM, AT(0), 2 * (uint64_t)WINDOW, PAMU_READ_ALLOWED | PAMU_WRITE_ALLOWED) == 0);
    CHECK_OR_EXIT(pamu_map_dma(made->container, RAM + AT(2), AT(2), WINDOW, PAMU_READ_ALLOWED) == 0);
    CHECK_OR_EXIT(pamu_map_dma(made->container, RAM + AT(3), AT(3), WINDOW, PAMU_WRITE_ALLOWED) == 0);
    CHECK_OR_EXIT(pamu_map_dma(made->container, RAM + AT(4), AT(4), SMALL, PAMU_READ_ALLOWED | PAMU_WRITE_ALLOWED) == 0);
    CHECK_OR_EXIT(pamu_map_msi_bank(made->container, 0, AT(5), PAMU_WRITE_ALLOWED) == 0);
    CHECK_OR_EXIT(pamu_map_msi_bank(made->container, 1, AT(6), PAMU_WRITE_ALLOWED) == 0);
    CHECK_OR_EXIT(pamu_group_create(made->engine, 1, liodns, 2, &bank, 1, &made->group) == 0);
    CHECK_OR_EXIT(pamu_attach(made->group, made->container) == 0);
    CHECK_OR_EXIT(pamu_reader_register(made->engine, "device", &made->reader) == 0);
}

void machine_close(machine *used)
{
    CHECK_IS(0, pamu_reader_unregister(&used->reader));
    CHECK_IS(0, pamu_engine_destroy(used->engine));
}

typedef struct thread_call {
    void (*body)(void *);
    void *context;
} thread_call;

static void *thread_main(void *argument)
{
    thread_call *call = (thread_call *)argument;
    call->body(call->context);
    return NULL;
}

void on_other_thread(void (*body)(void *), void *context)
{
    pthread_t thread;
    thread_call call = {body, context};
    CHECK_OR_EXIT(pthread_create(&thread, NULL, thread_main, &call) == 0);
    CHECK_OR_EXIT(pthread_join(thread, NULL) == 0);
}

int last_error_is(const char *errno_name, const char *parameter)
{
    char text[512], start[128];
    int length = pamu_last_error(text, sizeof text);
    snprintf(start, sizeof start, "%s: %s: ", errno_name, parameter);
    int is = length == (int)strlen(text) && strncmp(text, start, strlen(start)) == 0 && text[strlen(start)] != 0;
    if (!is) {
        fprintf(stderr, "last error: \"%s\", not \"%s...\"\n", text, start);
    }
    return is;
}

int main(void)
{
    CHECK_OR_EXIT(pamu_check_header() == 0);
    versions_tests();
    engine_tests();
    group_tests();
    control_tests();
    request_tests();
    reader_tests();
    translate_tests();
    batch_tests();
    fault_tests();
    port_tests();
    observe_tests();
    snapshot_tests();
    handle_tests();
    misuse_tests();
    return check_end();
}
