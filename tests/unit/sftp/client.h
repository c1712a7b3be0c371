/*
 * client.h: an SFTP client for tests: sends requests to a mock's channel and reads replies from it.
 * Functions that send return the request's id; those that expect fail the test otherwise.
 */
#ifndef SALLYPORT_TESTS_SFTP_CLIENT_H
#define SALLYPORT_TESTS_SFTP_CLIENT_H

#include "base/wire.h"
#include "mock.h"
#include "sftp/codec.h"

struct reply {
    uint8_t type;
    uint32_t id;
    uint32_t status; /* with SFTP_STATUS … */
    struct sp_str text;
    struct wire_reader body;
    uint8_t *bytes; /* what body reads */
};

struct handle {
    uint8_t bytes[SFTP_HANDLE_BYTES];
};

/* The SFTP engine on a new channel, INIT done. */
struct mock *client_new(void);
/* The same for a mock that is set up already. */
void client_start(struct mock *mock);

/* A request put together piece by piece. */
struct buffer *request_begin(uint8_t type, uint32_t *ret_id);
struct buffer *extended_begin(const char *name, uint32_t *ret_id);
void request_send(struct mock *mock, struct buffer *request);
void request_string(struct buffer *request, const char *text);
void request_handle(struct buffer *request, struct handle handle);

uint32_t send_path(struct mock *mock, uint8_t type, const char *path);
uint32_t send_two_paths(struct mock *mock, uint8_t type, const char *first, const char *second);
uint32_t send_extended_paths(struct mock *mock, const char *name, const char *first,
                             const char *second);
uint32_t send_open(struct mock *mock, const char *path, uint32_t wire_flags);
uint32_t send_handle(struct mock *mock, uint8_t type, struct handle handle);
uint32_t send_extended_handle(struct mock *mock, const char *name, struct handle handle);
uint32_t send_read(struct mock *mock, struct handle handle, uint64_t offset, uint32_t length);
uint32_t send_write(struct mock *mock, struct handle handle, uint64_t offset, const char *text);
uint32_t send_copy(struct mock *mock, struct handle from, uint64_t offset, uint64_t length,
                   struct handle to, uint64_t offset_to);
/* With permissions only. */
uint32_t send_mode(struct mock *mock, uint8_t type, const char *path, uint32_t mode);

#define FXF_READ 1u
#define FXF_WRITE 2u
#define FXF_APPEND 4u
#define FXF_CREAT 8u
#define FXF_TRUNC 16u
#define FXF_EXCL 32u

/* The next reply that has come. False: none. bytes lives until the next call. */
bool next_reply(struct mock *mock, struct reply *ret_reply);
struct reply expect_reply(struct mock *mock, uint32_t id, uint8_t type);
void expect_status(struct mock *mock, uint32_t id, uint32_t status);
struct handle expect_handle(struct mock *mock, uint32_t id);
void expect_name(struct mock *mock, uint32_t id, const char *name);
void expect_data(struct mock *mock, uint32_t id, const char *text);
void expect_nothing(struct mock *mock);

struct handle open_file(struct mock *mock, const char *path, uint32_t wire_flags);
struct handle open_directory(struct mock *mock, const char *path);
void close_handle(struct mock *mock, struct handle handle);
/* Every name of a directory, separated by blanks, in order, into out. */
void list_names(struct mock *mock, const char *path, char *out, size_t size);

#endif
