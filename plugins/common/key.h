/* key.h: public keys in the one-line form. Any thread. */
#ifndef PLUGINS_COMMON_KEY_H
#define PLUGINS_COMMON_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sallyport/plugin.h>

#define KEY_LINE_MOST 16384u

/* A public key, as on the wire. */
struct key {
    uint8_t *blob;
    size_t length;
};

/* The key in a line "type base64 comment"; false if there is none. */
bool key_parse(const char *line, size_t length, struct key *ret_key);
void key_clear(struct key *key);
/* In a time that does not depend on where they differ. */
bool key_equal(const struct key *key, struct sp_str blob);

#endif
