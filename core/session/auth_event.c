/* auth_event.c: from a request to the event that plugins get. Everything is copied: a plugin that
 * is late may look at it after the request is gone. */
#include "session/auth.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/secret.h"
#include "keys/blob.h"

struct auth_memory {
    char *user;
    char *password;
    size_t password_length;
    char *key_type;
    unsigned char *key_blob;
    char *fingerprint;
    char *signature_algorithm;
    struct sp_str *responses;
    size_t responses_count;
};

void auth_memory_free(void *arg)
{
    struct auth_memory *memory = arg;

    if (!memory)
        return;
    secret_free(memory->password, memory->password_length);
    for (size_t i = 0; i < memory->responses_count; i++)
        secret_free((char *)(uintptr_t)memory->responses[i].data, (size_t)memory->responses[i].len);
    free(memory->responses);
    free(memory->user);
    free(memory->key_type);
    free(memory->key_blob);
    ssh_string_free_char(memory->fingerprint);
    free(memory->signature_algorithm);
    free(memory);
}

static char *copy_text(struct sp_str *ret, const char *text)
{
    char *copy = strdup(text ? text : "");

    *ret = sp_str_of(copy);
    return copy;
}

static int fill_password(struct auth_memory *memory, struct sp_auth_event *event,
                         ssh_message message)
{
    const char *password = ssh_message_auth_password(message);
    size_t length = password ? strlen(password) : 0;

    memory->password = secret_copy(password ? password : "", length);
    memory->password_length = length;
    if (!memory->password)
        return SP_ERR_NOMEM;
    event->password = (struct sp_str){memory->password, length};
    return 0;
}

static int fill_key(struct auth_memory *memory, struct sp_auth_event *event,
                    const struct auth_request *request)
{
    ssh_key key = ssh_message_auth_pubkey(request->message);
    unsigned char *hash = NULL;
    size_t hash_length = 0;
    struct buffer blob = {0};
    int rc = key_blob(key, &blob);

    memory->key_blob = blob.bytes;
    if (rc < 0)
        return rc;
    memory->key_type = copy_text(&event->key_type, ssh_key_type_to_char(ssh_key_type(key)));
    memory->signature_algorithm =
        copy_text(&event->signature_algorithm, request->seen.signature_algorithm);
    event->key_blob = (struct sp_str){(const char *)buffer_data(&blob), buffer_length(&blob)};
    if (ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &hash_length) == SSH_OK) {
        memory->fingerprint =
            ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, hash_length);
        ssh_clean_pubkey_hash(&hash);
    }
    if (!memory->fingerprint)
        return SP_ERR_LIBRARY;
    event->key_fingerprint = sp_str_of(memory->fingerprint);
    event->key_state = request->seen.has_signature ? SP_KEY_PROVED : SP_KEY_OFFERED;
    return 0;
}

static int fill_responses(struct auth_memory *memory, struct sp_auth_event *event,
                          struct session *session)
{
    int count = ssh_userauth_kbdint_getnanswers(session->ssh);

    if (count < 0 || count > AUTH_RESPONSES_MAX)
        return SP_ERR_LIMIT;
    memory->responses = calloc((size_t)count + 1, sizeof *memory->responses);
    if (!memory->responses)
        return SP_ERR_NOMEM;
    for (int i = 0; i < count; i++) {
        const char *text = ssh_userauth_kbdint_getanswer(session->ssh, (unsigned int)i);
        size_t length = text ? strlen(text) : 0;
        char *copy = secret_copy(text ? text : "", length);
        if (!copy)
            return SP_ERR_NOMEM;
        memory->responses[i] = (struct sp_str){copy, length};
        memory->responses_count++;
    }
    event->responses = memory->responses;
    event->responses_count = memory->responses_count;
    return 0;
}

static int fill(struct session *session, const struct auth_request *request,
                struct auth_memory *memory, struct sp_auth_event *event)
{
    memory->user = copy_text(&event->user, session->auth.user);
    switch (request->method) {
    case SP_METHOD_PASSWORD:
        return fill_password(memory, event, request->message);
    case SP_METHOD_PUBLICKEY:
        return fill_key(memory, event, request);
    case SP_METHOD_KEYBOARD_INTERACTIVE:
        event->round = request->is_response ? session->auth.round : 0;
        return request->is_response ? fill_responses(memory, event, session) : 0;
    default:
        return 0;
    }
}

struct auth_memory *auth_event_fill(struct session *session, const struct auth_request *request,
                                    struct sp_auth_event *event)
{
    struct auth_memory *memory = calloc(1, sizeof *memory);

    if (memory && fill(session, request, memory, event) == 0)
        return memory;
    auth_memory_free(memory);
    return NULL;
}
