/*
 * execute.h: the executors, one for each kind of operation: the table of operations points here.
 * Each is called by the engine once the request's turn has come and it is authorised, and ends in a
 * reply. See engine.h for what they work with.
 */
#ifndef SALLYPORT_SFTP_EXECUTE_H
#define SALLYPORT_SFTP_EXECUTE_H

#include <stdbool.h>
#include <stdint.h>

struct sftp_handle;
struct sftp_request;

/* execute_file.c */
void sftp_execute_open(struct sftp_request *request);
void sftp_execute_close(struct sftp_request *request);
void sftp_execute_read(struct sftp_request *request);
void sftp_execute_write(struct sftp_request *request);
void sftp_execute_fsync(struct sftp_request *request);

/* execute_text.c */
/* The file is opened as text, and line endings are the engine's to see to. */
bool sftp_text_is_ours(const struct sftp_handle *handle);
/* Where a WRITE goes, whatever the client says if it is text: the message's offset, or the place in
 * what is stored. */
uint64_t sftp_text_offset(const struct sftp_request *request);
void sftp_text_read(struct sftp_request *request);
/* The data, its length and place, as they are stored. False: the request comes back later. */
bool sftp_text_prepare_write(struct sftp_request *request);
/* What is held back is stored. False: the request comes back later. */
bool sftp_text_flush(struct sftp_request *request);
void sftp_execute_text_seek(struct sftp_request *request);

/* execute_attributes.c */
void sftp_execute_stat(struct sftp_request *request);
void sftp_execute_fstat(struct sftp_request *request);
void sftp_execute_setstat(struct sftp_request *request);
void sftp_execute_fsetstat(struct sftp_request *request);
void sftp_execute_statvfs(struct sftp_request *request);
void sftp_execute_fstatvfs(struct sftp_request *request);

/* execute_directory.c */
void sftp_execute_opendir(struct sftp_request *request);
void sftp_execute_readdir(struct sftp_request *request);

/* execute_path.c */
void sftp_execute_on_path(struct sftp_request *request);      /* remove, rmdir */
void sftp_execute_on_two_paths(struct sftp_request *request); /* rename, link, symlink */
void sftp_execute_mkdir(struct sftp_request *request);
void sftp_execute_realpath(struct sftp_request *request);
void sftp_execute_readlink(struct sftp_request *request);
void sftp_execute_home_directory(struct sftp_request *request);

/* execute_lock.c */
void sftp_execute_lock(struct sftp_request *request); /* block, unblock */

/* execute_hash.c */
void sftp_execute_hash_handle(struct sftp_request *request);
void sftp_execute_hash_name(struct sftp_request *request);

/* execute_session.c */
void sftp_execute_limits(struct sftp_request *request);
void sftp_execute_users_groups(struct sftp_request *request);
void sftp_execute_vendor_id(struct sftp_request *request);
void sftp_execute_translation_control(struct sftp_request *request);

/* execute_move.c: a rename to another mount */
void sftp_execute_move(struct sftp_request *request);

/* execute_copy.c */
void sftp_execute_copy_data(struct sftp_request *request);

#endif
