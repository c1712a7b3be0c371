/* text.h: text that grows, and may hold secrets. Any thread. */
#ifndef PLUGINS_COMMON_TEXT_H
#define PLUGINS_COMMON_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include <sallyport/types.h>

/* Wiped when it moves and when it goes. Zero-initialised is empty. An allocation that fails marks
 * the text, which then takes no more. data is NUL-terminated, but NULL as long as it is empty. */
struct text {
    char *data;
    size_t length;
    size_t size;
    bool failed;
};
void text_add(struct text *text, const void *data, size_t length);
void text_put(struct text *text, const char *data);
/* A JSON string. Bytes that are no UTF-8 become '?', or fail the text if it is strict. */
void text_put_json(struct text *text, struct sp_str value, bool is_strict);
void text_clear(struct text *text);
bool text_is_utf8(struct sp_str value);

#endif
