/*
 * request.c: one request to the store and its answer, over HTTP. Called by object.c, upload.c and
 * list.c, on any number of threads; each takes a handle of libcurl from a stack and puts it back,
 * so that connections stay open and are used again.
 *
 * All requests that are made can be repeated without harm, so each is sent again if the connection
 * failed or the store said that it is busy or broken. All tries together have one deadline.
 */
#include "fs_s3.h"

#include <curl/curl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define RETRY_DELAY_MOST_MS 10000
#define ANSWER_MOST                                                                                \
    (16u << 20) /* 1000 keys of 1024 bytes, three times as long when encoded, fit                  \
                 */
#define KEPT_MOST 8192u
#define HEADERS_MOST 32u
#define BUFFER_BYTES                                                                               \
    (256L << 10) /* of libcurl's, each way: contents come and go in large pieces                   \
                  */

struct handle {
    struct handle *next;
    CURL *easy;
    char error[CURL_ERROR_SIZE];
};

struct transport {
    const struct sp_host *host;
    const struct options *options;
    struct credentials *credentials;
    _Atomic int64_t told_ms; /* when a failure was told last */
    pthread_mutex_t lock;    /* over idle */
    struct handle *idle;
};

/* One try. */
struct attempt {
    const struct request *request;
    struct response *response;
    CURL *easy;
    bool is_too_large;
};

static int64_t now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* --- transport, handles ---------------------------------------------------------------------- */

struct transport *transport_new(const struct sp_host *host, const struct options *options,
                                struct credentials *credentials)
{
    struct transport *transport = calloc(1, sizeof *transport);
    if (!transport || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        log_line(host, SP_LOG_ERROR, "libcurl does not start");
        free(transport);
        return NULL;
    }
    transport->host = host;
    transport->options = options;
    transport->credentials = credentials;
    pthread_mutex_init(&transport->lock, NULL);
    return transport;
}

static void handle_free(struct handle *handle)
{
    curl_easy_cleanup(handle->easy);
    free(handle);
}

void transport_free(struct transport *transport)
{
    if (!transport)
        return;
    for (struct handle *handle; (handle = transport->idle);) {
        transport->idle = handle->next;
        handle_free(handle);
    }
    pthread_mutex_destroy(&transport->lock);
    free(transport);
    curl_global_cleanup();
}

static struct handle *handle_take(struct transport *transport)
{
    pthread_mutex_lock(&transport->lock);
    struct handle *handle = transport->idle;
    if (handle)
        transport->idle = handle->next;
    pthread_mutex_unlock(&transport->lock);
    if (handle)
        return handle;
    handle = calloc(1, sizeof *handle);
    if (handle && !(handle->easy = curl_easy_init())) {
        free(handle);
        handle = NULL;
    }
    return handle;
}

static void handle_give_back(struct transport *transport, struct handle *handle)
{
    curl_easy_reset(handle->easy); /* connections stay */
    pthread_mutex_lock(&transport->lock);
    handle->next = transport->idle;
    transport->idle = handle;
    pthread_mutex_unlock(&transport->lock);
}

/* --- what comes back ------------------------------------------------------------------------- */

void request_header(struct request *request, const char *name, const char *value)
{
    text_put(&request->headers, name);
    text_put(&request->headers, ": ");
    text_put(&request->headers, value);
    text_put(&request->headers, "\n");
}

void request_clear(struct request *request)
{
    text_clear(&request->headers);
}

void response_clear(struct response *response)
{
    text_clear(&response->body);
    text_clear(&response->kept);
    *response = (struct response){0};
}

static size_t on_data(char *data, size_t size, size_t count, void *arg)
{
    struct attempt *attempt = arg;
    struct response *response = attempt->response;
    const struct request *request = attempt->request;
    size_t length = size * count;
    long status = 0;
    curl_easy_getinfo(attempt->easy, CURLINFO_RESPONSE_CODE, &status);
    if (request->into && status >= 200 && status <= 299) {
        attempt->is_too_large = length > request->into_size - response->into_length;
        if (attempt->is_too_large)
            return 0;
        memcpy(request->into + response->into_length, data, length);
        response->into_length += length;
        return length;
    }
    attempt->is_too_large = length > ANSWER_MOST - response->body.length;
    if (attempt->is_too_large)
        return 0;
    text_add(&response->body, data, length);
    return response->body.failed ? 0 : length;
}

