/*
 * judge.c: judges operations by rules. See judge.h.
 *
 * What an open file may be used for is decided when it is opened; of what is done with it later,
 * only what opening could not foresee is looked at: sizes, attributes, locks.
 */
#include "sftp-rules/judge.h"

#include <string.h>

#include "common/pattern.h"

#define OPEN_READS (SP_OPEN_READ | SP_OPEN_NOFOLLOW | SP_OPEN_TEXT)
#define SPECIAL_BITS 07000u

static bool is_named(const struct sp_sftp_event *event, const char *name)
{
    return event->name.len == strlen(name) &&
           memcmp(event->name.data, name, (size_t)event->name.len) == 0;
}

static struct judgement wrong(const struct rule *rule, uint32_t status, const char *text)
{
    return (struct judgement){.outcome = JUDGED_WRONG,
                              .status = status,
                              .text = rule->text.len > 0 ? rule->text : sp_str_of(text)};
}

static const struct judgement right = {.outcome = JUDGED_RIGHT};
static const struct judgement hidden = {.outcome = JUDGED_HIDDEN};

static struct judgement permit(const struct rule *rule, uint32_t operations)
{
    if (rule->is_hidden)
        return hidden;
    if ((rule->operations & operations) == operations)
        return right;
    return rule->is_read_only ? wrong(rule, SP_FS_WRITE_PROTECT, "These files are read-only")
                              : wrong(rule, SP_FS_PERMISSION_DENIED, "You may not do this here");
}

static const struct rule *rule_for(const struct rules *rules, const struct sp_sftp_event *event,
                                   struct sp_str path)
{
    return rules_find(rules, event->head.connection, path);
}

static struct judgement judge_name(const struct rule *rule, struct sp_str path, bool is_directory)
{
    if (rule_allows_name(rule, path, is_directory))
        return right;
    return wrong(rule, SP_FS_PERMISSION_DENIED, "Such a name is not allowed here");
}

/* --- attributes ---------------------------------------------------------------------------- */

struct judged_attributes {
    uint32_t ignored; /* SP_ATTR_* */
    bool denies, strips;
};

static struct judged_attributes judge_each(const struct rule *rule,
                                           const struct sp_fs_attributes *attributes)
{
    const uint32_t owner = SP_ATTR_OWNER_IDS | SP_ATTR_OWNER_NAMES;
    const uint32_t permissions = SP_ATTR_PERMISSIONS | SP_ATTR_ACL;
    const uint32_t times =
        SP_ATTR_ACCESS_TIME | SP_ATTR_MODIFY_TIME | SP_ATTR_CREATE_TIME | SP_ATTR_CHANGE_TIME;
    const struct {
        uint32_t attributes;
        enum policy policy;
    } parts[] = {
        {owner, rule->set_owner},
        {permissions, rule->set_permissions},
        {times, rule->set_times},
        {~(owner | permissions | times | SP_ATTR_SIZE | SP_ATTR_TYPE), rule->set_other},
    };
    struct judged_attributes judged = {0};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        judged.denies |= parts[i].policy == POLICY_DENY && attributes->valid & parts[i].attributes;
        if (parts[i].policy != POLICY_ALLOW)
            judged.ignored |= attributes->valid & parts[i].attributes;
    }
    if (attributes->valid & SP_ATTR_PERMISSIONS && attributes->mode & SPECIAL_BITS) {
        judged.denies |= rule->special_bits == POLICY_DENY;
        judged.strips = rule->special_bits != POLICY_ALLOW;
    }
    return judged;
}

static struct judgement judge_attributes(const struct rule *rule, const struct sp_sftp_event *event,
                                         struct sp_fs_attributes *ret_attributes)
{
    const struct sp_fs_attributes *attributes = event->attributes;
    if (!attributes)
        return right;
    bool is_change = event->family & SP_SFTP_ATTRIBUTES_SET;
    struct judged_attributes judged = judge_each(rule, attributes);
    /* Clients send attributes with what they make without being asked to: that is no offence. */
    if (judged.denies && is_change)
        return wrong(rule, SP_FS_PERMISSION_DENIED, "These attributes may not be changed here");
    if (attributes->valid & SP_ATTR_SIZE && attributes->size > rule->size_max)
        return wrong(rule, SP_FS_FAILURE, "The file would be larger than is allowed here");
    if (!judged.ignored && !judged.strips)
        return right;
    *ret_attributes = *attributes;
    ret_attributes->valid &= ~judged.ignored;
    if (judged.strips)
        ret_attributes->mode &= ~SPECIAL_BITS;
    bool is_empty = ret_attributes->valid == 0 && attributes->valid != 0;
    return (struct judgement){.outcome = is_change && is_empty ? JUDGED_DONE : JUDGED_CHANGED};
}

