/* event.c: an event as JSON. Bytes of names that are no UTF-8 become '?'; such a path also stands
 * there in base64. Any thread. */
#include "notify.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

const char *event_name(uint32_t kind)
{
    static const char *const names[] = {[SP_SFTP_UPLOADED] = "uploaded",
                                        [SP_SFTP_UPLOAD_ABORTED] = "upload_aborted",
                                        [SP_SFTP_DOWNLOADED] = "downloaded"};
    return kind >= SP_SFTP_UPLOADED && kind <= SP_SFTP_DOWNLOADED ? names[kind] : "unknown";
}

static void put_text(struct text *text, const char *key, struct sp_str value)
{
    text_put(text, ",\"");
    text_put(text, key);
    text_put(text, "\":");
    text_put_json(text, value, false);
}

static void put_number(struct text *text, const char *key, uint64_t value)
{
    char number[64];
    snprintf(number, sizeof number, ",\"%s\":%llu", key, (unsigned long long)value);
    text_put(text, number);
}

static void put_time(struct text *text, const char *key, int64_t ms)
{
    char value[64], fraction[16];
    struct tm tm;
    time_t seconds = (time_t)(ms / 1000);
    if (!gmtime_r(&seconds, &tm) || strftime(value, 32, "%Y-%m-%dT%H:%M:%S", &tm) == 0)
        return;
    snprintf(fraction, sizeof fraction, ".%03dZ", (int)(ms % 1000 + 1000) % 1000);
    size_t length = sp_str_of(value).len;
    snprintf(value + length, sizeof value - length, "%s", fraction);
    put_text(text, key, sp_str_of(value));
}

static void put_base64(struct text *text, const char *key, struct sp_str value)
{
    if (text_is_utf8(value))
        return;
    size_t size = ((size_t)value.len + 2) / 3 * 4;
    char *encoded = malloc(size + 1);
    text->failed |= !encoded;
    if (!encoded)
        return;
    EVP_EncodeBlock((unsigned char *)encoded, (const unsigned char *)value.data, (int)value.len);
    put_text(text, key, (struct sp_str){encoded, size});
    free(encoded);
}

static void put_hash(struct text *text, const struct sp_sftp_transfer *event)
{
    char digits[3];
    if (event->hash.len == 0)
        return;
    put_text(text, "hash_algorithm", event->hash_algorithm);
    text_put(text, ",\"hash\":\"");
    for (uint64_t i = 0; i < event->hash.len; i++) {
        snprintf(digits, sizeof digits, "%02x", (unsigned char)event->hash.data[i]);
        text_put(text, digits);
    }
    text_put(text, "\"");
}

static void put_connection(struct text *text, const struct sp_connection *connection)
{
    if (!connection)
        return;
    put_text(text, "user", connection->user);
    put_text(text, "address", connection->remote_address);
    put_number(text, "port", connection->remote_port);
    put_text(text, "listener", connection->listener);
    put_text(text, "client", connection->client_version);
}

void event_write(const struct sp_sftp_transfer *event, const char *id, int64_t now_ms,
                 struct text *ret_text)
{
    text_put(ret_text, "{\"id\":");
    text_put_json(ret_text, sp_str_of(id), false);
    put_text(ret_text, "event", sp_str_of(event_name(event->kind)));
    put_time(ret_text, "time", now_ms);
    put_text(ret_text, "path", event->path);
    put_base64(ret_text, "path_base64", event->path);
    put_text(ret_text, "opened_path", event->opened_path);
    put_base64(ret_text, "opened_path_base64", event->opened_path);
    put_text(ret_text, "mount", event->mount);
    put_number(ret_text, "size", event->size);
    put_hash(ret_text, event);
    put_number(ret_text, "bytes_read", event->bytes_read);
    put_number(ret_text, "bytes_written", event->bytes_written);
    put_time(ret_text, "started", event->started_ms);
    put_number(ret_text, "duration_ms", event->duration_ns / 1000000);
    put_text(ret_text, "protocol",
             sp_str_of(event->protocol == SP_SFTP_PROTOCOL_SCP ? "scp" : "sftp"));
    put_connection(ret_text, event->head.connection);
    if (event->text.len > 0)
        put_text(ret_text, "reason", event->text);
    text_put(ret_text, "}\n");
}
