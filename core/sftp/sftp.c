/* sftp.c: the list of what this folder serves. See sftp.h. */
#include "sftp/sftp.h"

#include "sftp/engine.h"
#include "sftp/hash_command.h"
#include "sftp/scp.h"

const struct session_builtin sftp_builtins[] = {
    {.subsystem = "sftp", .start = sftp_engine_start},
    {.takes_command = scp_takes_command, .start = scp_start},
    {.takes_command = hash_command_takes, .after_plugins = true, .start = hash_command_start},
    {0},
};