/* --- one kind of operation each ------------------------------------------------------------ */

/* What it is written under until it is complete is nobody's wish but another hook's. */
static struct sp_str name_of(const struct sp_sftp_event *event)
{
    bool is_part = event->family & SP_SFTP_OPEN && event->final_path.len > 0;
    return is_part ? event->final_path : event->path;
}

static struct judgement judge_open(const struct rule *rule, const struct sp_sftp_event *event,
                                   struct sp_fs_attributes *ret_attributes)
{
    uint32_t operations = 0;
    if (event->flags & SP_OPEN_READ || !(event->flags & ~OPEN_READS))
        operations |= SP_SFTP_READ;
    if (event->flags & ~OPEN_READS)
        operations |= SP_SFTP_WRITE;
    if (event->flags & SP_OPEN_DELETE_ON_CLOSE)
        operations |= SP_SFTP_REMOVE;
    struct judgement judgement = permit(rule, operations);
    if (judgement.outcome == JUDGED_RIGHT && operations & SP_SFTP_WRITE)
        judgement = judge_name(rule, name_of(event), false);
    if (judgement.outcome != JUDGED_RIGHT || !(operations & SP_SFTP_WRITE))
        return judgement;
    /* Where an append will end is not known before it is done. */
    if (event->flags & SP_OPEN_APPEND && rule->size_max != UINT64_MAX)
        return wrong(rule, SP_FS_OP_UNSUPPORTED, "Files here cannot be opened to append to them");
    return judge_attributes(rule, event, ret_attributes);
}

static struct judgement judge_size(const struct rule *rule, uint64_t offset, uint64_t length)
{
    if (rule->size_max == UINT64_MAX ||
        (offset <= rule->size_max && length <= rule->size_max - offset))
        return right;
    return wrong(rule, SP_FS_FAILURE, "The file would be larger than is allowed here");
}

/* What holds for an open file. */
static const struct rule *rule_of_file(const struct rules *rules, struct openings *openings,
                                       const struct sp_sftp_event *event, uint64_t file,
                                       struct sp_str path)
{
    const struct rule *rule = opened_rule(openings, event->channel, file);
    return rule ? rule : rule_for(rules, event, path);
}

/* Of open files, which may be used as they were opened. A file by its name, to hash it, is not. */
static struct judgement judge_data(const struct rules *rules, struct openings *openings,
                                   const struct sp_sftp_event *event)
{
    if (event->file == 0)
        return permit(rule_for(rules, event, event->path), event->family & RULE_OPERATIONS);
    if (!rules->have_sizes || !(event->family & SP_SFTP_WRITE))
        return right;
    if (!(event->family & SP_SFTP_READ))
        return judge_size(rule_of_file(rules, openings, event, event->file, event->path),
                          event->offset, event->length);
    /* A copy to the end takes what the source has. */
    const struct rule *rule =
        rule_of_file(rules, openings, event, event->file_target, event->target);
    uint64_t length = event->length;
    if (length == 0 && event->existing && event->existing->valid & SP_ATTR_SIZE)
        length = event->existing->size > event->offset ? event->existing->size - event->offset : 0;
    else if (length == 0 && rule->size_max != UINT64_MAX)
        return wrong(rule, SP_FS_OP_UNSUPPORTED, "How much would be copied is not known");
    return judge_size(rule, event->offset_target, length);
}

static struct judgement judge_rename(const struct rules *rules, const struct sp_sftp_event *event)
{
    const struct rule *from = rule_for(rules, event, event->path);
    const struct rule *to = rule_for(rules, event, event->target);
    struct judgement judgement = permit(from, SP_SFTP_RENAME);
    if (judgement.outcome == JUDGED_RIGHT)
        judgement = permit(to, SP_SFTP_RENAME);
    if (judgement.outcome == JUDGED_RIGHT)
        judgement = judge_name(to, event->target, false);
    if (judgement.outcome != JUDGED_RIGHT)
        return judgement;
    if (event->flags & SP_RENAME_OVERWRITE && !(to->operations & (SP_SFTP_WRITE | SP_SFTP_REMOVE)))
        return permit(to, SP_SFTP_WRITE);
    if (rules_bind_to_name(rules, event->head.connection, event->path, event->target))
        return wrong(from, SP_FS_PERMISSION_DENIED,
                     "This directory holds files that must be where they are");
    return right;
}

