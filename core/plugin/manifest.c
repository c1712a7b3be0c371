/*
 * manifest.c: from a manifest's file to struct manifest. Called by the host for each instance and
 * by `sallyport plugin`.
 */
#include "plugin/manifest.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sallyport/helpers.h>

#include "base/buffer.h"
#include "base/err.h"
#include "config/position.h"
#include "config/schema.h"
#include "plugin/deadlines.h"
#include "plugin/digest.h"
#include "plugin/trust.h"

#define MANIFEST_BYTES_MAX (256u * 1024)
#define MANIFEST_DEPTH_MAX 32

extern const char manifest_schema_text[];
extern const size_t manifest_schema_text_length;

static const char *const threading_texts[] = {
    [THREADING_CONNECTION] = "connection",
    [THREADING_REACTOR] = "reactor",
    [THREADING_SERIAL] = "serial",
};

bool threading_parse(const char *text, enum plugin_threading *ret_threading)
{
    for (size_t i = 0; i < sizeof threading_texts / sizeof *threading_texts; i++) {
        if (strcmp(text, threading_texts[i]) == 0) {
            *ret_threading = (enum plugin_threading)i;
            return true;
        }
    }
    return false;
}

const char *threading_text(enum plugin_threading threading)
{
    return threading_texts[threading];
}

/* How deep objects and arrays are nested: asked before anything recurses into them. */
static unsigned depth_of(const char *text, size_t len)
{
    unsigned depth = 0, deepest = 0;
    bool in_string = false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > deepest)
                deepest = depth;
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return deepest;
}

static json_t *parse(const char *file, const char *text, size_t len, struct report *report)
{
    if (depth_of(text, len) > MANIFEST_DEPTH_MAX) {
        report_error(report, file, 0, NULL, "is nested more than %d levels deep",
                     MANIFEST_DEPTH_MAX);
        return NULL;
    }
    json_error_t error;
    json_t *document = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    if (!document)
        report_error(report, file, error.line, NULL, "is not valid JSON: %s", error.text);
    return document;
}

static int check_schema(const char *file, json_t *document, const struct positions *positions,
                        struct report *report)
{
    json_t *schema = json_loadb(manifest_schema_text, manifest_schema_text_length, 0, NULL);
    if (!schema)
        return SP_ERR_NOMEM;
    int rc = schema_apply(schema, document, file, "", positions, report);
    json_decref(schema);
    return rc;
}

static bool library_is_within(const char *library)
{
    if (library[0] == '/')
        return false;
    for (const char *part = library; part; part = strchr(part, '/')) {
        part += *part == '/';
        size_t len = strcspn(part, "/");
        if (len == 0 || (len == 2 && memcmp(part, "..", 2) == 0))
            return false;
    }
    return true;
}

static void take_interfaces(struct manifest *manifest, const json_t *interfaces,
                            const struct positions *positions, struct report *report)
{
    size_t i;
    json_t *item;
    json_array_foreach(interfaces, i, item)
    {
        char key[40];
        snprintf(key, sizeof key, "/interfaces/%zu", i);
        enum plugin_interface interface = plugin_interface_find(json_string_value(item));
        if (interface == PLUGIN_INTERFACE_COUNT)
            report_error(report, manifest->file, positions_line(positions, key), key,
                         "\"%s\" is not offered by this build; it has %s, %s, %s, %s, %s and %s",
                         json_string_value(item), SP_CONNECTION_INTERFACE, SP_AUTH_INTERFACE,
                         SP_CHANNEL_INTERFACE, SP_FS_INTERFACE, SP_LOG_INTERFACE,
                         SP_SFTP_INTERFACE);
        else
            manifest->interfaces[interface] = true;
    }
}

static void take_abi(struct manifest *manifest, const char *abi, const struct positions *positions,
                     struct report *report)
{
    unsigned major = 0, minor = 0;
    sscanf(abi, "%5u.%5u", &major, &minor);
    manifest->abi_major = (uint16_t)major;
    manifest->abi_minor = (uint16_t)minor;
    if (major != SP_ABI_MAJOR || minor > SP_ABI_MINOR)
        report_error(report, manifest->file, positions_line(positions, "/abi"), "/abi",
                     "plugin ABI %s cannot be served: this build has %d.%d; %s", abi, SP_ABI_MAJOR,
                     SP_ABI_MINOR,
                     major < SP_ABI_MAJOR
                         ? "rebuild the plugin with the current SDK"
                         : "use a newer sallyport, or a plugin that makes do with this one's");
}

uint32_t manifest_families(const json_t *names)
{
    uint32_t mask = 0;
    for (size_t i = 0; i < json_array_size(names); i++)
        mask |= sp_sftp_family_of(json_string_value(json_array_get(names, i)));
    return mask;
}

