/*
 * hooks.c: asks the hooks of chains.sftp about an act, one after the other, down and up again. See
 * hooks.h.
 *
 * Each hook is given an event of its own, since one that missed its deadline may still read it
 * while the next is asked. A hook that fails, or says what makes no sense, fails the operation.
 */
#include "sftp/hooks.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/list.h"
#include "base/log.h"
#include "plugin/layout_copy.h"
#include "session/chain.h"
#include "session/session.h"
#include "sftp/block.h"
#include "sftp/operations.h"
#include "sftp/status.h"
#include "sftp/tree.h"

#define TEXT_MAX 1024u /* of a hook's words to the user */

struct sftp_ask {
    struct plugin_call call;
    struct sp_sftp_event event;
    struct sftp_act *act;
};

/* An act with the first of its questions, which is the only one but where hooks are slow. */
struct act_and_ask {
    struct sftp_act act;
    struct sftp_ask ask;
};

struct sftp_kept {
    struct sftp_kept *next;
    _Alignas(16) unsigned char bytes[];
};

static const char failed_text[] = "A plugin that guards this operation has failed";
static const char nonsense_text[] = "A plugin gave an answer that makes no sense";

void sftp_hooks_init(struct sftp_hooks *hooks, const struct session *session)
{
    *hooks = (struct sftp_hooks){.chain = session_sftp_chain(session)};
    for (size_t i = 0; i < hooks->chain->count; i++) {
        struct plugin_sftp_wants wants = plugin_instance_sftp_wants(hooks->chain->instances[i]);
        hooks->before |= wants.before;
        hooks->after |= wants.after;
        hooks->existing |= wants.existing & (wants.before | wants.after);
        hooks->listings |= wants.listings;
    }
}

/* --- memory -------------------------------------------------------------------------------- */

static void *keep(struct sftp_act *act, size_t size)
{
    struct sftp_kept *kept = malloc(sizeof *kept + size);
    if (!kept)
        return NULL;
    kept->next = act->kept;
    act->kept = kept;
    return kept->bytes;
}

/* A copy of source and all it points to; NULL also if that is out of bounds. */
static void *keep_struct(struct sftp_act *act, const struct layout *layout, const void *source)
{
    const char *fault = NULL;
    size_t size = layout_measure(layout, source, &fault);
    void *copy = size > 0 ? keep(act, size) : NULL;
    return copy && layout_fill(layout, source, "", copy, size, &fault) ? copy : NULL;
}

bool sftp_act_keep_text(struct sftp_act *act, const char *text, size_t length, struct sp_str *ret)
{
    if (length == 0) {
        *ret = (struct sp_str){"", 0};
        return true;
    }
    char *copy = keep(act, length + 1);
    if (!copy)
        return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    *ret = (struct sp_str){copy, length};
    return true;
}

bool sftp_act_keep_string(struct sftp_act *act, const char *text, struct sp_str *ret)
{
    return sftp_act_keep_text(act, text, text ? strlen(text) : 0, ret);
}

bool sftp_act_keep_attributes(struct sftp_act *act, const struct sp_fs_attributes *attributes,
                              const struct sp_fs_attributes **ret)
{
    const struct sp_fs_attributes *copy = keep_struct(act, &layout_sp_fs_attributes, attributes);
    if (copy)
        *ret = copy;
    return copy != NULL;
}

struct sftp_act *sftp_act_new(struct sftp_tree *tree, const struct sftp_operation *operation,
                              uint32_t protocol, const struct sftp_asker *asker, void *owner)
{
    struct act_and_ask *whole = calloc(1, sizeof *whole);
    if (!whole)
        return NULL;
    struct sftp_act *act = &whole->act;
    act->spare = &whole->ask;
    sftp_tree_ref(tree);
    act->tree = tree;
    act->operation = operation;
    act->asker = asker;
    act->owner = owner;
    act->references = 1;
    act->started_ns = clock_now_ns();
    const struct sp_str none = {"", 0};
    act->result.head.struct_size = sizeof act->result;
    act->result.text = act->result.path = act->result.data = none;
    act->event = (struct sp_sftp_event){
        .head = {.struct_size = sizeof act->event, .connection = tree->connection},
        .channel = tree->channel,
        .act = ++tree->acts,
        .family = operation->family,
        .protocol = protocol,
        .name = {operation->name, strlen(operation->name)},
        .target = none,
        .data = none,
        .text = none,
        .result_path = none};
    return act;
}

