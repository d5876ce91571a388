/*
 * A small emulator with PamuFastPath: two DMA devices, one vCPU, an interrupt controller, guest RAM in a mapped file.
 *
 *     emulator TRACE.csv[.gz] TRACE.csv[.gz]
 *
 * Each device is a thread. The guest's driver, on the vCPU thread, puts requests into a descriptor ring in guest RAM; the device fetches
 * them by DMA, moves the data by DMA, writes the status back by DMA and sends messages. What it is asked to do is a recording of real
 * DMA: one descriptor per row. Every address a device uses is an IOVA, and is translated inline, in a reader section of its own.
 *
 * The guest allows a device 4 windows of RAM at a time. When a request touches another one, the driver unmaps the window that was not used for
 * longest and maps the new one, while the devices run: that is where unmaps and their grace periods come from.
 *
 * Read main() first, then vcpu(), then device() and dma().
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <pamu.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define DEVICES 2
#define RING_ENTRIES 256u
#define GIB (1ull << 30)

/* The guest's address space: 2 GiB of RAM at 0, 2 GiB at 4 GiB, and 1 MiB for the rings. One file behind all of it. */
#define RAM_BYTES (4 * GIB + (1u << 20))
#define RING_AT (6 * GIB)        /* also the IOVA of each device's own ring */

/* The devices' address space: as the guest's, with the message windows above it. 256 windows of 32 MiB. */
#define APERTURE_LAST (8 * GIB - 1)
#define WINDOWS 256u
#define WINDOW_SHIFT 25u
#define WINDOW_BYTES (1ull << WINDOW_SHIFT)
#define MESSAGES_AT (6 * GIB + GIB / 2)
#define WINDOWS_ALLOWED 4
#define ROGUE 0xfee00000ull /* where a PC has its messages, and this machine nothing */

enum { OP_READ, OP_WRITE, OP_MESSAGE };
enum { PENDING, DONE, REFUSED };

/* A descriptor, as it lies in guest RAM. */
typedef struct {
    uint64_t iova;
    uint32_t length; /* of a message: its word */
    uint16_t op;
    uint16_t status;
} descriptor;

typedef struct {
    uint64_t iova;
    uint32_t length, op;
} request;

typedef struct {
    uint64_t reads, writes, messages, bytes, refused;
} tally;

typedef struct {
    int number;
    uint32_t liodn;
    pthread_t thread;
    descriptor *ring; /* the driver's view of it; the device has RING_AT */

    request *requests; /* what the guest will ask for */
    size_t count;

    uint32_t tail __attribute__((aligned(64)));      /* doorbell: written by the driver */
    uint32_t completed __attribute__((aligned(64))); /* written by the device */

    /* The driver's. */
    size_t posted, reaped;
    uint64_t expected_refusals, wrong;
    uint32_t in_flight[WINDOWS];
    uint64_t last_use[WINDOWS]; /* 0: not mapped */
    unsigned mapped;
    pamu_container *container;

    tally did; /* the device's */
} device_state;

static pamu_engine *engine;
static unsigned char *ram;
static device_state devices[DEVICES];
static int stop; /* the vCPU's word to the devices */
static uint64_t interrupts[8][8]; /* by bank and register: what the interrupt controller saw */
static uint64_t unmaps, unmap_worst, unmap_total, maps;

static void die(const char *what, int error)
{
    char why[256] = "";
    pamu_last_error(why, sizeof why);
    fprintf(stderr, "emulator: %s: %s %s\n", what, error < 0 ? strerror(-error) : "", why);
    exit(2);
}

static void must(const char *what, int64_t result)
{
    if (result < 0) {
        die(what, (int)result);
    }
}

static uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ------------------------------------------------------------------------------------------------------------ guest RAM */

/* Where target bytes lie in the file; NULL where there is no RAM. */
static unsigned char *ram_at(uint64_t target, uint64_t length)
{
    if (target + length <= 2 * GIB) {
        return ram + target;
    }
    if (target >= 4 * GIB && target + length <= 6 * GIB + (1u << 20)) {
        return ram + target - 2 * GIB;
    }
    return NULL;
}

/* -------------------------------------------------------------------------------------------------- the interrupt controller */

