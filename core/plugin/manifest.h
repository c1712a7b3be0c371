/*
 * manifest.h: what a plugin says of itself, read without running any of its code. A manifest, its
 * library and their directories must belong to root, to this user or to the owner of the directory
 * that plugins are searched in, and be writable to nobody else; nor must that directory. Any
 * thread.
 */
#ifndef SALLYPORT_PLUGIN_MANIFEST_H
#define SALLYPORT_PLUGIN_MANIFEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/report.h"
#include "plugin/operation.h"

#define MANIFEST_FILE "manifest.json"
#define MANIFEST_NO_OWNER ((uid_t)-1)

enum plugin_threading { THREADING_CONNECTION, THREADING_REACTOR, THREADING_SERIAL };

/* Texts are never NULL; they live in document. */
struct manifest {
    json_t *document;
    char *file;
    char *library_file; /* library, below the manifest's directory */
    const char *name;
    const char *version;
    uint16_t abi_major;
    uint16_t abi_minor;
    const char *library;
    bool interfaces[PLUGIN_INTERFACE_COUNT];
    enum plugin_threading threading;
    bool is_isolated;     /* in a process of its own, unless the configuration says otherwise */
    uint64_t deadline_ms; /* 0: as the operation's */
    json_t *deadlines;    /* of single operations, by name */
    /* Of a hook: SP_SFTP_* that it is asked about before and after, and what comes with them. */
    uint32_t sftp_before, sftp_after, sftp_existing;
    bool sftp_data, sftp_listings;
    const char *sftp_configured_by; /* a key of the configuration; NULL: none */
    json_t *configuration;          /* the schema of an instance's configuration */
    const char *description;
    const char *author;
    const char *license;
    const char *sha256; /* NULL: not given */
    uid_t owner;        /* trusted besides root and this user */
};

/* Read and check a manifest. On success *ret_manifest is the caller's. On failure, *ret_manifest is
 * NULL and all that is wrong is in report: SP_ERR_INVALID, SP_ERR_NOT_FOUND, SP_ERR_SYSTEM,
 * SP_ERR_NOMEM. */
int manifest_load(const char *file, uid_t owner, struct manifest **ret_manifest,
                  struct report *report);
/* The same, but on failure *ret_manifest is not NULL where enough was understood to go on looking
 * for mistakes in the library, so that all are told at once. It is the caller's then, too. */
int manifest_check(const char *file, uid_t owner, struct manifest **ret_manifest,
                   struct report *report);
/* manifest_load() for the plugin of that name in the first of the directories that has one.
 * SP_ERR_NOT_FOUND, without a complaint, if none does. */
int manifest_find(const char *name, char *const *directories, size_t count,
                  struct manifest **ret_manifest, struct report *report);
/* SP_SFTP_* of a list of their names; those that are none are passed over. */
uint32_t manifest_families(const json_t *names);
/* Whether the library is there, is trusted and has the hash that the manifest gives. 0 or
 * SP_ERR_INVALID. */
int manifest_check_library(const struct manifest *manifest, struct report *report);
void manifest_free(struct manifest *manifest); /* NULL is fine */

/* "reactor" …; false if the text is none of them. */
bool threading_parse(const char *text, enum plugin_threading *ret_threading);
const char *threading_text(enum plugin_threading threading);

#endif
