/* authorized_keys.c: from a file and a question to the one line that answers it. Any thread. */
#include "common/authorized_keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/key.h"
#include "common/log.h"

#define FILE_MOST (4u << 20)
#define LINE_MOST KEY_LINE_MOST
#define LINES_MOST 10000 /* with anything on them */
#define COMPLAINTS_MOST 5

struct search {
    const struct authorized_question *question;
    int line;
    int complaints;
};

/* The file's owner must not be able to fill the log. */
static void complain(struct search *search, const char *what)
{
    if (++search->complaints <= COMPLAINTS_MOST)
        log_line(search->question->host, SP_LOG_WARNING, "%s:%d: %s; line ignored",
                 search->question->path, search->line, what);
}

static bool is_same(struct sp_str a, struct sp_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, (size_t)a.len) == 0);
}

static bool certificate_names(const struct sp_certificate *certificate, struct sp_str name)
{
    for (uint64_t i = 0; i < certificate->principals_count; i++)
        if (name.len && is_same(certificate->principals[i], name))
            return true;
    return false;
}

/* Whether one of the comma-separated names is a principal; without such a list, the user is. */
static bool has_principal(const struct sp_auth_event *event, struct sp_str list)
{
    if (!list.data)
        return certificate_names(event->certificate, event->user);
    for (const char *p = list.data;; p++) {
        size_t length = strcspn(p, ",");
        if (certificate_names(event->certificate, (struct sp_str){p, length}))
            return true;
        p += length;
        if (!*p)
            return false;
    }
}

/* Two commands can only both be forced if they are one. */
static bool commands_agree(const struct sp_certificate *certificate, struct sp_str command)
{
    for (uint64_t i = 0; command.data && i < certificate->critical_options_count; i++)
        if (is_same(certificate->critical_options[i].name, sp_str_of("force-command")) &&
            !is_same(certificate->critical_options[i].value, command))
            return false;
    return true;
}

/* Whether the line, whose key is the right one, holds for this client now. */
static bool line_holds(struct search *search, const struct authorized_options *options)
{
    const struct sp_auth_event *event = search->question->event;
    const struct sp_connection *connection = event->head.connection;
    struct sp_str address = connection ? connection->remote_address : (struct sp_str){0};
    const char *why = NULL;

    if (options->expires < search->question->now)
        why = "has expired";
    else if (options->from.data && !authorized_from_matches(options->from, address))
        why = "is not for use from this address";
    else if (event->certificate && !has_principal(event, options->principals))
        why = "is a CA's, and none of the certificate's principals is this user's";
    else if (event->certificate && !commands_agree(event->certificate, options->command))
        why = "forces another command than the certificate";
    if (why)
        log_line(search->question->host, SP_LOG_INFO, "%s:%d: the key %s", search->question->path,
                 search->line, why);
    return !why;
}

static const char *skip_space(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    return p;
}

/* start is neither blank nor a comment. */
static bool line_answers(struct search *search, const char *start, size_t length,
                         struct authorized_options *ret_options)
{
    const struct sp_certificate *certificate = search->question->event->certificate;
    struct key key;
    char text[128] = "";
    size_t used = 0;

    *ret_options = (struct authorized_options){.permit = SP_PERMIT_ALL, .expires = INT64_MAX};
    if (!key_parse(start, length, &key)) {
        if (!authorized_options_parse(start, length, ret_options, &used, text)) {
            complain(search, text);
            return false;
        }
        if (!key_parse(start + used, length - used, &key))
            complain(search, "no public key");
    }
    /* A certificate is good for what its CA says only, and a CA's key is for nobody to log in. */
    bool found = ret_options->is_authority == (certificate != NULL) &&
                 key_equal(&key, certificate ? certificate->ca_key_blob
                                             : search->question->event->key_blob) &&
                 line_holds(search, ret_options);
    key_clear(&key);
    if (!found)
        authorized_options_clear(ret_options);
    return found;
}

bool authorized_keys_search(const struct authorized_question *question, const char *text,
                            size_t length, struct authorized_options *ret_options)
{
    struct search search = {.question = question};
    const char *end = text + length;
    int lines = 0;

    *ret_options = (struct authorized_options){.expires = INT64_MAX};
    for (const char *line = text; line < end;) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        const char *stop = newline ? newline : end;
        const char *start = skip_space(line, stop);
        if (stop > start && stop[-1] == '\r')
            stop--;
        search.line++;
        line = newline ? newline + 1 : end;
        if (start == stop || *start == '#')
            continue;
        if (++lines > LINES_MOST) {
            complain(&search, "too many lines: this and all after it");
            return false;
        }
        if ((size_t)(stop - start) > LINE_MOST)
            complain(&search, "too long");
        else if (line_answers(&search, start, (size_t)(stop - start), ret_options))
            return true;
    }
    return false;
}

bool authorized_keys_find(const struct authorized_question *question,
                          struct authorized_options *ret_options)
{
    size_t length = 0;
    struct stat st;
    const char *why = NULL;

    *ret_options = (struct authorized_options){.expires = INT64_MAX};
    errno = 0;
    char *text = file_read(question->path, FILE_MOST, false, &length, &st, &why);
    if (!text) {
        if (errno != ENOENT)
            log_line(question->host, SP_LOG_WARNING, "%s: %s; no key of it is accepted",
                     question->path, why);
        return false;
    }
    bool found = authorized_keys_search(question, text, length, ret_options);
    free(text);
    return found;
}
