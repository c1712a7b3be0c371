/*
 * shell_words.h: the words of a command line that was meant for a shell, where there is none.
 * Quotes and backslashes are understood as a shell does; a line that asks for anything else a shell
 * does ("$", ";", "|" ...) is not for us. Called by scp and the hash commands. Any thread.
 */
#ifndef SALLYPORT_SFTP_SHELL_WORDS_H
#define SALLYPORT_SFTP_SHELL_WORDS_H

#include <stdbool.h>

#include <sallyport/types.h>

#define SHELL_LINE_MAX 65536u /* bytes */

struct shell_words {
    const char *next;
    const char *end;
    bool failed; /* not for us, or no memory */
};

void shell_words_init(struct shell_words *words, struct sp_str line);
/* The next word as a pattern: what was quoted, and means something in patterns, is escaped by "\".
 * NULL at the end or on failure. The caller frees it. */
char *shell_words_next(struct shell_words *words);
/* Make a pattern the text that it stands for. False: it stands for more than itself. */
bool shell_word_is_literal(char *pattern);

#endif
