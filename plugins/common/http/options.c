/* options.c: see http.h. */
#include "common/http/http.h"

#include <curl/curl.h>
#include <jansson.h>
#include <string.h>

#include "common/log.h"
#include "common/loopback.h"

/* What is wrong with the URL, or NULL. */
static const char *judge_url(const struct json_t *json, const char *text, CURLU *url)
{
    bool may_be_plain = json_is_true(json_object_get(json, "allow_plain_http"));
    char *scheme = NULL, *host = NULL, *user = NULL;
    const char *wrong = NULL;
    if (curl_url_set(url, CURLUPART_URL, text, 0) ||
        curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) ||
        curl_url_get(url, CURLUPART_HOST, &host, 0))
        wrong = "is not a URL; write it like https://service.example.org/ssh";
    else if (curl_url_get(url, CURLUPART_USER, &user, 0) == CURLUE_OK)
        wrong = "may not hold a user and password; put a header into headers_file";
    else if (strcmp(scheme, "http") == 0 && !may_be_plain && !host_is_loopback(host))
        wrong = "would send secrets in the clear; use https, or set allow_plain_http";
    else if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
        wrong = "must begin with https:// or http://";
    curl_free(scheme);
    curl_free(host);
    curl_free(user);
    return wrong;
}

static int check_url(const struct sp_host *host, const struct json_t *json, const char *text)
{
    CURLU *url = curl_url();
    const char *wrong = url ? judge_url(json, text, url) : "cannot be read: out of memory";
    curl_url_cleanup(url);
    if (wrong)
        log_line(host, SP_LOG_ERROR, "url %s", wrong);
    return wrong ? SP_E_INVALID : 0;
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

int http_options_read(const struct sp_host *host, const struct json_t *json,
                      struct http_options *ret_options)
{
    *ret_options = (struct http_options){
        .url = text_or_null(json, "url"),
        .timeout_ms = number(json, "timeout_ms"),
        .connect_timeout_ms = number(json, "connect_timeout_ms"),
        .retry_delay_ms = number(json, "retry_delay_ms"),
        .retries = (int)number(json, "retries"),
        .ca_file = text_or_null(json, "ca_file"),
        .certificate_file = text_or_null(json, "certificate_file"),
        .key_file = text_or_null(json, "key_file"),
        .headers_file = text_or_null(json, "headers_file"),
        .proxy = text_or_null(json, "proxy"),
        .answer_most = (size_t)number(json, "answer_bytes_max"),
    };
    if (!ret_options->url) {
        log_line(host, SP_LOG_ERROR, "url is missing");
        return SP_E_INVALID;
    }
    if (!ret_options->certificate_file != !ret_options->key_file) {
        log_line(host, SP_LOG_ERROR, "certificate_file and key_file must be given together");
        return SP_E_INVALID;
    }
    return check_url(host, json, ret_options->url);
}
