/* blob.c: the library gives the blob in base64 only. Called for every key that is offered. */
#include "keys/blob.h"

#include <limits.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/err.h"

int key_blob(ssh_key key, struct buffer *blob)
{
    char *base64 = NULL;
    size_t length, padding = 0;
    uint8_t *place;
    int decoded, rc = SP_ERR_LIBRARY;

    if (!key || ssh_pki_export_pubkey_base64(key, &base64) != SSH_OK)
        return SP_ERR_LIBRARY;
    length = strlen(base64);
    if (length == 0 || length % 4 != 0 || length > INT_MAX)
        goto out;
    while (padding < 2 && base64[length - 1 - padding] == '=')
        padding++;
    place = buffer_reserve(blob, length / 4 * 3);
    if (!place) {
        rc = SP_ERR_NOMEM;
        goto out;
    }
    decoded = EVP_DecodeBlock(place, (const unsigned char *)base64, (int)length);
    if (decoded < 0)
        goto out;
    buffer_commit(blob, (size_t)decoded - padding);
    rc = 0;
out:
    ssh_string_free_char(base64);
    return rc;
}