/* A symbolic link's text as a path: NULL data if it is none, or longer than paths are. */
static struct sp_str led_to(const struct sp_sftp_event *event, char *room, size_t size)
{
    struct sp_str text = event->target;
    struct sp_str parent = event->path;
    size_t length = 0;
    if (text.len == 0 || parent.len + text.len + 2 > size)
        return (struct sp_str){0};
    parent.len -= path_name(parent).len;
    if (text.data[0] == '/')
        parent.len = 0;
    for (int part = 0; part < 2; part++) {
        struct sp_str rest = part == 0 ? parent : text;
        while (rest.len > 0) {
            const char *slash = memchr(rest.data, '/', (size_t)rest.len);
            size_t step = slash ? (size_t)(slash - rest.data) : (size_t)rest.len;
            if (step == 2 && memcmp(rest.data, "..", 2) == 0) {
                while (length > 0 && room[--length] != '/')
                    ;
            } else if (step > 0 && !(step == 1 && rest.data[0] == '.')) {
                room[length++] = '/';
                memcpy(room + length, rest.data, step);
                length += step;
            }
            step += slash != NULL;
            rest = (struct sp_str){rest.data + step, rest.len - step};
        }
    }
    if (length == 0)
        room[length++] = '/';
    return (struct sp_str){room, length};
}

/* A link must lead to nothing that could not be read and written under its own name. */
static struct judgement judge_end(const struct rules *rules, const struct sp_sftp_event *event,
                                  struct sp_str end, const struct rule *link)
{
    const struct rule *rule = rule_for(rules, event, end);
    if (rule->is_hidden)
        return wrong(link, SP_FS_PERMISSION_DENIED, "A link may not lead there");
    if (link->operations & ~rule->operations || rule->size_max < link->size_max ||
        rules_bind_to_name(rules, event->head.connection, end, event->path))
        return wrong(rule, SP_FS_PERMISSION_DENIED, "A link may not lead there");
    return right;
}

static struct judgement judge_link(const struct rules *rules, const struct sp_sftp_event *event)
{
    char room[8192];
    if (is_named(event, "readlink"))
        return permit(rule_for(rules, event, event->path), SP_SFTP_ATTRIBUTES_GET);
    bool is_symbolic = is_named(event, "symlink");
    struct sp_str made = is_symbolic ? event->path : event->target;
    struct sp_str end = is_symbolic ? led_to(event, room, sizeof room) : event->path;
    const struct rule *rule = rule_for(rules, event, made);
    struct judgement judgement = permit(rule, SP_SFTP_LINK);
    if (judgement.outcome == JUDGED_RIGHT)
        judgement = judge_name(rule, made, false);
    if (judgement.outcome != JUDGED_RIGHT)
        return judgement;
    if (!is_symbolic)
        judgement = permit(rule_for(rules, event, end), SP_SFTP_LINK);
    else if (!end.data)
        judgement = wrong(rule, SP_FS_INVALID_FILENAME, "The link's text is too long");
    if (judgement.outcome != JUDGED_RIGHT)
        return judgement;
    return judge_end(rules, event, end, rule);
}

uint64_t judge_hidden_at(const struct rules *rules, const struct sp_sftp_event *event)
{
    uint64_t begin = 1;
    for (uint64_t end = 1; end <= event->path.len; end++)
        if (end == event->path.len || event->path.data[end] == '/') {
            if (rule_for(rules, event, (struct sp_str){event->path.data, end})->is_hidden)
                return begin;
            begin = end + 1;
        }
    return begin;
}

struct judgement judge(const struct rules *rules, struct openings *openings,
                       const struct sp_sftp_event *event, struct sp_fs_attributes *ret_attributes)
{
    if (event->family & (SP_SFTP_READ | SP_SFTP_WRITE))
        return judge_data(rules, openings, event);
    if (event->family & SP_SFTP_RENAME)
        return judge_rename(rules, event);
    if (event->family & SP_SFTP_LINK)
        return judge_link(rules, event);
    const struct rule *rule = event->file
                                  ? rule_of_file(rules, openings, event, event->file, event->path)
                                  : rule_for(rules, event, name_of(event));
    if (event->family & SP_SFTP_OPEN) {
        struct judgement judgement = judge_open(rule, event, ret_attributes);
        judgement.rule = rule;
        return judgement;
    }
    if (event->family & SP_SFTP_RESOLVE)
        return rule->is_hidden ? (struct judgement){.outcome = JUDGED_UNSEEN} : right;
    uint32_t operations = event->family & RULE_OPERATIONS;
    if (event->attributes && event->attributes->valid & SP_ATTR_SIZE &&
        event->family & SP_SFTP_ATTRIBUTES_SET)
        operations |= SP_SFTP_WRITE;
    struct judgement judgement = permit(rule, operations);
    if (judgement.outcome != JUDGED_RIGHT)
        return judgement;
    if (event->family & SP_SFTP_DIRECTORY_CREATE)
        judgement = judge_name(rule, event->path, true);
    if (event->family & SP_SFTP_DIRECTORY_REMOVE)
        return judgement;
    return judgement.outcome == JUDGED_RIGHT ? judge_attributes(rule, event, ret_attributes)
                                             : judgement;
}
