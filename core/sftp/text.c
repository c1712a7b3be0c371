/*
 * text.c: line endings, byte by byte. See text.h.
 */
#include "sftp/text.h"

size_t sftp_text_for_client(struct sftp_text *text, bool is_crlf, const uint8_t *stored,
                            size_t length, size_t *ret_used, uint8_t *out, size_t room)
{
    size_t used = 0, written = 0;
    while (written < room) {
        if (text->has_read_lf) {
            out[written++] = '\n';
            text->has_read_lf = false;
            continue;
        }
        if (used == length)
            break;
        uint8_t byte = stored[used];
        if (byte == '\n') {
            used++;
            out[written++] = is_crlf ? '\r' : '\n';
            text->has_read_lf = is_crlf;
            text->has_read_cr = false;
        } else if (text->has_read_cr) { /* it was alone */
            out[written++] = '\r';
            text->has_read_cr = false;
        } else {
            used++;
            text->has_read_cr = byte == '\r';
            if (byte != '\r')
                out[written++] = byte;
        }
    }
    *ret_used = used;
    return written;
}

size_t sftp_text_for_client_end(struct sftp_text *text, uint8_t out[1])
{
    if (!text->has_read_lf && !text->has_read_cr)
        return 0;
    out[0] = text->has_read_lf ? '\n' : '\r';
    text->has_read_lf = text->has_read_cr = false;
    return 1;
}

size_t sftp_text_to_store(struct sftp_text *text, bool is_crlf, uint8_t *data, size_t length)
{
    size_t written = 0;
    if (!is_crlf)
        return length;
    for (size_t i = 0; i < length; i++) {
        if (text->has_written_cr && data[i] != '\n')
            data[written++] = '\r'; /* in the place that it had */
        text->has_written_cr = data[i] == '\r';
        if (data[i] != '\r')
            data[written++] = data[i];
    }
    return written;
}