static void take_sftp(struct manifest *manifest, const json_t *sftp)
{
    manifest->sftp_before = manifest_families(json_object_get(sftp, "before"));
    manifest->sftp_after = manifest_families(json_object_get(sftp, "after"));
    manifest->sftp_data = json_is_true(json_object_get(sftp, "data"));
    manifest->sftp_listings = json_is_true(json_object_get(sftp, "listings"));
    manifest->sftp_existing = manifest_families(json_object_get(sftp, "existing"));
    manifest->sftp_configured_by = json_string_value(json_object_get(sftp, "configured_by"));
}

/* Whether what take() cannot do without is there, in a manifest with mistakes elsewhere. */
static bool can_be_taken(const json_t *d)
{
    static const char *const texts[] = {"name", "version",   "library",
                                        "abi",  "threading", "isolation"};
    size_t i;
    json_t *item;
    for (i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!json_is_string(json_object_get(d, texts[i])))
            return false;
    json_array_foreach(json_object_get(d, "interfaces"), i,
                       item) if (!json_is_string(item)) return false;
    return json_is_object(json_object_get(d, "configuration"));
}

/* What the schema has seen to is not asked again. */
static void take(struct manifest *manifest, const struct positions *positions,
                 struct report *report)
{
    json_t *d = manifest->document;
    manifest->name = json_string_value(json_object_get(d, "name"));
    manifest->version = json_string_value(json_object_get(d, "version"));
    manifest->library = json_string_value(json_object_get(d, "library"));
    manifest->description = json_string_value(json_object_get(d, "description"));
    manifest->author = json_string_value(json_object_get(d, "author"));
    manifest->license = json_string_value(json_object_get(d, "license"));
    manifest->sha256 = json_string_value(json_object_get(d, "sha256"));
    manifest->deadline_ms = (uint64_t)json_integer_value(json_object_get(d, "deadline_ms"));
    manifest->configuration = json_object_get(d, "configuration");
    threading_parse(json_string_value(json_object_get(d, "threading")), &manifest->threading);
    manifest->is_isolated =
        strcmp(json_string_value(json_object_get(d, "isolation")), "process") == 0;

    take_abi(manifest, json_string_value(json_object_get(d, "abi")), positions, report);
    take_interfaces(manifest, json_object_get(d, "interfaces"), positions, report);
    take_sftp(manifest, json_object_get(d, "sftp"));
    manifest->deadlines = json_object_get(d, "deadlines_ms");
    deadlines_check(manifest->deadlines, manifest->interfaces, manifest->file, "/deadlines_ms",
                    positions, 0, report);
    if (!library_is_within(manifest->library))
        report_error(report, manifest->file, positions_line(positions, "/library"), "/library",
                     "\"%s\" must lie below the manifest's directory: a relative path without "
                     "\"..\"",
                     manifest->library);
    schema_check(manifest->configuration, manifest->file, report);
}

/* A file in the directory of another. NULL: out of memory. */
static char *beside(const char *file, const char *name)
{
    const char *slash = strrchr(file, '/');
    char *path;
    int len = slash ? (int)(slash - file + 1) : 0;
    return asprintf(&path, "%.*s%s", len, file, name) < 0 ? NULL : path;
}

static char *directory_of(const char *file)
{
    const char *slash = strrchr(file, '/');
    if (!slash)
        return strdup(".");
    return strndup(file, slash == file ? 1 : (size_t)(slash - file));
}

static int open_beside(const char *file, const char *path, const char *shown, uid_t owner,
                       struct report *report)
{
    char *directory = directory_of(file);
    if (!directory)
        return SP_ERR_NOMEM;
    int at = trust_open_directory(directory, owner, report);
    free(directory);
    if (at < 0)
        return at;
    int fd = trust_open_file(at, path, shown, owner, report);
    close(at);
    return fd;
}

static int read_manifest(const char *file, uid_t owner, struct buffer *text, struct report *report)
{
    const char *slash = strrchr(file, '/');
    int fd = open_beside(file, slash ? slash + 1 : file, file, owner, report);
    if (fd == SP_ERR_NOT_FOUND)
        report_error(report, file, 0, NULL, "does not exist");
    if (fd < 0)
        return fd;
    int rc = buffer_read(text, fd, MANIFEST_BYTES_MAX);
    if (rc == SP_ERR_LIMIT)
        report_error(report, file, 0, NULL, "is longer than a manifest may be (%u bytes)",
                     MANIFEST_BYTES_MAX);
    else if (rc == SP_ERR_SYSTEM)
        report_error(report, file, 0, NULL, "cannot be read: %s", strerror(errno));
    close(fd);
    return rc;
}

static int manifest_from_text(struct manifest *manifest, const char *text, size_t len,
                              struct report *report)
{
    size_t errors = report->errors;
    manifest->document = parse(manifest->file, text, len, report);
    if (!manifest->document)
        return SP_ERR_INVALID;
    struct positions *positions = positions_new(text, len);
    int rc = check_schema(manifest->file, manifest->document, positions, report);
    if (rc == 0 || (rc == SP_ERR_INVALID && can_be_taken(manifest->document))) {
        take(manifest, positions, report);
        manifest->library_file = beside(manifest->file, manifest->library);
        if (!manifest->library_file)
            rc = SP_ERR_NOMEM;
        else if (report->errors != errors)
            rc = SP_ERR_INVALID;
    }
    positions_free(positions);
    return rc;
}

