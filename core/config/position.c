/*
 * position.c: one pass over a JSON text that notes the line of every value, in a table searched by
 * (enclosing value, key). Called by config_parse() and by whoever reads other JSON files for
 * people, such as manifests. Any thread.
 */
#include "config/position.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"

#define NONE UINT32_MAX

struct node {
    uint32_t parent; /* NONE: the whole text */
    uint32_t hash;   /* of parent and key */
    size_t key;      /* offset in keys */
    size_t key_len;
    uint32_t children;
    int line;
    bool is_object;
};

struct positions {
    struct node *nodes;
    uint32_t count;
    uint32_t capacity;
    struct buffer keys; /* all keys, one after the other; elements of arrays have their number */
    uint32_t *slots;    /* hash table of indices into nodes */
    uint32_t slots_mask;
};

/* Where the pass is. */
struct scan {
    const char *next;
    const char *end;
    int line;
    uint32_t container; /* the innermost open object or array, or NONE */
    bool key_follows;   /* in an object, before the colon */
    size_t key;         /* the last key read */
    size_t key_len;
};

static uint32_t hash_start(uint32_t parent)
{
    return (2166136261u ^ parent) * 16777619u;
}

static uint32_t hash_add(uint32_t hash, char c)
{
    return (hash ^ (unsigned char)c) * 16777619u;
}

static const char *key_of(const struct positions *positions, const struct node *node)
{
    return (const char *)buffer_data(&positions->keys) + node->key;
}

/* A value begins here: note it. Returns its index, or NONE if memory is out. */
static uint32_t add_value(struct positions *positions, struct scan *scan)
{
    if (positions->count == positions->capacity) {
        uint32_t capacity = positions->capacity ? positions->capacity * 2 : 64;
        if (capacity <= positions->capacity)
            return NONE;
        struct node *nodes = reallocarray(positions->nodes, capacity, sizeof *nodes);
        if (!nodes)
            return NONE;
        positions->nodes = nodes;
        positions->capacity = capacity;
    }
    struct node node = {.parent = scan->container, .line = scan->line};
    if (scan->container != NONE && positions->nodes[scan->container].is_object) {
        node.key = scan->key;
        node.key_len = scan->key_len;
    } else if (scan->container != NONE) {
        char number[16];
        int len = snprintf(number, sizeof number, "%u", positions->nodes[scan->container].children);
        node.key = buffer_length(&positions->keys);
        node.key_len = (size_t)len;
        if (buffer_append(&positions->keys, number, (size_t)len) < 0)
            return NONE;
    }
    if (scan->container != NONE)
        positions->nodes[scan->container].children++;
    node.hash = hash_start(node.parent);
    for (size_t i = 0; i < node.key_len; i++)
        node.hash = hash_add(node.hash, key_of(positions, &node)[i]);
    positions->nodes[positions->count] = node;
    return positions->count++;
}

/* Skip the string that begins at the quote; *ret_escaped tells whether it has escapes. */
static void skip_string(struct scan *scan, bool *ret_escaped)
{
    *ret_escaped = false;
    for (scan->next++; scan->next < scan->end && *scan->next != '"'; scan->next++) {
        if (*scan->next == '\\') {
            *ret_escaped = true;
            if (++scan->next == scan->end)
                return;
        }
        if (*scan->next == '\n')
            scan->line++;
    }
    if (scan->next < scan->end)
        scan->next++;
}

/* Keep a key as the library reads it. 0 or -1 (out of memory). */
static int read_key(struct positions *positions, struct scan *scan)
{
    const char *start = scan->next;
    bool escaped;
    skip_string(scan, &escaped);
    size_t len = (size_t)(scan->next - start);
    scan->key = buffer_length(&positions->keys);
    if (!escaped) {
        scan->key_len = len < 2 ? 0 : len - 2;
        return buffer_append(&positions->keys, start + 1, scan->key_len);
    }
    json_t *key = json_loadb(start, len, JSON_DECODE_ANY, NULL);
    scan->key_len = json_string_length(key);
    int rc = scan->key_len == 0
                 ? 0
                 : buffer_append(&positions->keys, json_string_value(key), scan->key_len);
    json_decref(key);
    return rc;
}

static bool is_punctuation(char c)
{
    return c == '\0' || strchr(" \t\r\n,:[]{}\"", c);
}

