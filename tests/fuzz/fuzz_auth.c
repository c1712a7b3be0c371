/*
 * fuzz_auth.c: any bytes as a request to authenticate. The first byte says whether they are
 * answers. Every text lies within the packet with a NUL behind it, what is not refused has no NUL
 * in it where there may be none, and no secret is left in the original.
 */
#include <stdlib.h>
#include <string.h>

#include "session/auth_packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition)
{
    if (!condition)
        abort();
}

static void check_text(const struct auth_packet *packet, struct sp_str text)
{
    uintptr_t begin = (uintptr_t)packet->bytes, place = (uintptr_t)text.data;

    if (text.len == 0)
        return;
    check(place >= begin && place + text.len <= begin + packet->length);
    check(text.data[text.len] == '\0');
}

static void check_secret(const struct auth_packet *packet, const uint8_t *original,
                         struct sp_str secret)
{
    check_text(packet, secret);
    check(packet->fault || !secret.len || !memchr(secret.data, 0, (size_t)secret.len));
    for (uint64_t i = 0; i < secret.len; i++)
        check(original[(uintptr_t)secret.data - (uintptr_t)packet->bytes + i] == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *original;
    struct wire_reader reader;
    struct auth_packet *packet;

    if (size == 0)
        return 0;
    original = malloc(size);
    check(original != NULL);
    memcpy(original, data + 1, size - 1);
    wire_reader_init(&reader, original, size - 1);
    packet = auth_packet_new(&reader, data[0] & 1);
    check(packet != NULL);
    check_text(packet, packet->user);
    check_text(packet, packet->algorithm);
    check_text(packet, packet->key_blob);
    check_text(packet, packet->submethods);
    check_secret(packet, original, packet->password);
    check_secret(packet, original, packet->new_password);
    check(packet->responses_count <= AUTH_RESPONSES_MAX);
    for (uint32_t i = 0; i < packet->responses_count; i++)
        check_secret(packet, original, packet->responses[i]);
    check(packet->fault || packet->method != 0);
    auth_packet_unref(packet);
    free(original);
    return 0;
}
