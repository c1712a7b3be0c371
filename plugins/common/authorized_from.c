/* authorized_from.c: lists of patterns for a client's address, ssh_config(5), "PATTERNS". Any
 * thread. */
#include "common/authorized_keys.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define PATTERN_SIZE 256
#define ADDRESS_SIZE 64

struct address {
    int family;
    uint8_t bytes[16];
};

/* An IPv4 address that is mapped into IPv6 counts as IPv4. */
static bool parse_address(const char *text, struct address *ret)
{
    static const char mapped[] = "::ffff:";

    *ret = (struct address){.family = AF_INET};
    if (strncasecmp(text, mapped, sizeof mapped - 1) == 0 &&
        inet_pton(AF_INET, text + sizeof mapped - 1, ret->bytes) == 1)
        return true;
    if (inet_pton(AF_INET, text, ret->bytes) == 1)
        return true;
    ret->family = AF_INET6;
    return inet_pton(AF_INET6, text, ret->bytes) == 1;
}

static bool bit(const struct address *address, unsigned index)
{
    return address->bytes[index / 8] & (0x80u >> index % 8);
}

/* "address/bits" without bits behind the prefix. */
static bool parse_network(const char *text, struct address *ret_address, unsigned *ret_bits)
{
    char copy[PATTERN_SIZE];
    char *slash;
    unsigned most;

    snprintf(copy, sizeof copy, "%s", text);
    slash = strchr(copy, '/');
    size_t digits = slash ? strspn(slash + 1, "0123456789") : 0;
    if (digits == 0 || digits > 3 || slash[1 + digits] != '\0')
        return false;
    *slash = '\0';
    if (!parse_address(copy, ret_address) || sscanf(slash + 1, "%3u", ret_bits) != 1)
        return false;
    most = ret_address->family == AF_INET ? 32 : 128;
    if (*ret_bits > most)
        return false;
    for (unsigned i = *ret_bits; i < most; i++)
        if (bit(ret_address, i))
            return false;
    return true;
}

static bool glob(const char *pattern, const char *text)
{
    const char *star = NULL, *from = NULL;

    for (;;) {
        if (*pattern == '*') {
            star = pattern++;
            from = text;
        } else if (*text && (*pattern == '?' || *pattern == *text)) {
            pattern++;
            text++;
        } else if (!*text && !*pattern) {
            return true;
        } else if (star && *from) { /* the last star takes one more */
            pattern = star + 1;
            text = ++from;
        } else {
            return false;
        }
    }
}

/* The next pattern of a list, in lower case. False at the end; *ret is empty for one that is too
 * long. */
static bool next_pattern(struct sp_str *list, char *ret)
{
    if (!list->data)
        return false;
    const char *comma = list->len ? memchr(list->data, ',', (size_t)list->len) : NULL;
    size_t length = comma ? (size_t)(comma - list->data) : (size_t)list->len;

    ret[0] = '\0';
    if (length < PATTERN_SIZE) {
        for (size_t i = 0; i < length; i++) {
            char c = list->data[i];
            ret[i] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
        }
        ret[length] = '\0';
    }
    list->data = comma ? comma + 1 : NULL;
    list->len = comma ? list->len - length - 1 : 0;
    return true;
}

/* "!*.example.com" would keep nobody out: it never matches an address. Nor would " !10.0.0.1",
 * since blanks are part of a pattern. */
bool authorized_from_is_sound(struct sp_str patterns)
{
    char pattern[PATTERN_SIZE];
    struct address network;
    unsigned bits;

    while (next_pattern(&patterns, pattern)) {
        bool is_negated = pattern[0] == '!';
        const char *text = pattern + is_negated;
        if (*text == '\0' || strpbrk(text, " \t") ||
            (strchr(text, '/') && !parse_network(text, &network, &bits)) ||
            (is_negated && text[strspn(text, "0123456789abcdef.:*?/")] != '\0'))
            return false;
    }
    return true;
}

bool authorized_from_matches(struct sp_str patterns, struct sp_str address)
{
    char pattern[PATTERN_SIZE], text[ADDRESS_SIZE];
    struct address client, network;
    unsigned bits;
    bool is_inside = false;

    if (address.len == 0 || address.len >= sizeof text || !authorized_from_is_sound(patterns))
        return false;
    snprintf(text, sizeof text, "%.*s", (int)address.len, address.data);
    text[strcspn(text, "%")] = '\0'; /* a zone */
    if (!parse_address(text, &client) || !inet_ntop(client.family, client.bytes, text, sizeof text))
        return false;
    while (next_pattern(&patterns, pattern)) {
        bool is_negated = pattern[0] == '!';
        bool matches;
        if (parse_network(pattern + is_negated, &network, &bits)) {
            matches = network.family == client.family;
            for (unsigned i = 0; matches && i < bits; i++)
                matches = bit(&network, i) == bit(&client, i);
        } else if (parse_address(pattern + is_negated, &network)) {
            /* However it is written. */
            matches = network.family == client.family &&
                      memcmp(network.bytes, client.bytes, sizeof client.bytes) == 0;
        } else {
            matches = glob(pattern + is_negated, text);
        }
        if (matches && is_negated)
            return false;
        is_inside = is_inside || matches;
    }
    return is_inside;
}
