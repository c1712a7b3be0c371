/*
 * scp_glob.c: what a pattern on the command line of `scp -f` stands for, as a shell would have told
 * scp before it began. See scp.h.
 *
 * Component by component: the names found so far, each with every entry of its directory that
 * matches. What stands for nothing stands for itself, so that its absence is complained of.
 */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "sftp/scp.h"
#include "sftp/status.h"

static void next_component(struct scp *scp);
static void next_prefix(struct scp *scp);

bool scp_is_name(struct sp_str name)
{
    return name.len > 0 && name.len <= SCP_NAME_MAX && !memchr(name.data, '/', (size_t)name.len) &&
           !memchr(name.data, '\0', (size_t)name.len) && !(name.len == 1 && name.data[0] == '.') &&
           !(name.len == 2 && memcmp(name.data, "..", 2) == 0);
}

int scp_put_name(struct buffer *names, struct sp_str name, const char *before)
{
    size_t before_length = strlen(before);
    uint8_t *room = buffer_reserve(names, before_length + (size_t)name.len + 1);
    if (!room)
        return SP_ERR_NOMEM;
    memcpy(room, before, before_length);
    memcpy(room + before_length, name.data, (size_t)name.len);
    room[before_length + name.len] = '\0';
    buffer_commit(names, before_length + (size_t)name.len + 1);
    return 0;
}

static bool has_pattern(const char *component)
{
    for (; *component; component++) {
        if (*component == '\\' && component[1])
            component++;
        else if (strchr("*?[", *component))
            return true;
    }
    return false;
}

static void unescape(char *text)
{
    char *out = text;
    for (const char *at = text; *at; at++) {
        if (*at == '\\' && at[1])
            at++;
        *out++ = *at;
    }
    *out = '\0';
}

/* The pattern stands for itself, or the file it names is in matches. */
static void finish(struct scp *scp)
{
    buffer_release(&scp->prefixes);
    scp->next = scp_source_next_path;
}

static void stands_for_itself(struct scp *scp)
{
    char name[VPATH_MAX];
    memcpy(name, scp->pattern, strlen(scp->pattern) + 1);
    unescape(name);
    buffer_release(&scp->matches);
    if (scp_put_name(&scp->matches, (struct sp_str){name, strlen(name)}, "") < 0)
        scp_break(scp, "out of memory");
    finish(scp);
}

void scp_glob_begin(struct scp *scp, const char *pattern)
{
    uint32_t status = strlen(pattern) < VPATH_MAX ? SP_FS_OK : SP_FS_INVALID_FILENAME;
    if (status == SP_FS_OK)
        status =
            sftp_tree_expand(scp->tree, (struct sp_str){pattern, strlen(pattern)}, scp->pattern);
    if (status != SP_FS_OK) {
        scp_complain(scp, NULL, sftp_status_text(status), strlen(sftp_status_text(status)));
        scp->next = scp_source_next_path;
        return;
    }
    if (!has_pattern(scp->pattern)) {
        stands_for_itself(scp);
        return;
    }
    /* The names so far: one, empty or the root. */
    scp->pattern_at = scp->pattern + strspn(scp->pattern, "/");
    const char *start = scp->pattern[0] == '/' ? "/" : "";
    if (scp_put_name(&scp->matches, (struct sp_str){start, strlen(start)}, "") < 0)
        scp_break(scp, "out of memory");
    else
        scp->next = next_component;
}

static size_t component_length(const struct scp *scp)
{
    return strcspn(scp->pattern_at, "/");
}

/* All names so far are in matches, and the rest of the pattern is to be put behind each. */
static void next_component(struct scp *scp)
{
    if (buffer_length(&scp->matches) == 0) {
        stands_for_itself(scp);
        return;
    }
    if (*scp->pattern_at == '\0') {
        finish(scp);
        return;
    }
    buffer_release(&scp->prefixes);
    scp->prefixes = scp->matches;
    scp->matches = (struct buffer){0};
    scp->next = next_prefix;
}

/* prefix and component with a "/" between them, if there is something before. */
static int add_match(struct scp *scp, const char *prefix, struct sp_str name)
{
    char before[VPATH_MAX + 1];
    size_t length = strlen(prefix);
    if (length + name.len + 2 > VPATH_MAX)
        return 0; /* too long to be a path */
    memcpy(before, prefix, length);
    if (length > 0 && prefix[length - 1] != '/')
        before[length++] = '/';
    before[length] = '\0';
    if (buffer_length(&scp->matches) + length + name.len + 1 > SCP_MATCHES_MAX)
        return SP_ERR_LIMIT;
    return scp_put_name(&scp->matches, name, before);
}

