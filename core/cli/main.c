/* main.c: the table of commands, and help. Entry point of `sallyport`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *arguments;
    const char *summary;
} commands[] = {
    {"status", cli_status, "[--json] [WHERE]", "what the daemon is doing"},
    {"connections", cli_connections, "[--json] [WHERE]", "who is connected"},
    {"channels", cli_channels, "[CONNECTION] [--json] [WHERE]", "what runs on connections"},
    {"close", cli_close, "CONNECTION CHANNEL [--json] [WHERE]", "close a channel"},
    {"disconnect", cli_disconnect, "ID [REASON] [--json] [WHERE]", "end a connection"},
    {"rekey", cli_rekey, "ID [--json] [WHERE]", "exchange keys anew on a connection"},
    {"reload", cli_reload, "[--json] [WHERE]", "read the configuration again"},
    {"stop", cli_stop, "[--now] [--json] [WHERE]", "end the daemon, connections first"},
    {"check", cli_check, "[FILE]", "tell every mistake in a configuration"},
    {"hostkeys", cli_hostkeys, "[FILE]", "fingerprints of the server's keys"},
    {"plugin", cli_plugin, "list|info|check|new ...", "look at plugins, and begin one"},
    {"passwd", cli_passwd, "[--method NAME] [--stdin]", "make a password hash for a users file"},
    {"totp", cli_totp, "enrol|remove|list [USER] ...", "second factors of users"},
    {"version", cli_version, "[--features]", "version, and what this build can do"},
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const struct command *find(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

int cli_usage(const char *name)
{
    const struct command *command = find(name);
    fprintf(stderr, "usage: sallyport %s %s\n", command->name, command->arguments);
    return CLI_USAGE;
}

static void print_help(FILE *out)
{
    fputs("usage: sallyport COMMAND [ARGUMENTS]\n\n", out);
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(out, "  %-12s %-30s %s\n", commands[i].name, commands[i].arguments,
                commands[i].summary);
    fputs("\nWHERE is --socket PATH, the daemon's control socket, or --config FILE, which says\n"
          "where that is; default --config " CLI_CONFIG_FILE "\n",
          out);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0) {
        print_help(stdout);
        return EXIT_SUCCESS;
    }
    const struct command *command = find(strcmp(argv[1], "--version") == 0 ? "version" : argv[1]);
    if (!command) {
        fprintf(stderr, "sallyport: there is no command \"%s\"; see \"sallyport help\"\n", argv[1]);
        return CLI_USAGE;
    }
    return command->run(argc - 1, argv + 1);
}
