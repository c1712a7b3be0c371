/* hostkeys.c: the server's keys, by sets. Called by the supervisor before it listens, by each
 * worker before it drops its privileges, and by `sallyport hostkeys`. */
#include "keys/hostkeys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/secret.h"
#include "config/position.h"
#include "keys/file.h"
#include "keys/private_key.h"

#define KEY_FILE_MAX (64u * 1024)
#define POINTER_SIZE 128

/* A generated file's family follows from its name, as administrators know them. */
static const struct {
    const char *in_name;
    enum ssh_keytypes_e type;
    int parameter;
} families[] = {
    {"ed25519", SSH_KEYTYPE_ED25519, 0},
    {"ecdsa", SSH_KEYTYPE_ECDSA, 256},
    {"rsa", SSH_KEYTYPE_RSA, 3072},
};

/* Where the key stands in the configuration: "/host_keys/files", "/host_key_sets/x/keys/0". */
static void find_pointer(const struct config_host_keys *set, size_t index, char *ret_pointer)
{
    const char *prefix = set->name ? "/host_key_sets/" : "/host_keys";
    const char *name = set->name ? set->name : "";

    if (index < set->count)
        snprintf(ret_pointer, POINTER_SIZE, "%s%s/files", prefix, name);
    else
        snprintf(ret_pointer, POINTER_SIZE, "%s%s/keys/%zu", prefix, name, index - set->count);
}

void hostkeys_source(const struct config_host_keys *set, size_t index, char *ret_text, size_t size)
{
    char pointer[POINTER_SIZE];

    find_pointer(set, index, pointer);
    if (index < set->count)
        snprintf(ret_text, size, "%s", set->files[index]);
    else if (set->keys[index - set->count].file)
        snprintf(ret_text, size, "%s", set->keys[index - set->count].file);
    else
        snprintf(ret_text, size, "%s", pointer);
}

static int complain(struct report *report, const struct config *config,
                    const struct config_host_keys *set, size_t index, const char *what)
{
    char pointer[POINTER_SIZE], source[4096];

    find_pointer(set, index, pointer);
    hostkeys_source(set, index, source, sizeof source);
    report_error(report, config->file, positions_line(config->positions, pointer), pointer,
                 "%s: %s", source, what);
    return SP_ERR_INVALID;
}

/* --- passphrases ------------------------------------------------------------------------------ */

/* *ret_passphrase is NULL if the key has none; it ends with secret_free() of its length. */
static int find_passphrase(const struct config_host_key *key, char **ret_passphrase, char *ret_why)
{
    const char *name = key->passphrase_environment;
    char why[KEY_FILE_WHY_SIZE];
    char *text = NULL;
    size_t len = 0;

    *ret_passphrase = NULL;
    if (name) {
        const char *value = getenv(name);
        if (!value) {
            snprintf(ret_why, PRIVATE_KEY_WHY_SIZE,
                     "its passphrase is not there: the daemon's environment has no %.100s", name);
            return SP_ERR_INVALID;
        }
        *ret_passphrase = secret_copy(value, strlen(value));
    } else if (key->passphrase_file) {
        if (key_file_read(key->passphrase_file, KEY_FILE_MAX, true, &text, &len, why) < 0) {
            snprintf(ret_why, PRIVATE_KEY_WHY_SIZE, "its passphrase cannot be had: the file %.*s",
                     200, why);
            return SP_ERR_INVALID;
        }
        *ret_passphrase = secret_copy(text, strcspn(text, "\r\n"));
        secret_free(text, len + 1);
    } else {
        return 0;
    }
    if (*ret_passphrase)
        return 0;
    snprintf(ret_why, PRIVATE_KEY_WHY_SIZE, "%s", err_text(SP_ERR_NOMEM));
    return SP_ERR_INVALID;
}

static void forget(const struct config_host_keys *set)
{
    for (size_t i = 0; i < set->keys_count; i++) {
        const char *name = set->keys[i].passphrase_environment;
        char *value = name ? getenv(name) : NULL;
        if (set->keys[i].text)
            secret_wipe(set->keys[i].text, strlen(set->keys[i].text));
        if (!value)
            continue;
        secret_wipe(value, strlen(value));
        unsetenv(name);
    }
}

void hostkeys_forget_secrets(const struct config *config)
{
    forget(&config->host_keys);
    for (size_t i = 0; i < config->host_key_sets_count; i++)
        forget(&config->host_key_sets[i]);
}

