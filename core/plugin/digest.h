/* digest.h: the SHA-256 of a file, to compare with a manifest's. Any thread. */
#ifndef SALLYPORT_PLUGIN_DIGEST_H
#define SALLYPORT_PLUGIN_DIGEST_H

#define DIGEST_TEXT_BYTES 65 /* the NUL included */

/* In lower-case hexadecimal. 0, SP_ERR_SYSTEM (cannot be read), SP_ERR_LIBRARY, SP_ERR_NOMEM. */
int digest_file(int fd, char ret_text[DIGEST_TEXT_BYTES]);

#endif