static void unref(struct sftp_act *act)
{
    if (--act->references > 0)
        return;
    struct sftp_kept *next;
    for (struct sftp_kept *kept = act->kept; kept; kept = next) {
        next = kept->next;
        free(kept);
    }
    sftp_block_unref(act->block);
    sftp_tree_unref(act->tree);
    free(container_of(act, struct act_and_ask, act)); /* no other question is left */
}

void sftp_act_free(struct sftp_act *act)
{
    if (act)
        unref(act);
}

/* --- results ------------------------------------------------------------------------------- */

static void set_status(struct sftp_act *act, uint32_t status, struct sp_str text, uint32_t by)
{
    if (text.len > TEXT_MAX)
        text.len = TEXT_MAX;
    act->result.status = status < SFTP_STATUS_COUNT ? status : SP_FS_FAILURE;
    act->result.text = (struct sp_str){"", 0};
    act->decided = by;
    if (text.len > 0) /* without memory for it, the status' own text is what the user gets */
        (void)sftp_act_keep_text(act, text.data, (size_t)text.len, &act->result.text);
}

static void fail(struct sftp_act *act, const char *text)
{
    set_status(act, SP_FS_FAILURE, session_text(text), SP_SFTP_BY_HOOK);
}

/* The answer of one hook that nothing can be made of. */
static void reject(struct sftp_act *act, const struct plugin_call *call, const char *reason)
{
    log_warning("sftp.hook_invalid", LOG_TEXT("instance", plugin_instance_name(call->instance)),
                LOG_TEXT("operation", act->operation->name), LOG_TEXT("reason", reason));
    fail(act, nonsense_text);
}

static bool is_listable(struct sp_str name)
{
    return name.len > 0 && name.len <= SFTP_LISTED_NAME_MAX &&
           !memchr(name.data, '/', (size_t)name.len) && !memchr(name.data, '\0', (size_t)name.len);
}

static bool are_listable(const struct sp_fs_entry *entries, uint64_t count)
{
    if (count > SFTP_ENTRIES_MAX)
        return false;
    for (uint64_t i = 0; i < count; i++)
        if (!is_listable(entries[i].name))
            return false;
    return true;
}

/* What a hook has answered in place of the provider, as the provider's would be. NULL: fine; else
 * what is wrong with it. */
static const char *adopt(struct sftp_act *act, const struct sp_sftp_reply *given)
{
    struct sp_fs_reply *result = &act->result;
    act->has_replaced = true;
    switch (act->operation->answer) {
    case SFTP_ANSWER_STATUS:
    case SFTP_ANSWER_HANDLE:
        result->count = given->count;
        return NULL;
    case SFTP_ANSWER_DATA:
        if (given->data.len > act->event.length)
            return "more data than was asked for";
        result->data = given->data;
        result->count = given->data.len;
        if (given->data.len == 0)
            result->status = SP_FS_EOF;
        return NULL;
    case SFTP_ANSWER_ATTRIBUTES:
        result->attributes = given->attributes;
        return given->attributes ? NULL : "no attributes";
    case SFTP_ANSWER_PATH:
        result->path = given->path;
        return given->path.len > 0 && given->path.len < VPATH_MAX ? NULL : "no path";
    case SFTP_ANSWER_ENTRIES:
        result->entries = given->entries;
        result->entries_count = given->entries_count;
        if (given->entries_count == 0 && act->phase == SFTP_ACT_BEFORE)
            result->status = SP_FS_EOF;
        return are_listable(given->entries, given->entries_count) ? NULL
                                                                  : "entries that cannot be listed";
    case SFTP_ANSWER_SPACE:
        result->space = given->space;
        return given->space ? NULL : "no figures";
    case SFTP_ANSWER_OTHER:
        break;
    }
    return "SP_TAKE, where a hook cannot answer";
}

