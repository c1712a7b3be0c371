/*
 * proposal.c: finds the version string and the KEXINIT in the first bytes of a connection and reads
 * them. Called by handshake.c before the library has seen a byte of it, and by the fuzz target.
 */
#include "session/proposal.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"

enum {
    NUMBER_DISCONNECT = 1,
    NUMBER_IGNORE = 2,
    NUMBER_DEBUG = 4,
    NUMBER_KEXINIT = 20,
    COOKIE_BYTES = 16,
    HEADER_BYTES = 6, /* of a packet: its length, its padding's, its number */
    PADDING_MIN = 4,
};

/* --- the first bytes -------------------------------------------------------------------------- */

bool proposal_is_version(struct sp_str text)
{
    for (uint64_t i = 0; i < text.len; i++)
        if ((unsigned char)text.data[i] < ' ' || text.data[i] == 0x7f)
            return false;
    return true;
}

/* A client's version string is the first line; only servers may send others before theirs. */
static int find_version(const char *data, size_t length, struct proposal_hello *hello)
{
    static const char prefix[] = "SSH-";
    size_t known = length < sizeof prefix - 1 ? length : sizeof prefix - 1;
    const char *end;

    if (memcmp(data, prefix, known) != 0)
        return SP_ERR_FORMAT;
    end = memchr(data, '\n', length < PROPOSAL_VERSION_MAX ? length : PROPOSAL_VERSION_MAX);
    if (!end) {
        hello->needed = length + 1;
        return length < PROPOSAL_VERSION_MAX ? SP_ERR_AGAIN : SP_ERR_LIMIT;
    }
    hello->needed = (size_t)(end - data) + 1;
    if (end > data && end[-1] == '\r')
        end--;
    hello->version = (struct sp_str){data, (uint64_t)(end - data)};
    return proposal_is_version(hello->version) ? 0 : SP_ERR_FORMAT;
}

/* The packet at *at, which is moved past it. */
static int find_packet(const char *data, size_t length, size_t *at, uint8_t *ret_number,
                       struct proposal_hello *hello)
{
    struct wire_reader header;
    uint32_t size;
    uint8_t padding;

    wire_reader_init(&header, data + *at, length - *at);
    size = wire_get_u32(&header);
    padding = wire_get_u8(&header);
    *ret_number = wire_get_u8(&header);
    hello->needed = *at + HEADER_BYTES;
    if (!wire_ok(&header))
        return hello->needed > PROPOSAL_BYTES_MAX ? SP_ERR_LIMIT : SP_ERR_AGAIN;
    if (size > PROPOSAL_BYTES_MAX || *at + sizeof size + size > PROPOSAL_BYTES_MAX)
        return SP_ERR_LIMIT;
    if (padding < PADDING_MIN || size < padding + 2u)
        return SP_ERR_FORMAT;
    hello->needed = *at + sizeof size + size;
    if (hello->needed > length)
        return SP_ERR_AGAIN;
    hello->payload = (struct sp_str){data + *at + HEADER_BYTES, size - padding - 2u};
    *at = hello->needed;
    return 0;
}

int proposal_find(const void *data, size_t length, struct proposal_hello *ret_hello)
{
    struct proposal_hello *hello = ret_hello;
    uint8_t number;
    size_t at;
    int rc;

    *hello = (struct proposal_hello){0};
    if (length == 0) {
        hello->needed = 1;
        return SP_ERR_AGAIN;
    }
    rc = find_version(data, length, hello);
    at = hello->needed;
    while (rc == 0) {
        rc = find_packet(data, length, &at, &number, hello);
        if (rc == 0 && number == NUMBER_KEXINIT)
            return 0;
        hello->payload = (struct sp_str){0};
        if (rc == 0 && number == NUMBER_DISCONNECT)
            return SP_ERR_CLOSED;
        /* What may stand anywhere may stand before it (RFC 4253, 11); the library judges whether it
         * does under strict key exchange. */
        if (rc == 0 && (number < NUMBER_IGNORE || number > NUMBER_DEBUG))
            return SP_ERR_FORMAT;
    }
    return rc;
}

/* --- the lists -------------------------------------------------------------------------------- */

static bool has_name(struct sp_str list, struct sp_str name)
{
    struct sp_str rest = list;

    while (rest.len > 0) {
        const char *comma = memchr(rest.data, ',', (size_t)rest.len);
        uint64_t length = comma ? (uint64_t)(comma - rest.data) : rest.len;
        if (length == name.len && memcmp(rest.data, name.data, (size_t)length) == 0)
            return true;
        rest.data += length + (comma != NULL);
        rest.len -= length + (comma != NULL);
    }
    return false;
}

