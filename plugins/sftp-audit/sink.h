/*
 * sink.h: where sftp-audit's lines go: a file, standard output, or the journal. For one thread, and
 * none of it waits longer than the system makes it.
 */
#ifndef SFTP_AUDIT_SINK_H
#define SFTP_AUDIT_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct json_t;

enum sink_kind { SINK_FILE, SINK_STDOUT, SINK_JOURNAL };

struct sink {
    enum sink_kind kind;
    const char *path; /* of the file or the socket; "standard output" */
    mode_t mode;
    int fd;              /* -1: none yet */
    uint64_t checked_ms; /* when the file was last looked for under its name */
    bool is_midline;     /* a line of ours is not whole in the file, and the lock held */
};

/* False if the configuration lacks what it needs. Text stays in config. */
bool sink_take(struct sink *sink, const struct json_t *config);
void sink_close(struct sink *sink);

/* Write some of data, which are whole lines or the rest of one that was begun. How many bytes were
 * taken; 0: try again in a while; negative, with errno: it failed, but try again. */
ssize_t sink_write(struct sink *sink, const char *data, size_t length);
/* 0, or -1 with errno: nothing can be written now. */
int sink_open(struct sink *sink);

#endif