/* --- asking -------------------------------------------------------------------------------- */

static void proceed(struct sftp_act *act);

static const struct sp_sftp_reply *sftp_reply_of(const struct sp_reply *reply)
{
    static const struct sp_sftp_reply none = {.head = {.struct_size = sizeof none}};
    return reply ? (const struct sp_sftp_reply *)(const void *)reply : &none;
}

static void deny(struct sftp_act *act, const struct plugin_call *call,
                 const struct sp_sftp_reply *reply)
{
    uint32_t status = reply->status == SP_FS_OK ? SP_FS_PERMISSION_DENIED : reply->status;
    log_debug("sftp.hook_denied", LOG_U64("conn", act->tree->connection->id),
              LOG_TEXT("instance", plugin_instance_name(call->instance)),
              LOG_TEXT("operation", act->operation->name), LOG_U64("status", status));
    set_status(act, status, reply->text, SP_SFTP_BY_HOOK);
}

static void take_before(struct sftp_act *act, const struct plugin_call *call, int32_t verdict,
                        const struct sp_sftp_reply *reply)
{
    const char *text = NULL, *fault;
    uint32_t status = SP_FS_OK;
    if (verdict == SP_NEXT || verdict == SP_ALLOW) {
        if (reply->changes != 0) {
            act->has_looked = false;
            status = act->asker->change(act, reply, &text);
        }
        if (status == SP_FS_OK)
            return;
        set_status(act, status, session_text(text), SP_SFTP_BY_CORE);
        act->outcome = SFTP_ACT_REFUSED;
    } else if (verdict == SP_TAKE) {
        const struct sp_sftp_reply *kept = keep_struct(act, &layout_sp_sftp_reply, reply);
        act->outcome = SFTP_ACT_TAKEN;
        set_status(act, reply->status, reply->text, SP_SFTP_BY_HOOK);
        if (!kept)
            fail(act, "Out of memory");
        else if (act->result.status == SP_FS_OK && (fault = adopt(act, kept)))
            reject(act, call, fault);
    } else {
        act->outcome = SFTP_ACT_REFUSED;
        if (verdict == SP_DENY)
            deny(act, call, reply);
        else
            fail(act, failed_text);
    }
    act->phase = SFTP_ACT_DECIDED;
}

static void take_after(struct sftp_act *act, const struct plugin_call *call, int32_t verdict,
                       const struct sp_sftp_reply *reply)
{
    static const uint32_t replaced_by[] = {
        [SFTP_ANSWER_DATA] = SP_SFTP_CHANGE_DATA,
        [SFTP_ANSWER_ATTRIBUTES] = SP_SFTP_CHANGE_ATTRIBUTES,
        [SFTP_ANSWER_PATH] = SP_SFTP_CHANGE_PATH,
        [SFTP_ANSWER_ENTRIES] = SP_SFTP_CHANGE_ENTRIES,
        [SFTP_ANSWER_SPACE] = SP_SFTP_CHANGE_SPACE,
    };
    const char *fault;
    if (verdict == SP_DENY) {
        deny(act, call, reply);
    } else if (verdict < 0) {
        fail(act, failed_text);
    } else if (verdict == SP_TAKE && act->result.status == SP_FS_OK) {
        const struct sp_sftp_reply *kept = keep_struct(act, &layout_sp_sftp_reply, reply);
        if (!kept)
            fail(act, "Out of memory");
        else if (reply->changes & ~replaced_by[act->operation->answer])
            reject(act, call, "a change that this operation's result cannot have");
        else if (reply->changes && (fault = adopt(act, kept)))
            reject(act, call, fault);
    }
}

static void on_done(struct plugin_call *call, int32_t verdict, const struct sp_reply *reply)
{
    struct sftp_ask *ask = container_of(call, struct sftp_ask, call);
    struct sftp_act *act = ask->act;
    act->ask = NULL;
    if (verdict < 0 && plugin_instance_on_error_next(call->instance)) {
        verdict = SP_NEXT;
        reply = NULL;
    }
    if (act->phase == SFTP_ACT_BEFORE)
        take_before(act, call, verdict, sftp_reply_of(reply));
    else
        take_after(act, call, verdict, sftp_reply_of(reply));
    proceed(act);
}

