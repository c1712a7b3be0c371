/*
 * texts.c: attributes of a node that are texts. Most nodes have none, and then they cost a pointer.
 */
#include "fs_memory.h"

#include <stdlib.h>
#include <string.h>

#define SIZE_MOST 65536u /* of one */

/* Room for what takes the place of something that took had bytes? And somewhere to keep it. */
static uint32_t prepare(const struct limits *limits, struct node *node, uint64_t had, uint64_t size)
{
    if (size > SIZE_MOST)
        return SP_FS_INVALID_PARAMETER;
    if (size > had && size - had > limits->bytes_most - limits->bytes)
        return SP_FS_NO_SPACE_ON_FILESYSTEM;
    if (!node->texts)
        node->texts = calloc(1, sizeof *node->texts);
    return node->texts ? SP_FS_OK : SP_FS_FAILURE;
}

uint32_t texts_set(struct limits *limits, struct node *node, enum text_kind kind, const void *data,
                   uint64_t length)
{
    uint64_t had = texts_get(node, kind).len;
    uint32_t status = prepare(limits, node, had, length);
    char *copy = status == SP_FS_OK ? malloc(length + 1) : NULL;
    if (!copy)
        return status == SP_FS_OK ? SP_FS_FAILURE : status;
    if (length)
        memcpy(copy, data, length);
    free(node->texts->data[kind]);
    node->texts->data[kind] = copy;
    node->texts->length[kind] = length;
    limits->bytes = limits->bytes - had + length;
    return SP_FS_OK;
}

struct sp_str texts_get(const struct node *node, enum text_kind kind)
{
    return node->texts ? (struct sp_str){node->texts->data[kind], node->texts->length[kind]}
                       : (struct sp_str){NULL, 0};
}

static char *put(char *at, struct sp_str text, struct sp_str *ret_copy)
{
    if (text.len)
        memcpy(at, text.data, text.len);
    *ret_copy = (struct sp_str){at, text.len};
    return at + text.len;
}

uint32_t texts_set_pairs(struct limits *limits, struct node *node, const struct sp_pair *pairs,
                         uint64_t count)
{
    uint64_t size = 0;
    for (uint64_t i = 0; i < count && size <= SIZE_MOST; i++)
        size += sizeof *pairs + pairs[i].name.len + pairs[i].value.len;
    uint64_t had = node->texts ? node->texts->pairs_size : 0;
    uint32_t status = prepare(limits, node, had, size);
    struct sp_pair *copy = status == SP_FS_OK ? malloc(size + 1) : NULL;
    if (!copy)
        return status == SP_FS_OK ? SP_FS_FAILURE : status;
    char *text = (char *)(copy + count);
    for (uint64_t i = 0; i < count; i++) {
        text = put(text, pairs[i].name, &copy[i].name);
        text = put(text, pairs[i].value, &copy[i].value);
    }
    free(node->texts->pairs);
    node->texts->pairs = copy;
    node->texts->pairs_count = count;
    node->texts->pairs_size = size;
    limits->bytes = limits->bytes - had + size;
    return SP_FS_OK;
}

void texts_free(struct limits *limits, struct node *node)
{
    struct texts *texts = node->texts;
    if (!texts)
        return;
    for (int i = 0; i < TEXT_COUNT; i++) {
        limits->bytes -= texts->length[i];
        free(texts->data[i]);
    }
    limits->bytes -= texts->pairs_size;
    free(texts->pairs);
    free(texts);
    node->texts = NULL;
}
