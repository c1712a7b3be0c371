/*
 * question.c: what the service is told, as JSON. Called by auth-http.c, any thread.
 *
 * It is written by hand, for a library's objects would keep copies of passwords that nobody wipes.
 */
#include "auth_http.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

/* A comma unless the object or list has just begun, then the key. */
static void put_key(struct text *text, const char *key)
{
    char last = text->length ? text->data[text->length - 1] : '{';
    if (last != '{' && last != '[')
        text_put(text, ",");
    if (key) {
        text_put_json(text, sp_str_of(key), true);
        text_put(text, ":");
    }
}

static void put_text(struct text *text, const char *key, struct sp_str value)
{
    put_key(text, key);
    text_put_json(text, value, false);
}

/* What the user is to be judged by: as it is, or not at all. */
static void put_exactly(struct text *text, const char *key, struct sp_str value)
{
    put_key(text, key);
    text_put_json(text, value, true);
}

static void put_number(struct text *text, const char *key, uint64_t value)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRIu64, value);
    put_key(text, key);
    text_put(text, digits);
}

static void put_switch(struct text *text, const char *key, bool value)
{
    put_key(text, key);
    text_put(text, value ? "true" : "false");
}

static void put_base64(struct text *text, const char *key, struct sp_str value)
{
    char *encoded = value.len < (1u << 20) ? malloc((size_t)value.len / 3 * 4 + 5) : NULL;
    if (!encoded) {
        text->failed = true;
        return;
    }
    EVP_EncodeBlock((unsigned char *)encoded, (const unsigned char *)value.data, (int)value.len);
    put_text(text, key, sp_str_of(encoded));
    free(encoded);
}

static void put_pairs(struct text *text, const char *key, const struct sp_pair *pairs,
                      uint64_t count)
{
    put_key(text, key);
    text_put(text, "[");
    for (uint64_t i = 0; i < count; i++) {
        put_key(text, NULL);
        text_put(text, "{");
        put_text(text, "name", pairs[i].name);
        put_text(text, "value", pairs[i].value);
        text_put(text, "}");
    }
    text_put(text, "]");
}

static void put_list(struct text *text, const char *key, const struct sp_str *values,
                     uint64_t count)
{
    put_key(text, key);
    text_put(text, "[");
    for (uint64_t i = 0; i < count; i++)
        put_exactly(text, NULL, values[i]);
    text_put(text, "]");
}

static void put_methods(struct text *text, uint32_t methods)
{
    put_key(text, "methods_done");
    text_put(text, "[");
    for (uint32_t bit = 1; bit <= SP_METHOD_GSSAPI; bit <<= 1)
        if (methods & bit)
            put_text(text, NULL, sp_str_of(method_name(bit)));
    text_put(text, "]");
}

static void put_certificate(struct text *text, const struct sp_certificate *certificate)
{
    put_key(text, "certificate");
    text_put(text, "{");
    put_switch(text, "trusted", certificate->trusted == 1);
    put_text(text, "type", certificate->type);
    /* Text, since 64 bits are more than many a JSON reader keeps of a number. */
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRIu64, certificate->serial);
    put_text(text, "serial", sp_str_of(digits));
    put_exactly(text, "key_id", certificate->key_id);
    put_text(text, "ca_fingerprint", certificate->ca_key_fingerprint);
    put_number(text, "valid_after", certificate->valid_after);
    if (certificate->valid_before != UINT64_MAX)
        put_number(text, "valid_before", certificate->valid_before);
    put_list(text, "principals", certificate->principals, certificate->principals_count);
    put_pairs(text, "critical_options", certificate->critical_options,
              certificate->critical_options_count);
    put_pairs(text, "extensions", certificate->extensions, certificate->extensions_count);
    text_put(text, "}");
}

static void put_public_key(struct text *text, const struct sp_auth_event *event)
{
    put_key(text, "key");
    text_put(text, "{");
    put_text(text, "state", sp_str_of(event->key_state == SP_KEY_PROVED ? "proved" : "offered"));
    put_text(text, "type", event->key_type);
    put_text(text, "fingerprint", event->key_fingerprint);
    put_base64(text, "blob", event->key_blob);
    put_text(text, "signature_algorithm", event->signature_algorithm);
    put_switch(text, "touched", event->key_flags & SP_KEY_TOUCHED);
    put_switch(text, "verified", event->key_flags & SP_KEY_VERIFIED);
    text_put(text, "}");
    if (event->certificate)
        put_certificate(text, event->certificate);
}

static void put_responses(struct text *text, const struct sp_auth_event *event)
{
    put_number(text, "round", event->round);
    put_text(text, "submethods", event->submethods);
    put_list(text, "responses", event->responses, event->responses_count);
}

static void put_connection(struct text *text, const struct sp_connection *connection,
                           const char *name)
{
    put_key(text, "connection");
    text_put(text, "{");
    put_text(text, "id", sp_str_of(name));
    put_text(text, "listener", connection->listener);
    put_text(text, "remote_address", connection->remote_address);
    put_number(text, "remote_port", connection->remote_port);
    put_text(text, "local_address", connection->local_address);
    put_number(text, "local_port", connection->local_port);
    put_text(text, "client_version", connection->client_version);
    if (connection->proposal)
        put_text(text, "hassh", connection->proposal->hassh);
    text_put(text, "}");
}

int question_write(const struct sp_auth_event *event, const char *connection, struct text *ret_text,
                   char *ret_why)
{
    text_put(ret_text, "{");
    put_number(ret_text, "version", 1);
    put_text(ret_text, "user", event->user);
    put_text(ret_text, "method", sp_str_of(method_name(event->method)));
    put_text(ret_text, "service", event->service);
    put_number(ret_text, "attempt", event->attempt);
    put_methods(ret_text, event->methods_done);
    if (event->head.connection)
        put_connection(ret_text, event->head.connection, connection);
    if (event->method == SP_METHOD_PASSWORD)
        put_exactly(ret_text, "password", event->password);
    if (event->method == SP_METHOD_PASSWORD && event->new_password.len)
        put_exactly(ret_text, "new_password", event->new_password);
    if (event->method == SP_METHOD_PUBLICKEY)
        put_public_key(ret_text, event);
    if (event->method == SP_METHOD_KEYBOARD_INTERACTIVE)
        put_responses(ret_text, event);
    text_put(ret_text, "}");
    if (!ret_text->failed)
        return 0;
    snprintf(ret_why, WHY_SIZE, "what the user is judged by is no UTF-8, or memory is out");
    return SP_E_FAILED;
}
