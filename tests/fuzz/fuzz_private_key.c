/*
 * fuzz_private_key.c: any text as a private key, without passphrase: no key derivation, which would
 * take its time. What comes out must be a key that can be used. Binary forms are OpenSSL's to read,
 * and OpenSSH's form is libssh's, which loses memory on some malformed ones.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "keys/blob.h"
#include "keys/private_key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char why[PRIVATE_KEY_WHY_SIZE] = "";
    struct buffer blob = {0};
    ssh_key key;

    if (size == 0 || memchr(data, '\0', size) || memmem(data, size, "OPENSSH", 7))
        return 0;
    if (private_key_read(data, size, NULL, 2048, &key, why) < 0) {
        if (key || !why[0])
            abort();
        return 0;
    }
    if (!ssh_key_is_private(key) || key_blob(key, &blob) < 0 || buffer_length(&blob) == 0)
        abort();
    buffer_release(&blob);
    ssh_key_free(key);
    return 0;
}
