/*
 * schema_words.c: the words in which schema.c complains: names of types, values cut to a readable
 * length, remedies for the usual confusions. Also the place of a value as a JSON pointer. Any
 * thread.
 */
#include "config/schema_words.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/schema.h"

#define VALUE_LENGTH_MAX 60 /* longer values are told by their kind */

static void append(char out[SCHEMA_WORDS_MAX], const char *separator, const char *word)
{
    size_t len = strlen(out);
    snprintf(out + len, SCHEMA_WORDS_MAX - len, "%s%s", len ? separator : "", word);
}

static const char *type_in_words(const char *type)
{
    static const struct {
        const char *type;
        const char *words;
    } table[] = {
        {"object", "an object {…}"},   {"array", "a list […]"}, {"string", "a string"},
        {"integer", "a whole number"}, {"number", "a number"},  {"boolean", "true or false"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strcmp(table[i].type, type) == 0)
            return table[i].words;
    return type;
}

void schema_words_types(char out[SCHEMA_WORDS_MAX], json_t *type)
{
    out[0] = '\0';
    if (json_is_string(type))
        append(out, "", type_in_words(json_string_value(type)));
    for (size_t i = 0; i < json_array_size(type); i++) {
        const char *name = json_string_value(json_array_get(type, i));
        if (name)
            append(out, " or ", type_in_words(name));
    }
}

void schema_words_value(char out[SCHEMA_WORDS_MAX], json_t *value)
{
    out[0] = '\0';
    if (json_is_object(value)) {
        append(out, "", "an object {…}");
        return;
    }
    if (json_is_array(value)) {
        append(out, "", "a list […]");
        return;
    }
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    if (text && strlen(text) <= VALUE_LENGTH_MAX)
        append(out, "", text);
    else
        append(out, "", "a long string");
    free(text);
}

static bool has_type(json_t *type, const char *name)
{
    if (json_is_string(type))
        return strcmp(json_string_value(type), name) == 0;
    for (size_t i = 0; i < json_array_size(type); i++) {
        const char *element = json_string_value(json_array_get(type, i));
        if (element && strcmp(element, name) == 0)
            return true;
    }
    return false;
}

static bool is_one_of(const char *word, const char *a, const char *b, const char *c)
{
    return strcasecmp(word, a) == 0 || strcasecmp(word, b) == 0 || strcasecmp(word, c) == 0;
}

void schema_words_type_remedy(char out[SCHEMA_WORDS_MAX], json_t *type, json_t *value)
{
    char word[SCHEMA_WORDS_MAX];
    const char *text = json_string_value(value);
    schema_words_value(word, value);
    out[0] = '\0';
    if (text && (has_type(type, "integer") || has_type(type, "number")) && *text &&
        text[strspn(text, "0123456789")] == '\0' && strlen(text) < 20)
        snprintf(out, SCHEMA_WORDS_MAX, "; write %s without quotes", text);
    else if (text && has_type(type, "boolean") && is_one_of(text, "true", "yes", "on"))
        append(out, "", "; write true without quotes");
    else if (text && has_type(type, "boolean") && is_one_of(text, "false", "no", "off"))
        append(out, "", "; write false without quotes");
    else if (json_is_real(value) && has_type(type, "integer"))
        append(out, "", "; leave the fraction out");
    else if (has_type(type, "array") && !json_is_null(value))
        snprintf(out, SCHEMA_WORDS_MAX, "; put it in brackets: [%.100s]", word);
    else if (has_type(type, "string") && json_is_number(value))
        snprintf(out, SCHEMA_WORDS_MAX, "; put it in quotes: \"%.100s\"", word);
    else if (json_is_null(value))
        append(out, "", "; leave the key out to have its default");
}

void schema_words_list(char out[SCHEMA_WORDS_MAX], json_t *array)
{
    out[0] = '\0';
    for (size_t i = 0; i < json_array_size(array); i++) {
        char word[SCHEMA_WORDS_MAX];
        schema_words_value(word, json_array_get(array, i));
        append(out, ", ", word);
    }
}

void schema_words_keys(char out[SCHEMA_WORDS_MAX], json_t *object)
{
    const char *name;
    json_t *value;
    out[0] = '\0';
    json_object_foreach(object, name, value) append(out, ", ", name);
}

static void print_place(FILE *out, const struct schema_place *place)
{
    if (!place)
        return;
    print_place(out, place->parent);
    fputc('/', out);
    if (!place->key)
        fprintf(out, "%zu", place->index);
    for (const char *c = place->key; c && *c; c++) {
        if (*c == '~')
            fputs("~0", out);
        else if (*c == '/')
            fputs("~1", out);
        else
            fputc(*c, out);
    }
}

char *schema_pointer(const char *prefix, const struct schema_place *place)
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    if (!out)
        return NULL;
    fputs(prefix, out);
    print_place(out, place);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}
