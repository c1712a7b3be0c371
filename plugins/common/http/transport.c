/*
 * transport.c: questions over HTTP, on any number of threads; each takes a handle of libcurl from a
 * stack and puts it back, so that connections stay open and are used again. See http.h.
 *
 * A question is sent again only if the connection failed or a gateway said that the service is not
 * there. All tries together have one deadline.
 */
#include "common/http/http.h"

#include <curl/curl.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/file.h"
#include "common/log.h"

#define SECRETS_MOST (64u << 10)
#define RETRY_DELAY_MOST_MS 60000

struct handle {
    struct handle *next;
    CURL *easy;
    char error[CURL_ERROR_SIZE];
};

struct transport {
    const struct http_options *options;
    struct curl_slist *headers;
    atomic_bool is_stopped;
    pthread_mutex_t lock; /* over all below */
    struct handle *idle;
};

/* One answer as it comes in. */
struct intake {
    struct text *text;
    size_t most;
    bool is_too_large;
};

static int64_t now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static size_t on_data(char *data, size_t size, size_t count, void *arg)
{
    struct intake *intake = arg;
    size_t length = size * count;
    intake->is_too_large |= length > intake->most - intake->text->length;
    if (intake->is_too_large)
        return 0;
    text_add(intake->text, data, length);
    return intake->text->failed ? 0 : length;
}

static int on_progress(void *arg, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                       curl_off_t up)
{
    (void)down_total, (void)down, (void)up_total, (void)up;
    return atomic_load(&((struct transport *)arg)->is_stopped);
}

void transport_stop(struct transport *transport)
{
    atomic_store(&transport->is_stopped, true);
}

/* --- setting up ------------------------------------------------------------------------------ */

static bool append(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);
    if (longer)
        *list = longer;
    return longer != NULL;
}

static bool add_header(struct transport *transport, const char *line)
{
    return append(&transport->headers, line);
}

/* One header; false if it is none. */
static bool add_header_line(struct transport *transport, const char *line)
{
    size_t name = strcspn(line, ": \t");
    for (const char *p = line; *p; p++)
        if ((unsigned char)*p < 0x20 && *p != '\t')
            return false;
    return name > 0 && line[name] == ':' && add_header(transport, line);
}

static int read_headers(const struct sp_host *host, struct transport *transport, const char *path)
{
    size_t length = 0;
    struct stat st;
    const char *why = NULL;
    char *text = file_read(path, SECRETS_MOST, true, &length, &st, &why);
    int rc = 0;
    if (!text) {
        log_line(host, SP_LOG_ERROR, "headers_file %s: %s", path, why);
        return SP_E_FAILED;
    }
    char *rest = text;
    int number = 0;
    for (char *line; rc == 0 && (line = strsep(&rest, "\n"));) {
        number++;
        line[strcspn(line, "\r")] = '\0';
        if (*line && !add_header_line(transport, line)) {
            log_line(host, SP_LOG_ERROR, "headers_file %s:%d: must be like \"Name: value\"", path,
                     number);
            rc = SP_E_INVALID;
        }
    }
    OPENSSL_cleanse(text, length);
    free(text);
    return rc;
}

/* libcurl reads these itself, each time it connects; what is wrong with them is told at once. */
static int check_file(const struct sp_host *host, const char *key, const char *path,
                      bool is_private)
{
    size_t length = 0;
    struct stat st;
    const char *why = NULL;
    char *text = path ? file_read(path, 16u << 20, is_private, &length, &st, &why) : NULL;
    if (path && !text)
        log_line(host, SP_LOG_ERROR, "%s %s: %s", key, path, why);
    if (text)
        OPENSSL_cleanse(text, length);
    free(text);
    return path && !text ? SP_E_FAILED : 0;
}

static int prepare(const struct sp_host *host, struct transport *transport)
{
    const struct http_options *options = transport->options;
    /* Without "Expect:" libcurl would wait for leave to send a long question. */
    if (!add_header(transport, "Content-Type: application/json") ||
        !add_header(transport, "Accept: application/json") || !add_header(transport, "Expect:")) {
        log_line(host, SP_LOG_ERROR, "out of memory");
        return SP_E_NOMEM;
    }
    if (check_file(host, "ca_file", options->ca_file, false) < 0 ||
        check_file(host, "certificate_file", options->certificate_file, false) < 0 ||
        check_file(host, "key_file", options->key_file, true) < 0)
        return SP_E_FAILED;
    return options->headers_file ? read_headers(host, transport, options->headers_file) : 0;
}