static void raise_interrupt(int bank, uint32_t offset, uint32_t data)
{
    if (offset == 0x140) { /* MSIIR: bits 7..5 choose the register whose interrupt is asserted */
        __atomic_fetch_add(&interrupts[bank & 7][(data >> 5) & 7], 1, __ATOMIC_RELAXED);
    }
}

/* --------------------------------------------------------------------------------------------------------------- a device */

/*
 * One access of a device: `bytes` to or from guest RAM at an IOVA, or a message. In pieces of 64 KiB, each in a section of its own, so that a large
 * transfer keeps no unmap waiting. Returns whether it was allowed.
 */
static int dma(device_state *device, pamu_reader *reader, uint64_t iova, void *bytes, uint64_t length, pamu_access access)
{
    unsigned char *at = bytes;
    while (length > 0) {
        uint64_t piece = length < 65536 ? length : 65536;
        pamu_section section = pamu_enter_liodn(reader, device->liodn);
        pamu_translation hit = pamu_translate(&section, iova, piece, access);
        pamu_segment segments[18];
        pamu_range range = {1, 1, pamu_fault(hit), pamu_fault_iova(hit)};
        if (pamu_is_dma(hit)) {
            segments[0] = (pamu_segment){iova, pamu_target(hit), piece, -1, 0};
        } else if (pamu_is_msi(hit) && access == PAMU_WRITE && piece == 4 && iova % 4 == 0) {
            uint32_t word;
            memcpy(&word, at, 4);
            pamu_leave(&section); /* nobody is called inside a section */
            raise_interrupt(pamu_msi_bank(hit), pamu_msi_offset(hit), word);
            device->did.messages++;
            return 1;
        } else if (pamu_crosses(hit)) {
            range = pamu_translate_range(&section, iova, piece, access, segments, 18);
        } else if (pamu_is_msi(hit)) {
            range.fault = PAMU_FAULT_BAD_LENGTH;
            range.fault_iova = iova;
        }
        for (uint32_t i = 0; range.fault == PAMU_FAULT_NONE && i < range.segments; i++) {
            unsigned char *memory = segments[i].bank >= 0 ? NULL : ram_at(segments[i].target, segments[i].length);
            unsigned char *mine = at + (segments[i].iova - iova);
            if (memory == NULL) {
                range.fault = PAMU_FAULT_NO_MAPPING;
                range.fault_iova = segments[i].iova;
            } else if (access == PAMU_READ) {
                memcpy(mine, memory, segments[i].length);
            } else {
                memcpy(memory, mine, segments[i].length);
            }
        }
        pamu_leave(&section);
        if (range.fault != PAMU_FAULT_NONE) {
            pamu_fault_record fault = {(uint32_t)range.fault, device->liodn, iova, piece, (uint32_t)access, 0, range.fault_iova};
            pamu_fault_record_add(engine, &fault);
            return 0;
        }
        iova += piece;
        at += piece;
        length -= piece;
    }
    return 1;
}

/* The device: fetches descriptors up to the doorbell, does what they say, writes their status back. */
static void *device(void *argument)
{
    device_state *device = argument;
    pamu_reader reader;
    char name[16];
    snprintf(name, sizeof name, "device %d", device->number);
    must("reader", pamu_reader_register(engine, name, &reader));
    unsigned char *buffer = calloc(1, 2u << 20); /* what the device holds: larger than any request */
    for (uint32_t head = 0; !__atomic_load_n(&stop, __ATOMIC_RELAXED);) {
        if (head == __atomic_load_n(&device->tail, __ATOMIC_ACQUIRE)) {
            sched_yield();
            continue;
        }
        descriptor work;
        uint64_t at = RING_AT + head % RING_ENTRIES * sizeof work;
        uint16_t status = REFUSED;
        if (!dma(device, &reader, at, &work, sizeof work, PAMU_READ)) {
            die("a ring that is not mapped", 0);
        }
        if (work.op == OP_MESSAGE) {
            status = dma(device, &reader, work.iova, &work.length, 4, PAMU_WRITE) ? DONE : REFUSED;
        } else if (dma(device, &reader, work.iova, buffer, work.length, work.op == OP_READ ? PAMU_READ : PAMU_WRITE)) {
            status = DONE;
            device->did.bytes += work.length;
            device->did.reads += work.op == OP_READ;
            device->did.writes += work.op == OP_WRITE;
        }
        device->did.refused += status == REFUSED;
        dma(device, &reader, at + offsetof(descriptor, status), &status, sizeof status, PAMU_WRITE);
        __atomic_store_n(&device->completed, ++head, __ATOMIC_RELEASE);
    }
    free(buffer);
    must("reader", pamu_reader_unregister(&reader));
    return NULL;
}

