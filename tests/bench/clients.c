/*
 * clients.c: many light SSH clients in one process, for bench.py. Each connects, authenticates with
 * a key and starts SFTP.
 *
 * clients PORT USER KEY hold COUNT      keep COUNT connections until standard input ends
 * clients PORT USER KEY cycle COUNT     one after the other, each closed before the next
 * clients PORT USER KEY stat COUNT PATH one connection, COUNT stat requests one after the other
 * clients PORT USER KEY open COUNT PATH one connection that keeps COUNT handles of PATH
 * clients PORT USER KEY read COUNT PATH COUNT connections at a time, 100 reads each, with pauses;
 *                                       prints median and 99th percentile of a read, microseconds
 *
 * Prints "ready" once that is done.
 */
#include <fcntl.h>
#include <libssh/libssh.h>
#include <libssh/sftp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define THREADS 8
#define READS 100
#define READ_BYTES 4096
#define READERS_MAX 256
#define PAUSE_MAX_US 20000 /* without pauses it is the clients who wait for the processor */

struct target {
    int port;
    const char *user;
    ssh_key key;
    int count;
    atomic_int next;
    atomic_int failed;
};

struct client {
    ssh_session session;
    sftp_session sftp;
};

static bool client_open(struct client *client, const struct target *target)
{
    int port = target->port;
    bool no = false;
    client->session = ssh_new();
    ssh_options_set(client->session, SSH_OPTIONS_HOST, "127.0.0.1");
    ssh_options_set(client->session, SSH_OPTIONS_PORT, &port);
    ssh_options_set(client->session, SSH_OPTIONS_USER, target->user);
    ssh_options_set(client->session, SSH_OPTIONS_PROCESS_CONFIG, &no);
    ssh_options_set(client->session, SSH_OPTIONS_KEY_EXCHANGE, "curve25519-sha256");
    ssh_options_set(client->session, SSH_OPTIONS_HOSTKEYS, "ssh-ed25519");
    if (ssh_connect(client->session) != SSH_OK ||
        ssh_userauth_publickey(client->session, NULL, target->key) != SSH_AUTH_SUCCESS ||
        !(client->sftp = sftp_new(client->session)) || sftp_init(client->sftp) != SSH_OK) {
        fprintf(stderr, "clients: %s\n", ssh_get_error(client->session));
        return false;
    }
    return true;
}

static void client_close(struct client *client)
{
    sftp_free(client->sftp);
    ssh_disconnect(client->session);
    ssh_free(client->session);
}

/* Opens connections until enough are; they are left open. */
static void *open_some(void *arg)
{
    struct target *target = arg;
    while (atomic_fetch_add(&target->next, 1) < target->count) {
        struct client client;
        if (!client_open(&client, target))
            atomic_fetch_add(&target->failed, 1);
    }
    return NULL;
}

static int hold(struct target *target)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, open_some, target) != 0)
            abort();
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    return atomic_load(&target->failed);
}

static int cycle(const struct target *target)
{
    for (int i = 0; i < target->count; i++) {
        struct client client;
        if (!client_open(&client, target))
            return 1;
        client_close(&client);
    }
    return 0;
}

static int stat_often(const struct target *target, const char *path)
{
    struct client client;
    if (!client_open(&client, target))
        return 1;
    for (int i = 0; i < target->count; i++) {
        sftp_attributes attributes = sftp_stat(client.sftp, path);
        if (!attributes)
            return 1;
        sftp_attributes_free(attributes);
    }
    client_close(&client);
    return 0;
}

static int open_often(const struct target *target, const char *path)
{
    struct client client;
    if (!client_open(&client, target))
        return 1;
    for (int i = 0; i < target->count; i++)
        if (!sftp_open(client.sftp, path, O_RDONLY, 0))
            return 1;
    return 0;
}

static double now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

struct reader {
    pthread_t thread;
    struct target *target;
    const char *path;
    pthread_barrier_t *start; /* all are connected */
    double took_us[READS];
};

static void *read_often(void *arg)
{
    struct reader *reader = arg;
    struct client client;
    unsigned seed = (unsigned)(uintptr_t)reader;
    char bytes[READ_BYTES];
    sftp_file file = NULL;
    bool is_open = client_open(&client, reader->target);
    if (is_open)
        file = sftp_open(client.sftp, reader->path, O_RDONLY, 0);
    pthread_barrier_wait(reader->start);
    for (int i = 0; file && i < READS; i++) {
        usleep((useconds_t)rand_r(&seed) % PAUSE_MAX_US);
        double begin = now_us();
        sftp_seek64(file, (uint64_t)i * 7919 % 1000 * READ_BYTES);
        if (sftp_read(file, bytes, sizeof bytes) != READ_BYTES) {
            file = NULL;
            break;
        }
        reader->took_us[i] = now_us() - begin;
    }
    if (!file)
        atomic_fetch_add(&reader->target->failed, 1);
    return NULL;
}

static int by_size(const void *a, const void *b)
{
    double difference = *(const double *)a - *(const double *)b;
    return (difference > 0) - (difference < 0);
}

static int read_together(struct target *target, const char *path)
{
    static struct reader readers[READERS_MAX];
    static double all[READERS_MAX * READS];
    pthread_barrier_t start;
    int count = target->count < READERS_MAX ? target->count : READERS_MAX;
    pthread_barrier_init(&start, NULL, (unsigned)count);
    for (int i = 0; i < count; i++) {
        readers[i] = (struct reader){.target = target, .path = path, .start = &start};
        if (pthread_create(&readers[i].thread, NULL, read_often, &readers[i]) != 0)
            abort();
    }
    for (int i = 0; i < count; i++) {
        pthread_join(readers[i].thread, NULL);
        memcpy(all + (size_t)i * READS, readers[i].took_us, sizeof readers[i].took_us);
    }
    size_t total = (size_t)count * READS;
    qsort(all, total, sizeof *all, by_size);
    printf("%.0f %.0f\n", all[total / 2], all[total * 99 / 100]);
    return atomic_load(&target->failed);
}

int main(int argc, char **argv)
{
    if (argc < 6) {
        fprintf(stderr, "usage: clients PORT USER KEY hold|cycle|stat|open|read COUNT [PATH]\n");
        return 2;
    }
    struct target target = {.port = atoi(argv[1]), .user = argv[2], .count = atoi(argv[5])};
    ssh_init();
    if (ssh_pki_import_privkey_file(argv[3], NULL, NULL, NULL, &target.key) != SSH_OK) {
        fprintf(stderr, "clients: cannot read %s\n", argv[3]);
        return 1;
    }
    int failed;
    if (strcmp(argv[4], "hold") == 0)
        failed = hold(&target);
    else if (strcmp(argv[4], "cycle") == 0)
        failed = cycle(&target);
    else if (strcmp(argv[4], "open") == 0)
        failed = open_often(&target, argc > 6 ? argv[6] : "/");
    else if (strcmp(argv[4], "read") == 0)
        failed = read_together(&target, argc > 6 ? argv[6] : "/");
    else
        failed = stat_often(&target, argc > 6 ? argv[6] : "/");
    if (failed)
        return 1;
    puts("ready");
    fflush(stdout);
    char byte;
    while (read(0, &byte, 1) > 0)
        continue;
    return 0;
}