/* Headers that are an object's own, and are lost when it is copied with others. */
static bool is_kept(const char *name)
{
    static const char *const names[] = {"content-type",     "content-encoding",
                                        "content-language", "content-disposition",
                                        "cache-control",    "expires"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return strncmp(name, "x-amz-meta-", 11) == 0;
}

static void take_header(struct response *response, const char *name, const char *value)
{
    size_t length = strlen(value);
    if (strcmp(name, "etag") == 0 && length < sizeof response->etag)
        memcpy(response->etag, value, length + 1);
    else if (strcmp(name, "last-modified") == 0)
        response->modified = (int64_t)curl_getdate(value, NULL);
    else if (strcmp(name, "x-amz-server-side-encryption") == 0 && strcmp(value, "AES256") != 0)
        response->is_md5 = false;
    else if (strcmp(name, "x-amz-server-side-encryption-customer-algorithm") == 0)
        response->is_md5 = false;
    else if (is_kept(name) && strlen(name) + length + 3 <= KEPT_MOST - response->kept.length) {
        text_put(&response->kept, name);
        text_put(&response->kept, ": ");
        text_put(&response->kept, value);
        text_put(&response->kept, "\n");
    }
}

static size_t on_header(char *data, size_t size, size_t count, void *arg)
{
    struct attempt *attempt = arg;
    size_t length = size * count;
    char line[4096];
    if (length >= sizeof line)
        return length; /* nothing of ours is as long */
    memcpy(line, data, length);
    line[length] = '\0';
    line[strcspn(line, "\r\n")] = '\0';
    char *value = strchr(line, ':');
    if (!value)
        return length;
    *value++ = '\0';
    value += strspn(value, " \t");
    for (char *p = line; *p; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p | 0x20);
    take_header(attempt->response, line, value);
    return length;
}

static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct attempt *attempt = arg;
    (void)a, (void)b, (void)c, (void)d;
    return attempt->request->is_unwanted && atomic_load(attempt->request->is_unwanted);
}

/* --- sending --------------------------------------------------------------------------------- */

/* The encoded path, and the query, which must be sorted by name already. */
static void put_target(const struct options *options, const struct request *request,
                       struct text *ret_path, struct text *ret_query)
{
    text_put(ret_path, "/");
    if (options->is_path_style) {
        uri_put(ret_path, options->bucket, strlen(options->bucket), false);
        text_put(ret_path, request->key ? "/" : "");
    }
    if (request->key)
        uri_put(ret_path, request->key, strlen(request->key), true);
    for (const struct pair *pair = request->query; pair->name; pair++) {
        text_put(ret_query, pair == request->query ? "" : "&");
        uri_put(ret_query, pair->name, strlen(pair->name), false);
        text_put(ret_query, "=");
        uri_put(ret_query, pair->value, strlen(pair->value), false);
    }
}

/* Splits "name: value\n" … in place; the signed ones into pairs. */
static size_t split_headers(struct text *lines, struct pair *pairs, struct curl_slist **list)
{
    size_t count = 0;
    char *rest = lines->data;
    for (char *line; rest && (line = strsep(&rest, "\n"));) {
        if (!*line)
            continue;
        struct curl_slist *longer = curl_slist_append(*list, line);
        if (!longer)
            return SIZE_MAX;
        *list = longer;
        char *value = strchr(line, ':');
        if (strncmp(line, "x-amz-", 6) != 0 || !value)
            continue;
        *value = '\0';
        if (count == HEADERS_MOST)
            return SIZE_MAX;
        pairs[count++] = (struct pair){line, value + 1};
    }
    return count;
}

static bool append(struct curl_slist **list, const char *name, const char *value)
{
    struct text line = {0};
    text_put(&line, name);
    text_put(&line, value);
    struct curl_slist *longer = line.failed ? NULL : curl_slist_append(*list, line.data);
    text_clear(&line);
    if (longer)
        *list = longer;
    return longer != NULL;
}

