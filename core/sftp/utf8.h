/*
 * utf8.h: whether names are UTF-8, as version 4 and later have them, and what to show instead of
 * one that is not. Pure functions; any thread.
 */
#ifndef SALLYPORT_SFTP_UTF8_H
#define SALLYPORT_SFTP_UTF8_H

#include <stdbool.h>
#include <stdint.h>

#include <sallyport/types.h>

/* Bytes of sftp_utf8_from()'s answer for each byte it is given, at most. */
#define SFTP_UTF8_GROWTH 3u

/* Well-formed by RFC 3629: neither overlong nor a surrogate. */
bool sftp_is_utf8(struct sp_str text);
/* text in out, with U+FFFD for every byte that is not part of a character. */
struct sp_str sftp_utf8_from(struct sp_str text, uint8_t *out);

#endif
