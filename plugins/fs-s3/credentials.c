/*
 * credentials.c: the keys that requests are signed with. Any thread, but for creation and refresh.
 *
 * They come from a file as other tools for such stores have it, so that a tool that renews keys can
 * write it, and are read again when the file has changed. What is let go of is wiped.
 */
#include "fs_s3.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"

#define FILE_MOST (64u << 10)

struct credentials {
    const struct sp_host *host;
    const char *path; /* NULL: they are from the environment */
    const char *profile;
    struct stat stat;     /* of the file that was looked at last */
    pthread_mutex_t lock; /* over identity */
    struct identity identity;
};

void identity_clear(struct identity *identity)
{
    text_clear(&identity->access_key);
    text_clear(&identity->secret_key);
    text_clear(&identity->session_token);
}

static bool is_complete(const struct identity *identity)
{
    return identity->access_key.length && identity->secret_key.length &&
           !identity->access_key.failed && !identity->secret_key.failed &&
           !identity->session_token.failed;
}

/* What the name of a setting stands for; NULL: nothing of ours. */
static struct text *field_of(struct identity *identity, const char *name, size_t length)
{
    const struct {
        const char *name;
        struct text *text;
    } fields[] = {{"aws_access_key_id", &identity->access_key},
                  {"aws_secret_access_key", &identity->secret_key},
                  {"aws_session_token", &identity->session_token}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (strlen(fields[i].name) == length && strncmp(fields[i].name, name, length) == 0)
            return fields[i].text;
    return NULL;
}

/* Without spaces at its ends; in place. */
static char *trim(char *text)
{
    text += strspn(text, " \t\r");
    size_t length = strlen(text);
    while (length > 0 && strchr(" \t\r", text[length - 1]))
        text[--length] = '\0';
    return text;
}

/* Of a header: a line break would begin another one. */
static bool is_printable(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text <= 0x20 || (unsigned char)*text >= 0x7f)
            return false;
    return true;
}

/* "[profile]", "name = value", empty lines and comments. */
static void parse(char *text, const char *profile, struct identity *ret_identity)
{
    bool is_ours = false;
    for (char *line; (line = strsep(&text, "\n"));) {
        line = trim(line);
        size_t length = strlen(line);
        if (line[0] == '[' && line[length - 1] == ']') {
            line[length - 1] = '\0';
            is_ours = strcmp(trim(line + 1), profile) == 0;
            continue;
        }
        char *value = strchr(line, '=');
        size_t name = strcspn(line, " \t=");
        struct text *field = value && is_ours ? field_of(ret_identity, line, name) : NULL;
        if (!field)
            continue;
        value = trim(value + 1);
        text_clear(field);
        if (is_printable(value))
            text_put(field, value);
    }
}

static int read_file(struct credentials *credentials, struct identity *ret_identity)
{
    size_t length = 0;
    const char *why = NULL;
    char *text = file_read(credentials->path, FILE_MOST, true, &length, &credentials->stat, &why);
    if (!text) {
        log_line(credentials->host, SP_LOG_ERROR, "credentials_file %s: %s", credentials->path,
                 why);
        return SP_E_FAILED;
    }
    parse(text, credentials->profile, ret_identity);
    OPENSSL_cleanse(text, length);
    free(text);
    if (is_complete(ret_identity))
        return 0;
    log_line(credentials->host, SP_LOG_ERROR,
             "credentials_file %s: there must be aws_access_key_id and aws_secret_access_key below "
             "[%s]",
             credentials->path, credentials->profile);
    return SP_E_INVALID;
}

static int read_environment(struct credentials *credentials, struct identity *ret_identity)
{
    const struct {
        const char *name;
        struct text *text;
    } fields[] = {{"AWS_ACCESS_KEY_ID", &ret_identity->access_key},
                  {"AWS_SECRET_ACCESS_KEY", &ret_identity->secret_key},
                  {"AWS_SESSION_TOKEN", &ret_identity->session_token}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        const char *value = getenv(fields[i].name);
        if (value && is_printable(value))
            text_put(fields[i].text, value);
    }
    if (is_complete(ret_identity))
        return 0;
    log_line(credentials->host, SP_LOG_ERROR,
             "there are no keys: set credentials_file, or AWS_ACCESS_KEY_ID and "
             "AWS_SECRET_ACCESS_KEY in the daemon's environment");
    return SP_E_INVALID;
}

struct credentials *credentials_new(const struct sp_host *host, const struct options *options)
{
    struct credentials *credentials = calloc(1, sizeof *credentials);
    if (!credentials)
        return NULL;
    credentials->host = host;
    credentials->path = options->credentials_file;
    credentials->profile = options->profile ? options->profile : "default";
    pthread_mutex_init(&credentials->lock, NULL);
    int rc = credentials->path ? read_file(credentials, &credentials->identity)
                               : read_environment(credentials, &credentials->identity);
    if (rc == 0)
        return credentials;
    credentials_free(credentials);
    return NULL;
}

void credentials_free(struct credentials *credentials)
{
    if (!credentials)
        return;
    identity_clear(&credentials->identity);
    pthread_mutex_destroy(&credentials->lock);
    free(credentials);
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

void credentials_refresh(struct credentials *credentials)
{
    struct stat st;
    struct identity identity = {0};
    if (!credentials->path || stat(credentials->path, &st) < 0 ||
        is_same_file(&st, &credentials->stat))
        return;
    int rc = read_file(credentials, &identity);
    credentials->stat = st; /* told once for each file */
    if (rc == 0) {
        pthread_mutex_lock(&credentials->lock);
        struct identity old = credentials->identity;
        credentials->identity = identity;
        identity = old;
        pthread_mutex_unlock(&credentials->lock);
        log_line(credentials->host, SP_LOG_INFO, "credentials_file %s has been read again",
                 credentials->path);
    }
    identity_clear(&identity);
}

static void copy(struct text *to, const struct text *from)
{
    text_add(to, from->data, from->length);
}

bool credentials_get(struct credentials *credentials, struct identity *ret_identity)
{
    *ret_identity = (struct identity){0};
    pthread_mutex_lock(&credentials->lock);
    copy(&ret_identity->access_key, &credentials->identity.access_key);
    copy(&ret_identity->secret_key, &credentials->identity.secret_key);
    copy(&ret_identity->session_token, &credentials->identity.session_token);
    pthread_mutex_unlock(&credentials->lock);
    if (is_complete(ret_identity))
        return true;
    identity_clear(ret_identity);
    return false;
}
