/* fuzz_revoked.c: any bytes as a revocation list, and questions to what comes of them. */
#include <stdlib.h>

#include "keys/revoked.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint64_t serials[] = {0, 1, 5, 150, 1003, UINT64_MAX};
    struct revoked_keys *list;
    const char *why;
    int line;

    if (revoked_keys_read(data, size, &list, &why, &line) < 0) {
        if (list || !why)
            abort();
        return 0;
    }
    revoked_keys_has(list, data, size);
    for (size_t i = 0; i < sizeof serials / sizeof *serials; i++)
        revoked_keys_has_certificate(list, (struct sp_str){(const char *)data, size}, serials[i],
                                     (struct sp_str){"x", 1});
    revoked_keys_free(list);
    return 0;
}
