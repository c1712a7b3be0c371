/*
 * recorder.h: a hook for tests that writes down what it is asked, and answers what it is told to.
 */
#ifndef SALLYPORT_TESTS_SFTP_RECORDER_H
#define SALLYPORT_TESTS_SFTP_RECORDER_H

#include "client.h"

/* What a hook was asked, and what it answers. */
struct record {
    char seen[8192]; /* "<open /f" before, ">open /f 0 provider" after, one a line */
    const char *on;  /* the operation that the answer is for; others get SP_NEXT */
    bool after;      /* and which half of it */
    int32_t verdict;
    struct sp_sftp_reply reply;
    struct sp_sftp_event last; /* its numbers only */
    char data[256];            /* of the last event that had some */
    char mount[64];
    int64_t existing, existing_target; /* sizes; -1: none */
    char name[16];                     /* "a", "b": in front of each line, where there are two */
    struct record *into;               /* another's seen, for the order of two */
};

/* For mock_hook(); the instance's arg is one of records. */
int32_t recorder_hook(struct plugin_instance *instance, const struct sp_sftp_event *event,
                      bool is_after, struct sp_sftp_reply *reply);
extern struct record records[MOCK_HOOKS];

/* A client, with as many hooks that record in records[]. */
struct mock *with_hooks(int count);
/* What the first has written down since the last time. */
void expect_seen(const char *lines);
struct sp_str str(const char *text);
/* From now on records[index] answers so, before or after the operation called on. */
struct sp_sftp_reply *answers(int index, const char *on, bool after, int32_t verdict);

#endif