static void drop_prefix(struct scp *scp)
{
    buffer_consume(&scp->prefixes, strlen((const char *)buffer_data(&scp->prefixes)) + 1);
    scp->next = next_prefix;
}

static void on_closed(struct scp *scp, uint32_t status, const struct sp_fs_reply *reply)
{
    (void)status, (void)reply;
    drop_prefix(scp);
}

static void close_list(struct scp *scp)
{
    sftp_call_handle(&scp->call, scp->glob.handle, 0, NULL);
    scp_ask(scp, SFTP_OP_CLOSE, 0, &scp->glob, PLUGIN_FS_closedir, on_closed);
}

static int add_if_matching(struct scp *scp, struct sp_str name)
{
    char component[VPATH_MAX], text[SCP_NAME_MAX + 1];
    size_t length = component_length(scp);
    memcpy(component, scp->pattern_at, length);
    component[length] = '\0';
    if (!scp_is_name(name))
        return 0;
    memcpy(text, name.data, (size_t)name.len);
    text[name.len] = '\0';
    if (fnmatch(component, text, FNM_PERIOD) != 0)
        return 0;
    return add_match(scp, (const char *)buffer_data(&scp->prefixes), name);
}

static void list_more(struct scp *scp);

static void on_entries(struct scp *scp, uint32_t status, const struct sp_fs_reply *reply)
{
    int rc = 0;
    for (uint64_t i = 0; status == SP_FS_OK && i < reply->entries_count && rc == 0; i++)
        if (!sftp_tree_has_mount(scp->tree, scp->path, reply->entries[i].name))
            rc = add_if_matching(scp, reply->entries[i].name);
    if (rc < 0)
        scp_break(scp,
                  rc == SP_ERR_LIMIT ? "the pattern stands for too many names" : "out of memory");
    bool is_end = status != SP_FS_OK || reply->eof || reply->entries_count == 0;
    scp->next = is_end ? close_list : list_more;
}

static void list_more(struct scp *scp)
{
    sftp_call_handle(&scp->call, scp->glob.handle, SCP_ENTRIES_AT_ONCE, NULL);
    scp_ask(scp, SFTP_OP_READDIR, 0, &scp->glob, PLUGIN_FS_readdir, on_entries);
}

/* What cannot be listed holds nothing that matches, but for mounts. */
static void on_opened(struct scp *scp, uint32_t status, const struct sp_fs_reply *reply)
{
    struct sp_str name;
    size_t cursor = 0;
    int rc = 0;
    (void)reply;
    while (rc == 0 && sftp_tree_next_mount(scp->tree, scp->path, &cursor, &name))
        rc = add_if_matching(scp, name);
    if (status != SP_FS_OK) {
        drop_prefix(scp);
        return;
    }
    scp->next = list_more;
}

static void next_prefix(struct scp *scp)
{
    if (buffer_length(&scp->prefixes) == 0) {
        scp->pattern_at += component_length(scp);
        scp->pattern_at += strspn(scp->pattern_at, "/");
        scp->next = next_component;
        return;
    }
    const char *prefix = (const char *)buffer_data(&scp->prefixes);
    char component[VPATH_MAX], path[VPATH_MAX];
    size_t length = component_length(scp);
    memcpy(component, scp->pattern_at, length);
    component[length] = '\0';
    if (!has_pattern(component)) {
        unescape(component);
        int rc = add_match(scp, prefix, (struct sp_str){component, strlen(component)});
        if (rc < 0)
            scp_break(scp, "the pattern stands for too many names");
        drop_prefix(scp);
        return;
    }
    if (sftp_tree_resolve(scp->tree, (struct sp_str){prefix, strlen(prefix)}, path) != SP_FS_OK ||
        !scp_locate(scp, path, NULL)) {
        drop_prefix(scp);
        return;
    }
    sftp_call_path(&scp->call, scp->place.below ? scp->place.below : "/", 0);
    scp_ask(scp, SFTP_OP_OPENDIR, 0, &scp->glob, PLUGIN_FS_opendir, on_opened);
}
