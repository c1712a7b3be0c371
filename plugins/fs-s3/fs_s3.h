/*
 * fs_s3.h: what the files of this plugin share: a directory tree on top of a bucket of objects.
 *
 * From the top: fs-s3.c is the descriptor; files.c, directory.c, names.c are the operations;
 * reader.c and writer.c hold an open file's data on its way; object.c knows what requests the store
 * understands; request.c sends one, signed by sign.c, and tries again. Blocks and parts travel on
 * threads of the plugin's own (jobs.c), so that a client is served from memory meanwhile.
 *
 * Functions that ask the store return SP_FS_OK or a status, with ret_why set to a text for the user
 * and the log: WHY_SIZE bytes, never a secret. Operations come on the host's pool, those of one
 * connection one after the other.
 */
#ifndef FS_S3_H
#define FS_S3_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sallyport/plugin.h>

#include "common/log.h"
#include "common/text.h"

struct json_t;

#define WHY_SIZE 512u
#define KEY_MOST 1024u /* bytes: the stores' own limit */
#define ETAG_SIZE 136u
#define PARTS_MOST 10000u
#define LIST_MOST 1000u /* keys in one page of a listing */

/* --- options.c: the configuration, checked --------------------------------------------------- */

enum setstat_policy {
    SETSTAT_IGNORE,   /* said to be done, and not done */
    SETSTAT_METADATA, /* kept beside the object */
    SETSTAT_REFUSE,
};

struct options {
    struct json_t *json; /* strings belong to it */
    char *origin;        /* "https://host:port" that requests go to; the bucket's, or the store's */
    char *host;          /* of it, as in "Host:" */
    const char *region;
    const char *bucket;
    bool is_path_style;
    struct text prefix;           /* empty, or ends with "/" */
    const char *credentials_file; /* these: NULL if not configured */
    const char *ca_file;
    const char *proxy;
    const char *profile;
    int64_t timeout_ms;
    int64_t connect_timeout_ms;
    int64_t retry_delay_ms;
    int retries;
    size_t part_bytes;
    unsigned parallel_parts;
    size_t read_ahead_bytes;
    size_t memory_bytes;
    unsigned threads;
    uint64_t copy_bytes;
    unsigned rename_objects;
    enum setstat_policy setstat;
};
/* 0, or negative after a line in the log. End it with options_clear() in either case. */
int options_read(const struct sp_host *host, const char *config_json, struct options *ret_options);
void options_clear(struct options *options);

/* --- credentials.c: whose requests they are; any thread -------------------------------------- */

struct credentials;
struct identity {
    struct text access_key;
    struct text secret_key;
    struct text session_token; /* empty: none */
};
/* From the file, or without one from the environment. NULL after a line in the log. */
struct credentials *credentials_new(const struct sp_host *host, const struct options *options);
void credentials_free(struct credentials *credentials);
/* Read the file again if it is another one by now. */
void credentials_refresh(struct credentials *credentials);
/* A copy, for identity_clear(). False: out of memory. */
bool credentials_get(struct credentials *credentials, struct identity *ret_identity);
void identity_clear(struct identity *identity);

/* --- uri.c: names ---------------------------------------------------------------------------- */

/* Percent-encoded, all but what RFC 3986 has as unreserved; "/" stays if it separates. */
void uri_put(struct text *text, const char *data, size_t length, bool slash_stays);
/* In place, "+" being a space; the new length. */
size_t uri_decode(char *data, size_t length);
/* Whether that can be one component of a path, here and at the clients': UTF-8, no control
 * characters, neither empty nor "." nor "..". */
bool name_is_fit(const char *data, size_t length);
/* Whether all components between the slashes are, of which there is one at least. */
bool names_are_fit(const char *data, size_t length);

/* --- sign.c: AWS Signature Version 4 --------------------------------------------------------- */

struct pair {
    const char *name;
    const char *value;
};
#define DATE_SIZE 17u   /* 20260102T030405Z */
#define DIGEST_SIZE 65u /* hexadecimal SHA-256 */

