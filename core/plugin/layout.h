/*
 * layout.h: what the structs of the ABI consist of, as tables of fields. Whatever must walk such a
 * struct without knowing it by name (copying a reply; carrying events and replies to another
 * process) is written once, against these tables. Constant data; any thread.
 */
#ifndef SALLYPORT_PLUGIN_LAYOUT_H
#define SALLYPORT_PLUGIN_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum field_kind {
    FIELD_U32,
    FIELD_U64,
    FIELD_I32,
    FIELD_I64,
    FIELD_BYTES,   /* struct sp_str with anything in it */
    FIELD_NAME,    /* struct sp_str without a NUL in it */
    FIELD_STRUCT,  /* a struct within the struct */
    FIELD_POINTER, /* to a struct, or NULL */
    FIELD_ARRAY,   /* pointer to structs; another field has their number */
};

struct layout;

struct field {
    const char *name;
    const struct layout *of; /* STRUCT, POINTER, ARRAY */
    enum field_kind kind;
    uint32_t offset;
    uint32_t count_offset; /* ARRAY: where the number is … */
    uint32_t count_width;  /* … and whether in 4 or 8 bytes */
    uint32_t count_max;    /* ARRAY: more is a mistake of the sender's */
};

struct layout {
    const char *name;
    uint32_t size; /* as compiled here */
    /* The sender's size is told in the struct: the struct_size at size_offset counts from there to
     * the end. */
    bool is_sized;
    uint32_t size_offset;
    uint32_t fields_count;
    const struct field *fields; /* all but struct_size and reserved words */
};

size_t field_width(const struct field *field);

extern const struct layout layout_sp_connection;
extern const struct layout layout_sp_grant;
extern const struct layout layout_sp_connection_event;
extern const struct layout layout_sp_auth_event;
extern const struct layout layout_sp_channel_event;
extern const struct layout layout_sp_fs_attach;
extern const struct layout layout_sp_fs_path;
extern const struct layout layout_sp_fs_pair;
extern const struct layout layout_sp_fs_create;
extern const struct layout layout_sp_fs_handle;
extern const struct layout layout_sp_fs_io;
extern const struct layout layout_sp_fs_copy;
extern const struct layout layout_sp_fs_lock;
extern const struct layout layout_sp_fs_hash;
extern const struct layout layout_sp_fs_principals;
extern const struct layout layout_sp_log_event;
extern const struct layout layout_sp_sftp_event;
extern const struct layout layout_sp_sftp_transfer;

extern const struct layout layout_sp_fs_attributes;
extern const struct layout layout_sp_fs_entry;

extern const struct layout layout_sp_connection_reply;
extern const struct layout layout_sp_auth_reply;
extern const struct layout layout_sp_channel_reply;
extern const struct layout layout_sp_fs_reply;
extern const struct layout layout_sp_log_reply;
extern const struct layout layout_sp_sftp_reply;

#endif
