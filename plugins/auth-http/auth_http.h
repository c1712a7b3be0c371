/*
 * auth_http.h: what the files of this plugin share.
 *
 * One question of the host goes text first: question.c writes it, common/http sends it and
 * brings an answer's text, answer.c reads that. cache.c keeps answers' texts, so that one from the
 * cache goes the same way as one from the service.
 */
#ifndef AUTH_HTTP_H
#define AUTH_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sallyport/plugin.h>

#include "common/grant.h"
#include "common/http/http.h"
#include "common/log.h"
#include "common/text.h"

struct json_t;

#define WHY_SIZE HTTP_WHY_SIZE

/* options.c: the configuration, checked. Strings belong to json. */
struct options {
    struct json_t *json;
    struct http_options http;
    uint32_t methods; /* SP_METHOD_* */
    size_t cache_entries;
    int64_t cache_allow_ms;
    int64_t cache_deny_ms;
};
/* 0, or negative after a line in the log. End it with options_clear() in either case. */
int options_read(const struct sp_host *host, const char *config_json, struct options *ret_options);
void options_clear(struct options *options);
/* The word for one SP_METHOD_*, and back; 0 if there is none. */
const char *method_name(uint32_t method);
uint32_t method_by_name(const char *name);

/* question.c: the event as JSON. connection is this plugin's name for the connection. */
int question_write(const struct sp_auth_event *event, const char *connection, struct text *ret_text,
                   char *ret_why);

/* answer.c: the service's JSON as a reply. It points into the answer, which must stay where it is
 * until answer_clear(). */
#define PROMPTS_MOST 16u
struct answer {
    struct json_t *json;
    struct sp_grant grant;
    struct sp_prompt prompts[PROMPTS_MOST];
    struct sp_auth_reply reply;
};
int answer_read(const struct text *text, const struct sp_auth_event *event,
                struct answer *ret_answer, char *ret_why);
void answer_clear(struct answer *answer);

/* cache.c: any number of threads at once. Times are in milliseconds, of whatever clock. */
#define CACHE_KEY_SIZE 32u
struct cache;
struct cache *cache_new(size_t entries);
void cache_free(struct cache *cache);
/* Adds to ret_text what was kept; false if there is nothing. */
bool cache_find(struct cache *cache, const unsigned char *key, int64_t now, struct text *ret_text);
void cache_keep(struct cache *cache, const unsigned char *key, int64_t now, int64_t lifetime,
                const struct text *text);
void cache_forget_all(struct cache *cache);

#endif