/* The headers of one try, with the signature. False: memory is out, or cryptography fails. */
static bool make_headers(const struct transport *transport, const struct request *request,
                         const struct text *path, const struct text *query,
                         struct curl_slist **ret_list)
{
    char date[DATE_SIZE], payload[DIGEST_SIZE];
    struct pair pairs[HEADERS_MOST + 4];
    struct identity identity;
    struct text lines = {0}, authorization = {0};
    time_t now = time(NULL); /* the store's clock is the real one, too */
    struct tm tm;
    bool ok = gmtime_r(&now, &tm) && strftime(date, sizeof date, "%Y%m%dT%H%M%SZ", &tm) &&
              digest(request->body, request->body_length, payload) &&
              credentials_get(transport->credentials, &identity);
    if (!ok)
        return false;
    text_add(&lines, request->headers.data, request->headers.length);
    size_t count = lines.failed ? SIZE_MAX : split_headers(&lines, pairs, ret_list);
    ok = count != SIZE_MAX;
    if (ok) {
        pairs[count++] = (struct pair){"host", transport->options->host};
        pairs[count++] = (struct pair){"x-amz-content-sha256", payload};
        pairs[count++] = (struct pair){"x-amz-date", date};
        if (identity.session_token.length)
            pairs[count++] = (struct pair){"x-amz-security-token", identity.session_token.data};
        struct signing signing = {.identity = &identity,
                                  .region = transport->options->region,
                                  .method = request->method,
                                  .path = path->data,
                                  .query = query->data ? query->data : "",
                                  .headers = pairs,
                                  .headers_count = count,
                                  .payload = payload,
                                  .date = date};
        ok = sign(&signing, &authorization) &&
             append(ret_list, "authorization: ", authorization.data) &&
             append(ret_list, "x-amz-content-sha256: ", payload) &&
             append(ret_list, "x-amz-date: ", date) && append(ret_list, "expect:", "") &&
             (!identity.session_token.length ||
              append(ret_list, "x-amz-security-token: ", identity.session_token.data));
    }
    identity_clear(&identity);
    text_clear(&authorization);
    text_clear(&lines);
    return ok;
}

static void headers_free(struct curl_slist *list)
{
    for (struct curl_slist *header = list; header; header = header->next)
        OPENSSL_cleanse(header->data, strlen(header->data));
    curl_slist_free_all(list);
}

static bool configure(CURL *easy, const struct options *o, struct attempt *attempt)
{
    const struct request *request = attempt->request;
    bool has_body = strcmp(request->method, "PUT") == 0 || strcmp(request->method, "POST") == 0;
    bool ok = !curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") &&
              !curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L) &&
              !curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) &&
              !curl_easy_setopt(easy, CURLOPT_PROXY, o->proxy ? o->proxy : "") &&
              !curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) &&
              !curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) &&
              !curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L) &&
              !curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, BUFFER_BYTES) &&
              !curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, BUFFER_BYTES) &&
              !curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data) &&
              !curl_easy_setopt(easy, CURLOPT_WRITEDATA, attempt) &&
              !curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header) &&
              !curl_easy_setopt(easy, CURLOPT_HEADERDATA, attempt) &&
              !curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress) &&
              !curl_easy_setopt(easy, CURLOPT_XFERINFODATA, attempt) &&
              !curl_easy_setopt(easy, CURLOPT_NOPROGRESS, request->is_unwanted ? 0L : 1L) &&
              !curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) &&
              !curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) &&
              !curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (ok && o->ca_file) /* the system's directory of authorities would stand beside the file */
        ok = !curl_easy_setopt(easy, CURLOPT_CAINFO, o->ca_file) &&
             !curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    if (ok && has_body)
        ok = !curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                               (curl_off_t)request->body_length) &&
             !curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
                               request->body_length ? (const char *)request->body : "");
    if (ok && strcmp(request->method, "HEAD") == 0)
        ok = !curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    else if (ok)
        ok = !curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
    return ok;
}

