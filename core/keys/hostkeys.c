/* hostkeys.c: the server's keys, from files. Called by the supervisor before it listens and by each
 * worker before it drops its privileges. */
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

#define KEY_FILE_MAX (64 * 1024)

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

static int complain(struct report *report, const struct config *config, const char *file,
                    const char *what)
{
    report_error(report, config->file, positions_line(config->positions, "/host_keys/files"),
                 "/host_keys/files", "%s: %s", file, what);
    return SP_ERR_INVALID;
}

/* Never prompts: the library would ask on the terminal when a key is encrypted. */
static int no_passphrase(const char *prompt, char *buf, size_t len, int echo, int verify,
                         void *userdata)
{
    (void)prompt, (void)buf, (void)len, (void)echo, (void)verify, (void)userdata;
    return -1;
}

static int generate(const struct config *config, const char *file, struct report *report)
{
    const char *slash = strrchr(file, '/');
    const char *name = slash ? slash + 1 : file;
    ssh_key key = NULL;
    char temporary[4096];
    int rc = SP_ERR_INVALID;
    size_t i = 0;

    while (i < sizeof families / sizeof *families && !strstr(name, families[i].in_name))
        i++;
    if (i == sizeof families / sizeof *families)
        return complain(report, config, file,
                        "does not exist, and its name does not tell which kind of key to make; "
                        "name it *ed25519*, *ecdsa* or *rsa*, or make it with ssh-keygen");
    if ((size_t)snprintf(temporary, sizeof temporary, "%s.new", file) >= sizeof temporary)
        return complain(report, config, file, "the path is too long");
    if (ssh_pki_generate(families[i].type, families[i].parameter, &key) != SSH_OK)
        return complain(report, config, file, "a key could not be generated");

    /* The library creates files by the umask; nobody else may read this one at any time. */
    mode_t before = umask(077);
    int written = ssh_pki_export_privkey_file(key, NULL, NULL, NULL, temporary);
    umask(before);
    if (written != SSH_OK || chmod(temporary, 0600) < 0 || rename(temporary, file) < 0) {
        unlink(temporary);
        complain(report, config, file,
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

/* The file's text after its owner and mode were found right, checked on the very descriptor that is
 * read. */
static int read_file(const struct config *config, const char *file, char **ret_text,
                     struct report *report)
{
    struct stat st;
    char message[256];
    char *text = NULL;
    size_t length = 0;
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0) {
        snprintf(message, sizeof message, "cannot be opened: %s", strerror(errno));
        return complain(report, config, file, message);
    }
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > KEY_FILE_MAX) {
        complain(report, config, file, "is not a key file");
        goto fail;
    }
    if (st.st_uid != geteuid() && st.st_uid != 0) {
        complain(report, config, file, "belongs to another user; chown it to the daemon's user");
        goto fail;
    }
    if (st.st_mode & 077) {
        snprintf(message, sizeof message,
                 "is open to other users (mode %04o); chmod 600 it, and replace it if they may "
                 "have read it",
                 st.st_mode & 07777);
        complain(report, config, file, message);
        goto fail;
    }
    text = malloc(KEY_FILE_MAX + 1);
    if (!text)
        goto fail;
    for (ssize_t n; length < KEY_FILE_MAX; length += (size_t)n) {
        n = read(fd, text + length, KEY_FILE_MAX - length);
        if (n < 0 && errno == EINTR) {
            n = 0;
            continue;
        }
        if (n <= 0)
            break;
    }
    text[length] = '\0';
    close(fd);
    *ret_text = text;
    return 0;
fail:
    close(fd);
    return SP_ERR_INVALID;
}

static int load(const struct config *config, const char *file, ssh_key *ret_key,
                struct report *report)
{
    char *text = NULL;
    int rc = read_file(config, file, &text, report);

    if (rc < 0)
        return rc;
    int imported = ssh_pki_import_privkey_base64(text, NULL, no_passphrase, NULL, ret_key);
    secret_free(text, KEY_FILE_MAX + 1);
    if (imported != SSH_OK)
        return complain(report, config, file,
                        "is not a private key in OpenSSH, PEM or PKCS#8 format without passphrase");
    return 0;
}

static void log_fingerprint(const char *file, ssh_key key)
{
    unsigned char *hash = NULL;
    size_t length = 0;
    char *text;

    if (ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &length) != SSH_OK)
        return;
    text = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, length);
    log_info("hostkey.loaded", LOG_TEXT("file", file),
             LOG_TEXT("type", ssh_key_type_to_char(ssh_key_type(key))),
             LOG_TEXT("fingerprint", text));
    ssh_string_free_char(text);
    ssh_clean_pubkey_hash(&hash);
}

int hostkeys_ensure(const struct config *config, struct report *report)
{
    ssh_key *keys = NULL;
    int rc;

    for (size_t i = 0; config->host_keys.generate && i < config->host_keys.count; i++)
        if (access(config->host_keys.files[i], F_OK) < 0 && errno == ENOENT)
            generate(config, config->host_keys.files[i], report);
    rc = hostkeys_load(config, &keys, report);
    for (size_t i = 0; rc == 0 && i < config->host_keys.count; i++)
        log_fingerprint(config->host_keys.files[i], keys[i]);
    hostkeys_free(keys);
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

int hostkeys_load(const struct config *config, ssh_key **ret_keys, struct report *report)
{
    size_t count = config->host_keys.count;
    ssh_key *keys = calloc(count + 1, sizeof *keys);
    int rc = keys ? 0 : SP_ERR_NOMEM;

    for (size_t i = 0, loaded = 0; keys && i < count; i++) {
        ssh_key key = NULL;
        if (load(config, config->host_keys.files[i], &key, report) < 0) {
            rc = SP_ERR_INVALID;
            continue;
        }
        for (size_t other = 0; other < loaded; other++)
            if (is_same_family(keys[other], key))
                rc = complain(report, config, config->host_keys.files[i],
                              "is of a family that another file has already; keep one of each");
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
