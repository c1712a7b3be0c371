/*
 * generation.c: from a configuration file to something workers can be started with. Called by
 * supervisor.c at start, by reload.c later; a worker reads its text with generation_read().
 */
#include "supervisor/generation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "supervisor/privileges.h"
#include "supervisor/sandbox.h"
#include "supervisor/spawn.h"
#include "supervisor/state_directory.h"

#define TEXT_MAX ((off_t)16 << 20)

char *generation_read(int fd, size_t *ret_length)
{
    struct stat status;
    if (fstat(fd, &status) < 0)
        return NULL;
    if (status.st_size > TEXT_MAX) {
        errno = EFBIG;
        return NULL;
    }
    size_t size = (size_t)status.st_size;
    char *text = malloc(size + 1);
    if (!text)
        return NULL;
    size_t length = 0;
    while (length < size) {
        ssize_t n = pread(fd, text + length, size - length, (off_t)length);
        if (n < 0 && errno != EINTR) {
            free(text);
            return NULL;
        }
        if (n == 0)
            break;
        length += n > 0 ? (size_t)n : 0;
    }
    text[length] = 0;
    *ret_length = length;
    return text;
}

/* A sealed copy, so that workers started later get what was checked, not what the file has since
 * become. */
static int text_seal(const char *text, size_t length)
{
    int fd = spawn_raise_fd(memfd_create("sallyport-config", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (fd < 0)
        return -1;
    for (size_t done = 0; done < length;) {
        ssize_t n = write(fd, text + done, length - done);
        if (n < 0 && errno != EINTR) {
            close(fd);
            return -1;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
    return fd;
}

static char *file_read(const char *file, size_t *ret_length)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    char *text = generation_read(fd, ret_length);
    int error = errno;
    close(fd);
    errno = error;
    return text;
}

static int load(const struct supervisor_options *options, struct generation *generation,
                struct report *report)
{
    size_t length = 0;
    char *text = file_read(options->config_file, &length);
    if (!text) {
        report_error(report, options->config_file, 0, NULL, "cannot be read: %s", strerror(errno));
        return SP_ERR_SYSTEM;
    }
    int rc = config_parse_more(text, length, options->config_file, options->more,
                               &generation->config, report);
    if (rc == 0)
        rc = privileges_check(generation->config, report);
    if (rc == 0)
        rc = sandbox_check(generation->config, report);
    if (rc == 0)
        rc = state_directory_ensure(generation->config, report);
    if (rc == 0 && options->prepare)
        rc = options->prepare(generation->config, report);
    if (rc == 0) {
        rc = instances_init(&generation->instances, generation->config, options->operations_count);
        if (rc < 0)
            report_error(report, options->config_file, 0, NULL, "%s", err_text(rc));
    }
    if (rc == 0) {
        generation->text_fd = text_seal(text, length);
        if (generation->text_fd < 0) {
            report_error(report, options->config_file, 0, NULL, "cannot be kept in memory: %s",
                         strerror(errno));
            rc = SP_ERR_SYSTEM;
        }
    }
    explicit_bzero(text, length); /* plugins' configurations may hold passwords */
    free(text);
    return rc;
}

int generation_load(const struct supervisor_options *options, uint32_t number,
                    struct generation **ret_generation, struct report *report)
{
    struct generation *generation = calloc(1, sizeof(*generation));
    *ret_generation = NULL;
    if (!generation) {
        report_error(report, NULL, 0, NULL, "out of memory");
        return SP_ERR_NOMEM;
    }
    generation->number = number;
    generation->users = 1;
    generation->text_fd = -1;
    int rc = load(options, generation, report);
    if (rc < 0)
        generation_free(generation);
    else
        *ret_generation = generation;
    return rc;
}

struct generation *generation_ref(struct generation *generation)
{
    generation->users++;
    return generation;
}

void generation_free(struct generation *generation)
{
    if (!generation || --generation->users > 0)
        return;
    instances_free(&generation->instances);
    config_free(generation->config);
    if (generation->text_fd >= 0)
        close(generation->text_fd);
    free(generation);
}