/* --------------------------------------------------------------------------------------------------------------- the guest */

/* Maps the window of an IOVA, and unmaps the one that was not used for longest if the device has its share. Returns 0 if all are in use. */
static int map_window(device_state *device, unsigned window, uint64_t tick)
{
    if (device->last_use[window] == 0) {
        unsigned oldest = WINDOWS;
        if (device->mapped == WINDOWS_ALLOWED) {
            for (unsigned i = 0; i < WINDOWS; i++) {
                if (device->last_use[i] != 0 && device->in_flight[i] == 0 && (oldest == WINDOWS || device->last_use[i] < device->last_use[oldest])) {
                    oldest = i;
                }
            }
            if (oldest == WINDOWS) {
                return 0;
            }
            uint64_t began = now();
            must("UNMAP_DMA", pamu_unmap_dma(device->container, oldest * WINDOW_BYTES, WINDOW_BYTES, NULL));
            uint64_t took = now() - began; /* the grace period is in it: no device uses the window any more */
            unmap_total += took;
            unmap_worst = took > unmap_worst ? took : unmap_worst;
            unmaps++;
            device->last_use[oldest] = 0;
            device->mapped--;
        }
        must("MAP_DMA", pamu_map_dma(device->container, window * WINDOW_BYTES, window * WINDOW_BYTES, WINDOW_BYTES, PAMU_READ_ALLOWED | PAMU_WRITE_ALLOWED));
        maps++;
        device->mapped++;
    }
    device->last_use[window] = tick;
    return 1;
}

/* Puts one request into the ring: a row of the recording, or, now and then, one that must be refused. Returns 0 if it has to wait. */
static int post(device_state *device, uint64_t tick)
{
    request next = device->requests[device->posted];
    if (next.op != OP_MESSAGE && next.iova != ROGUE) {
        unsigned first = (unsigned)(next.iova >> WINDOW_SHIFT), last = (unsigned)((next.iova + next.length - 1) >> WINDOW_SHIFT);
        for (unsigned window = first; window <= last; window++) {
            if (!map_window(device, window, tick)) {
                while (window-- > first) {
                    device->in_flight[window]--;
                }
                return 0;
            }
            device->in_flight[window]++;
        }
    }
    device->ring[device->posted % RING_ENTRIES] = (descriptor){next.iova, next.length, (uint16_t)next.op, PENDING};
    device->posted++;
    __atomic_store_n(&device->tail, (uint32_t)device->posted, __ATOMIC_RELEASE);
    return 1;
}

/* Takes back what the device has completed, and looks at the status it wrote. */
static void reap(device_state *device)
{
    while ((uint32_t)device->reaped != __atomic_load_n(&device->completed, __ATOMIC_ACQUIRE)) {
        const request *asked = &device->requests[device->reaped];
        int rogue = asked->iova == ROGUE;
        device->expected_refusals += (uint64_t)rogue;
        device->wrong += device->ring[device->reaped % RING_ENTRIES].status != (rogue ? REFUSED : DONE);
        if (asked->op != OP_MESSAGE && !rogue) {
            for (uint64_t window = asked->iova >> WINDOW_SHIFT; window <= (asked->iova + asked->length - 1) >> WINDOW_SHIFT; window++) {
                device->in_flight[window]--;
            }
        }
        device->reaped++;
    }
}

/* The vCPU: runs the driver of both devices until every request has come back. */
static void vcpu(void)
{
    size_t left = 0, all = 0;
    for (int i = 0; i < DEVICES; i++) {
        left += devices[i].count;
    }
    all = left;
    for (uint64_t tick = 1; left > 0; tick++) {
        size_t before = left;
        left = 0;
        for (int i = 0; i < DEVICES; i++) {
            device_state *device = &devices[i];
            reap(device);
            while (device->posted < device->count && device->posted - device->reaped < RING_ENTRIES && post(device, tick)) {
            }
            left += device->count - device->reaped;
        }
        if (left == before) {
            sched_yield();
        }
        if (isatty(2) && tick % 4096 == 0) {
            fprintf(stderr, "\r%3.0f %%", 100.0 * (double)(all - left) / (double)all);
        }
    }
    if (isatty(2)) {
        fprintf(stderr, "\r     \r");
    }
}