static void on_release(struct plugin_call *call)
{
    struct sftp_ask *ask = container_of(call, struct sftp_ask, call);
    struct sftp_act *act = ask->act;
    if (ask != &container_of(act, struct act_and_ask, act)->ask)
        free(ask);
    else
        act->spare = ask;
    unref(act);
}

/* The entries as hooks are shown them. False: out of memory. */
static bool show_entries(struct sftp_act *act)
{
    uint64_t count = act->result.entries_count;
    if (act->listed && act->listed_from == act->result.entries)
        return true;
    act->listed_from = act->result.entries;
    act->listed = keep(act, (size_t)count * sizeof *act->listed);
    for (uint64_t i = 0; act->listed && i < count; i++)
        act->listed[i] = (struct sp_sftp_listed){.name = act->result.entries[i].name,
                                                 .type = act->result.entries[i].attributes.type,
                                                 .attributes = &act->result.entries[i].attributes};
    return act->listed != NULL;
}

/* False: out of memory. */
static bool show_result(struct sftp_act *act, struct sp_sftp_event *event,
                        const struct plugin_sftp_wants *wants)
{
    const struct sp_fs_reply *result = &act->result;
    event->status = result->status;
    event->decided = act->decided;
    event->text = result->text;
    event->result_path = result->path;
    event->count = result->count;
    event->duration_ns = clock_now_ns() - act->started_ns;
    event->result = result->attributes;
    event->space = result->space;
    if (act->operation->answer == SFTP_ANSWER_DATA && act->has_replaced)
        event->data = result->data;
    if (wants->listings && result->entries_count > 0) {
        if (!show_entries(act))
            return false;
        event->entries = act->listed;
        event->entries_count = result->entries_count;
    }
    return true;
}

static void ask(struct sftp_act *act, struct plugin_instance *instance,
                const struct plugin_sftp_wants *wants)
{
    struct sftp_ask *asked = act->spare;
    bool is_after = act->phase == SFTP_ACT_AFTER;
    act->spare = NULL;
    if (!asked && !(asked = malloc(sizeof *asked))) {
        fail(act, "Out of memory");
        if (!is_after) {
            act->outcome = SFTP_ACT_REFUSED;
            act->phase = SFTP_ACT_DECIDED;
        }
        return;
    }
    asked->act = act;
    asked->event = act->event;
    /* A list that a hook has not seen is no list that it has let through. */
    if (is_after && !show_result(act, &asked->event, wants)) {
        fail(act, "Out of memory");
        asked->event.status = act->result.status;
        asked->event.text = act->result.text;
    }
    if (!wants->data)
        asked->event.data = (struct sp_str){"", 0};
    if (!(wants->existing & act->event.family))
        asked->event.existing = asked->event.existing_target = NULL;
    asked->call =
        (struct plugin_call){.instance = instance,
                             .operation = is_after ? PLUGIN_SFTP_after : PLUGIN_SFTP_before,
                             .event = &asked->event.head,
                             .strands = act->tree->strands,
                             .on_done = on_done,
                             .on_release = on_release};
    act->references++;
    act->ask = asked;
    plugin_call_start(&asked->call);
}

/* The next hook that wants this, in the direction of the phase; NULL: there are no more. */
static struct plugin_instance *next(struct sftp_act *act, struct plugin_sftp_wants *ret_wants)
{
    const struct chain *chain = act->tree->hooks.chain;
    bool is_after = act->phase == SFTP_ACT_AFTER;
    while (is_after ? act->at > 0 : act->at < chain->count) {
        size_t place = is_after ? --act->at : act->at++;
        struct plugin_instance *instance = chain->instances[place];
        *ret_wants = plugin_instance_sftp_wants(instance);
        if ((is_after ? ret_wants->after : ret_wants->before) & act->event.family)
            return instance;
    }
    return NULL;
}

/* Whether somebody is to be told what is there before the operation, and it is not known: the hook
 * that comes next, or, at the end of the way down, one that is asked after. */
