/*
 * sallyport/helpers.h: the common answers in one line each. Header only; include it where it is
 * used. Whatever these do can be done without them.
 *
 *     if (!is_known(event->user))
 *         return SP_NEXT;
 *     if (!is_right(event->password))
 *         return sp_deny(self->host, &event->head, "wrong password");
 *     return sp_allow(self->host, &event->head, &grant);
 *
 * The answers call complete() and give what the operation must then return. Use them as the last
 * thing in an operation: the event is gone when they return.
 *
 * All of these that take a host: [any-thread] [started], unless it says otherwise.
 */
#ifndef SALLYPORT_HELPERS_H
#define SALLYPORT_HELPERS_H

#include <string.h>

#include <sallyport/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- texts ----------------------------------------------------------------------------------- */

/* 1 if the text is the same. Not for secrets: how long it takes tells how much is right. */
static inline int sp_str_is(struct sp_str text, const char *other)
{
    uint64_t len = strlen(other);
    return text.len == len && (len == 0 || memcmp(text.data, other, (size_t)len) == 0);
}

static inline int sp_str_equals(struct sp_str a, struct sp_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, (size_t)a.len) == 0);
}

/* 1 if the secrets are the same, in a time that tells no more than their lengths. */
static inline int sp_secret_equals(struct sp_str a, struct sp_str b)
{
    volatile unsigned char difference = a.len != b.len;
    uint64_t i;
    for (i = 0; i < a.len && i < b.len; i++)
        difference = (unsigned char)(difference | (a.data[i] ^ b.data[i]));
    return difference == 0;
}

/* The value of that name in a list of pairs (environment, attributes); "" if there is none. */
static inline struct sp_str sp_pair_value(const struct sp_pair *pairs, uint64_t count,
                                          const char *name)
{
    struct sp_str nothing = {"", 0};
    uint64_t i;
    for (i = 0; i < count; i++)
        if (sp_str_is(pairs[i].name, name))
            return pairs[i].value;
    return nothing;
}

/* A line in the log. [any-thread] [created] */
static inline void sp_log(const struct sp_host *host, uint32_t level, const char *text)
{
    host->log(host, level, sp_str_of(text));
}

/* --- every interface ------------------------------------------------------------------------- */

/* Hand over a whole reply: its head must hold size and verdict. */
static inline int32_t sp_answer(const struct sp_host *host, const struct sp_event *event,
                                const struct sp_reply *reply)
{
    host->complete(host, event->token, reply);
    return SP_PENDING;
}

/* A verdict and nothing else, for an operation that has returned SP_PENDING. */
static inline void sp_answer_later(const struct sp_host *host, sp_token token, int32_t verdict)
{
    struct sp_reply reply;
    reply.struct_size = (uint32_t)sizeof reply;
    reply.verdict = verdict;
    host->complete(host, token, &reply);
}

/* --- sallyport.connection/1 ------------------------------------------------------------------ */

/* Refuse a client, with a reason for the log. */
static inline int32_t sp_refuse_connection(const struct sp_host *host, const struct sp_event *event,
                                           const char *reason)
{
    struct sp_connection_reply reply;
    memset(&reply, 0, sizeof reply);
    reply.head.struct_size = (uint32_t)sizeof reply;
    reply.head.verdict = SP_DENY;
    reply.text = sp_str_of(reason);
    return sp_answer(host, event, &reply.head);
}

/* --- sallyport.auth/1 ------------------------------------------------------------------------ */

/* A grant that permits these SP_PERMIT_*, and nothing else is set. */
static inline struct sp_grant sp_grant_of(uint32_t permit)
{
    struct sp_grant grant;
    memset(&grant, 0, sizeof grant);
    grant.struct_size = (uint32_t)sizeof grant;
    grant.permit = permit;
    return grant;
}

static inline struct sp_auth_reply sp_auth_reply_of(int32_t verdict)
{
    struct sp_auth_reply reply;
    memset(&reply, 0, sizeof reply);
    reply.head.struct_size = (uint32_t)sizeof reply;
    reply.head.verdict = verdict;
    return reply;
}

/* Let the user in, with a grant. */
static inline int32_t sp_allow(const struct sp_host *host, const struct sp_event *event,
                               const struct sp_grant *grant)
{
    struct sp_auth_reply reply = sp_auth_reply_of(SP_ALLOW);
    reply.grant = grant;
    return sp_answer(host, event, &reply.head);
}

/* Refuse the user, with a reason for the log. */
static inline int32_t sp_deny(const struct sp_host *host, const struct sp_event *event,
                              const char *reason)
{
    struct sp_auth_reply reply = sp_auth_reply_of(SP_DENY);
    reply.reason = sp_str_of(reason);
    return sp_answer(host, event, &reply.head);
}

