/*
 * authorized_keys.h: files of users' keys in the form of sshd(8), "AUTHORIZED_KEYS FILE FORMAT".
 * Any thread.
 *
 * Such a file may be in the hands of the user it is about, so all of it is untrusted: its size and
 * lines are bounded, and a line that is not understood lets nobody in.
 */
#ifndef PLUGINS_COMMON_AUTHORIZED_KEYS_H
#define PLUGINS_COMMON_AUTHORIZED_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sallyport/plugin.h>

#define AUTHORIZED_ITEMS_MOST 64 /* of one list, in the options of one line */

struct authorized_list {
    struct sp_str items[AUTHORIZED_ITEMS_MOST];
    size_t count;
};

/* What the options of one line ask for. Its texts are its own. */
struct authorized_options {
    bool is_authority;
    uint32_t permit;          /* SP_PERMIT_* that remain */
    uint32_t key_options;     /* SP_KEY_TOUCH_NOT_REQUIRED, SP_KEY_VERIFY_REQUIRED */
    int64_t expires;          /* the last second of it, since 1970-01-01 UTC; INT64_MAX: never */
    struct sp_str command;    /* forced; never empty if it is set */
    struct sp_str from;       /* a list of patterns, good as it stands */
    struct sp_str principals; /* with is_authority */
    struct authorized_list environment;   /* "NAME=value", each name once */
    struct authorized_list permit_open;   /* "host:port", the port may be "*" */
    struct authorized_list permit_listen; /* likewise, and the host may be "*" */
};

/* The options before a key. ret_length is how much of line they take. False if one of them is
 * unknown or malformed; ret_text (128 bytes) says which. End it with authorized_options_clear(). */
bool authorized_options_parse(const char *line, size_t length,
                              struct authorized_options *ret_options, size_t *ret_length,
                              char *ret_text);
void authorized_options_clear(struct authorized_options *options);

/* Whether address is in a list of patterns: addresses with * and ?, networks, "!" for what must not
 * match. Names of hosts match nothing: no name server is asked. False, too, for what is wrong. */
bool authorized_from_matches(struct sp_str patterns, struct sp_str address);
/* Whether a list can be judged: networks are right, and no name of a host is to be kept out. */
bool authorized_from_is_sound(struct sp_str patterns);

/* Who is looked for. */
struct authorized_question {
    const struct sp_host *host;
    const char *path; /* for the log */
    const struct sp_auth_event *event;
    int64_t now; /* seconds since 1970-01-01 UTC */
};

/* Look in text. A plain key must be there as it is; a certificate's CA must be there with
 * cert-authority, and the line or the user's name must be for one of its principals. True if it was
 * found and its line holds for this client, now; ret_options, which is the caller's in any case,
 * says what it is worth. Lines that are not understood are passed over, with a line in the log. */
bool authorized_keys_search(const struct authorized_question *question, const char *text,
                            size_t length, struct authorized_options *ret_options);
/* The same in the file of that path: regular, of at most 4 MiB, and writable by its owner only. One
 * that is not there is not worth a line in the log. */
bool authorized_keys_find(const struct authorized_question *question,
                          struct authorized_options *ret_options);

/* A grant as the administrator gives it, less what the line's options take away. What it points to
 * lives in base, options and itself; end it with authorized_grant_clear(). */
struct authorized_grant {
    struct sp_grant grant;
    struct sp_pair *environment;
    struct sp_str *permit_open, *permit_listen;
};
/* with_environment: the user may set variables. 0 or SP_E_NOMEM. */
int authorized_grant_make(const struct sp_grant *base, const struct authorized_options *options,
                          bool with_environment, struct authorized_grant *ret_grant);
void authorized_grant_clear(struct authorized_grant *grant);

#endif
