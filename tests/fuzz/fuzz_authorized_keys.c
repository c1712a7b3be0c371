/*
 * fuzz_authorized_keys.c: any bytes as an authorized_keys file, which the user may have written.
 * The first byte chooses between a plain key and a certificate. What is found must have texts with
 * a NUL after them.
 */
#include <stdlib.h>
#include <string.h>

#include "common/authorized_keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void no_log(const struct sp_host *host, uint32_t level, struct sp_str text)
{
    (void)host, (void)level, (void)text;
}

static void check_text(struct sp_str text)
{
    if (text.data && strlen(text.data) != text.len)
        abort();
}

static void check_list(const struct authorized_list *list)
{
    if (list->count > AUTHORIZED_ITEMS_MOST)
        abort();
    for (size_t i = 0; i < list->count; i++) {
        check_text(list->items[i]);
        if (list->items[i].len == 0)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* The key of the seeds. */
    static const char blob[] = "\0\0\0\x0bssh-ed25519\0\0\0\x20"
                               "\0\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17"
                               "\20\21\22\23\24\25\26\27\30\31\32\33\34\35\36\37";
    static const struct sp_str names[] = {{"ann", 3}};
    const struct sp_host host = {.struct_size = sizeof host, .log = no_log};
    const struct sp_certificate certificate = {.struct_size = sizeof certificate,
                                               .ca_key_blob = {blob, sizeof blob - 1},
                                               .principals = names,
                                               .principals_count = 1};
    const struct sp_connection connection = {.struct_size = sizeof connection,
                                             .remote_address = {"192.0.2.1", 9}};
    struct sp_auth_event event = {
        .head.connection = &connection, .user = {"ann", 3}, .key_blob = {blob, sizeof blob - 1}};
    const struct authorized_question question = {
        .host = &host, .path = "fuzz", .event = &event, .now = 1700000000};
    const struct sp_grant base = {.struct_size = sizeof base, .permit = SP_PERMIT_ALL};
    struct authorized_options options;
    struct authorized_grant grant;

    if (size == 0)
        return 0;
    event.certificate = data[0] & 1 ? &certificate : NULL;
    if (authorized_keys_search(&question, (const char *)data + 1, size - 1, &options)) {
        check_text(options.command);
        check_text(options.from);
        check_text(options.principals);
        check_list(&options.environment);
        check_list(&options.permit_open);
        check_list(&options.permit_listen);
        if (options.command.data && options.command.len == 0)
            abort();
        if (authorized_grant_make(&base, &options, true, &grant) < 0 ||
            (options.command.len && grant.grant.forced_command.len == 0))
            abort();
        authorized_grant_clear(&grant);
    }
    authorized_options_clear(&options);
    return 0;
}
