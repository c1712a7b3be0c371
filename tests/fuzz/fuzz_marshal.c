/*
 * fuzz_marshal.c: any bytes as an event or a reply from another process. The first byte says of
 * which operation, and which of the two. What is accepted can be walked and written again, and is
 * then the very bytes that it was read from.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "plugin/marshal.h"
#include "plugin/operation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition)
{
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const struct plugin_operation_info *info =
        plugin_operation_info(data[0] / 2 % PLUGIN_OPERATION_COUNT);
    const struct layout *layout = data[0] & 1 ? info->event : info->reply;
    void *value;
    size_t value_size;
    int rc = marshal_get(layout, data + 1, size - 1, &value, &value_size);
    check(rc == 0 || rc == SP_ERR_FORMAT || rc == SP_ERR_NOMEM);
    check((rc == 0) == (value != NULL));
    if (rc < 0)
        return 0;
    check(value_size <= MARSHAL_MAX);
    check(marshal_size(layout, value) == size - 1);
    uint8_t *again = malloc(size);
    if (again) {
        marshal_put(layout, value, again);
        /* Pointers are there or not; what says so may be no other number. */
        check(memcmp(again, data + 1, size - 1) == 0);
    }
    free(again);
    free(value);
    return 0;
}