/* This factor is right; one of these SP_METHOD_* must follow, or 0: as configured. */
static inline int32_t sp_partial(const struct sp_host *host, const struct sp_event *event,
                                 uint32_t methods)
{
    struct sp_auth_reply reply = sp_auth_reply_of(SP_PARTIAL);
    reply.methods = methods;
    return sp_answer(host, event, &reply.head);
}

/* Ask the user one thing (keyboard_interactive); echo 1 shows what is typed. */
static inline int32_t sp_ask(const struct sp_host *host, const struct sp_event *event,
                             const char *prompt, uint32_t echo)
{
    struct sp_auth_reply reply = sp_auth_reply_of(SP_ASK);
    struct sp_prompt one;
    memset(&one, 0, sizeof one);
    one.text = sp_str_of(prompt);
    one.echo = echo;
    reply.prompts = &one;
    reply.prompts_count = 1;
    return sp_answer(host, event, &reply.head);
}

/* --- sallyport.channel/1 --------------------------------------------------------------------- */

/* Refuse to open a channel: SP_OPEN_*, and a text for the client. */
static inline int32_t sp_refuse_channel(const struct sp_host *host, const struct sp_event *event,
                                        uint32_t reason, const char *text)
{
    struct sp_channel_reply reply;
    memset(&reply, 0, sizeof reply);
    reply.head.struct_size = (uint32_t)sizeof reply;
    reply.head.verdict = SP_DENY;
    reply.reason = reason;
    reply.text = sp_str_of(text);
    return sp_answer(host, event, &reply.head);
}

/* Send a text to the client. How much of it was taken, as channel_send() does; what was not is for
 * ready_to_send(). */
static inline int64_t sp_send(const struct sp_host *host, sp_id channel, const char *text)
{
    return host->channel_send(host, channel, SP_STREAM_DATA, text, strlen(text));
}

/* After what was sent: the exit status, and the channel's end. */
static inline void sp_finish(const struct sp_host *host, sp_id channel, uint32_t status)
{
    host->channel_exit_status(host, channel, status);
    host->channel_close(host, channel);
}

/* --- sallyport.fs/1 -------------------------------------------------------------------------- */

static inline struct sp_fs_reply sp_fs_reply_of(int32_t verdict)
{
    struct sp_fs_reply reply;
    memset(&reply, 0, sizeof reply);
    reply.head.struct_size = (uint32_t)sizeof reply;
    reply.head.verdict = verdict;
    return reply;
}

/* An error: SP_FS_*, and a text that tells the user what to do, or NULL. */
static inline int32_t sp_fs_fail(const struct sp_host *host, const struct sp_event *event,
                                 uint32_t status, const char *text)
{
    struct sp_fs_reply reply = sp_fs_reply_of(SP_E_FAILED);
    reply.status = status;
    reply.text = sp_str_of(text);
    return sp_answer(host, event, &reply.head);
}

/* attach, open, opendir: your name for what is open now. */
static inline int32_t sp_fs_opened(const struct sp_host *host, const struct sp_event *event,
                                   uint64_t handle)
{
    struct sp_fs_reply reply = sp_fs_reply_of(SP_OK);
    reply.handle = handle;
    return sp_answer(host, event, &reply.head);
}

/* read, write, copy: how much was done, and 1 if the end was met. */
static inline int32_t sp_fs_done(const struct sp_host *host, const struct sp_event *event,
                                 uint64_t count, uint32_t eof)
{
    struct sp_fs_reply reply = sp_fs_reply_of(SP_OK);
    reply.count = count;
    reply.eof = eof;
    return sp_answer(host, event, &reply.head);
}

/* stat, fstat */
static inline int32_t sp_fs_attributes_are(const struct sp_host *host, const struct sp_event *event,
                                           const struct sp_fs_attributes *attributes)
{
    struct sp_fs_reply reply = sp_fs_reply_of(SP_OK);
    reply.attributes = attributes;
    return sp_answer(host, event, &reply.head);
}

/* readlink, realpath */
static inline int32_t sp_fs_path_is(const struct sp_host *host, const struct sp_event *event,
                                    struct sp_str path)
{
    struct sp_fs_reply reply = sp_fs_reply_of(SP_OK);
    reply.path = path;
    return sp_answer(host, event, &reply.head);
}

/* readdir: some entries, and 1 if they are the last. */
static inline int32_t sp_fs_entries_are(const struct sp_host *host, const struct sp_event *event,
                                        const struct sp_fs_entry *entries, uint64_t count,
                                        uint32_t is_last)
{
    struct sp_fs_reply reply = sp_fs_reply_of(SP_OK);
    reply.entries = entries;
    reply.entries_count = count;
    reply.eof = is_last;
    return sp_answer(host, event, &reply.head);
}

/* --- sallyport.sftp/1 ------------------------------------------------------------------------ */