static bool look_first(struct sftp_act *act, uint32_t wanted)
{
    if (act->phase != SFTP_ACT_BEFORE || act->has_looked || !(wanted & act->event.family))
        return false;
    act->event.existing = act->event.existing_target = NULL;
    act->is_looking = true;
    act->asker->look(act);
    return true;
}

static void step(struct sftp_act *act)
{
    struct plugin_sftp_wants wants;
    size_t at = act->at;
    struct plugin_instance *instance = next(act, &wants);
    if (look_first(act, instance ? wants.existing : act->tree->hooks.existing))
        act->at = at; /* this one, once it is known */
    else if (instance)
        ask(act, instance, &wants);
    else
        act->phase = act->phase == SFTP_ACT_BEFORE ? SFTP_ACT_DECIDED : SFTP_ACT_OVER;
}

static bool is_waiting(const struct sftp_act *act)
{
    return act->ask || act->is_looking;
}

/* Ask on, unless somebody is being asked; tell the asker once nobody is left. */
static void proceed(struct sftp_act *act)
{
    if (act->is_proceeding || is_waiting(act))
        return;
    act->references++;
    act->is_proceeding = true;
    while (!is_waiting(act) && (act->phase == SFTP_ACT_BEFORE || act->phase == SFTP_ACT_AFTER))
        step(act);
    act->is_proceeding = false;
    if (!is_waiting(act) && act->phase == SFTP_ACT_DECIDED)
        act->asker->decided(act);
    else if (!is_waiting(act) && act->phase == SFTP_ACT_OVER)
        act->asker->concluded(act);
    unref(act);
}

void sftp_act_looked(struct sftp_act *act)
{
    if (!act->is_looking)
        return;
    act->is_looking = false;
    act->has_looked = true;
    proceed(act);
}

void sftp_act_begin(struct sftp_act *act)
{
    act->phase = SFTP_ACT_BEFORE;
    act->at = 0;
    proceed(act);
}

int sftp_act_list(struct sftp_act *act, struct sp_str name,
                  const struct sp_fs_attributes *attributes)
{
    if (!act->tree->hooks.listings)
        return 0;
    if (!act->entries && !(act->entries = keep(act, SFTP_ENTRIES_MAX * sizeof *act->entries)))
        return SP_ERR_NOMEM;
    if (act->entries_count == SFTP_ENTRIES_MAX)
        return SP_ERR_LIMIT;
    struct sp_fs_entry entry = {.name = name, .attributes = *attributes};
    const struct sp_fs_entry *copy = keep_struct(act, &layout_sp_fs_entry, &entry);
    if (!copy)
        return SP_ERR_NOMEM;
    act->entries[act->entries_count++] = *copy;
    return 0;
}

/* Nobody waits for before() any more. */
static void stop_asking(struct sftp_act *act)
{
    struct sftp_ask *asked = act->ask;
    act->ask = NULL;
    act->is_looking = false;
    if (asked)
        plugin_call_cancel(&asked->call);
}

/* The answer, in memory of the act's. Data of a read stays where it is. */
static void keep_result(struct sftp_act *act, const struct sp_fs_reply *reply)
{
    struct sp_fs_reply shallow = *reply;
    shallow.head.struct_size = sizeof shallow;
    shallow.data = (struct sp_str){"", 0};
    const struct sp_fs_reply *copy = keep_struct(act, &layout_sp_fs_reply, &shallow);
    uint32_t status = act->result.status;
    if (!copy) {
        fail(act, "Out of memory");
        return;
    }
    act->result = *copy;
    act->result.status = status;
    if (act->entries_count > 0) {
        act->result.entries = act->entries;
        act->result.entries_count = act->entries_count;
    }
}

void sftp_act_conclude(struct sftp_act *act, uint32_t status, const struct sp_fs_reply *reply,
                       uint32_t by)
{
    act->references++;
    stop_asking(act);
    act->result.status = status;
    act->decided = by;
    if (reply && reply != &act->result)
        keep_result(act, reply);
    act->phase = SFTP_ACT_AFTER;
    act->at = act->tree->hooks.chain->count;
    proceed(act);
    unref(act);
}