static CURLcode send_once(struct transport *transport, struct handle *handle,
                          struct attempt *attempt, int64_t left_ms)
{
    const struct options *options = transport->options;
    struct text path = {0}, query = {0}, url = {0};
    struct curl_slist *headers = NULL;
    CURLcode code = CURLE_OUT_OF_MEMORY;
    int64_t connect_ms =
        options->connect_timeout_ms < left_ms ? options->connect_timeout_ms : left_ms;
    put_target(options, attempt->request, &path, &query);
    text_put(&url, options->origin);
    text_add(&url, path.data, path.length);
    text_put(&url, query.length ? "?" : "");
    text_add(&url, query.data, query.length);
    curl_easy_reset(handle->easy);
    handle->error[0] = '\0';
    if (!path.failed && !query.failed && !url.failed &&
        make_headers(transport, attempt->request, &path, &query, &headers) &&
        configure(handle->easy, options, attempt) &&
        !curl_easy_setopt(handle->easy, CURLOPT_URL, url.data) &&
        !curl_easy_setopt(handle->easy, CURLOPT_HTTPHEADER, headers) &&
        !curl_easy_setopt(handle->easy, CURLOPT_ERRORBUFFER, handle->error)) {
        curl_easy_setopt(handle->easy, CURLOPT_TIMEOUT_MS, (long)left_ms);
        curl_easy_setopt(handle->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
        code = curl_easy_perform(handle->easy);
    }
    headers_free(headers);
    text_clear(&path);
    text_clear(&query);
    text_clear(&url);
    return code;
}

/* --- judging --------------------------------------------------------------------------------- */

static bool is_worth_another_try(CURLcode code, const struct response *response)
{
    switch (code) {
    case CURLE_OK:
        return answer_is_passing(response);
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_WEIRD_SERVER_REPLY:
        return true;
    default:
        return false;
    }
}

static uint32_t explain_failure(const struct transport *transport, const struct request *request,
                                CURLcode code, const struct attempt *attempt,
                                const struct handle *handle, char *ret_why)
{
    const char *what = handle->error[0] ? handle->error : curl_easy_strerror(code);
    if (attempt->is_too_large)
        what = "the store's answer is longer than it can be";
    snprintf(ret_why, WHY_SIZE, "%s of %s/%.200s: the store at %.100s cannot be asked: %.120s",
             request->method, transport->options->bucket, answer_subject(request),
             transport->options->host, what);
    return code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST
               ? SP_FS_NO_CONNECTION
               : SP_FS_CONNECTION_LOST;
}

/* The outcome of one try: SP_FS_OK, or a status with ret_again set. */
static uint32_t judge(const struct transport *transport, CURLcode code, struct attempt *attempt,
                      const struct handle *handle, bool *ret_again, char *ret_why)
{
    struct response *response = attempt->response;
    const struct request *request = attempt->request;
    curl_off_t length = -1;
    if (code == CURLE_OK) {
        curl_easy_getinfo(handle->easy, CURLINFO_RESPONSE_CODE, &response->status);
        curl_easy_getinfo(handle->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
        response->length = length > 0 ? (uint64_t)length : 0;
        bool is_success = response->status >= 200 && response->status <= 299;
        if (is_success && !(request->may_carry_error && xml_is_error(&response->body)))
            return SP_FS_OK;
        xml_find(&response->body, "Code", response->code, sizeof response->code);
    }
    *ret_again = is_worth_another_try(code, response);
    return code == CURLE_OK ? answer_explain(transport->options, request, response, ret_why)
                            : explain_failure(transport, request, code, attempt, handle, ret_why);
}

static void wait_ms(int64_t ms)
{
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    while (nanosleep(&left, &left) < 0)
        ;
}

/* What whoever runs the server should know of, a line a second at most. */
static void tell(struct transport *transport, const struct request *request, uint32_t status,
                 const char *why)
{
    bool is_theirs = status == SP_FS_NO_CONNECTION || status == SP_FS_CONNECTION_LOST ||
                     status == SP_FS_NO_MEDIA || status == SP_FS_PERMISSION_DENIED ||
                     status == SP_FS_NO_SPACE_ON_FILESYSTEM || status == SP_FS_QUOTA_EXCEEDED;
    if (!is_theirs || (request->is_unwanted && atomic_load(request->is_unwanted)))
        return;
    int64_t now = now_ms();
    int64_t before = atomic_load(&transport->told_ms);
    if (now - before >= 1000 && atomic_compare_exchange_strong(&transport->told_ms, &before, now))
        log_line(transport->host, SP_LOG_WARNING, "%s", why);
}

uint32_t request_run(struct transport *transport, struct request *request,
                     struct response *ret_response, char *ret_why)
{
    const struct options *options = transport->options;
    int64_t end = now_ms() + options->timeout_ms;
    int64_t delay = options->retry_delay_ms;
    uint32_t status = SP_FS_FAILURE;
    *ret_response = (struct response){0};
    if (request->key && !request->key[0]) { /* the bucket itself would be meant */
        snprintf(ret_why, WHY_SIZE, "The root cannot be changed");
        return SP_FS_PERMISSION_DENIED;
    }
    struct handle *handle = request->headers.failed ? NULL : handle_take(transport);
    snprintf(ret_why, WHY_SIZE, "The server is out of memory: try again later");
    if (!handle)
        return status;
    for (unsigned tries = 1;; tries++) {
        struct attempt attempt = {
            .request = request, .response = ret_response, .easy = handle->easy};
        bool again = false;
        int64_t left = end - now_ms();
        response_clear(ret_response);
        ret_response->is_md5 = true;
        CURLcode code = send_once(transport, handle, &attempt, left > 1 ? left : 1);
        status = judge(transport, code, &attempt, handle, &again, ret_why);
        if (status == SP_FS_OK || !again || tries > (unsigned)options->retries ||
            end - now_ms() <= delay || (request->is_unwanted && atomic_load(request->is_unwanted)))
            break;
        log_line(transport->host, SP_LOG_DEBUG, "trying again: %s", ret_why);
        wait_ms(delay);
        delay = delay * 2 < RETRY_DELAY_MOST_MS ? delay * 2 : RETRY_DELAY_MOST_MS;
    }
    handle_give_back(transport, handle);
    tell(transport, request, status, ret_why);
    return status;
}
