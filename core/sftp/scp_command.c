/*
 * scp_command.c: reads the command line that an scp client sends. See scp.h.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "sftp/scp.h"
#include "sftp/shell_words.h"

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
    struct shell_words words;
    struct scp_command *command = ret_command;
    bool has_role = false, in_options = true, is_ours = true;
    memset(command, 0, sizeof *command);
    if (line.len < 4 || line.len > SHELL_LINE_MAX || memcmp(line.data, "scp", 3) != 0 ||
        (line.data[3] != ' ' && line.data[3] != '\t'))
        return SP_ERR_UNSUPPORTED;
    shell_words_init(&words, (struct sp_str){line.data + 3, line.len - 3});
    char *word;
    while (is_ours && (word = shell_words_next(&words))) {
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
    if (is_ours && !words.failed && has_role && command->paths_count > 0 &&
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

bool scp_takes_command(const struct config *config, struct sp_str line)
{
    (void)config;
    struct scp_command command;
    if (scp_command_parse(line, &command) < 0)
        return false;
    scp_command_free(&command);
    return true;
}