/* --- loading ---------------------------------------------------------------------------------- */

static int load_one(const struct config *config, const struct config_host_key *key,
                    ssh_key *ret_key, char *ret_why)
{
    uint32_t rsa_min_bits = config->limits.rsa_min_bits;
    char *text = NULL, *passphrase = NULL;
    size_t len = 0;
    int rc = 0;

    if (!key->text)
        rc = key_file_read(key->file, KEY_FILE_MAX, true, &text, &len, ret_why);
    if (rc == 0)
        rc = find_passphrase(key, &passphrase, ret_why);
    if (rc == 0)
        rc = private_key_read(key->text ? key->text : text, key->text ? strlen(key->text) : len,
                              passphrase, rsa_min_bits, ret_key, ret_why);
    secret_free(text, text ? len + 1 : 0);
    secret_free(passphrase, passphrase ? strlen(passphrase) : 0);
    return rc;
}

static bool is_same_family(ssh_key a, ssh_key b)
{
    /* All sizes of ECDSA take one place in the library. */
    const char *first = ssh_key_type_to_char(ssh_key_type(a));
    const char *second = ssh_key_type_to_char(ssh_key_type(b));

    if (strncmp(first, "ecdsa", 5) == 0 && strncmp(second, "ecdsa", 5) == 0)
        return true;
    return strcmp(first, second) == 0;
}

int hostkeys_load(const struct config *config, const struct config_host_keys *set,
                  ssh_key **ret_keys, struct report *report)
{
    size_t count = set->count + set->keys_count;
    ssh_key *keys = calloc(count + 1, sizeof *keys);
    int rc = keys ? 0 : SP_ERR_NOMEM;

    for (size_t i = 0, loaded = 0; keys && i < count; i++) {
        const struct config_host_key plain = {.file = i < set->count ? set->files[i] : NULL};
        char why[PRIVATE_KEY_WHY_SIZE] = "";
        ssh_key key = NULL;
        if (load_one(config, i < set->count ? &plain : &set->keys[i - set->count], &key, why) < 0) {
            rc = complain(report, config, set, i, why);
            continue;
        }
        for (size_t other = 0; other < loaded; other++)
            if (is_same_family(keys[other], key))
                rc = complain(report, config, set, i,
                              "is of a family that another key of this set has already; keep one "
                              "of each");
        keys[loaded++] = key;
    }
    if (rc < 0) {
        hostkeys_free(keys);
        keys = NULL;
    }
    *ret_keys = keys;
    return rc;
}

void hostkeys_free(ssh_key *keys)
{
    for (size_t i = 0; keys && keys[i]; i++)
        ssh_key_free(keys[i]);
    free(keys);
}

/* --- telling ---------------------------------------------------------------------------------- */

#define FINGERPRINT_SIZE 64

static void fingerprint(ssh_key key, enum ssh_publickey_hash_type type, char *ret_text)
{
    unsigned char *hash = NULL;
    size_t length = 0;
    char *text;

    ret_text[0] = '\0';
    if (ssh_get_publickey_hash(key, type, &hash, &length) != SSH_OK)
        return;
    text = ssh_get_fingerprint_hash(type, hash, length);
    snprintf(ret_text, FINGERPRINT_SIZE, "%s", text ? text : "");
    ssh_string_free_char(text);
    ssh_clean_pubkey_hash(&hash);
}

static int describe(const struct config *config, const struct config_host_keys *set,
                    void (*each)(const struct hostkey_facts *facts, void *arg), void *arg,
                    struct report *report)
{
    ssh_key *keys = NULL;
    int rc = hostkeys_load(config, set, &keys, report);

    for (size_t i = 0; rc == 0 && keys[i]; i++) {
        char source[4096], sha256[FINGERPRINT_SIZE], md5[FINGERPRINT_SIZE];
        const struct hostkey_facts facts = {
            .set = set->name ? set->name : "",
            .source = source,
            .type = ssh_key_type_to_char(ssh_key_type(keys[i])),
            .sha256 = sha256,
            .md5 = md5,
        };
        hostkeys_source(set, i, source, sizeof source);
        fingerprint(keys[i], SSH_PUBLICKEY_HASH_SHA256, sha256);
        fingerprint(keys[i], SSH_PUBLICKEY_HASH_MD5, md5);
        each(&facts, arg);
    }
    hostkeys_free(keys);
    return rc;
}

