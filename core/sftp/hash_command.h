/*
 * hash_command.h: md5sum, sha1sum and their like, as clients ask for them that compare files by
 * hash (rclone). No command runs: see hash_command.c. Called by the session layer. Reactor thread.
 */
#ifndef SALLYPORT_SFTP_HASH_COMMAND_H
#define SALLYPORT_SFTP_HASH_COMMAND_H

#include <stdbool.h>

#include <sallyport/types.h>

struct channel;
struct config;

/* A command line that this serves: a known name, no options but "-b", "-t" and "--", and names
 * without patterns. */
bool hash_command_takes(const struct config *config, struct sp_str line);
int hash_command_start(struct channel *channel, struct sp_str line);

#endif
