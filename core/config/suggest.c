/*
 * suggest.c: the edit distance between a word and the names that it could have meant. Called for
 * complaints about configurations. Any thread.
 */
#include "config/suggest.h"

#include <ctype.h>
#include <string.h>

#define WORD_MAX 64

static char folded(char c)
{
    return c == '-' ? '_' : (char)tolower((unsigned char)c);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Insertions, deletions, replacements and swaps of neighbours; both at most WORD_MAX long. */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t rows[3][WORD_MAX + 1];
    size_t *before = rows[0], *last = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b_len; j++)
        last[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t same = folded(a[i - 1]) == folded(b[j - 1]) ? 0 : 1;
            row[j] = least(least(last[j], row[j - 1]) + 1, last[j - 1] + same);
            if (i > 1 && j > 1 && folded(a[i - 1]) == folded(b[j - 2]) &&
                folded(a[i - 2]) == folded(b[j - 1]))
                row[j] = least(row[j], before[j - 2] + 1);
        }
        size_t *spare = before;
        before = last;
        last = row;
        row = spare;
    }
    return last[b_len];
}

void suggest_start(struct suggestion *suggestion, const char *word)
{
    *suggestion = (struct suggestion){.word = word};
}

void suggest_offer(struct suggestion *suggestion, const char *name)
{
    size_t word_len = strlen(suggestion->word), name_len = strlen(name);
    if (word_len > WORD_MAX || name_len > WORD_MAX)
        return;
    size_t longer = word_len > name_len ? word_len : name_len;
    size_t found = distance(suggestion->word, word_len, name, name_len);
    /* A unit that was left out ("idle" for "idle_ms") is far in letters and near in mind. */
    if (word_len >= 3 && strncasecmp(suggestion->word, name, word_len) == 0)
        found = least(found, 1);
    if (found <= longer / 3 && (!suggestion->best || found < suggestion->distance)) {
        suggestion->best = name;
        suggestion->distance = found;
    }
}