/* --------------------------------------------------------------------------------------------------------------- setting up */

/* The rows of a recording as requests. After every thousandth comes one that must be refused: a write to where a PC has its messages. */
static void read_trace(device_state *device, const char *path)
{
    setenv("TRACE", path, 1);
    FILE *rows = popen("gzip -dcf -- \"$TRACE\"", "r");
    char line[256];
    size_t room = 0;
    if (rows == NULL || fgets(line, sizeof line, rows) == NULL) {
        fprintf(stderr, "emulator: %s: no trace\n", path);
        exit(2);
    }
    for (size_t row = 0; fgets(line, sizeof line, rows) != NULL; row++) {
        uint64_t address, length;
        char op;
        if (sscanf(line, "%*[^,],%*[^,],%c,%" SCNx64 ",%" SCNu64, &op, &address, &length) != 3 || length > 2u << 20) {
            fprintf(stderr, "emulator: %s: row %zu is no access\n", path, row + 2);
            exit(2);
        }
        if (device->count + 2 > room) {
            room = room * 2 + 1024;
            device->requests = realloc(device->requests, room * sizeof *device->requests);
        }
        request next = {address, (uint32_t)length, op == 'R' ? OP_READ : OP_WRITE};
        if (op == 'M') { /* recorded at 0xfee0N000, N the cpu: a bank for each */
            next = (request){MESSAGES_AT + ((address >> 12) - 1) % 2 * WINDOW_BYTES + 0x140, (uint32_t)length, OP_MESSAGE};
        }
        device->requests[device->count++] = next;
        if (row % 1000 == 999) {
            device->requests[device->count++] = (request){ROGUE, 4, OP_WRITE};
        }
    }
    pclose(rows);
}

static void make_device(int number, const char *trace)
{
    device_state *device = &devices[number];
    uint32_t liodn = 0x50 + (uint32_t)number, banks[] = {0, 1};
    pamu_group *group;
    device->number = number;
    device->liodn = liodn;
    device->ring = (descriptor *)(void *)ram_at(RING_AT + (uint64_t)number * 65536, 65536);
    read_trace(device, trace);

    must("container", pamu_container_create(engine, &device->container));
    must("SET_IOMMU", pamu_ioctl(device->container, PAMU_SET_IOMMU, 7));
    must("GEOMETRY", pamu_set_geometry(device->container, 0, APERTURE_LAST));
    must("WINDOWS", pamu_set_windows(device->container, WINDOWS));
    must("ring", pamu_map_dma(device->container, RING_AT + (uint64_t)number * 65536, RING_AT, 65536, PAMU_READ_ALLOWED | PAMU_WRITE_ALLOWED));
    for (uint32_t bank = 0; bank < 2; bank++) {
        must("MAP_MSI_BANK", pamu_map_msi_bank(device->container, bank, MESSAGES_AT + bank * WINDOW_BYTES, PAMU_WRITE_ALLOWED));
    }
    must("group", pamu_group_create(engine, number + 1, &liodn, 1, banks, 2, &group));
    must("attach", pamu_attach(group, device->container));
}

/* Translation alone: every request of a device once, in a section each, with all RAM mapped. Nanoseconds, the best of five passes. */
static double time_translation(device_state *device)
{
    must("UNMAP_DMA", pamu_unmap_dma(device->container, 0, RING_AT, NULL));
    for (int half = 0; half < 2; half++) {
        must("MAP_DMA", pamu_map_dma(device->container, half * 4 * GIB, half * 4 * GIB, 2 * GIB, PAMU_READ_ALLOWED | PAMU_WRITE_ALLOWED));
    }
    pamu_reader reader;
    must("reader", pamu_reader_register(engine, "timing", &reader));
    double best = 1e9;
    for (int pass = 0; pass < 5; pass++) {
        uint64_t hits = 0, began = now();
        for (size_t i = 0; i < device->count; i++) {
            const request *next = &device->requests[i];
            uint64_t length = next->op == OP_MESSAGE ? 4 : next->length;
            hits += (uint64_t)pamu_is_hit(pamu_translate_liodn(&reader, device->liodn, next->iova, length, next->op == OP_READ ? PAMU_READ : PAMU_WRITE));
        }
        double each = (double)(now() - began) / (double)device->count;
        best = each < best ? each : best;
        if (hits == 0) {
            die("nothing was translated", 0);
        }
    }
    must("reader", pamu_reader_unregister(&reader));
    return best;
}

