/* accounts.c: limits and their accounts. See accounts.h. */
#include "sftp-quota/accounts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/sha.h>

#include "common/log.h"
#include "sftp-quota/scan.h"

#define IDLE_TICKS 60u
#define PLAIN_NAME_MOST 100u

static uint64_t number_of(const json_t *object, const char *key)
{
    json_int_t number = json_integer_value(json_object_get(object, key));
    return number > 0 ? (uint64_t)number : UINT64_MAX;
}

static bool take_limit(struct limit *limit, const json_t *object)
{
    const json_t *path = json_object_get(object, "path");
    const char *per = json_string_value(json_object_get(object, "per"));
    *limit = (struct limit){
        .name = json_string_value(json_object_get(object, "name")),
        .path = {json_string_value(path), json_string_length(path)},
        .is_shared = per && strcmp(per, "all") == 0,
        .bytes = number_of(object, "bytes"),
        .files = number_of(object, "files"),
        .scan = json_string_value(json_object_get(object, "scan")),
    };
    while (limit->path.len > 0 && limit->path.data[limit->path.len - 1] == '/')
        limit->path.len--;
    return limit->name && who_take(&limit->who, object);
}

int accounts_init(struct accounts *accounts, const struct sp_host *host,
                  const struct json_t *config)
{
    const json_t *list = json_object_get(config, "limits");
    *accounts = (struct accounts){
        .host = host, .directory = json_string_value(json_object_get(config, "directory"))};
    pthread_mutex_init(&accounts->lock, NULL);
    pthread_cond_init(&accounts->opened, NULL);
    if (!accounts->directory || json_array_size(list) >= LIMITS_MAX)
        return SP_E_INVALID;
    bool has_trees = false;
    while (accounts->limits_count < json_array_size(list)) {
        struct limit *limit = &accounts->limits[accounts->limits_count];
        const json_t *object = json_array_get(list, accounts->limits_count++);
        if (!take_limit(limit, object))
            return SP_E_NOMEM;
        for (const struct limit *other = accounts->limits; other < limit; other++)
            if (strcmp(other->name, limit->name) == 0) {
                log_line(host, SP_LOG_ERROR, "two limits are called \"%s\"", limit->name);
                return SP_E_INVALID;
            }
        if (limit->scan && limit->is_shared && strstr(limit->scan, "%u")) {
            log_line(host, SP_LOG_ERROR, "limit \"%s\": %%u, but it is for all together",
                     limit->name);
            return SP_E_INVALID;
        }
        has_trees |= limit->path.len > 0;
    }
    /* A file that comes into a tree must not be open, and no limit may know of it before. */
    if (has_trees)
        accounts->limits[accounts->limits_count++] = (struct limit){.name = ".open",
                                                                    .path = {"", 0},
                                                                    .is_shared = true,
                                                                    .is_registry = true,
                                                                    .bytes = UINT64_MAX,
                                                                    .files = UINT64_MAX};
    return 0;
}

static void free_account(struct account *account)
{
    if (account->state == ACCOUNT_READY)
        ledger_close(&account->ledger);
    free(account);
}

void accounts_free(struct accounts *accounts)
{
    struct account *next;
    for (struct account *account = accounts->first; account; account = next) {
        next = account->next;
        free_account(account);
    }
    for (size_t i = 0; i < accounts->limits_count; i++)
        who_clear(&accounts->limits[i].who);
    pthread_cond_destroy(&accounts->opened);
    pthread_mutex_destroy(&accounts->lock);
}

/* --- finding them -------------------------------------------------------------------------- */

static bool lies_below(struct sp_str path, struct sp_str above)
{
    return path.len >= above.len && memcmp(path.data, above.data, (size_t)above.len) == 0 &&
           (path.len == above.len || path.data[above.len] == '/');
}

static struct account *find(struct accounts *accounts, const struct limit *limit,
                            struct sp_str user)
{
    if (limit->is_shared)
        user.len = 0;
    struct account *account = accounts->first;
    while (account && !(account->limit == limit && account->user_length == user.len &&
                        memcmp(account->user, user.data, (size_t)user.len) == 0))
        account = account->next;
    if (account)
        return account;
    account = calloc(1, sizeof *account + (size_t)user.len + 1);
    if (!account)
        return NULL;
    account->limit = limit;
    account->ledger.fd = -1;
    account->user_length = (size_t)user.len;
    memcpy(account->user, user.len > 0 ? user.data : "", (size_t)user.len);
    account->next = accounts->first;
    accounts->first = account;
    return account;
}

bool accounts_limit(const struct accounts *accounts, const struct sp_connection *connection)
{
    for (size_t i = 0; i < accounts->limits_count; i++)
        if (!accounts->limits[i].is_registry && who_means(&accounts->limits[i].who, connection))
            return true;
    return false;
}

