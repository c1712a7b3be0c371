/*
 * fuzz_proposal.c: any bytes as the first of a connection. Nothing may be read past their end, what
 * is needed grows with every look, and pieces give what the whole gives.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "session/proposal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition)
{
    if (!condition)
        abort();
}

static void check_within(struct sp_str text, const uint8_t *data, size_t size)
{
    if (text.len == 0)
        return;
    check((const uint8_t *)text.data >= data);
    check((const uint8_t *)text.data + text.len <= data + size);
}

/* As the core looks: when there is what was needed, and no sooner. */
static int look_in_steps(const uint8_t *data, size_t size)
{
    struct proposal_hello hello = {0};
    size_t length = 0;

    for (;;) {
        uint8_t *copy = malloc(length ? length : 1);
        check(copy != NULL);
        if (length)
            memcpy(copy, data, length);
        int rc = proposal_find(copy, length, &hello);
        free(copy);
        if (rc != SP_ERR_AGAIN)
            return rc;
        check(hello.needed > length);
        if (hello.needed > size)
            return SP_ERR_AGAIN;
        length = hello.needed;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct proposal_hello hello;
    struct proposal proposal;
    struct wire_reader payload;
    int rc = proposal_find(data, size, &hello);

    check(rc == look_in_steps(data, size));
    check_within(hello.version, data, size);
    check_within(hello.payload, data, size);
    if (rc == 0)
        wire_reader_init(&payload, hello.payload.data, (size_t)hello.payload.len);
    else
        wire_reader_init(&payload, data, size);
    if (proposal_read(&payload, &proposal) == 0) {
        check_within(proposal.lists.kex, data, size);
        check_within(proposal.lists.languages_out, data, size);
        check_within(proposal_agree(proposal.lists.ciphers_in, "aes128-ctr,none"), data, size);
        check(proposal.lists.hassh.len == 32);
    }
    proposal_release(&proposal);
    return 0;
}
