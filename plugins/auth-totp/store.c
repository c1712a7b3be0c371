/*
 * store.c: one file for each user: DIRECTORY/USER.json with the secret, written by the
 * administrator, and DIRECTORY/USER.used with what was used last, written by the plugin. Several
 * worker processes judge codes at once, so the second is read and written under a lock.
 */
#include "auth-totp/totp.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <jansson.h>
#include <openssl/crypto.h>

#include "common/file.h"
#include "common/name.h"

#define FILE_MAX 4096
#define NAME_MAX_BYTES 200 /* and a suffix is still a file's name */
#define WINDOW_MAX 10

/* What is in a .used file. */
struct used {
    uint64_t step;         /* the last that was right; 0: none */
    uint32_t failures;     /* since … */
    int64_t failing_since; /* … then, in milliseconds since 1970 */
};

bool totp_name_is_sound(struct sp_str user)
{
    return name_is_component(user, NAME_MAX_BYTES);
}

/* False: too long. */
static bool path_of(char path[PATH_MAX], const char *directory, struct sp_str user,
                    const char *suffix)
{
    int n = snprintf(path, PATH_MAX, "%s/%.*s%s", directory, (int)user.len, user.data, suffix);
    return n > 0 && n < PATH_MAX;
}

/* --- the secret ------------------------------------------------------------------------------ */

static bool number_in(const json_t *object, const char *key, uint32_t least, uint32_t most,
                      uint32_t otherwise, uint32_t *ret_number)
{
    const json_t *value = json_object_get(object, key);
    json_int_t number = json_is_integer(value) ? json_integer_value(value) : -1;
    if (!value)
        number = otherwise;
    *ret_number = (uint32_t)number;
    return number >= least && number <= most;
}

static bool parse(const json_t *object, struct totp *totp, const char **why)
{
    const char *secret = json_string_value(json_object_get(object, "secret"));
    const char *algorithm = json_string_value(json_object_get(object, "algorithm"));

    *why = "its \"secret\" is no base32 text of 1 to 128 bytes";
    if (!secret || !totp_base32_parse(secret, totp->key, &totp->key_length))
        return false;
    *why = "its \"algorithm\" is none of sha1, sha256, sha512";
    if (!totp_algorithm_parse(algorithm ? algorithm : "sha1", &totp->algorithm))
        return false;
    *why = "its \"digits\" are not 6 to 8";
    if (!number_in(object, "digits", 6, TOTP_DIGITS_MAX, 6, &totp->digits))
        return false;
    *why = "its \"period_s\" is not 10 to 300";
    return number_in(object, "period_s", 10, 300, 30, &totp->period_s);
}

int totp_load(const char *directory, struct sp_str user, struct totp *ret_totp, const char **why)
{
    char path[PATH_MAX];
    struct stat st;
    size_t length = 0;

    if (!path_of(path, directory, user, ".json")) {
        *why = "its path is too long";
        return -1;
    }
    errno = 0;
    char *text = file_read(path, FILE_MAX, true, &length, &st, why);
    if (!text)
        return errno == ENOENT ? 0 : -1;
    json_t *object = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
    OPENSSL_cleanse(text, length);
    free(text);
    bool is_good = json_is_object(object);
    if (!is_good)
        *why = "it is no JSON object; enrol the user again";
    else
        is_good = parse(object, ret_totp, why);
    const char *secret = json_string_value(json_object_get(object, "secret"));
    if (secret)
        OPENSSL_cleanse((void *)(uintptr_t)secret, strlen(secret));
    json_decref(object);
    return is_good ? 1 : -1;
}

/* --- what was used --------------------------------------------------------------------------- */

/* An empty file is a new one; anything but three numbers is a fault, which lets nobody in. */
static bool used_read(int fd, struct used *ret_used)
{
    char text[128];
    int end = 0;
    *ret_used = (struct used){0};
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    if (n <= 0)
        return n == 0;
    text[n] = '\0';
    return sscanf(text, "%" SCNu64 " %" SCNu32 " %" SCNd64 "\n%n", &ret_used->step,
                  &ret_used->failures, &ret_used->failing_since, &end) == 3 &&
           end == n;
}

/* Always as long as the last one, so that a write cut off leaves no old digits behind it. */
static bool used_write(int fd, const struct used *used)
{
    char text[128];
    int n = snprintf(text, sizeof text, "%020" PRIu64 " %010" PRIu32 " %020" PRId64 "\n",
                     used->step, used->failures, used->failing_since);
    return pwrite(fd, text, (size_t)n, 0) == n && fdatasync(fd) == 0;
}

/* Which step the code is of, among those of the window; 0 if of none. Takes the same time. */
static uint64_t find_step(const struct totp *totp, struct sp_str code, uint64_t now,
                          uint32_t window, bool *ret_is_computed)
{
    uint64_t found = 0;
    if (window > WINDOW_MAX)
        window = WINDOW_MAX;
    for (uint64_t step = now > window ? now - window : 1; step <= now + window; step++) {
        char right[TOTP_DIGITS_MAX + 1];
        if (!totp_code(totp, step, right)) {
            *ret_is_computed = false;
            return 0;
        }
        if (code.len == totp->digits && CRYPTO_memcmp(right, code.data, totp->digits) == 0)
            found = step;
    }
    *ret_is_computed = true;
    return found;
}