/* What is signed. headers: those with x-amz- names and "host", in lower case, in any order. */
struct signing {
    const struct identity *identity;
    const char *region;
    const char *method;
    const char *path;  /* encoded */
    const char *query; /* encoded, sorted by name */
    struct pair *headers;
    size_t headers_count;
    const char *payload; /* its digest */
    const char *date;
};
/* The value of "Authorization". False: out of memory, or the cryptographic library fails. */
bool sign(const struct signing *signing, struct text *ret_authorization);
bool digest(const void *data, size_t length, char ret_digest[DIGEST_SIZE]);

/* --- request.c: one request and its answer; any thread --------------------------------------- */

struct transport;
/* NULL after a line in the log. All must outlive it. */
struct transport *transport_new(const struct sp_host *host, const struct options *options,
                                struct credentials *credentials);
void transport_free(struct transport *transport);

#define QUERY_MOST 8u

struct request {
    const char *method;
    const char *key;               /* NULL: the bucket itself */
    struct pair query[QUERY_MOST]; /* sorted by name; ends with a NULL name */
    struct text headers;           /* "name: value\n" …, names in lower case */
    const void *body;
    size_t body_length;
    /* Where the answer's body goes if it is a success; NULL: into response->body. */
    uint8_t *into;
    size_t into_size;
    const atomic_bool *is_unwanted; /* NULL, or: end early when it becomes true */
    bool may_carry_error;           /* a success may turn out to be none in its body */
};

struct response {
    long status;
    struct text body; /* or the XML of an error */
    size_t into_length;
    char code[64]; /* of an error: "NoSuchKey" … */
    char etag[ETAG_SIZE];
    uint64_t length;  /* Content-Length */
    int64_t modified; /* Last-Modified; 0: not told */
    struct text kept; /* headers that a copy must be given again, "name: value\n" … */
    bool is_md5;      /* nothing says that the ETag is no digest of the contents */
};
/* Send it, again if it is worth another try, within timeout_ms altogether. */
uint32_t request_run(struct transport *transport, struct request *request,
                     struct response *ret_response, char *ret_why);
void request_header(struct request *request, const char *name, const char *value);
void request_clear(struct request *request);
void response_clear(struct response *response);

/* --- answer.c: what an answer means that is no success ---------------------------------------- */

/* Whether it may be another one in a moment. */
bool answer_is_passing(const struct response *response);
/* A status that a client can tell apart, and a text. */
uint32_t answer_explain(const struct options *options, const struct request *request,
                        const struct response *response, char *ret_why);
/* What a request is about: a key, or the beginning of those that are listed. */
const char *answer_subject(const struct request *request);

/* --- xml.c: what the store says, read by expat ----------------------------------------------- */

/* Called at each element's end, with its own text; depth 0 is the root. False ends reading. */
typedef bool (*xml_element)(void *arg, const char *name, unsigned depth, char *text, size_t length);
/* False if it is not XML, or more of it than anybody needs. */
bool xml_read(const struct text *document, xml_element on_end, void *arg);
/* The text of the first element of that name below the root; false if there is none. */
bool xml_find(const struct text *document, const char *name, char *ret_text, size_t size);
bool xml_is_error(const struct text *document);
void xml_put(struct text *text, const char *data);

/* --- jobs.c: threads of the plugin's own ----------------------------------------------------- */

struct job {
    struct job *next;
    void (*run)(struct job *job);
};
struct jobs;
struct jobs *jobs_new(unsigned threads);
void jobs_add(struct jobs *jobs, struct job *job);
/* Ends the threads; nothing may be left to do. NULL is fine. */
void jobs_free(struct jobs *jobs);

/* --- the instance, a connection's view of it ------------------------------------------------- */

struct s3 {
    const struct sp_host *host;
    struct options options;
    struct credentials *credentials;
    struct transport *transport;
    struct jobs *jobs;
    atomic_size_t memory; /* in blocks and parts */
};

