/* private_jwk.c: JSON Web Keys, RFC 7517, 7518 and 8037: Ed25519, ECDSA and RSA. */
#include <string.h>

#include <jansson.h>

#include "base/secret.h"
#include "keys/private_form.h"

#define MEMBER_MAX 4096 /* bytes of one number */

struct number {
    uint8_t bytes[MEMBER_MAX];
    size_t len;
};

static int digit_value(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const char *place = c ? strchr(digits, c) : NULL;

    return place ? (int)(place - digits) : -1;
}

/* Base64url without padding, RFC 7515, 2. */
static bool read_member(const json_t *object, const char *name, struct number *ret)
{
    const char *text = json_string_value(json_object_get(object, name));
    size_t length = text ? strlen(text) : 0;
    unsigned value = 0, bits = 0;

    ret->len = 0;
    if (length == 0 || length % 4 == 1 || length / 4 * 3 + 3 > sizeof ret->bytes)
        return false;
    for (size_t i = 0; i < length; i++) {
        int digit = digit_value(text[i]);
        if (digit < 0)
            return false;
        value = (value << 6 | (unsigned)digit) & 0xffff;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            ret->bytes[ret->len++] = (uint8_t)(value >> bits);
        }
    }
    return true;
}

static BIGNUM *member_number(const json_t *object, const char *name)
{
    struct number number;
    BIGNUM *result = NULL;

    if (read_member(object, name, &number)) {
        result = BN_secure_new();
        if (result)
            BN_bin2bn(number.bytes, (int)number.len, result);
    }
    secret_wipe(&number, sizeof number);
    return result;
}

static EVP_PKEY *read_okp(const json_t *object)
{
    struct number secret, public;
    EVP_PKEY *pkey = NULL;

    if (read_member(object, "d", &secret) && read_member(object, "x", &public) &&
        secret.len == 32 && public.len == 32)
        pkey = private_from_ed25519(secret.bytes, public.bytes);
    secret_wipe(&secret, sizeof secret);
    return pkey;
}

static EVP_PKEY *read_ec(const json_t *object, const char *group, size_t size)
{
    struct number x, y;
    uint8_t point[1 + 2 * 66] = {4};
    BIGNUM *secret = member_number(object, "d");
    EVP_PKEY *pkey = NULL;

    if (secret && read_member(object, "x", &x) && read_member(object, "y", &y) && x.len == size &&
        y.len == size) {
        memcpy(point + 1, x.bytes, size);
        memcpy(point + 1 + size, y.bytes, size);
        pkey = private_from_ec(group, secret, point, 1 + 2 * size);
    }
    BN_clear_free(secret);
    return pkey;
}

static EVP_PKEY *read_rsa(const json_t *object)
{
    static const char *const names[] = {"n", "e", "d", "p", "q"};
    BIGNUM *numbers[5] = {0};
    EVP_PKEY *pkey = NULL;
    size_t count = 0;

    while (count < 5 && (numbers[count] = member_number(object, names[count])))
        count++;
    if (count == 5)
        pkey = private_from_rsa(numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]);
    for (size_t i = 0; i < count; i++)
        BN_clear_free(numbers[i]);
    return pkey;
}

static int read_key(const json_t *object, EVP_PKEY **ret_pkey, char *ret_why)
{
    static const struct {
        const char *name, *group;
        size_t size;
    } curves[] = {{"P-256", "P-256", 32}, {"P-384", "P-384", 48}, {"P-521", "P-521", 66}};
    const char *type = json_string_value(json_object_get(object, "kty"));
    const char *curve = json_string_value(json_object_get(object, "crv"));

    if (!type)
        return private_key_wrong(ret_why, "is JSON, but no JSON Web Key: it has no \"kty\"");
    if (!json_object_get(object, "d"))
        return private_key_wrong(ret_why, "is a public key: it has no \"d\"; name the private one");
    if (strcmp(type, "RSA") == 0) {
        *ret_pkey = read_rsa(object);
    } else if (strcmp(type, "OKP") == 0 && curve && strcmp(curve, "Ed25519") == 0) {
        *ret_pkey = read_okp(object);
    } else {
        size_t i = 0;
        while (i < 3 && !(strcmp(type, "EC") == 0 && curve && strcmp(curve, curves[i].name) == 0))
            i++;
        if (i == 3)
            return private_key_wrong(ret_why, WHY_KIND);
        *ret_pkey = read_ec(object, curves[i].group, curves[i].size);
    }
    return *ret_pkey ? 0
                     : private_key_wrong(ret_why, "is a JSON Web Key of which a part is missing or "
                                                  "wrong (RSA keys need n, e, d, p and q)");
}

int private_jwk_read(const char *text, size_t len, EVP_PKEY **ret_pkey, char *ret_why)
{
    json_error_t error;
    json_t *object = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    int rc = json_is_object(object) ? read_key(object, ret_pkey, ret_why)
                                    : private_key_wrong(ret_why, "is not valid JSON: line %d: %s",
                                                        error.line, error.text);

    /* The library does not wipe what it frees. */
    json_t *secret = json_object_get(object, "d");
    if (json_is_string(secret))
        secret_wipe((char *)(uintptr_t)json_string_value(secret), json_string_length(secret));
    json_decref(object);
    return rc;
}
