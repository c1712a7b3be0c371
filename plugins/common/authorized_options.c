/*
 * authorized_options.c: the options before a key in an authorized_keys line. Called for every line
 * that has some. Any thread.
 *
 * An option that only takes rights away but is not known here must not be passed over: the key
 * would be worth more than its owner meant. The whole line is refused instead.
 */
#include "common/authorized_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define TEXT_SIZE 128
#define FORWARDING (SP_PERMIT_TUNNEL_FORWARD | SP_PERMIT_TUNNEL_REVERSE)
/* Channels that only plugins know may be a tunnel, too. */
#define RESTRICTED                                                                                 \
    (FORWARDING | SP_PERMIT_AGENT | SP_PERMIT_X11 | SP_PERMIT_PTY | SP_PERMIT_CHANNEL)

static const struct {
    const char *name;
    uint32_t takes;
    uint32_t gives; /* back, after "restrict" */
    uint32_t key_options;
} switches[] = {
    {"restrict", RESTRICTED, 0, 0},
    {"no-port-forwarding", FORWARDING, 0, 0},
    {"port-forwarding", 0, FORWARDING, 0},
    {"no-agent-forwarding", SP_PERMIT_AGENT, 0, 0},
    {"agent-forwarding", 0, SP_PERMIT_AGENT, 0},
    {"no-x11-forwarding", SP_PERMIT_X11, 0, 0},
    {"x11-forwarding", 0, SP_PERMIT_X11, 0},
    {"no-pty", SP_PERMIT_PTY, 0, 0},
    {"pty", 0, SP_PERMIT_PTY, 0},
    /* No rc file of a user is ever run here. */
    {"no-user-rc", 0, 0, 0},
    {"user-rc", 0, 0, 0},
    {"no-touch-required", 0, 0, SP_KEY_TOUCH_NOT_REQUIRED},
    {"verify-required", 0, 0, SP_KEY_VERIFY_REQUIRED},
};

/* --- values ---------------------------------------------------------------------------------- */

/* Each takes value, which is malloc()ed, and owns it from then on in any case. NULL, or what is
 * wrong with it. */
typedef const char *take_value(struct authorized_options *options, char *value);

static const char *keep(struct sp_str *field, char *value, bool is_good, const char *why)
{
    if (!is_good || field->data) {
        why = field->data ? "is given twice" : why;
        free(value);
        return why;
    }
    *field = sp_str_of(value);
    return NULL;
}

static const char *take_command(struct authorized_options *options, char *value)
{
    /* Nothing to force would force nothing: the key must not be worth more for it. */
    return keep(&options->command, value, *value != '\0', "is empty");
}

static const char *take_from(struct authorized_options *options, char *value)
{
    return keep(&options->from, value, authorized_from_is_sound(sp_str_of(value)),
                "has a pattern that cannot be judged");
}

static const char *take_principals(struct authorized_options *options, char *value)
{
    return keep(&options->principals, value, *value != '\0', "is empty");
}

static const char *add(struct authorized_list *list, char *value, bool is_good, const char *why)
{
    if (!is_good || list->count == AUTHORIZED_ITEMS_MOST) {
        why = is_good ? "is given too often" : why;
        free(value);
        return why;
    }
    list->items[list->count++] = sp_str_of(value);
    return NULL;
}

static const char *take_environment(struct authorized_options *options, char *value)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
    size_t length =
        strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789");
    struct authorized_list *list = &options->environment;

    if (length == 0 || value[length] != '=' || !strchr(letters, value[0]))
        return add(list, value, false, "is not NAME=value");
    for (size_t i = 0; i < list->count; i++) /* the first one holds, as with sshd */
        if (strncmp(list->items[i].data, value, length + 1) == 0) {
            free(value);
            return NULL;
        }
    return add(list, value, true, NULL);
}

static bool is_port(const char *text)
{
    size_t digits = strspn(text, "0123456789");

    if (strcmp(text, "*") == 0)
        return true;
    return digits > 0 && digits <= 5 && text[digits] == '\0' && atoi(text) >= 1 &&
           atoi(text) <= 65535;
}

/* "host:port", "[address]:port". */
static bool is_place(const char *text)
{
    const char *colon = strrchr(text, ':');

    if (!colon || colon == text || !is_port(colon + 1))
        return false;
    if (text[0] == '[')
        return colon - text > 2 && colon[-1] == ']';
    return !memchr(text, ':', (size_t)(colon - text));
}

static const char *take_permit_open(struct authorized_options *options, char *value)
{
    return add(&options->permit_open, value, is_place(value), "is not \"host:port\"");
}

static const char *take_permit_listen(struct authorized_options *options, char *value)
{
    if (is_port(value)) { /* on any address */
        char *place = malloc(strlen(value) + 3);
        if (place)
            sprintf(place, "*:%s", value);
        free(value);
        return place ? add(&options->permit_listen, place, true, NULL) : "does not fit in memory";
    }
    return add(&options->permit_listen, value, is_place(value), "is not \"[host:]port\"");
}

static bool read_number(const char **text, size_t digits, int *ret)
{
    *ret = 0;
    for (; digits > 0; digits--, ++*text) {
        if (**text < '0' || **text > '9')
            return false;
        *ret = *ret * 10 + (**text - '0');
    }
    return true;
}

