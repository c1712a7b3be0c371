/*
 * http.h: JSON sent to a web service by POST, and the service's answer, for plugins that have one.
 * A library of its own (plugin_http), as it needs libcurl.
 *
 *   options.c    the keys of a configuration that are the same for all of them
 *   transport.c  sending
 */
#ifndef PLUGINS_COMMON_HTTP_H
#define PLUGINS_COMMON_HTTP_H

#include <stddef.h>
#include <stdint.h>

#include <sallyport/plugin.h>

#include "common/text.h"

struct json_t;

#define HTTP_WHY_SIZE 512 /* of what ret_why points to: a line for the log, never a secret */

/* Strings belong to the JSON; all but url are NULL if they are not configured. */
struct http_options {
    const char *url;
    int64_t timeout_ms; /* of one question, its retries included */
    int64_t connect_timeout_ms;
    int64_t retry_delay_ms;
    int retries;
    const char *ca_file;
    const char *certificate_file;
    const char *key_file;
    const char *headers_file;
    const char *proxy;
    size_t answer_most;
};
/* From "url", "allow_plain_http", "timeout_ms", "connect_timeout_ms", "retries", "retry_delay_ms",
 * "ca_file", "certificate_file", "key_file", "headers_file", "proxy" and "answer_bytes_max". What
 * is wrong is told in the log. */
int http_options_read(const struct sp_host *host, const struct json_t *json,
                      struct http_options *ret_options);

/* Any number of threads at once. */
struct transport;
/* NULL after a line in the log. options must outlive it. */
struct transport *transport_new(const struct sp_host *host, const struct http_options *options);
void transport_free(struct transport *transport);
/* Questions under way, and later ones, fail within a second or so. */
void transport_stop(struct transport *transport);
/* Send the question and wait for the answer, at most as long as configured. headers are lines for
 * this question, up to a NULL; or NULL. 0 if it came with a status that is a success; else
 * negative. *ret_status is the status, 0 if there was none; it may be NULL. */
int transport_ask(struct transport *transport, const char *const *headers,
                  const struct text *question, struct text *ret_answer, long *ret_status,
                  char *ret_why);

#endif
