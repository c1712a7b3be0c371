/*
 * options.c: the options before a key in an authorized_keys line, sshd(8) "AUTHORIZED_KEYS FILE
 * FORMAT". Any thread.
 *
 * An option that only takes rights away but is not known here must not be passed over: the key
 * would be worth more than its owner meant. The whole line is refused instead.
 */
#include "auth_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FORWARDING (SP_PERMIT_TUNNEL_FORWARD | SP_PERMIT_TUNNEL_REVERSE)

static const struct {
    const char *name;
    uint32_t takes;
    uint32_t gives; /* back, after "restrict" */
} switches[] = {
    {"restrict", FORWARDING | SP_PERMIT_AGENT | SP_PERMIT_X11 | SP_PERMIT_PTY, 0},
    {"no-port-forwarding", FORWARDING, 0},
    {"port-forwarding", 0, FORWARDING},
    {"no-agent-forwarding", SP_PERMIT_AGENT, 0},
    {"agent-forwarding", 0, SP_PERMIT_AGENT},
    {"no-x11-forwarding", SP_PERMIT_X11, 0},
    {"x11-forwarding", 0, SP_PERMIT_X11},
    {"no-pty", SP_PERMIT_PTY, 0},
    {"pty", 0, SP_PERMIT_PTY},
    /* No rc file of a user is ever run here. */
    {"no-user-rc", 0, 0},
    {"user-rc", 0, 0},
};

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

/* The option at p; its end, or NULL with ret_text set. */
static const char *parse_option(const char *p, const char *end, struct key_options *options,
                                char *ret_text)
{
    size_t length = 0;
    while (p + length < end && !strchr("=, \t", p[length]))
        length++;
    if (length == 7 && strncasecmp(p, "command", 7) == 0 && p + 7 < end && p[7] == '=') {
        free(options->command);
        options->command = NULL;
        const char *after = parse_value(p + 8, end, &options->command);
        /* Nothing to force would force nothing: the key must not be worth more for it. */
        const char *wrong = !after                      ? "is not quoted properly"
                            : *options->command == '\0' ? "is empty"
                                                        : NULL;
        if (wrong)
            snprintf(ret_text, 128, "the value of command %s", wrong);
        return wrong ? NULL : after;
    }
    for (size_t i = 0; i < sizeof switches / sizeof *switches; i++) {
        if (strlen(switches[i].name) != length || strncasecmp(p, switches[i].name, length) != 0)
            continue;
        options->permit = (options->permit & ~switches[i].takes) | switches[i].gives;
        return p + length;
    }
    snprintf(ret_text, 128, "option \"%.*s\" is not supported", length > 40 ? 40 : (int)length, p);
    return NULL;
}

bool key_options_parse(const char *line, size_t length, struct key_options *ret_options,
                       size_t *ret_length, char *ret_text)
{
    const char *p = line;
    const char *end = line + length;
    while ((p = parse_option(p, end, ret_options, ret_text))) {
        if (p < end && *p == ',') {
            p++;
            continue;
        }
        if (p < end && (*p == ' ' || *p == '\t')) {
            *ret_length = (size_t)(p - line);
            return true;
        }
        snprintf(ret_text, 128, "the options are malformed");
        break;
    }
    free(ret_options->command);
    ret_options->command = NULL;
    return false;
}