struct transport *transport_new(const struct sp_host *host, const struct http_options *options)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        log_line(host, SP_LOG_ERROR, "libcurl does not start");
        return NULL;
    }
    struct transport *transport = calloc(1, sizeof *transport);
    if (!transport) {
        curl_global_cleanup();
        return NULL;
    }
    transport->options = options;
    pthread_mutex_init(&transport->lock, NULL);
    if (prepare(host, transport) == 0)
        return transport;
    transport_free(transport);
    return NULL;
}

static void handle_free(struct handle *handle)
{
    curl_easy_cleanup(handle->easy);
    free(handle);
}

static void free_headers(struct curl_slist *headers)
{
    for (struct curl_slist *header = headers; header; header = header->next)
        OPENSSL_cleanse(header->data, strlen(header->data));
    curl_slist_free_all(headers);
}

void transport_free(struct transport *transport)
{
    if (!transport)
        return;
    for (struct handle *handle; (handle = transport->idle);) {
        transport->idle = handle->next;
        handle_free(handle);
    }
    free_headers(transport->headers);
    pthread_mutex_destroy(&transport->lock);
    free(transport);
    curl_global_cleanup();
}

/* --- handles --------------------------------------------------------------------------------- */

/* Everything that is the same for every question. False if libcurl cannot do it. */
static bool configure(CURL *easy, const struct transport *transport)
{
    const struct http_options *o = transport->options;
    bool ok = !curl_easy_setopt(easy, CURLOPT_URL, o->url) &&
              !curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") &&
              !curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) &&
              !curl_easy_setopt(easy, CURLOPT_PROXY, o->proxy ? o->proxy : "") &&
              !curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) &&
              !curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) &&
              !curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data) &&
              !curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L) &&
              !curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress) &&
              !curl_easy_setopt(easy, CURLOPT_XFERINFODATA, transport) &&
              !curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) &&
              !curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) &&
              !curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    /* The system's directory of authorities would stand beside the file. */
    if (ok && o->ca_file)
        ok = !curl_easy_setopt(easy, CURLOPT_CAINFO, o->ca_file) &&
             !curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    if (ok && o->certificate_file)
        ok = !curl_easy_setopt(easy, CURLOPT_SSLCERT, o->certificate_file) &&
             !curl_easy_setopt(easy, CURLOPT_SSLKEY, o->key_file);
    return ok;
}

static struct handle *handle_new(const struct transport *transport)
{
    struct handle *handle = calloc(1, sizeof *handle);
    if (!handle)
        return NULL;
    handle->easy = curl_easy_init();
    if (handle->easy && configure(handle->easy, transport) &&
        !curl_easy_setopt(handle->easy, CURLOPT_ERRORBUFFER, handle->error))
        return handle;
    handle_free(handle);
    return NULL;
}

static struct handle *handle_take(struct transport *transport)
{
    pthread_mutex_lock(&transport->lock);
    struct handle *handle = transport->idle;
    if (handle)
        transport->idle = handle->next;
    pthread_mutex_unlock(&transport->lock);
    return handle ? handle : handle_new(transport);
}

static void handle_give_back(struct transport *transport, struct handle *handle)
{
    pthread_mutex_lock(&transport->lock);
    handle->next = transport->idle;
    transport->idle = handle;
    pthread_mutex_unlock(&transport->lock);
}

/* --- asking ---------------------------------------------------------------------------------- */

static bool is_worth_another_try(CURLcode code, long status)
{
    switch (code) {
    case CURLE_OK:
        return status == 502 || status == 503 || status == 504;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
        return true;
    default:
        return false;
    }
}

