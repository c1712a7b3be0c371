/*
 * text.h: files that are opened as text (versions 4 and later): lines end with "\n" as stored, and
 * with the configured newline on the way to and from the client; offsets do not count. The
 * conversion here; how requests use it is in execute_text.c. Pure functions.
 */
#ifndef SALLYPORT_SFTP_TEXT_H
#define SALLYPORT_SFTP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of an open file. */
struct sftp_text {
    uint64_t read_at, write_at; /* in what is stored */
    uint64_t sent;              /* bytes that the client has been given */
    bool has_read_cr;           /* "\r" was read, and what follows is not known yet */
    bool has_read_lf;           /* half of a newline was given */
    bool has_written_cr;        /* "\r" was received, and what follows is not known yet */
    uint8_t cr;                 /* for the provider to take it from */
};

/* Stored text for the client: both "\n" and "\r\n" become the newline. *ret_used bytes of it were
 * used up; the rest did not fit. Returns how many were written to out, at most room. */
size_t sftp_text_for_client(struct sftp_text *text, bool is_crlf, const uint8_t *stored,
                            size_t length, size_t *ret_used, uint8_t *out, size_t room);
/* What is left at the end of the file. Returns 0 or 1. */
size_t sftp_text_for_client_end(struct sftp_text *text, uint8_t out[1]);
/* A client's text as it is stored, in place. A "\r" that is held back from the bytes before must
 * have been stored if these do not begin with "\n". Returns the length. */
size_t sftp_text_to_store(struct sftp_text *text, bool is_crlf, uint8_t *data, size_t length);

#endif
