/* totp.c: the codes themselves (RFC 4226, RFC 6238) and base32 (RFC 4648). */
#include "auth-totp/totp.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

static const struct {
    const char *name;
    const EVP_MD *(*digest)(void);
} algorithms[TOTP_ALGORITHMS] = {
    [TOTP_SHA1] = {"sha1", EVP_sha1},
    [TOTP_SHA256] = {"sha256", EVP_sha256},
    [TOTP_SHA512] = {"sha512", EVP_sha512},
};

bool totp_algorithm_parse(const char *text, enum totp_algorithm *ret_algorithm)
{
    for (int i = 0; i < TOTP_ALGORITHMS; i++) {
        if (strcasecmp(text, algorithms[i].name) != 0)
            continue;
        *ret_algorithm = (enum totp_algorithm)i;
        return true;
    }
    return false;
}

const char *totp_algorithm_text(enum totp_algorithm algorithm)
{
    return algorithms[algorithm].name;
}

void totp_base32(const unsigned char *key, size_t length, char *text)
{
    uint32_t bits = 0;
    unsigned have = 0;
    for (size_t i = 0; i < length; i++) {
        bits = bits << 8 | key[i];
        for (have += 8; have >= 5; have -= 5)
            *text++ = alphabet[bits >> (have - 5) & 31];
    }
    if (have)
        *text++ = alphabet[bits << (5 - have) & 31];
    *text = '\0';
}

bool totp_base32_parse(const char *text, unsigned char *key, size_t *ret_length)
{
    uint32_t bits = 0;
    unsigned have = 0;
    size_t length = 0;
    for (; *text && *text != '='; text++) {
        if (*text == ' ' || *text == '-')
            continue;
        char upper = *text >= 'a' && *text <= 'z' ? (char)(*text - 'a' + 'A') : *text;
        const char *place = strchr(alphabet, upper);
        if (!place)
            return false;
        bits = bits << 5 | (uint32_t)(place - alphabet);
        have += 5;
        if (have < 8)
            continue;
        if (length == TOTP_KEY_MAX)
            return false;
        have -= 8;
        key[length++] = (unsigned char)(bits >> have & 255);
    }
    *ret_length = length;
    return length > 0 && text[strspn(text, "=")] == '\0';
}

bool totp_code(const struct totp *totp, uint64_t step, char ret_code[TOTP_DIGITS_MAX + 1])
{
    static const uint32_t powers[TOTP_DIGITS_MAX + 1] = {
        [6] = 1000000, [7] = 10000000, [8] = 100000000};
    unsigned char counter[8];
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned length = 0;

    for (int i = 0; i < 8; i++)
        counter[i] = (unsigned char)(step >> (56 - 8 * i));
    if (totp->digits > TOTP_DIGITS_MAX || !powers[totp->digits] ||
        !HMAC(algorithms[totp->algorithm].digest(), totp->key, (int)totp->key_length, counter,
              sizeof counter, mac, &length) ||
        length < 20)
        return false;
    const unsigned char *p = mac + (mac[length - 1] & 15);
    uint32_t number =
        ((uint32_t)p[0] & 127) << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
    snprintf(ret_code, TOTP_DIGITS_MAX + 1, "%0*u", (int)totp->digits,
             number % powers[totp->digits]);
    OPENSSL_cleanse(mac, sizeof mac);
    return true;
}