int hostkeys_describe(const struct config *config,
                      void (*each)(const struct hostkey_facts *facts, void *arg), void *arg,
                      struct report *report)
{
    int rc = describe(config, &config->host_keys, each, arg, report);

    for (size_t i = 0; i < config->host_key_sets_count; i++)
        if (describe(config, &config->host_key_sets[i], each, arg, report) < 0)
            rc = SP_ERR_INVALID;
    return rc;
}

static void log_key(const struct hostkey_facts *facts, void *arg)
{
    (void)arg;
    log_info("hostkey.loaded", LOG_TEXT("file", facts->source), LOG_TEXT("type", facts->type),
             LOG_TEXT("fingerprint", facts->sha256), LOG_TEXT("md5", facts->md5),
             LOG_TEXT("set", facts->set));
}

/* --- making ----------------------------------------------------------------------------------- */

/* The directory may be the daemon's user's while the supervisor is root: no link is followed, and
 * nobody else may read the file at any time. */
static bool write_key(ssh_key key, const char *file)
{
    char *text = NULL;
    bool is_written = false;

    if (ssh_pki_export_privkey_base64(key, NULL, NULL, NULL, &text) != SSH_OK)
        return false;
    size_t length = strlen(text);
    unlink(file); /* what a start that was cut off has left */
    int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd >= 0) {
        is_written = write(fd, text, length) == (ssize_t)length && fsync(fd) == 0;
        is_written = close(fd) == 0 && is_written;
    }
    secret_wipe(text, length);
    ssh_string_free_char(text);
    return is_written;
}

static int generate(const struct config *config, const struct config_host_keys *set, size_t index,
                    struct report *report)
{
    const char *file = set->files[index];
    const char *slash = strrchr(file, '/');
    const char *name = slash ? slash + 1 : file;
    ssh_key key = NULL;
    char temporary[4096];
    int rc = SP_ERR_INVALID;
    size_t i = 0;

    while (i < sizeof families / sizeof *families && !strstr(name, families[i].in_name))
        i++;
    if (i == sizeof families / sizeof *families)
        return complain(report, config, set, index,
                        "does not exist, and its name does not tell which kind of key to make; "
                        "name it *ed25519*, *ecdsa* or *rsa*, or make it with ssh-keygen");
    if ((size_t)snprintf(temporary, sizeof temporary, "%s.new", file) >= sizeof temporary)
        return complain(report, config, set, index, "the path is too long");
    if (ssh_pki_generate(families[i].type, families[i].parameter, &key) != SSH_OK)
        return complain(report, config, set, index, "a key could not be generated");

    if (!write_key(key, temporary) || rename(temporary, file) < 0) {
        unlink(temporary);
        complain(report, config, set, index,
                 "a generated key could not be written; is the directory there and writable?");
        goto out;
    }
    log_info("hostkey.generated", LOG_TEXT("file", file),
             LOG_TEXT("type", ssh_key_type_to_char(families[i].type)));
    rc = 0;
out:
    ssh_key_free(key);
    return rc;
}

static void generate_absent(const struct config *config, const struct config_host_keys *set,
                            struct report *report)
{
    for (size_t i = 0; set->generate && i < set->count; i++)
        if (access(set->files[i], F_OK) < 0 && errno == ENOENT)
            generate(config, set, i, report);
}

/* A configuration that holds a key is as secret as the key. Not asked by workers: what they read is
 * a copy, and what has become of the file since must not keep them from starting. */
static int check_inline(const struct config *config, const struct config_host_keys *set,
                        struct report *report)
{
    struct stat st;
    int rc = 0;

    for (size_t i = 0; i < set->keys_count; i++)
        if (set->keys[i].text && (stat(config->file, &st) < 0 || st.st_mode & 077))
            rc = complain(report, config, set, set->count + i,
                          "the configuration that holds this key is open to other users; chmod 600 "
                          "it, or put the key into a file");
    return rc;
}

int hostkeys_ensure(const struct config *config, struct report *report)
{
    int rc = check_inline(config, &config->host_keys, report);

    generate_absent(config, &config->host_keys, report);
    for (size_t i = 0; i < config->host_key_sets_count; i++) {
        if (check_inline(config, &config->host_key_sets[i], report) < 0)
            rc = SP_ERR_INVALID;
        generate_absent(config, &config->host_key_sets[i], report);
    }
    return hostkeys_describe(config, log_key, NULL, report) < 0 ? SP_ERR_INVALID : rc;
}