/* YYYYMMDD[Z] or YYYYMMDDHHMM[SS][Z]: the system's time zone, or UTC with Z. */
static bool read_time(const char *text, int64_t *ret)
{
    size_t digits = strspn(text, "0123456789");
    bool is_utc = strcasecmp(text + digits, "Z") == 0;
    struct tm tm = {.tm_isdst = -1};

    if ((!is_utc && text[digits] != '\0') || (digits != 8 && digits != 12 && digits != 14))
        return false;
    if (!read_number(&text, 4, &tm.tm_year) || !read_number(&text, 2, &tm.tm_mon) ||
        !read_number(&text, 2, &tm.tm_mday) ||
        (digits >= 12 &&
         (!read_number(&text, 2, &tm.tm_hour) || !read_number(&text, 2, &tm.tm_min))) ||
        (digits == 14 && !read_number(&text, 2, &tm.tm_sec)))
        return false;
    if (tm.tm_year < 1970 || tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 ||
        tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    *ret = is_utc ? timegm(&tm) : mktime(&tm);
    return *ret >= 0;
}

static const char *take_expiry(struct authorized_options *options, char *value)
{
    int64_t expires = 0;
    bool is_good = read_time(value, &expires);

    free(value);
    if (!is_good)
        return "is not YYYYMMDD[Z] or YYYYMMDDHHMM[SS][Z]";
    if (expires < options->expires) /* of several, the earliest holds */
        options->expires = expires;
    return NULL;
}

static const struct {
    const char *name;
    take_value *take;
} valued[] = {
    {"command", take_command},
    {"from", take_from},
    {"principals", take_principals},
    {"environment", take_environment},
    {"expiry-time", take_expiry},
    {"permitopen", take_permit_open},
    {"permitlisten", take_permit_listen},
};

/* --- the line -------------------------------------------------------------------------------- */

/* The quoted value at p; its end, or NULL. \" is a quote within. */
static const char *parse_value(const char *p, const char *end, char **ret_value)
{
    if (p == end || *p++ != '"')
        return NULL;
    char *value = malloc((size_t)(end - p) + 1);
    if (!value)
        return NULL;
    size_t length = 0;
    for (; p < end && *p != '"'; p++) {
        if (*p == '\\' && p + 1 < end && p[1] == '"')
            p++;
        value[length++] = *p;
    }
    if (p == end || memchr(value, '\0', length)) {
        free(value);
        return NULL;
    }
    value[length] = '\0';
    *ret_value = value;
    return p + 1;
}

static bool is_named(const char *name, const char *p, size_t length)
{
    return strlen(name) == length && strncasecmp(p, name, length) == 0;
}

/* The option at p; its end, or NULL with ret_text set. */
static const char *parse_option(const char *p, const char *end, struct authorized_options *options,
                                char *ret_text)
{
    size_t length = 0;
    while (p + length < end && !strchr("=, \t", p[length]))
        length++;
    bool has_value = p + length < end && p[length] == '=';
    for (size_t i = 0; has_value && i < sizeof valued / sizeof *valued; i++) {
        if (!is_named(valued[i].name, p, length))
            continue;
        char *value = NULL;
        const char *after = parse_value(p + length + 1, end, &value);
        const char *wrong = after ? valued[i].take(options, value) : "is not quoted properly";
        if (wrong)
            snprintf(ret_text, TEXT_SIZE, "the value of %s %s", valued[i].name, wrong);
        return wrong ? NULL : after;
    }
    for (size_t i = 0; !has_value && i < sizeof switches / sizeof *switches; i++) {
        if (!is_named(switches[i].name, p, length))
            continue;
        options->permit = (options->permit & ~switches[i].takes) | switches[i].gives;
        options->key_options |= switches[i].key_options;
        return p + length;
    }
    if (!has_value && is_named("cert-authority", p, length)) {
        options->is_authority = true;
        return p + length;
    }
    snprintf(ret_text, TEXT_SIZE, "option \"%.*s\" is not supported",
             length > 40 ? 40 : (int)length, p);
    return NULL;
}

bool authorized_options_parse(const char *line, size_t length,
                              struct authorized_options *ret_options, size_t *ret_length,
                              char *ret_text)
{
    const char *p = line;
    const char *end = line + length;

    *ret_options = (struct authorized_options){.permit = SP_PERMIT_ALL, .expires = INT64_MAX};
    *ret_length = 0;
    while ((p = parse_option(p, end, ret_options, ret_text))) {
        if (p < end && *p == ',') {
            p++;
            continue;
        }
        if (p < end && (*p == ' ' || *p == '\t')) {
            *ret_length = (size_t)(p - line);
            return true;
        }
        snprintf(ret_text, TEXT_SIZE, "the options are malformed");
        break;
    }
    authorized_options_clear(ret_options);
    return false;
}

static void free_text(struct sp_str text)
{
    free((char *)(uintptr_t)text.data);
}

static void free_list(struct authorized_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free_text(list->items[i]);
}

void authorized_options_clear(struct authorized_options *options)
{
    free_text(options->command);
    free_text(options->from);
    free_text(options->principals);
    free_list(&options->environment);
    free_list(&options->permit_open);
    free_list(&options->permit_listen);
    *options = (struct authorized_options){.expires = INT64_MAX};
}