static enum totp_outcome judge(struct used *used, const struct totp *totp, struct sp_str code,
                               int64_t time_ms, const struct totp_rules *rules)
{
    bool is_computed;
    uint64_t now = (uint64_t)time_ms / 1000 / totp->period_s;
    uint64_t step = find_step(totp, code, now, rules->window, &is_computed);

    if (!is_computed)
        return TOTP_FAILED;
    /* A clock that was set back does not prolong the span. */
    if (time_ms < used->failing_since ||
        (uint64_t)(time_ms - used->failing_since) >= rules->failures_span_ms) {
        used->failures = 0;
        used->failing_since = time_ms;
    }
    if (used->failures >= rules->failures_max)
        return TOTP_LOCKED;
    if (step > used->step) {
        used->step = step;
        used->failures = 0;
        return TOTP_RIGHT;
    }
    used->failures++;
    return step ? TOTP_REPLAYED : TOTP_WRONG;
}

enum totp_outcome totp_use(const char *directory, struct sp_str user, const struct totp *totp,
                           struct sp_str code, int64_t time_ms, const struct totp_rules *rules,
                           const char **why)
{
    char path[PATH_MAX];
    struct used used;
    enum totp_outcome outcome = TOTP_FAILED;

    *why = "the record of used codes cannot be written; see that the daemon's user may write in "
           "the directory";
    if (time_ms < 0 || !path_of(path, directory, user, ".used"))
        return TOTP_FAILED;
    int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (fd < 0)
        return TOTP_FAILED;
    if (flock(fd, LOCK_EX) == 0) {
        if (!used_read(fd, &used))
            *why = "the record of used codes is damaged; enrol the user again";
        else if ((outcome = judge(&used, totp, code, time_ms, rules)) == TOTP_FAILED)
            *why = "the code cannot be computed; the algorithm may be disabled in this system";
        else if (!used_write(fd, &used))
            outcome = TOTP_FAILED;
    }
    close(fd);
    return outcome;
}

/* --- enrolment ------------------------------------------------------------------------------- */

static bool write_all(int fd, const char *text)
{
    size_t length = strlen(text);
    for (ssize_t n; length > 0; text += n, length -= (size_t)n)
        if ((n = write(fd, text, length)) < 0)
            return false;
    return fsync(fd) == 0;
}

/* Complete under another name first: nobody ever sees half a file. */
static bool write_new(const char *path, const char *temporary, const char *text, bool replace,
                      uint32_t uid, uint32_t gid)
{
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    bool good = ((uid == UINT32_MAX && gid == UINT32_MAX) || fchown(fd, uid, gid) == 0) &&
                write_all(fd, text);
    good = close(fd) == 0 && good;
    /* link() fails where rename() would replace. */
    good = good && (replace ? rename(temporary, path) : link(temporary, path)) == 0;
    int error = errno;
    unlink(temporary);
    errno = error;
    return good;
}

int totp_store(const char *directory, const char *user, const struct totp *totp, bool replace,
               uint32_t uid, uint32_t gid)
{
    char path[PATH_MAX], temporary[PATH_MAX], suffix[32];
    char secret[TOTP_BASE32_MAX], text[TOTP_BASE32_MAX + 128];
    struct sp_str name = {user, strlen(user)};

    snprintf(suffix, sizeof suffix, ".%ld.new", (long)getpid());
    if (!totp_name_is_sound(name) || !path_of(path, directory, name, ".json") ||
        !path_of(temporary, directory, name, suffix)) {
        errno = EINVAL;
        return -1;
    }
    totp_base32(totp->key, totp->key_length, secret);
    snprintf(text, sizeof text,
             "{\"secret\": \"%s\", \"algorithm\": \"%s\", \"digits\": %u, \"period_s\": %u}\n",
             secret, totp_algorithm_text(totp->algorithm), totp->digits, totp->period_s);
    bool good = write_new(path, temporary, text, replace, uid, gid);
    int error = errno;
    OPENSSL_cleanse(secret, sizeof secret);
    OPENSSL_cleanse(text, sizeof text);
    /* Steps used with the old secret mean nothing for the new one. */
    if (good && path_of(path, directory, name, ".used"))
        unlink(path);
    errno = error;
    return good ? 0 : -1;
}

int totp_remove(const char *directory, const char *user)
{
    char path[PATH_MAX];
    struct sp_str name = {user, strlen(user)};

    if (!totp_name_is_sound(name) || !path_of(path, directory, name, ".json")) {
        errno = EINVAL;
        return -1;
    }
    if (unlink(path) < 0)
        return -1;
    if (path_of(path, directory, name, ".used"))
        unlink(path);
    return 0;
}
