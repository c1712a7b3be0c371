/* cidr.c: parses networks and looks addresses up in them. Called where the configuration is checked
 * and for each new connection. */
#include "base/cidr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

enum { MAPPED_BITS = 96 /* of ::ffff:0:0 */ };

static uint32_t width(const struct cidr *cidr)
{
    return cidr->family == AF_INET ? 32 : 128;
}

/* ::ffff:a.b.c.d is a.b.c.d; a network shorter than that prefix holds more than IPv4. */
static void unmap(struct cidr *cidr)
{
    static const uint8_t prefix[MAPPED_BITS / 8] = {[10] = 0xff, [11] = 0xff};

    if (cidr->family != AF_INET6 || cidr->bits < MAPPED_BITS ||
        memcmp(cidr->bytes, prefix, sizeof prefix) != 0)
        return;
    memmove(cidr->bytes, cidr->bytes + sizeof prefix, 4);
    memset(cidr->bytes + 4, 0, sizeof cidr->bytes - 4);
    cidr->family = AF_INET;
    cidr->bits -= MAPPED_BITS;
}

static int parse_bits(const char *text, uint32_t max, uint32_t *ret_bits)
{
    uint32_t bits = 0;
    size_t length = strlen(text);

    if (length == 0 || length > 3 || strspn(text, "0123456789") != length)
        return SP_ERR_FORMAT;
    for (size_t i = 0; i < length; i++)
        bits = bits * 10 + (uint32_t)(text[i] - '0');
    if (bits > max)
        return SP_ERR_FORMAT;
    *ret_bits = bits;
    return 0;
}

/* Clear what lies past the network's bits. True if anything did. */
static bool cut(struct cidr *cidr)
{
    bool is_cut = false;

    for (uint32_t i = cidr->bits; i < width(cidr); i++) {
        uint8_t bit = (uint8_t)(0x80u >> i % 8);
        is_cut |= (cidr->bytes[i / 8] & bit) != 0;
        cidr->bytes[i / 8] &= (uint8_t)~bit;
    }
    return is_cut;
}

int cidr_parse(const char *text, struct cidr *ret_cidr)
{
    struct cidr cidr = {0};
    char address[INET6_ADDRSTRLEN];
    size_t length = strcspn(text, "/");

    if (length >= sizeof address)
        return SP_ERR_FORMAT;
    memcpy(address, text, length);
    address[length] = '\0';
    if (inet_pton(AF_INET, address, cidr.bytes) == 1)
        cidr.family = AF_INET;
    else if (inet_pton(AF_INET6, address, cidr.bytes) == 1)
        cidr.family = AF_INET6;
    else
        return SP_ERR_FORMAT;
    cidr.bits = width(&cidr);
    if (text[length] == '/' && parse_bits(text + length + 1, width(&cidr), &cidr.bits) < 0)
        return SP_ERR_FORMAT;
    unmap(&cidr);
    bool is_cut = cut(&cidr);
    *ret_cidr = cidr;
    return is_cut ? SP_ERR_INVALID : 0;
}

bool cidr_of_address(const struct sockaddr *address, struct cidr *ret_cidr)
{
    struct cidr cidr = {.family = address->sa_family};

    if (address->sa_family == AF_INET)
        memcpy(cidr.bytes, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
    else if (address->sa_family == AF_INET6)
        memcpy(cidr.bytes, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 16);
    else
        return false;
    cidr.bits = width(&cidr);
    unmap(&cidr);
    *ret_cidr = cidr;
    return true;
}

bool cidr_contains(const struct cidr *network, const struct cidr *address)
{
    uint32_t whole = network->bits / 8;
    uint32_t rest = network->bits % 8;

    if (network->family != address->family || address->bits < network->bits ||
        memcmp(network->bytes, address->bytes, whole) != 0)
        return false;
    return rest == 0 ||
           (uint8_t)((network->bytes[whole] ^ address->bytes[whole]) >> (8 - rest)) == 0;
}