/* *ret_manifest is not NULL where enough was understood to go on looking for mistakes. */
static int load(const char *file, uid_t owner, struct manifest **ret_manifest,
                struct report *report)
{
    size_t errors = report->errors;
    struct buffer text = {0};
    struct manifest *manifest = calloc(1, sizeof *manifest);
    int rc = SP_ERR_NOMEM;
    *ret_manifest = NULL;
    if (!manifest || !(manifest->file = strdup(file)))
        goto out;
    manifest->owner = owner;
    if ((rc = read_manifest(file, owner, &text, report)) < 0)
        goto out;
    /* An empty file has no storage of its own. */
    size_t len = buffer_length(&text);
    rc = manifest_from_text(manifest, len ? (const char *)buffer_data(&text) : "", len, report);
out:
    buffer_release(&text);
    if (rc < 0 && report->errors == errors)
        report_error(report, file, 0, NULL, "cannot be read: %s", err_text(rc));
    if (rc < 0 && (!manifest || !manifest->library_file)) {
        manifest_free(manifest);
        return rc;
    }
    *ret_manifest = manifest;
    return rc;
}

int manifest_load(const char *file, uid_t owner, struct manifest **ret_manifest,
                  struct report *report)
{
    int rc = load(file, owner, ret_manifest, report);
    if (rc < 0) {
        manifest_free(*ret_manifest);
        *ret_manifest = NULL;
    }
    return rc;
}

int manifest_check(const char *file, uid_t owner, struct manifest **ret_manifest,
                   struct report *report)
{
    return load(file, owner, ret_manifest, report);
}

void manifest_free(struct manifest *manifest)
{
    if (!manifest)
        return;
    json_decref(manifest->document);
    free(manifest->file);
    free(manifest->library_file);
    free(manifest);
}

/* Each manifest belongs in a directory of its own name: a second copy elsewhere is a mistake. */
static int find_in(const char *directory, const char *name, struct manifest **ret_manifest,
                   struct report *report)
{
    char *file;
    if (asprintf(&file, "%s/%s/%s", directory, name, MANIFEST_FILE) < 0)
        return SP_ERR_NOMEM;
    struct stat st;
    int rc = SP_ERR_NOT_FOUND;
    if (lstat(file, &st) < 0 && (errno == ENOENT || errno == ENOTDIR))
        goto out;
    uid_t owner = stat(directory, &st) == 0 ? st.st_uid : MANIFEST_NO_OWNER;
    /* Who can write here can put another directory in the place of a plugin's, also after it has
     * been looked at. */
    int fd = trust_open_directory(directory, owner, report);
    if (fd < 0) {
        rc = fd;
        goto out;
    }
    close(fd);
    rc = manifest_load(file, owner, ret_manifest, report);
    if (rc == 0 && strcmp((*ret_manifest)->name, name) != 0) {
        report_error(report, file, 0, "/name", "is \"%s\", but its directory is named \"%s\"",
                     (*ret_manifest)->name, name);
        manifest_free(*ret_manifest);
        *ret_manifest = NULL;
        rc = SP_ERR_INVALID;
    }
out:
    free(file);
    return rc;
}

int manifest_find(const char *name, char *const *directories, size_t count,
                  struct manifest **ret_manifest, struct report *report)
{
    *ret_manifest = NULL;
    if (strchr(name, '/') || name[0] == '.' || name[0] == '\0')
        return SP_ERR_NOT_FOUND;
    for (size_t i = 0; i < count; i++) {
        int rc = find_in(directories[i], name, ret_manifest, report);
        if (rc != SP_ERR_NOT_FOUND)
            return rc;
    }
    return SP_ERR_NOT_FOUND;
}

int manifest_check_library(const struct manifest *manifest, struct report *report)
{
    if (!library_is_within(manifest->library))
        return SP_ERR_INVALID; /* told already */
    int fd = open_beside(manifest->file, manifest->library, manifest->library_file, manifest->owner,
                         report);
    if (fd == SP_ERR_NOT_FOUND)
        report_error(report, manifest->file, 0, "/library", "%s does not exist",
                     manifest->library_file);
    if (fd < 0)
        return SP_ERR_INVALID;
    int rc = 0;
    if (manifest->sha256) {
        char digest[DIGEST_TEXT_BYTES];
        rc = digest_file(fd, digest);
        if (rc < 0) {
            report_error(report, manifest->library_file, 0, NULL, "cannot be read: %s",
                         err_text(rc));
        } else if (strcmp(digest, manifest->sha256) != 0) {
            report_error(report, manifest->file, 0, "/sha256",
                         "%s has the hash %s; it is not the file that the manifest was made for",
                         manifest->library_file, digest);
            rc = SP_ERR_INVALID;
        }
    }
    close(fd);
    return rc < 0 ? SP_ERR_INVALID : 0;
}
