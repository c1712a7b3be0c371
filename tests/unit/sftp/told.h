/*
 * told.h: for tests of transfers: a hook that writes down what it is told of files that have come
 * and gone, a line for each: "uploaded /name 11".
 */
#ifndef SALLYPORT_TESTS_SFTP_TOLD_H
#define SALLYPORT_TESTS_SFTP_TOLD_H

#include "client.h"

#define FXF_PUT (FXF_WRITE | FXF_CREAT | FXF_TRUNC)

extern char told[8192];
extern int told_count;
/* What the hook says of operations; NULL: it lets them pass. */
extern int32_t (*told_verdict)(const struct sp_sftp_event *event, bool is_after,
                               struct sp_sftp_reply *reply);

/* With this hook, and "*.part" and ".in.*" as partial names. */
struct mock *told_world(void);
/* The same, with a client of SFTP. */
struct mock *told_client(void);
/* All that was told since the last look. */
void expect_told(const char *lines);
void put_text(struct mock *mock, struct handle handle, uint64_t offset, const char *text);
void expect_done(struct mock *mock, uint32_t id, uint32_t status);

#endif
