/* schema_words.h: JSON values and schema keywords in words, for complaints. */
#ifndef SALLYPORT_CONFIG_SCHEMA_WORDS_H
#define SALLYPORT_CONFIG_SCHEMA_WORDS_H

#include <jansson.h>

#define SCHEMA_WORDS_MAX 640 /* longer texts are cut */

/* "a whole number or null", for the value of "type". */
void schema_words_types(char out[SCHEMA_WORDS_MAX], json_t *type);
/* The value itself if it is short, else its kind. */
void schema_words_value(char out[SCHEMA_WORDS_MAX], json_t *value);
/* What to write instead of value, beginning with "; ", or "". */
void schema_words_type_remedy(char out[SCHEMA_WORDS_MAX], json_t *type, json_t *value);
/* The elements of an array, separated by commas. */
void schema_words_list(char out[SCHEMA_WORDS_MAX], json_t *array);
/* The keys of an object, separated by commas. */
void schema_words_keys(char out[SCHEMA_WORDS_MAX], json_t *object);

#endif
