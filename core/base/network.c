/* network.c: addresses and networks as text and as bytes. */
#include "base/network.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define TEXT_SIZE 128

/* *ret_is_mapped tells that the text was IPv6: a prefix then counts 96 bits more. */
static bool parse(const char *text, struct network_address *ret, bool *ret_is_mapped)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    uint8_t bytes[16] = {0};

    *ret = (struct network_address){0};
    *ret_is_mapped = false;
    if (inet_pton(AF_INET, text, ret->bytes) == 1)
        return true;
    if (inet_pton(AF_INET6, text, bytes) != 1)
        return false;
    *ret_is_mapped = memcmp(bytes, mapped, sizeof mapped) == 0;
    ret->is_ipv6 = !*ret_is_mapped;
    memcpy(ret->bytes, *ret_is_mapped ? bytes + sizeof mapped : bytes, ret->is_ipv6 ? 16 : 4);
    return true;
}

bool network_address_parse(const char *text, struct network_address *ret_address)
{
    char copy[TEXT_SIZE];
    bool is_mapped;

    if ((size_t)snprintf(copy, sizeof copy, "%s", text) >= sizeof copy)
        return false;
    copy[strcspn(copy, "%")] = '\0';
    return parse(copy, ret_address, &is_mapped);
}

/* Up to three digits and nothing else. */
static bool parse_bits(const char *text, unsigned *ret_bits)
{
    size_t digits = strspn(text, "0123456789");

    if (digits == 0 || digits > 3 || text[digits] != '\0')
        return false;
    *ret_bits = 0;
    for (size_t i = 0; i < digits; i++)
        *ret_bits = *ret_bits * 10 + (unsigned)(text[i] - '0');
    return true;
}

static bool bit_is_set(const uint8_t *bytes, unsigned bit)
{
    return bytes[bit / 8] & (0x80u >> bit % 8);
}

bool network_parse(const char *text, struct network *ret_network)
{
    char copy[TEXT_SIZE];
    bool is_mapped;

    if ((size_t)snprintf(copy, sizeof copy, "%s", text) >= sizeof copy)
        return false;
    char *slash = strchr(copy, '/');
    if (slash)
        *slash = '\0';
    if (!parse(copy, &ret_network->address, &is_mapped))
        return false;
    unsigned most = ret_network->address.is_ipv6 ? 128 : 32;
    ret_network->bits = most;
    if (slash) {
        if (!parse_bits(slash + 1, &ret_network->bits))
            return false;
        if (is_mapped) {
            if (ret_network->bits < 96)
                return false;
            ret_network->bits -= 96;
        }
    }
    if (ret_network->bits > most)
        return false;
    for (unsigned bit = ret_network->bits; bit < most; bit++)
        if (bit_is_set(ret_network->address.bytes, bit))
            return false;
    return true;
}

bool network_contains(const struct network *network, const struct network_address *address)
{
    if (network->address.is_ipv6 != address->is_ipv6)
        return false;
    for (unsigned bit = 0; bit < network->bits; bit++)
        if (bit_is_set(network->address.bytes, bit) != bit_is_set(address->bytes, bit))
            return false;
    return true;
}