struct view {
    size_t length;
    char prefix[]; /* empty, or ends with "/" */
};

/* Memory for data on its way, counted; NULL if there is none left. Zeroed. */
void *memory_take(struct s3 *s3, size_t size);
void memory_give(struct s3 *s3, void *data, size_t size);

/* The key of a path in a view; SP_FS_OK, or why there can be none. A directory's ends with "/",
 * the root's is the view's prefix. */
struct key {
    char text[KEY_MOST + 2];
    size_t length;
};
uint32_t key_of(const struct view *view, struct sp_str path, struct key *ret_key, char *ret_why);
uint32_t key_of_directory(const struct view *view, struct sp_str path, struct key *ret_key,
                          char *ret_why);

/* --- object.c: what can be asked of the store ------------------------------------------------ */

struct object {
    uint32_t type; /* SP_FILE_REGULAR or SP_FILE_DIRECTORY */
    uint64_t size;
    int64_t modified;
    char etag[ETAG_SIZE];
    bool is_md5;
    struct text kept; /* as in struct response */
};
void object_clear(struct object *object);
uint32_t object_head(struct s3 *s3, const char *key, struct object *ret_object, char *ret_why);
/* A file or a directory; SP_FS_NO_SUCH_FILE if neither is there. */
uint32_t object_find(struct s3 *s3, const struct view *view, struct sp_str path,
                     struct object *ret_object, char *ret_why);
/* kept: headers to store with it, NULL or empty: none. is_new: fail if there is one already. */
uint32_t object_put(struct s3 *s3, const char *key, const void *data, size_t length,
                    const struct text *kept, bool is_new, char *ret_why);
/* All of it or fail; etag: of the object as it must still be. */
uint32_t object_get(struct s3 *s3, const char *key, const char *etag, uint64_t offset,
                    uint8_t *buffer, size_t length, const atomic_bool *is_unwanted, char *ret_why);
uint32_t object_delete(struct s3 *s3, const char *key, char *ret_why);
/* source is as object_head() found it. kept NULL: with what is stored with the source. */
uint32_t object_copy(struct s3 *s3, const char *source, const struct object *object,
                     const char *target, const struct text *kept, char *ret_why);

/* upload.c: in parts. A part's number counts from 1. */
struct upload {
    struct text id;
    char (*etags)[ETAG_SIZE]; /* by number - 1 */
    unsigned count;           /* of parts that were begun */
    unsigned size;
};
uint32_t upload_begin(struct s3 *s3, const char *key, const struct text *kept,
                      struct upload *ret_upload, char *ret_why);
/* The number of another part; 0: there can be no more of them, or no memory. */
unsigned upload_add(struct upload *upload);
uint32_t upload_part(struct s3 *s3, const char *key, const char *id, unsigned number,
                     const void *data, size_t length, char ret_etag[ETAG_SIZE], char *ret_why);
uint32_t upload_copy_part(struct s3 *s3, const char *key, struct upload *upload, unsigned number,
                          const char *source, const char *etag, uint64_t offset, uint64_t length,
                          char *ret_why);
/* size: of the object to be; before: the ETag of what has that key now, "" if nothing has, NULL if
 * that is not known. */
uint32_t upload_end(struct s3 *s3, const char *key, const struct upload *upload, uint64_t size,
                    const char *before, bool is_new, char *ret_why);
/* What is left of it at the store goes, too; what cannot is told in the log. */
void upload_abort(struct s3 *s3, const char *key, struct upload *upload);
void upload_clear(struct upload *upload);

/* list.c: keys below a prefix, a page at a time. */
struct listed {
    char *name; /* the whole key, or the common prefix with its "/" */
    uint64_t size;
    int64_t modified;
    bool is_prefix;
};
struct page {
    struct listed *entries;
    size_t count;
    size_t size;
    struct text next; /* where the next page begins */
    bool is_last;
};
/* most: keys in it. by_directory: what has a "/" after the prefix becomes one common prefix. The
 * page is the one after ret_page as it was; all zero: the first. */
