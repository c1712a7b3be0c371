/*
 * codec_extensions.h: the requests and replies of the drafts' extensions, beside OpenSSH's in
 * codec.h, whose rules hold here, too. Pure functions.
 */
#ifndef SALLYPORT_SFTP_CODEC_EXTENSIONS_H
#define SALLYPORT_SFTP_CODEC_EXTENSIONS_H

#include "sftp/codec.h"

/* check-file-*: words are the algorithms. md5-hash*: words are "md5", data the quick-check hash.
 * vendor-id: words are the product's name, path and data those of its vendor and version. */
sftp_decoder sftp_get_check_file_name, sftp_get_check_file_handle, sftp_get_md5_hash,
    sftp_get_md5_hash_handle, sftp_get_vendor_id, sftp_get_translation_control;

/* digests: of all blocks, one after the other. The draft has nothing before the algorithm; paramiko
 * wants the name "check-file" there, and asks by it. */
int sftp_put_check_file(struct buffer *buffer, uint32_t id, bool has_name, const char *algorithm,
                        struct sp_str digests);
/* An empty digest: the quick check said that the files differ. */
int sftp_put_md5_hash(struct buffer *buffer, uint32_t id, struct sp_str digest);
int sftp_put_space_available(struct buffer *buffer, uint32_t id, const struct sp_fs_space *space);
/* Their names, users first, or empty where one is unknown or too long. */
int sftp_put_principals(struct buffer *buffer, uint32_t id,
                        const struct sp_fs_principal *principals, uint64_t users, uint64_t groups);

#endif
