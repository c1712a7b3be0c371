/*
 * options.c: the configuration, beyond what its schema can say. Called by fs-s3.c at creation.
 */
#include "fs_s3.h"

#include <curl/curl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/loopback.h"

/* The parts of the endpoint; freed together. */
struct endpoint {
    CURLU *url;
    char *scheme;
    char *host;
    char *port; /* NULL: the scheme's own */
    char *path;
    char *user;
};

static void endpoint_clear(struct endpoint *endpoint)
{
    curl_free(endpoint->scheme);
    curl_free(endpoint->host);
    curl_free(endpoint->port);
    curl_free(endpoint->path);
    curl_free(endpoint->user);
    curl_url_cleanup(endpoint->url);
}

/* What is wrong with it, or NULL. */
static const char *endpoint_read(struct endpoint *e, const char *text, bool may_be_plain)
{
    e->url = curl_url();
    if (!e->url)
        return "cannot be read: out of memory";
    if (curl_url_set(e->url, CURLUPART_URL, text, 0) ||
        curl_url_get(e->url, CURLUPART_SCHEME, &e->scheme, 0) ||
        curl_url_get(e->url, CURLUPART_HOST, &e->host, 0) ||
        curl_url_get(e->url, CURLUPART_PATH, &e->path, 0))
        return "is not a URL; write it like https://s3.example.org";
    if (curl_url_get(e->url, CURLUPART_USER, &e->user, 0) == CURLUE_OK)
        return "may not hold a user and password; put keys into credentials_file";
    if (strcmp(e->path, "/") != 0)
        return "may not have a path; bucket and prefix are settings of their own";
    if (strcmp(e->scheme, "http") == 0 && !may_be_plain && !host_is_loopback(e->host))
        return "would send files in the clear; use https, or set allow_plain_http";
    if (strcmp(e->scheme, "http") != 0 && strcmp(e->scheme, "https") != 0)
        return "must begin with https:// or http://";
    if (curl_url_get(e->url, CURLUPART_PORT, &e->port, CURLU_NO_DEFAULT_PORT) != CURLUE_OK)
        e->port = NULL;
    return NULL;
}

/* "Host:" and what URLs begin with. */
static int compose(struct options *options, const struct endpoint *e)
{
    struct text host = {0}, origin = {0};
    if (!options->is_path_style) {
        text_put(&host, options->bucket);
        text_put(&host, ".");
    }
    text_put(&host, e->host);
    if (e->port) {
        text_put(&host, ":");
        text_put(&host, e->port);
    }
    text_put(&origin, e->scheme);
    text_put(&origin, "://");
    if (!host.failed)
        text_put(&origin, host.data);
    if (!host.failed && !origin.failed) {
        options->host = strdup(host.data);
        options->origin = strdup(origin.data);
    }
    text_clear(&host);
    text_clear(&origin);
    return options->host && options->origin ? 0 : SP_E_NOMEM;
}

static int read_endpoint(const struct sp_host *host, struct options *options)
{
    const json_t *json = options->json;
    const char *given = json_string_value(json_object_get(json, "endpoint"));
    bool may_be_plain = json_is_true(json_object_get(json, "allow_plain_http"));
    struct endpoint endpoint = {0};
    struct text amazon = {0};
    text_put(&amazon, "https://s3.");
    text_put(&amazon, options->region);
    text_put(&amazon, ".amazonaws.com");
    const char *wrong =
        amazon.failed
            ? "cannot be made: out of memory"
            : endpoint_read(&endpoint, given && *given ? given : amazon.data, may_be_plain);
    int rc = SP_E_INVALID;
    if (wrong)
        log_line(host, SP_LOG_ERROR, "endpoint %s", wrong);
    else if ((rc = compose(options, &endpoint)) < 0)
        log_line(host, SP_LOG_ERROR, "out of memory");
    endpoint_clear(&endpoint);
    text_clear(&amazon);
    return rc;
}

/* Slashes at its ends are nothing; one at its end is ours. */
static int read_prefix(const struct sp_host *host, struct options *options)
{
    const char *given = json_string_value(json_object_get(options->json, "prefix"));
    given = given ? given : "";
    given += strspn(given, "/");
    size_t length = strlen(given);
    while (length > 0 && given[length - 1] == '/')
        length--;
    if (length == 0)
        return 0;
    if (!names_are_fit(given, length) || length > KEY_MOST / 2) {
        log_line(host, SP_LOG_ERROR,
                 "prefix must be names with single slashes between them, none of them \".\" or "
                 "\"..\", and not be longer than %u bytes",
                 KEY_MOST / 2);
        return SP_E_INVALID;
    }
    text_add(&options->prefix, given, length);
    text_put(&options->prefix, "/");
    return options->prefix.failed ? SP_E_NOMEM : 0;
}

static int check_ca_file(const struct sp_host *host, const char *path)
{
    size_t length = 0;
    struct stat st;
    const char *why = NULL;
    char *text = path ? file_read(path, 16u << 20, false, &length, &st, &why) : NULL;
    if (path && !text)
        log_line(host, SP_LOG_ERROR, "ca_file %s: %s", path, why);
    free(text);
    return path && !text ? SP_E_FAILED : 0;
}

static const char *text_or_null(const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));
    return text && *text ? text : NULL;
}

static int64_t number(const json_t *json, const char *key)
{
    return json_integer_value(json_object_get(json, key));
}

static bool is_word(const json_t *json, const char *key, const char *word)
{
    const char *text = text_or_null(json, key);
    return text && strcmp(text, word) == 0;
}

int options_read(const struct sp_host *host, const char *config_json, struct options *ret_options)
{
    json_t *json = json_loads(config_json, 0, NULL);
    *ret_options = (struct options){
        .json = json,
        .region = text_or_null(json, "region"),
        .bucket = text_or_null(json, "bucket"),
        .is_path_style = !is_word(json, "addressing", "virtual-host"),
        .credentials_file = text_or_null(json, "credentials_file"),
        .profile = text_or_null(json, "profile"),
        .ca_file = text_or_null(json, "ca_file"),
        .proxy = text_or_null(json, "proxy"),
        .timeout_ms = number(json, "timeout_ms"),
        .connect_timeout_ms = number(json, "connect_timeout_ms"),
        .retry_delay_ms = number(json, "retry_delay_ms"),
        .retries = (int)number(json, "retries"),
        .part_bytes = (size_t)number(json, "part_bytes"),
        .parallel_parts = (unsigned)number(json, "parallel_parts"),
        .read_ahead_bytes = (size_t)number(json, "read_ahead_bytes"),
        .memory_bytes = (size_t)number(json, "memory_bytes_max"),
        .threads = (unsigned)number(json, "threads"),
        .copy_bytes = (uint64_t)number(json, "copy_bytes_max"),
        .rename_objects = (unsigned)number(json, "rename_objects_max"),
        .setstat = is_word(json, "setstat", "refuse")     ? SETSTAT_REFUSE
                   : is_word(json, "setstat", "metadata") ? SETSTAT_METADATA
                                                          : SETSTAT_IGNORE,
    };
    if (!ret_options->region || !ret_options->bucket) {
        log_line(host, SP_LOG_ERROR, "region and bucket must be given");
        return SP_E_INVALID;
    }
    int rc = read_endpoint(host, ret_options);
    if (rc == 0)
        rc = read_prefix(host, ret_options);
    return rc == 0 ? check_ca_file(host, ret_options->ca_file) : rc;
}

void options_clear(struct options *options)
{
    free(options->origin);
    free(options->host);
    text_clear(&options->prefix);
    json_decref(options->json);
    *options = (struct options){0};
}