static int explain(const struct transport *transport, CURLcode code, long status,
                   const struct handle *handle, const struct intake *intake, char *ret_why)
{
    const char *url = transport->options->url;
    if (code == CURLE_OK)
        snprintf(ret_why, HTTP_WHY_SIZE, "%.200s: HTTP status %ld; look into the service's own log",
                 url, status);
    else if (intake->is_too_large)
        snprintf(ret_why, HTTP_WHY_SIZE, "%.200s: the answer is longer than answer_bytes_max (%zu)",
                 url, transport->options->answer_most);
    else
        snprintf(ret_why, HTTP_WHY_SIZE, "%.200s: %.200s", url,
                 handle->error[0] ? handle->error : curl_easy_strerror(code));
    return code == CURLE_OPERATION_TIMEDOUT ? SP_E_TIMEOUT : SP_E_FAILED;
}

/* One try, which ends within left_ms. 0, or negative with ret_again and ret_why set. */
static int ask_once(const struct transport *transport, struct handle *handle,
                    const struct text *question, struct text *ret_answer, int64_t left_ms,
                    bool *ret_again, long *ret_status, char *ret_why)
{
    const struct http_options *options = transport->options;
    struct intake intake = {.text = ret_answer, .most = options->answer_most};
    int64_t connect_ms =
        options->connect_timeout_ms < left_ms ? options->connect_timeout_ms : left_ms;
    long status = 0;
    text_clear(ret_answer);
    handle->error[0] = '\0';
    curl_easy_setopt(handle->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)question->length);
    curl_easy_setopt(handle->easy, CURLOPT_POSTFIELDS, question->data);
    curl_easy_setopt(handle->easy, CURLOPT_WRITEDATA, &intake);
    curl_easy_setopt(handle->easy, CURLOPT_TIMEOUT_MS, (long)left_ms);
    curl_easy_setopt(handle->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
    CURLcode code = curl_easy_perform(handle->easy);
    curl_easy_getinfo(handle->easy, CURLINFO_RESPONSE_CODE, &status);
    *ret_status = code == CURLE_OK ? status : 0;
    if (code == CURLE_OK && status >= 200 && status <= 299)
        return 0;
    *ret_again = is_worth_another_try(code, status);
    return explain(transport, code, status, handle, &intake, ret_why);
}

static void wait_ms(int64_t ms)
{
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    while (nanosleep(&left, &left) < 0)
        ;
}

/* The headers of every question, and those of this one. NULL: out of memory. */
static struct curl_slist *all_headers(const struct transport *transport, const char *const *headers)
{
    struct curl_slist *list = NULL;
    bool ok = true;
    for (const struct curl_slist *header = transport->headers; header && ok; header = header->next)
        ok = append(&list, header->data);
    for (; headers && *headers && ok; headers++)
        ok = append(&list, *headers);
    if (ok)
        return list;
    free_headers(list);
    return NULL;
}

int transport_ask(struct transport *transport, const char *const *headers,
                  const struct text *question, struct text *ret_answer, long *ret_status,
                  char *ret_why)
{
    const struct http_options *options = transport->options;
    int64_t end = now_ms() + options->timeout_ms;
    int64_t delay = options->retry_delay_ms;
    long status = 0;
    int rc = SP_E_NOMEM;
    struct handle *handle = handle_take(transport);
    struct curl_slist *list = handle ? all_headers(transport, headers) : NULL;
    if (!list)
        snprintf(ret_why, HTTP_WHY_SIZE, "libcurl cannot be set up: out of memory?");
    else
        curl_easy_setopt(handle->easy, CURLOPT_HTTPHEADER, list);
    for (int try = 0; list; try++) {
        bool again = false;
        int64_t left = end - now_ms();
        rc = ask_once(transport, handle, question, ret_answer, left > 1 ? left : 1, &again, &status,
                      ret_why);
        if (rc == 0 || !again || try >= options->retries || end - now_ms() <= delay)
            break;
        wait_ms(delay);
        delay = delay * 2 < RETRY_DELAY_MOST_MS ? delay * 2 : RETRY_DELAY_MOST_MS;
    }
    if (ret_status)
        *ret_status = status;
    if (handle) {
        curl_easy_setopt(handle->easy, CURLOPT_HTTPHEADER, NULL);
        handle_give_back(transport, handle);
    }
    free_headers(list);
    return rc;
}
