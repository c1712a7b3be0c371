/* auth_packet.c: see auth_packet.h. Called for every packet of authentication, by auth_input.c. */
#include "session/auth_packet.h"

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "base/str.h"
#include "session/auth_methods.h"

/* What of a packet is secret, as offsets into it. */
static void wipe_field(const struct auth_packet *packet, const uint8_t *original,
                       struct sp_str field)
{
    if (field.len)
        secret_wipe((uint8_t *)(uintptr_t)original +
                        ((const unsigned char *)field.data - packet->bytes),
                    (size_t)field.len);
}

static void wipe_original(const struct auth_packet *packet, const uint8_t *original)
{
    wipe_field(packet, original, packet->password);
    wipe_field(packet, original, packet->new_password);
    for (uint32_t i = 0; i < packet->responses_count; i++)
        wipe_field(packet, original, packet->responses[i]);
}

/* All lengths have been read: the byte behind a text is the first of another length, of a number
 * that was read, or the one more than was sent. What could not be read is a constant "". */
static void terminate(const struct auth_packet *packet, struct sp_str text)
{
    size_t offset = (size_t)((uintptr_t)text.data - (uintptr_t)packet->bytes);

    if (text.data && offset <= packet->length)
        *(char *)(uintptr_t)(text.data + text.len) = '\0';
}

static void terminate_all(const struct auth_packet *packet)
{
    const struct sp_str texts[] = {packet->user,      packet->password, packet->new_password,
                                   packet->algorithm, packet->key_blob, packet->submethods};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        terminate(packet, texts[i]);
    for (uint32_t i = 0; i < packet->responses_count; i++)
        terminate(packet, packet->responses[i]);
}

static bool has_nul(struct sp_str text)
{
    return text.len && memchr(text.data, 0, (size_t)text.len);
}

/* A plugin that takes a password for a C string would take "secret\0anything" for "secret". */
static void read_password(struct auth_packet *packet, struct wire_reader *reader)
{
    packet->is_change = wire_get_bool(reader);
    packet->password = wire_get_string(reader);
    if (packet->is_change)
        packet->new_password = wire_get_string(reader);
    if (has_nul(packet->password) || has_nul(packet->new_password))
        packet->fault = "a password holds a NUL";
    else if (packet->is_change && packet->new_password.len == 0)
        packet->fault = "the new password is empty";
}

static bool is_hardware(struct sp_str name)
{
    return name.len > 3 && memcmp(name.data, "sk-", 3) == 0;
}

/* The algorithm that counts is the one inside the signature. Behind that of a hardware key come its
 * flags and counter (OpenSSH's PROTOCOL.u2f). */
static void read_signature(struct auth_packet *packet, struct wire_reader *reader)
{
    struct sp_str signature = wire_get_string(reader);
    struct wire_reader inner;
    uint8_t flags;

    wire_reader_init(&inner, signature.data, (size_t)signature.len);
    packet->signature_algorithm = wire_get_string(&inner);
    wire_get_string(&inner);
    if (is_hardware(packet->signature_algorithm)) {
        flags = wire_get_u8(&inner);
        packet->key_flags = (flags & 1 ? SP_KEY_TOUCHED : 0) | (flags & 4 ? SP_KEY_VERIFIED : 0);
        wire_get_u32(&inner);
    }
    if (!wire_at_end(&inner))
        packet->fault = "the signature is malformed";
}

static void read_key(struct auth_packet *packet, struct wire_reader *reader, bool is_hostbound)
{
    struct wire_reader inner;

    packet->has_signature = wire_get_bool(reader);
    packet->algorithm = wire_get_string(reader);
    packet->key_blob = wire_get_string(reader);
    wire_reader_init(&inner, packet->key_blob.data, (size_t)packet->key_blob.len);
    packet->key_type = wire_get_string(&inner);
    packet->is_hardware_key = is_hardware(packet->key_type);
    if (!wire_ok(&inner))
        packet->fault = "the key is malformed";
    if (is_hostbound)
        wire_get_string(reader); /* host key */
    if (packet->has_signature)
        read_signature(packet, reader);
}

static void read_request(struct auth_packet *packet, struct wire_reader *reader)
{
    struct sp_str service, method;
    bool is_hostbound;

    packet->user = wire_get_string(reader);
    /* A name that holds a NUL would be another one to the library. */
    packet->has_user = wire_ok(reader) && !has_nul(packet->user);
    service = wire_get_string(reader);
    method = wire_get_string(reader);
    /* The same with the host key in what is signed; the library offers it from 0.12 on. */
    is_hostbound = str_is(method, "publickey-hostbound-v00@openssh.com");
    packet->method = is_hostbound ? SP_METHOD_PUBLICKEY : auth_method_by_name(method);
    if (!packet->has_user)
        packet->fault = "the user name is malformed";
    else if (!str_is(service, AUTH_SERVICE))
        packet->fault = "the service is not offered";
    else if (packet->method == 0)
        packet->fault = "the method is not offered";
    if (packet->method == SP_METHOD_PASSWORD)
        read_password(packet, reader);
    else if (packet->method == SP_METHOD_PUBLICKEY)
        read_key(packet, reader, is_hostbound);
    else if (packet->method == SP_METHOD_KEYBOARD_INTERACTIVE) {
        wire_get_string(reader); /* language, deprecated */
        packet->submethods = wire_get_string(reader);
    }
}

static void read_responses(struct auth_packet *packet, struct wire_reader *reader)
{
    uint32_t count = wire_get_u32(reader);

    packet->method = SP_METHOD_KEYBOARD_INTERACTIVE;
    packet->is_response = true;
    if (count > AUTH_RESPONSES_MAX) {
        packet->fault = "too many answers";
        return;
    }
    for (uint32_t i = 0; i < count && wire_ok(reader); i++) {
        packet->responses[i] = wire_get_string(reader);
        packet->responses_count++;
        if (has_nul(packet->responses[i]))
            packet->fault = "an answer holds a NUL";
    }
}

struct auth_packet *auth_packet_new(const struct wire_reader *payload, bool is_response)
{
    size_t length = wire_left(payload);
    struct auth_packet *packet = calloc(1, sizeof *packet + length + 1);
    struct wire_reader reader;

    if (!packet)
        return NULL;
    packet->references = 1;
    packet->length = length;
    if (length)
        memcpy(packet->bytes, payload->next, length);
    wire_reader_init(&reader, packet->bytes, length);
    if (is_response)
        read_responses(packet, &reader);
    else
        read_request(packet, &reader);
    if (!wire_ok(&reader))
        packet->fault = "the packet is malformed";
    wipe_original(packet, payload->next);
    terminate_all(packet);
    return packet;
}

struct auth_packet *auth_packet_ref(struct auth_packet *packet)
{
    packet->references++;
    return packet;
}

void auth_packet_unref(void *arg)
{
    struct auth_packet *packet = arg;

    if (!packet || --packet->references > 0)
        return;
    certificate_free(packet->certificate);
    secret_wipe(packet->bytes, packet->length);
    free(packet);
}
