/*
 * longname.h: the line that `ls -l` would show for an entry, which version 3 sends beside the name
 * and which old clients show or even parse. Pure function; any thread.
 */
#ifndef SALLYPORT_SFTP_LONGNAME_H
#define SALLYPORT_SFTP_LONGNAME_H

#include <stddef.h>
#include <stdint.h>

#include <sallyport/fs.h>

/* Longest line without the name: every field is cut or bounded. */
#define SFTP_LONGNAME_FIELDS_MAX 192

/* Write the fields before the name, the last space included, into out (NUL-terminated). now is in
 * seconds since 1970: dates within half a year show the time, others the year. Returns the length,
 * always below SFTP_LONGNAME_FIELDS_MAX. */
size_t sftp_longname_fields(char out[SFTP_LONGNAME_FIELDS_MAX],
                            const struct sp_fs_attributes *attributes, int64_t now);

#endif
