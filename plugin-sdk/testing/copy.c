/*
 * copy.c: deep copies of what a plugin handed to complete(), since the reply is the plugin's again
 * once complete() has returned. Called by test_host.c, on the thread that completes.
 */
#include "copy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct copy_block {
    struct copy_block *next;
    max_align_t data[];
};

void *copy_alloc(struct copy_arena *arena, uint64_t size)
{
    struct copy_block *block = calloc(1, sizeof *block + size + 1);
    if (!block)
        abort();
    block->next = arena->blocks;
    arena->blocks = block;
    return block->data;
}

void copy_free(struct copy_arena *arena)
{
    while (arena->blocks) {
        struct copy_block *next = arena->blocks->next;
        free(arena->blocks);
        arena->blocks = next;
    }
}

static void *copy_bytes(struct copy_arena *arena, const void *data, uint64_t size)
{
    if (!data)
        return NULL;
    return memcpy(copy_alloc(arena, size), data, size);
}

/* A struct that tells its size: what both sides know of it, zeros for the rest. */
static void *copy_sized(struct copy_arena *arena, const void *source, uint32_t size)
{
    uint32_t sent;
    if (!source)
        return NULL;
    memcpy(&sent, source, sizeof sent);
    if (sent < sizeof sent) {
        fputs("test_host: the plugin broke the contract: a struct without struct_size\n", stderr);
        abort();
    }
    return memcpy(copy_alloc(arena, size), source, sent < size ? sent : size);
}

static void copy_str(struct copy_arena *arena, struct sp_str *text)
{
    if (!text->len)
        *text = (struct sp_str){"", 0};
    else
        text->data = copy_bytes(arena, text->data, text->len);
}

static const struct sp_str *copy_list(struct copy_arena *arena, const struct sp_str *list,
                                      uint64_t count)
{
    struct sp_str *copy = copy_bytes(arena, list, count * sizeof *list);
    for (uint64_t i = 0; copy && i < count; i++)
        copy_str(arena, &copy[i]);
    return copy;
}

static const struct sp_pair *copy_pairs(struct copy_arena *arena, const struct sp_pair *pairs,
                                        uint64_t count)
{
    struct sp_pair *copy = copy_bytes(arena, pairs, count * sizeof *pairs);
    for (uint64_t i = 0; copy && i < count; i++) {
        copy_str(arena, &copy[i].name);
        copy_str(arena, &copy[i].value);
    }
    return copy;
}

static const struct sp_grant *copy_grant(struct copy_arena *arena, const struct sp_grant *grant)
{
    struct sp_grant *copy = copy_sized(arena, grant, sizeof *grant);
    if (!copy)
        return NULL;
    copy_str(arena, &copy->root);
    copy_str(arena, &copy->home);
    copy_str(arena, &copy->forced_command);
    copy_str(arena, &copy->system_user);
    copy->groups = copy_list(arena, copy->groups, copy->groups_count);
    copy->environment = copy_pairs(arena, copy->environment, copy->environment_count);
    copy->attributes = copy_pairs(arena, copy->attributes, copy->attributes_count);
    copy->permit_open = copy_list(arena, copy->permit_open, copy->permit_open_count);
    copy->permit_listen = copy_list(arena, copy->permit_listen, copy->permit_listen_count);
    return copy;
}

static void copy_auth(struct copy_arena *arena, struct sp_auth_reply *reply)
{
    struct sp_prompt *prompts =
        copy_bytes(arena, reply->prompts, reply->prompts_count * sizeof *reply->prompts);
    for (uint32_t i = 0; prompts && i < reply->prompts_count; i++)
        copy_str(arena, &prompts[i].text);
    reply->prompts = prompts;
    copy_str(arena, &reply->name);
    copy_str(arena, &reply->instruction);
    copy_str(arena, &reply->banner);
    copy_str(arena, &reply->reason);
    reply->grant = copy_grant(arena, reply->grant);
}

static void copy_attributes(struct copy_arena *arena, struct sp_fs_attributes *attributes)
{
    copy_str(arena, &attributes->owner);
    copy_str(arena, &attributes->group);
    copy_str(arena, &attributes->acl);
    copy_str(arena, &attributes->mime_type);
    copy_str(arena, &attributes->untranslated_name);
    attributes->extended = copy_pairs(arena, attributes->extended, attributes->extended_count);
}

static const struct sp_fs_attributes *
copy_optional_attributes(struct copy_arena *arena, const struct sp_fs_attributes *attributes)
{
    struct sp_fs_attributes *copy = copy_sized(arena, attributes, sizeof *attributes);
    if (copy)
        copy_attributes(arena, copy);
    return copy;
}

static const struct sp_fs_entry *copy_entries(struct copy_arena *arena,
                                              const struct sp_fs_entry *entries, uint64_t count)
{
    struct sp_fs_entry *copy = copy_bytes(arena, entries, count * sizeof *entries);
    for (uint64_t i = 0; copy && i < count; i++) {
        copy_str(arena, &copy[i].name);
        copy_attributes(arena, &copy[i].attributes);
    }
    return copy;
}

static void copy_fs(struct copy_arena *arena, struct sp_fs_reply *reply)
{
    copy_str(arena, &reply->text);
    copy_str(arena, &reply->path);
    reply->attributes = copy_optional_attributes(arena, reply->attributes);
    reply->entries = copy_entries(arena, reply->entries, reply->entries_count);
    reply->space = copy_bytes(arena, reply->space, sizeof *reply->space);
    copy_str(arena, &reply->data);
    struct sp_fs_principal *principals =
        copy_bytes(arena, reply->principals, reply->principals_count * sizeof *reply->principals);
    for (uint64_t i = 0; principals && i < reply->principals_count; i++)
        copy_str(arena, &principals[i].name);
    reply->principals = principals;
    reply->support = copy_sized(arena, reply->support, sizeof *reply->support);
}

static void copy_sftp(struct copy_arena *arena, struct sp_sftp_reply *reply)
{
    copy_str(arena, &reply->text);
    copy_str(arena, &reply->path);
    copy_str(arena, &reply->target);
    copy_str(arena, &reply->final_path);
    copy_str(arena, &reply->data);
    reply->attributes = copy_optional_attributes(arena, reply->attributes);
    reply->entries = copy_entries(arena, reply->entries, reply->entries_count);
    reply->space = copy_bytes(arena, reply->space, sizeof *reply->space);
}

void copy_reply(struct copy_arena *arena, enum test_kind kind, struct test_answer *answer)
{
    switch (kind) {
    case TEST_KIND_CONNECTION:
        copy_str(arena, &answer->connection.text);
        copy_str(arena, &answer->connection.host_keys);
        break;
    case TEST_KIND_AUTH:
        copy_auth(arena, &answer->auth);
        break;
    case TEST_KIND_CHANNEL:
        copy_str(arena, &answer->channel.text);
        break;
    case TEST_KIND_FS:
        copy_fs(arena, &answer->fs);
        break;
    case TEST_KIND_SFTP:
        copy_sftp(arena, &answer->sftp);
        break;
    case TEST_KIND_LOG: /* the head is all of it */
        break;
    }
}
