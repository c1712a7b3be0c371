/*
 * sign.c: AWS Signature Version 4. Called by request.c. Any thread.
 *
 * libcurl can sign by itself, but its version in Debian 12 (7.88) sends no x-amz-content-sha256,
 * without which stores refuse a request, neither sorts a query nor gives a parameter without a
 * value its "=", and keeps a copy of the secret that nobody wipes.
 */
#include "fs_s3.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_SIZE 32u

static void put_hex(const unsigned char *hash, char ret_digest[DIGEST_SIZE])
{
    for (size_t i = 0; i < HASH_SIZE; i++)
        snprintf(ret_digest + 2 * i, 3, "%02x", hash[i]);
}

bool digest(const void *data, size_t length, char ret_digest[DIGEST_SIZE])
{
    unsigned char hash[HASH_SIZE];
    unsigned int size = 0;
    if (EVP_Digest(length ? data : "", length, hash, &size, EVP_sha256(), NULL) != 1)
        return false;
    put_hex(hash, ret_digest);
    return true;
}

static bool keyed(const void *key, size_t key_length, const char *data, size_t length,
                  unsigned char ret_hash[HASH_SIZE])
{
    unsigned int size = 0;
    return HMAC(EVP_sha256(), key, (int)key_length, (const unsigned char *)data, length, ret_hash,
                &size) &&
           size == HASH_SIZE;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct pair *)a)->name, ((const struct pair *)b)->name);
}

/* A header's value as it is signed: spaces at its ends go, those in a row become one. */
static void put_value(struct text *text, const char *value)
{
    bool has_space = false;
    for (value += strspn(value, " "); *value; value++) {
        if (*value != ' ' && has_space)
            text_put(text, " ");
        if (*value != ' ')
            text_add(text, value, 1);
        has_space = *value == ' ';
    }
}

/* The request as both sides write it down. */
static void put_canonical(struct text *text, const struct signing *s, const char *names)
{
    const char *lines[] = {s->method, s->path, s->query};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        text_put(text, lines[i]);
        text_put(text, "\n");
    }
    for (size_t i = 0; i < s->headers_count; i++) {
        text_put(text, s->headers[i].name);
        text_put(text, ":");
        put_value(text, s->headers[i].value);
        text_put(text, "\n");
    }
    text_put(text, "\n");
    text_put(text, names);
    text_put(text, "\n");
    text_put(text, s->payload);
}

/* The key of the day, of the region, of the service, and at last the signature. */
static bool compute(const struct signing *s, const struct text *to_sign,
                    char ret_digest[DIGEST_SIZE])
{
    struct text first = {0};
    unsigned char hash[HASH_SIZE];
    text_put(&first, "AWS4");
    text_add(&first, s->identity->secret_key.data, s->identity->secret_key.length);
    bool ok = !first.failed && keyed(first.data, first.length, s->date, 8, hash) &&
              keyed(hash, HASH_SIZE, s->region, strlen(s->region), hash) &&
              keyed(hash, HASH_SIZE, "s3", 2, hash) &&
              keyed(hash, HASH_SIZE, "aws4_request", 12, hash) &&
              keyed(hash, HASH_SIZE, to_sign->data, to_sign->length, hash);
    if (ok)
        put_hex(hash, ret_digest);
    OPENSSL_cleanse(hash, sizeof hash);
    text_clear(&first);
    return ok;
}

bool sign(const struct signing *s, struct text *ret_authorization)
{
    struct text names = {0}, canonical = {0}, scope = {0}, to_sign = {0};
    char hash[DIGEST_SIZE], signature[DIGEST_SIZE];
    bool ok = false;
    qsort(s->headers, s->headers_count, sizeof *s->headers, by_name);
    for (size_t i = 0; i < s->headers_count; i++) {
        text_put(&names, i ? ";" : "");
        text_put(&names, s->headers[i].name);
    }
    if (names.failed || !names.length)
        goto out;
    put_canonical(&canonical, s, names.data);
    text_add(&scope, s->date, 8);
    text_put(&scope, "/");
    text_put(&scope, s->region);
    text_put(&scope, "/s3/aws4_request");
    if (canonical.failed || scope.failed || !digest(canonical.data, canonical.length, hash))
        goto out;
    text_put(&to_sign, "AWS4-HMAC-SHA256\n");
    text_put(&to_sign, s->date);
    text_put(&to_sign, "\n");
    text_put(&to_sign, scope.data);
    text_put(&to_sign, "\n");
    text_put(&to_sign, hash);
    if (to_sign.failed || !compute(s, &to_sign, signature))
        goto out;
    text_put(ret_authorization, "AWS4-HMAC-SHA256 Credential=");
    text_add(ret_authorization, s->identity->access_key.data, s->identity->access_key.length);
    text_put(ret_authorization, "/");
    text_put(ret_authorization, scope.data);
    text_put(ret_authorization, ", SignedHeaders=");
    text_put(ret_authorization, names.data);
    text_put(ret_authorization, ", Signature=");
    text_put(ret_authorization, signature);
    ok = !ret_authorization->failed;
out:
    text_clear(&names);
    text_clear(&canonical);
    text_clear(&scope);
    text_clear(&to_sign);
    return ok;
}
