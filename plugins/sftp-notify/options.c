/* options.c: the configuration, beyond what its schema can say. Called by sftp-notify.c at
 * creation. */
#include "notify.h"

#include <jansson.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/pattern.h"

#define SECRET_MOST 4096u

static const char *text_or_null(const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));
    return text && *text ? text : NULL;
}

static int64_t number(const json_t *json, const char *key)
{
    return json_integer_value(json_object_get(json, key));
}

static int read_command(const struct sp_host *host, struct options *options, const json_t *list)
{
    size_t count = json_array_size(list);
    options->command = calloc(count + 1, sizeof *options->command);
    if (!options->command)
        return SP_E_NOMEM;
    for (size_t i = 0; i < count; i++)
        options->command[i] = (char *)(uintptr_t)json_string_value(json_array_get(list, i));
    if (options->command[0][0] == '/')
        return 0;
    log_line(host, SP_LOG_ERROR, "command: write the program with its whole path, like /usr/bin/%s",
             options->command[0]);
    return SP_E_INVALID;
}

/* The newline that editors leave at the end is no part of a secret. */
static int read_secret(const struct sp_host *host, struct options *options, const char *path)
{
    struct stat st;
    const char *why = NULL;
    options->secret = file_read(path, SECRET_MOST, true, &options->secret_length, &st, &why);
    if (!options->secret) {
        log_line(host, SP_LOG_ERROR, "secret_file %s: %s", path, why);
        return SP_E_FAILED;
    }
    while (options->secret_length > 0 &&
           strchr("\r\n", options->secret[options->secret_length - 1]))
        options->secret_length--;
    if (options->secret_length > 0)
        return 0;
    log_line(host, SP_LOG_ERROR, "secret_file %s: it is empty", path);
    return SP_E_INVALID;
}

int options_read(const struct sp_host *host, const char *config_json, struct options *ret_options)
{
    json_t *json = json_loads(config_json, 0, NULL);
    const json_t *events = json_object_get(json, "events");
    const json_t *command = json_object_get(json, "command");
    const char *secret = text_or_null(json, "secret_file");
    *ret_options = (struct options){
        .json = json,
        .spool = text_or_null(json, "spool"),
        .paths = json_object_get(json, "paths"),
        .queue_max = (uint32_t)number(json, "queue_max"),
        .retry_first_ms = number(json, "retry_first_ms"),
        .retry_most_ms = number(json, "retry_most_ms"),
        .give_up_ms = number(json, "give_up_ms"),
        .timeout_ms = number(json, "timeout_ms"),
    };
    for (size_t i = 0; i < json_array_size(events); i++)
        for (uint32_t kind = SP_SFTP_UPLOADED; kind <= SP_SFTP_DOWNLOADED; kind++)
            if (strcmp(event_name(kind), json_string_value(json_array_get(events, i))) == 0)
                ret_options->kinds |= 1u << kind;
    if (!ret_options->spool || !text_or_null(json, "url") == !command) {
        log_line(host, SP_LOG_ERROR, "there must be a spool, and either url or command");
        return SP_E_INVALID;
    }
    int rc = command ? read_command(host, ret_options, command)
                     : http_options_read(host, json, &ret_options->http);
    ret_options->http.answer_most = 65536;
    return rc == 0 && secret ? read_secret(host, ret_options, secret) : rc;
}

void options_clear(struct options *options)
{
    if (options->secret)
        OPENSSL_cleanse(options->secret, options->secret_length);
    free(options->secret);
    free(options->command);
    json_decref(options->json);
    *options = (struct options){0};
}

bool options_want(const struct options *options, const struct sp_sftp_transfer *event)
{
    if (event->kind > SP_SFTP_DOWNLOADED || !(options->kinds >> event->kind & 1u))
        return false;
    for (size_t i = 0; i < json_array_size(options->paths); i++) {
        const char *pattern = json_string_value(json_array_get(options->paths, i));
        if (pattern_covers(sp_str_of(pattern), event->path, false))
            return true;
    }
    return json_array_size(options->paths) == 0;
}