uint32_t list_page(struct s3 *s3, const char *prefix, unsigned most, bool by_directory,
                   struct page *ret_page, char *ret_why);
void page_clear(struct page *page);

/* --- reader.c, writer.c: an open file's data ------------------------------------------------- */

struct reader;
struct reader *reader_new(struct s3 *s3, const struct key *key, const struct object *object);
void reader_free(struct reader *reader);
uint32_t reader_read(struct reader *reader, uint64_t offset, uint8_t *buffer, uint64_t length,
                     uint64_t *ret_count, char *ret_why);

struct writer;
/* before: what has that key now, all zero if nothing has. */
struct writer *writer_new(struct s3 *s3, const struct key *key, const struct object *before,
                          bool is_new);
/* What was not published by writer_end() is thrown away. */
void writer_free(struct writer *writer);
uint32_t writer_write(struct writer *writer, uint64_t offset, const uint8_t *data, uint64_t length,
                      char *ret_why);
uint32_t writer_resize(struct writer *writer, uint64_t size, char *ret_why);
uint64_t writer_size(const struct writer *writer);
/* Attributes to be stored with the object; only with SETSTAT_METADATA. */
void writer_set(struct writer *writer, const struct sp_fs_attributes *attributes);
void writer_get(const struct writer *writer, struct sp_fs_attributes *ret_attributes);
/* The whole contents will be those of another object. */
uint32_t writer_copy(struct writer *writer, const struct key *source, const struct object *object,
                     char *ret_why);
/* The object appears, whole, or the reason why not. */
uint32_t writer_end(struct writer *writer, char *ret_why);

/* --- metadata.c: attributes kept beside an object -------------------------------------------- */

/* kept, with the attributes that valid names in place of what it had of them. */
void metadata_set(struct text *kept, const struct sp_fs_attributes *attributes);
/* What kept and the object tell. */
void metadata_get(const struct text *kept, struct sp_fs_attributes *attributes);
struct sp_fs_attributes attributes_of(const struct object *object);

/* --- the operations -------------------------------------------------------------------------- */

struct file {
    struct key key;
    struct object object;  /* reader: as it was opened */
    struct reader *reader; /* one of these */
    struct writer *writer;
};

/* An id that the core gives back is what it was given: a pointer. */
static inline const struct view *view_of(uint64_t id)
{
    return (const struct view *)(uintptr_t)id;
}

static inline struct file *file_of(uint64_t id)
{
    return (struct file *)(uintptr_t)id;
}

/* SP_FS_OK, or the status with its text. */
int32_t answer(const struct s3 *s3, const struct sp_event *event, uint32_t status, const char *why);

int32_t fs_open(void *self, const struct sp_fs_create *event);
int32_t fs_close(void *self, const struct sp_fs_handle *event);
int32_t fs_read(void *self, const struct sp_fs_io *event);
int32_t fs_write(void *self, const struct sp_fs_io *event);
int32_t fs_fstat(void *self, const struct sp_fs_handle *event);
int32_t fs_fsetstat(void *self, const struct sp_fs_handle *event);
int32_t fs_copy(void *self, const struct sp_fs_copy *event);
int32_t fs_hash(void *self, const struct sp_fs_hash *event);
int32_t fs_opendir(void *self, const struct sp_fs_path *event);
int32_t fs_readdir(void *self, const struct sp_fs_handle *event);
int32_t fs_closedir(void *self, const struct sp_fs_handle *event);
int32_t fs_stat(void *self, const struct sp_fs_path *event);
int32_t fs_setstat(void *self, const struct sp_fs_create *event);
int32_t fs_mkdir(void *self, const struct sp_fs_create *event);
int32_t fs_rmdir(void *self, const struct sp_fs_path *event);
int32_t fs_remove(void *self, const struct sp_fs_path *event);
int32_t fs_rename(void *self, const struct sp_fs_pair *event);

#endif