struct sp_str proposal_agree(struct sp_str theirs, const char *ours)
{
    struct sp_str list = {ours, strlen(ours)};

    while (theirs.len > 0) {
        const char *comma = memchr(theirs.data, ',', (size_t)theirs.len);
        uint64_t length = comma ? (uint64_t)(comma - theirs.data) : theirs.len;
        struct sp_str name = {theirs.data, length};
        if (length > 0 && has_name(list, name))
            return name;
        theirs.data += length + (comma != NULL);
        theirs.len -= length + (comma != NULL);
    }
    return (struct sp_str){"", 0};
}

static bool ends_with(struct sp_str text, const char *end)
{
    size_t length = strlen(end);

    return text.len >= length && memcmp(text.data + text.len - length, end, length) == 0;
}

struct sp_str proposal_weak(struct sp_str ciphers, struct sp_str macs, const char *our_ciphers,
                            const char *our_macs)
{
    struct sp_str cipher = proposal_agree(ciphers, our_ciphers);
    struct sp_str mac = proposal_agree(macs, our_macs);

    if (str_is(cipher, "chacha20-poly1305@openssh.com"))
        return cipher;
    if ((ends_with(cipher, "-ctr") || ends_with(cipher, "-cbc")) &&
        ends_with(mac, "-etm@openssh.com"))
        return mac;
    return (struct sp_str){"", 0};
}

/* --- the fingerprint -------------------------------------------------------------------------- */

/* HASSH: MD5 names a client's software here and protects nothing. Where the crypto library refuses
 * MD5 there is no fingerprint. */
static int make_hassh(struct proposal *proposal)
{
    const struct sp_proposal *lists = &proposal->lists;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    int text =
        asprintf(&proposal->hassh_text, "%.*s;%.*s;%.*s;%.*s", (int)lists->kex.len, lists->kex.data,
                 (int)lists->ciphers_in.len, lists->ciphers_in.data, (int)lists->macs_in.len,
                 lists->macs_in.data, (int)lists->compression_in.len, lists->compression_in.data);

    if (text < 0) {
        proposal->hassh_text = NULL;
        return SP_ERR_NOMEM;
    }
    if (EVP_Digest(proposal->hassh_text, (size_t)text, digest, &length, EVP_md5(), NULL) != 1)
        length = 0;
    for (unsigned i = 0; i < length && 2 * i + 2 < sizeof proposal->hassh; i++)
        snprintf(proposal->hassh + 2 * i, 3, "%02x", digest[i]);
    proposal->lists.hassh = (struct sp_str){proposal->hassh, 2 * length};
    proposal->lists.hassh_text = (struct sp_str){proposal->hassh_text, (uint64_t)text};
    return 0;
}

int proposal_read(struct wire_reader *payload, struct proposal *ret_proposal)
{
    static const char strict[] = "kex-strict-c-v00@openssh.com";
    struct sp_proposal *lists = &ret_proposal->lists;
    struct sp_str *const order[] = {
        &lists->kex,
        &lists->host_keys,
        &lists->ciphers_in,
        &lists->ciphers_out,
        &lists->macs_in,
        &lists->macs_out,
        &lists->compression_in,
        &lists->compression_out,
        &lists->languages_in,
        &lists->languages_out,
    };

    *ret_proposal = (struct proposal){.lists = {.struct_size = sizeof *lists}};
    if (wire_left(payload) > PROPOSAL_BYTES_MAX)
        return SP_ERR_LIMIT;
    for (size_t i = 0; i < COOKIE_BYTES; i++)
        wire_get_u8(payload);
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        *order[i] = wire_get_string(payload);
        if (order[i]->len && memchr(order[i]->data, '\0', (size_t)order[i]->len))
            return SP_ERR_FORMAT;
    }
    lists->first_kex_follows = wire_get_bool(payload);
    wire_get_u32(payload); /* for extensions that never came */
    if (!wire_ok(payload))
        return SP_ERR_FORMAT;
    lists->strict_kex = has_name(lists->kex, (struct sp_str){strict, sizeof strict - 1});
    return make_hassh(ret_proposal);
}

void proposal_release(struct proposal *proposal)
{
    free(proposal->hassh_text);
    proposal->hassh_text = NULL;
}
