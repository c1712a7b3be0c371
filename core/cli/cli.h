/*
 * core/cli: the `sallyport` command: one file for each group of commands, one table of them in
 * main.c. cli.h: the commands. argv[0] is the command's own name; the return value is the exit
 * status.
 */
#ifndef SALLYPORT_CLI_CLI_H
#define SALLYPORT_CLI_CLI_H

#define CLI_FAILED 1 /* it did not work; standard error tells why */
#define CLI_USAGE 2  /* it was asked for in a wrong way */

#define CLI_CONFIG_FILE SALLYPORT_SYSCONF_DIR "/sallyport.json"

int cli_status(int argc, char **argv);      /* status.c */
int cli_connections(int argc, char **argv); /* connections.c */
int cli_disconnect(int argc, char **argv);  /* connections.c */
int cli_rekey(int argc, char **argv);       /* connections.c */
int cli_channels(int argc, char **argv);    /* channels.c */
int cli_close(int argc, char **argv);       /* channels.c */
int cli_reload(int argc, char **argv);      /* daemon.c */
int cli_stop(int argc, char **argv);        /* daemon.c */
int cli_check(int argc, char **argv);       /* check.c */
int cli_hostkeys(int argc, char **argv);    /* hostkeys.c */
int cli_version(int argc, char **argv);     /* check.c */
int cli_plugin(int argc, char **argv);      /* plugin.c */
int cli_plugin_new(int argc, char **argv);  /* plugin_new.c */
int cli_passwd(int argc, char **argv);      /* passwd.c */
int cli_totp(int argc, char **argv);        /* totp.c */

/* Print how command is used to standard error; returns CLI_USAGE (main.c). */
int cli_usage(const char *command);

#endif