int main(int count, char **arguments)
{
    if (count != 1 + DEVICES) {
        fprintf(stderr, "usage: emulator TRACE.csv[.gz] TRACE.csv[.gz]\n");
        return 2;
    }
    must("this header does not fit the library", pamu_check_header());
    int file = memfd_create("guest-ram", 0); /* any file would do: another process could map it, too */
    if (file < 0 || ftruncate(file, (off_t)RAM_BYTES) != 0) {
        perror("emulator: guest RAM");
        return 2;
    }
    ram = mmap(NULL, RAM_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file, 0);
    if (ram == MAP_FAILED) {
        perror("emulator: guest RAM");
        return 2;
    }
    must("engine", pamu_engine_create(NULL, &engine));
    for (int i = 0; i < DEVICES; i++) {
        make_device(i, arguments[1 + i]);
    }

    uint64_t began = now();
    for (int i = 0; i < DEVICES; i++) {
        pthread_create(&devices[i].thread, NULL, device, &devices[i]);
    }
    vcpu();
    double seconds = (double)(now() - began) / 1e9;
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);

    uint64_t messages = 0, wrong = 0, accesses = 0;
    printf("%-8s %10s %10s %10s %10s %10s %12s\n", "device", "requests", "reads", "writes", "messages", "refused", "MB");
    for (int i = 0; i < DEVICES; i++) {
        device_state *device = &devices[i];
        pthread_join(device->thread, NULL);
        tally did = device->did;
        printf("%-8d %10zu %10" PRIu64 " %10" PRIu64 " %10" PRIu64 " %10" PRIu64 " %12.1f\n", i, device->reaped, did.reads, did.writes, did.messages,
            did.refused, (double)did.bytes / 1e6);
        wrong += device->wrong + (did.refused != device->expected_refusals);
        messages += did.messages;
        accesses += 3 * device->reaped; /* a descriptor, its work, its status */
    }
    uint64_t seen = 0;
    for (int bank = 0; bank < 8; bank++) {
        for (int r = 0; r < 8; r++) {
            seen += interrupts[bank][r];
        }
    }
    wrong += seen != messages;
    pamu_stats stats = {.size = sizeof stats};
    must("stats", pamu_get_stats(engine, &stats));
    wrong += stats.faults != devices[0].expected_refusals + devices[1].expected_refusals;

    printf("\n%-34s %12.2f\n", "seconds", seconds);
    printf("%-34s %12.0f\n", "requests a second", (double)(devices[0].reaped + devices[1].reaped) / seconds);
    printf("%-34s %12.0f\n", "translated accesses a second", (double)accesses / seconds);
    printf("%-34s %12.0f\n", "MB a second", (double)(devices[0].did.bytes + devices[1].did.bytes) / 1e6 / seconds);
    printf("%-34s %12" PRIu64 "\n", "interrupts", seen);
    printf("%-34s %12" PRIu64 "\n", "windows mapped", maps);
    printf("%-34s %12" PRIu64 "\n", "windows unmapped under the devices", unmaps);
    printf("%-34s %12.1f\n", "  microseconds each, mean", unmaps == 0 ? 0 : (double)unmap_total / (double)unmaps / 1e3);
    printf("%-34s %12.1f\n", "  microseconds, worst", (double)unmap_worst / 1e3);
    for (int i = 0; i < DEVICES; i++) {
        printf("translation alone, device %d %20.2f ns\n", i, time_translation(&devices[i]));
    }
    must("engine", pamu_engine_destroy(engine));
    printf("%s\n", wrong == 0 ? "every request came back as it should" : "SOMETHING CAME BACK WRONG");
    return wrong == 0 ? 0 : 1;
}