/* The next token. 0 or -1 (out of memory). */
static int scan_token(struct positions *positions, struct scan *scan)
{
    bool escaped;
    uint32_t value;
    switch (*scan->next) {
    case '\n':
        scan->line++;
        break;
    case '{':
    case '[':
        value = add_value(positions, scan);
        if (value == NONE)
            return -1;
        positions->nodes[value].is_object = scan->key_follows = *scan->next == '{';
        scan->container = value;
        break;
    case '}':
    case ']':
        if (scan->container != NONE)
            scan->container = positions->nodes[scan->container].parent;
        scan->key_follows = false;
        break;
    case ',':
        scan->key_follows = scan->container != NONE && positions->nodes[scan->container].is_object;
        break;
    case ':':
        scan->key_follows = false;
        break;
    case '"':
        if (scan->key_follows)
            return read_key(positions, scan);
        if (add_value(positions, scan) == NONE)
            return -1;
        skip_string(scan, &escaped);
        return 0;
    default:
        if (is_punctuation(*scan->next))
            break;
        if (add_value(positions, scan) == NONE)
            return -1;
        while (scan->next < scan->end && !is_punctuation(*scan->next))
            scan->next++;
        return 0;
    }
    scan->next++;
    return 0;
}

/* Make the table. 0 or -1 (out of memory). */
static int index_values(struct positions *positions)
{
    size_t slots = 16;
    while (slots < (size_t)positions->count * 2)
        slots *= 2;
    positions->slots = malloc(slots * sizeof *positions->slots);
    if (!positions->slots)
        return -1;
    memset(positions->slots, 0xff, slots * sizeof *positions->slots);
    positions->slots_mask = (uint32_t)(slots - 1);
    for (uint32_t i = 0; i < positions->count; i++) {
        uint32_t slot = positions->nodes[i].hash & positions->slots_mask;
        while (positions->slots[slot] != NONE)
            slot = (slot + 1) & positions->slots_mask;
        positions->slots[slot] = i;
    }
    return 0;
}

struct positions *positions_new(const char *text, size_t len)
{
    struct positions *positions = calloc(1, sizeof *positions);
    if (!positions)
        return NULL;
    struct scan scan = {.next = text, .end = text + len, .line = 1, .container = NONE};
    while (scan.next < scan.end)
        if (scan_token(positions, &scan) < 0)
            goto fail;
    if (index_values(positions) < 0)
        goto fail;
    return positions;
fail:
    positions_free(positions);
    return NULL;
}

void positions_free(struct positions *positions)
{
    if (!positions)
        return;
    buffer_release(&positions->keys);
    free(positions->nodes);
    free(positions->slots);
    free(positions);
}

/* One character of a pointer's token, with ~0 and ~1 undone (RFC 6901). */
static char token_char(const char **next)
{
    char c = *(*next)++;
    if (c != '~' || (**next != '0' && **next != '1'))
        return c;
    return *(*next)++ == '0' ? '~' : '/';
}

static bool token_is(const char *token, const char *key, size_t key_len)
{
    for (size_t i = 0; i < key_len; i++)
        if (*token == '\0' || *token == '/' || token_char(&token) != key[i])
            return false;
    return *token == '\0' || *token == '/';
}

/* The value of that key in parent, or NONE. *token is moved past the key. */
static uint32_t find(const struct positions *positions, uint32_t parent, const char **token)
{
    uint32_t hash = hash_start(parent);
    const char *start = *token;
    while (**token && **token != '/')
        hash = hash_add(hash, token_char(token));
    uint32_t slot = hash & positions->slots_mask;
    for (; positions->slots[slot] != NONE; slot = (slot + 1) & positions->slots_mask) {
        const struct node *node = &positions->nodes[positions->slots[slot]];
        if (node->hash == hash && node->parent == parent &&
            token_is(start, key_of(positions, node), node->key_len))
            return positions->slots[slot];
    }
    return NONE;
}

/* As far as the text leads; *ret_is_whole: to the pointer's end. */
static uint32_t follow(const struct positions *positions, const char *pointer, bool *ret_is_whole)
{
    uint32_t found = 0;
    *ret_is_whole = true;
    while (*pointer == '/' && *ret_is_whole) {
        pointer++;
        uint32_t child = find(positions, found, &pointer);
        *ret_is_whole = child != NONE;
        if (*ret_is_whole)
            found = child;
    }
    return found;
}

int positions_line(const struct positions *positions, const char *pointer)
{
    bool is_whole;
    if (!positions || positions->count == 0)
        return 0;
    return positions->nodes[follow(positions, pointer, &is_whole)].line;
}

bool positions_has(const struct positions *positions, const char *pointer)
{
    bool is_whole = false;
    if (positions && positions->count > 0)
        follow(positions, pointer, &is_whole);
    return is_whole;
}
