/*
 * clients.c: many light SSH clients in one process, for bench.py. Each connects, authenticates with
 * a key and starts SFTP.
 *
 * clients PORT USER KEY hold COUNT      keep COUNT connections until standard input ends
 * clients PORT USER KEY cycle COUNT     one after the other, each closed before the next
 * clients PORT USER KEY stat COUNT PATH one connection, COUNT stat requests one after the other
 *
 * Prints "ready" once that is done.
 */
#include <libssh/libssh.h>
#include <libssh/sftp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THREADS 8

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

int main(int argc, char **argv)
{
    if (argc < 6) {
        fprintf(stderr, "usage: clients PORT USER KEY hold|cycle|stat COUNT [PATH]\n");
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
