/*
 * scp_command.c: reads the command line that an scp client sends. See scp.h.
 *
 * The line is meant for a shell, and there is none. Words, quotes and backslashes are understood as
 * a shell does; a line that asks for anything else a shell does ("$", ";", "|" ...) is not ours.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "sftp/scp.h"

#define LINE_LENGTH_MAX 65536u

struct scanner {
    const char *next;
    const char *end;
    bool failed; /* not for us */
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_pattern(char c)
{
    return c == '*' || c == '?' || c == '[' || c == ']' || c == '\\' || c == '~';
}

static void put_literal(char *out, size_t *length, char c)
{
    if (is_pattern(c))
        out[(*length)++] = '\\';
    out[(*length)++] = c;
}

/* Up to the closing quote, which must come. */
static void scan_quoted(struct scanner *scanner, char quote, char *out, size_t *length)
{
    while (scanner->next < scanner->end && *scanner->next != quote) {
        char c = *scanner->next++;
        if (quote == '"' && (c == '$' || c == '`')) {
            scanner->failed = true;
            return;
        }
        if (quote == '"' && c == '\\' && scanner->next < scanner->end &&
            strchr("\"\\$`", *scanner->next))
            c = *scanner->next++;
        put_literal(out, length, c);
    }
    if (scanner->next == scanner->end)
        scanner->failed = true;
    else
        scanner->next++;
}

/* The next word as a pattern, NULL at the end or on failure. The caller frees it. */
static char *scan_word(struct scanner *scanner)
{
    while (scanner->next < scanner->end && is_blank(*scanner->next))
        scanner->next++;
    if (scanner->next == scanner->end || scanner->failed)
        return NULL;
    char *out = malloc(2 * (size_t)(scanner->end - scanner->next) + 1);
    size_t length = 0;
    scanner->failed = !out;
    while (!scanner->failed && scanner->next < scanner->end && !is_blank(*scanner->next)) {
        char c = *scanner->next++;
        if (c == '\'' || c == '"')
            scan_quoted(scanner, c, out, &length);
        else if (c == '\\' && scanner->next < scanner->end)
            put_literal(out, &length, *scanner->next++);
        else if (strchr("\\$`;&|<>()#!\n\r", c))
            scanner->failed = true;
        else
            out[length++] = c;
    }
    if (scanner->failed) {
        free(out);
        return NULL;
    }
    out[length] = '\0';
    return out;
}

/* Letters after "-". False: one that this scp has not. */
static bool take_options(struct scp_command *command, const char *letters, bool *ret_has_role)
{
    for (; *letters; letters++) {
        switch (*letters) {
        case 't':
        case 'f':
            command->is_sink = *letters == 't';
            *ret_has_role = true;
            break;
        case 'r':
            command->is_recursive = true;
            break;
        case 'p':
            command->has_times = true;
            break;
        case 'd':
            command->to_directory = true;
            break;
        case 'v':
        case 'q':
            break;
        default:
            return false;
        }
    }
    return true;
}

int scp_command_parse(struct sp_str line, struct scp_command *ret_command)
{
    struct scanner scanner = {.next = line.data, .end = line.data + line.len};
    struct scp_command *command = ret_command;
    bool has_role = false, in_options = true, is_ours = true;
    memset(command, 0, sizeof *command);
    if (line.len < 4 || line.len > LINE_LENGTH_MAX || memcmp(line.data, "scp", 3) != 0 ||
        !is_blank(line.data[3]))
        return SP_ERR_UNSUPPORTED;
    scanner.next += 3;
    char *word;
    while (is_ours && (word = scan_word(&scanner))) {
        bool is_option = in_options && word[0] == '-' && word[1] != '\0';
        if (is_option && strcmp(word, "--") == 0)
            in_options = false;
        else if (is_option)
            is_ours = take_options(command, word + 1, &has_role);
        else if (command->paths_count < SCP_PATHS_MAX)
            command->paths[command->paths_count++] = word;
        else
            is_ours = false;
        in_options = in_options && is_option;
        if (command->paths_count == 0 || command->paths[command->paths_count - 1] != word)
            free(word);
    }
    if (is_ours && !scanner.failed && has_role && command->paths_count > 0 &&
        (!command->is_sink || command->paths_count == 1))
        return 0;
    scp_command_free(command);
    return SP_ERR_UNSUPPORTED;
}

void scp_command_free(struct scp_command *command)
{
    for (uint32_t i = 0; i < command->paths_count; i++)
        free(command->paths[i]);
    command->paths_count = 0;
}

bool scp_takes_command(struct sp_str line)
{
    struct scp_command command;
    if (scp_command_parse(line, &command) < 0)
        return false;
    scp_command_free(&command);
    return true;
}