/* The family of operations by its word in manifests, for words in a configuration; 0: there is
 * none.
 */
static inline uint32_t sp_sftp_family_of(const char *word)
{
    static const struct {
        const char *word;
        uint32_t family;
    } words[] = {
        {"directory.create", SP_SFTP_DIRECTORY_CREATE},
        {"directory.list", SP_SFTP_DIRECTORY_LIST},
        {"directory.remove", SP_SFTP_DIRECTORY_REMOVE},
        {"open", SP_SFTP_OPEN},
        {"close", SP_SFTP_CLOSE},
        {"read", SP_SFTP_READ},
        {"write", SP_SFTP_WRITE},
        {"remove", SP_SFTP_REMOVE},
        {"rename", SP_SFTP_RENAME},
        {"attributes.get", SP_SFTP_ATTRIBUTES_GET},
        {"attributes.set", SP_SFTP_ATTRIBUTES_SET},
        {"resolve", SP_SFTP_RESOLVE},
        {"link", SP_SFTP_LINK},
        {"session", SP_SFTP_SESSION},
        {"lock", SP_SFTP_LOCK},
    };
    for (size_t i = 0; word && i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i].word, word) == 0)
            return words[i].family;
    return 0;
}

static inline struct sp_sftp_reply sp_sftp_reply_of(int32_t verdict)
{
    struct sp_sftp_reply reply;
    memset(&reply, 0, sizeof reply);
    reply.head.struct_size = (uint32_t)sizeof reply;
    reply.head.verdict = verdict;
    return reply;
}

/* Refuse an operation, or replace its result: SP_FS_*, and a text for the user, or NULL. */
static inline int32_t sp_sftp_deny(const struct sp_host *host, const struct sp_event *event,
                                   uint32_t status, const char *text)
{
    struct sp_sftp_reply reply = sp_sftp_reply_of(SP_DENY);
    reply.status = status;
    reply.text = sp_str_of(text);
    return sp_answer(host, event, &reply.head);
}

/* before(): let it be done to this path instead. */
static inline int32_t sp_sftp_path_instead(const struct sp_host *host, const struct sp_event *event,
                                           struct sp_str path)
{
    struct sp_sftp_reply reply = sp_sftp_reply_of(SP_NEXT);
    reply.changes = SP_SFTP_CHANGE_PATH;
    reply.path = path;
    return sp_answer(host, event, &reply.head);
}

/* before(): it is done, and nobody else is to do it. */
static inline int32_t sp_sftp_done(const struct sp_host *host, const struct sp_event *event)
{
    struct sp_sftp_reply reply = sp_sftp_reply_of(SP_TAKE);
    return sp_answer(host, event, &reply.head);
}

/* read: these bytes are the answer; none: the end of the file. */
static inline int32_t sp_sftp_data_is(const struct sp_host *host, const struct sp_event *event,
                                      struct sp_str data)
{
    struct sp_sftp_reply reply = sp_sftp_reply_of(SP_TAKE);
    reply.changes = SP_SFTP_CHANGE_DATA;
    reply.data = data;
    return sp_answer(host, event, &reply.head);
}

/* stat, fstat */
static inline int32_t sp_sftp_attributes_are(const struct sp_host *host,
                                             const struct sp_event *event,
                                             const struct sp_fs_attributes *attributes)
{
    struct sp_sftp_reply reply = sp_sftp_reply_of(SP_TAKE);
    reply.changes = SP_SFTP_CHANGE_ATTRIBUTES;
    reply.attributes = attributes;
    return sp_answer(host, event, &reply.head);
}

/* A part of a listing: before(), none is the end of the list; after(), they are in place of those
 * there were. */
static inline int32_t sp_sftp_entries_are(const struct sp_host *host, const struct sp_event *event,
                                          const struct sp_fs_entry *entries, uint64_t count)
{
    struct sp_sftp_reply reply = sp_sftp_reply_of(SP_TAKE);
    reply.changes = SP_SFTP_CHANGE_ENTRIES;
    reply.entries = entries;
    reply.entries_count = count;
    return sp_answer(host, event, &reply.head);
}

/* --- attributes ------------------------------------------------------------------------------ */

/* A regular file of that size, or a directory, that anybody may read. */
static inline struct sp_fs_attributes sp_fs_attributes_of(uint32_t type, uint64_t size)
{
    struct sp_fs_attributes attributes;
    memset(&attributes, 0, sizeof attributes);
    attributes.struct_size = (uint32_t)sizeof attributes;
    attributes.valid = SP_ATTR_TYPE | SP_ATTR_SIZE | SP_ATTR_PERMISSIONS;
    attributes.type = type;
    attributes.size = size;
    attributes.mode = type == SP_FILE_DIRECTORY ? 0555u : 0444u;
    return attributes;
}

#ifdef __cplusplus
}
#endif
#endif