bool accounts_find(struct accounts *accounts, const struct sp_connection *connection,
                   struct sp_str path, struct charged *ret)
{
    ret->count = 0;
    for (size_t i = 0; connection && i < accounts->limits_count; i++) {
        const struct limit *limit = &accounts->limits[i];
        if (!lies_below(path, limit->path) || !who_means(&limit->who, connection))
            continue;
        struct account *account = find(accounts, limit, connection->user);
        if (!account)
            return false;
        account->idle_ticks = 0;
        ret->items[ret->count++] = account;
    }
    return true;
}

bool accounts_are_ready(const struct charged *charged)
{
    for (size_t i = 0; i < charged->count; i++)
        if (charged->items[i]->state != ACCOUNT_READY)
            return false;
    return true;
}

void accounts_hold(struct charged *charged)
{
    for (size_t i = 0; i < charged->count; i++)
        charged->items[i]->uses++;
}

void accounts_release(struct charged *charged)
{
    for (size_t i = 0; i < charged->count; i++)
        charged->items[i]->uses--;
    charged->count = 0;
}

bool accounts_have_open(const struct charged *charged, const struct ledger_key *key)
{
    for (size_t i = 0; i < charged->count; i++) {
        struct ledger *ledger = &charged->items[i]->ledger;
        if (!charged->items[i]->limit->is_registry)
            continue;
        if (!ledger_lock(ledger, 250))
            return true;
        const struct ledger_entry *entry = ledger_find(ledger, key);
        bool is_open = entry && entry->opens > 0;
        ledger_unlock(ledger);
        return is_open;
    }
    return false;
}

bool accounts_have(const struct charged *charged, const struct account *account)
{
    for (size_t i = 0; i < charged->count; i++)
        if (charged->items[i] == account)
            return true;
    return false;
}

/* --- opening them -------------------------------------------------------------------------- */

/* A user's name as a part of a file's: what is not plain, or is long, by its hash. */
static void name_file(const struct accounts *accounts, const struct account *account, char *out,
                      size_t size)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
    const char *limit = account->limit->name;
    if (account->limit->is_shared) {
        snprintf(out, size, "%s/%s.quota", accounts->directory, limit);
    } else if (account->user_length <= PLAIN_NAME_MOST &&
               strspn(account->user, plain) == account->user_length) {
        snprintf(out, size, "%s/%s.user.%s.quota", accounts->directory, limit, account->user);
    } else {
        unsigned char digest[SHA256_DIGEST_LENGTH];
        char text[2 * sizeof digest + 1];
        SHA256((const unsigned char *)account->user, account->user_length, digest);
        for (size_t i = 0; i < sizeof digest; i++)
            snprintf(text + 2 * i, 3, "%02x", digest[i]);
        snprintf(out, size, "%s/%s.hash.%s.quota", accounts->directory, limit, text);
    }
}

/* What was there before the ledger. Its lock keeps other workers waiting until that is known. */
static int begin(struct account *account, const char **ret_why)
{
    struct ledger *ledger = &account->ledger;
    const char *scan = account->limit->scan;
    struct scan_sum sum = {0};
    struct sp_str user = {account->user, account->user_length};
    if (!ledger_lock(ledger, 30000)) {
        *ret_why = "somebody else holds its lock";
        return -1;
    }
    int rc = 0;
    if (!ledger->file->is_begun && scan)
        rc = scan_directory(scan, user, &sum, ret_why);
    if (rc == 0 && !ledger->file->is_begun) {
        ledger->file->bytes = sum.bytes;
        ledger->file->files = sum.files;
        ledger->file->is_begun = 1;
    }
    ledger_unlock(ledger);
    return rc;
}

static int open_one(struct accounts *accounts, struct account *account)
{
    char path[4096];
    const char *why = NULL;
    name_file(accounts, account, path, sizeof path);
    int rc = ledger_open(&account->ledger, path, &why);
    if (rc == 0 && (rc = begin(account, &why)) < 0)
        ledger_close(&account->ledger);
    if (rc < 0)
        log_line(accounts->host, SP_LOG_ERROR, "%s: %s", path, why);
    return rc;
}

int accounts_open(struct accounts *accounts, const struct charged *charged)
{
    int rc = 0;
    pthread_mutex_lock(&accounts->lock);
    for (size_t i = 0; rc == 0 && i < charged->count; i++) {
        struct account *account = charged->items[i];
        while (account->state == ACCOUNT_OPENING)
            pthread_cond_wait(&accounts->opened, &accounts->lock);
        if (account->state == ACCOUNT_READY)
            continue;
        account->state = ACCOUNT_OPENING;
        pthread_mutex_unlock(&accounts->lock);
        rc = open_one(accounts, account);
        pthread_mutex_lock(&accounts->lock);
        account->state = rc == 0 ? ACCOUNT_READY : ACCOUNT_NEW;
        pthread_cond_broadcast(&accounts->opened);
    }
    pthread_mutex_unlock(&accounts->lock);
    return rc;
}

void accounts_tick(struct accounts *accounts)
{
    for (struct account **at = &accounts->first; *at;) {
        struct account *account = *at;
        if (account->uses > 0 || account->state == ACCOUNT_OPENING ||
            ++account->idle_ticks < IDLE_TICKS) {
            at = &account->next;
            continue;
        }
        *at = account->next;
        free_account(account);
    }
}
