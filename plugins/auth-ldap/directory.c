/*
 * directory.c: one connection to a directory: TLS, bind, search. Called by auth-ldap.c; each
 * connection is used by one thread, for one question.
 *
 * libldap reads ldap.conf and ldaprc files before anybody can say a word; all of their settings
 * that matter here are therefore set for each connection.
 */
#include "auth_ldap.h"

#include <jansson.h>
#include <ldap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

struct directory {
    const struct options *options;
    LDAP *ld;
    int64_t deadline; /* monotonic */
};

static int64_t now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static struct timeval time_left(const struct directory *directory)
{
    int64_t left = directory->deadline - now_ms();
    if (left < 1)
        left = 1;
    return (struct timeval){.tv_sec = left / 1000, .tv_usec = left % 1000 * 1000};
}

static int explain(const struct directory *directory, const char *what, int code, char *ret_why)
{
    char *more = NULL;
    ldap_get_option(directory->ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, &more);
    snprintf(ret_why, WHY_SIZE, "%.150s: %s: %s%s%.200s", directory->options->uri, what,
             ldap_err2string(code), more && *more ? ": " : "", more ? more : "");
    ldap_memfree(more);
    return code == LDAP_TIMEOUT ? SP_E_TIMEOUT : SP_E_FAILED;
}

/* --- connecting ------------------------------------------------------------------------------ */

static bool set_int(LDAP *ld, int option, int value)
{
    return ldap_set_option(ld, option, &value) == LDAP_OPT_SUCCESS;
}

static bool set_up_tls(LDAP *ld, const struct options *options)
{
    if (*options->ca_file &&
        ldap_set_option(ld, LDAP_OPT_X_TLS_CACERTFILE, options->ca_file) != LDAP_OPT_SUCCESS)
        return false;
    return set_int(ld, LDAP_OPT_X_TLS_REQUIRE_CERT, LDAP_OPT_X_TLS_DEMAND) &&
           set_int(ld, LDAP_OPT_X_TLS_PROTOCOL_MIN, LDAP_OPT_X_TLS_PROTOCOL_TLS1_2) &&
           set_int(ld, LDAP_OPT_X_TLS_NEWCTX, 0);
}

static bool set_up(struct directory *directory)
{
    LDAP *ld = directory->ld;
    struct timeval left = time_left(directory);
    return set_int(ld, LDAP_OPT_PROTOCOL_VERSION, LDAP_VERSION3) &&
           set_int(ld, LDAP_OPT_DEREF, LDAP_DEREF_NEVER) &&
           ldap_set_option(ld, LDAP_OPT_REFERRALS, LDAP_OPT_OFF) == LDAP_OPT_SUCCESS &&
           ldap_set_option(ld, LDAP_OPT_RESTART, LDAP_OPT_ON) == LDAP_OPT_SUCCESS &&
           ldap_set_option(ld, LDAP_OPT_NETWORK_TIMEOUT, &left) == LDAP_OPT_SUCCESS &&
           ldap_set_option(ld, LDAP_OPT_TIMEOUT, &left) == LDAP_OPT_SUCCESS &&
           set_up_tls(ld, directory->options);
}

int directory_open(const struct options *options, struct directory **ret_directory, char *ret_why)
{
    struct directory *directory = calloc(1, sizeof *directory);
    *ret_directory = directory;
    if (!directory) {
        snprintf(ret_why, WHY_SIZE, "out of memory");
        return SP_E_NOMEM;
    }
    directory->options = options;
    directory->deadline = now_ms() + options->timeout_ms;
    int code = ldap_initialize(&directory->ld, options->uri);
    if (code != LDAP_SUCCESS) {
        snprintf(ret_why, WHY_SIZE, "%.150s: %s", options->uri, ldap_err2string(code));
        return SP_E_FAILED;
    }
    if (!set_up(directory)) {
        snprintf(ret_why, WHY_SIZE,
                 "%.150s: libldap does not take the settings; is ca_file \"%.150s\" readable?",
                 options->uri, options->ca_file);
        return SP_E_FAILED;
    }
    if (options->has_start_tls && (code = ldap_start_tls_s(directory->ld, NULL, NULL)))
        return explain(directory, "TLS does not come up", code, ret_why);
    return 0;
}

void directory_close(struct directory *directory)
{
    if (directory && directory->ld)
        ldap_unbind_ext(directory->ld, NULL, NULL);
    free(directory);
}

/* --- asking ---------------------------------------------------------------------------------- */

/* All that comes for the request; the caller frees it. NULL with ret_why set. */
static LDAPMessage *receive(struct directory *directory, int id, const char *what, int *ret_rc,
                            char *ret_why)
{
    struct timeval left = time_left(directory);
    LDAPMessage *result = NULL;
    int kind = ldap_result(directory->ld, id, LDAP_MSG_ALL, &left, &result);
    if (kind > 0)
        return result;
    int code = LDAP_TIMEOUT;
    if (kind < 0)
        ldap_get_option(directory->ld, LDAP_OPT_RESULT_CODE, &code);
    ldap_msgfree(result);
    ldap_abandon_ext(directory->ld, id, NULL, NULL);
    *ret_rc = explain(directory, what, code, ret_why);
    return NULL;
}

/* What servers say to a wrong password, an account that is locked, an entry that is not there. */
static bool is_no(int code)
{
    static const int codes[] = {LDAP_INVALID_CREDENTIALS,  LDAP_NO_SUCH_OBJECT,
                                LDAP_INAPPROPRIATE_AUTH,   LDAP_UNWILLING_TO_PERFORM,
                                LDAP_CONSTRAINT_VIOLATION, LDAP_INSUFFICIENT_ACCESS,
                                LDAP_INVALID_DN_SYNTAX};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (code == codes[i])
            return true;
    return false;
}

int directory_bind(struct directory *directory, const char *dn, struct sp_str password,
                   char *ret_why)
{
    struct berval credentials = {(ber_len_t)password.len, (char *)(uintptr_t)password.data};
    int id = 0, code = LDAP_OTHER, rc = SP_E_FAILED;
    if (*dn && password.len == 0)
        return 0;
    int sent = ldap_sasl_bind(directory->ld, dn, LDAP_SASL_SIMPLE, &credentials, NULL, NULL, &id);
    if (sent != LDAP_SUCCESS)
        return explain(directory, "bind", sent, ret_why);
    LDAPMessage *result = receive(directory, id, "bind", &rc, ret_why);
    if (!result)
        return rc;
    int parsed = ldap_parse_result(directory->ld, result, &code, NULL, NULL, NULL, NULL, 1);
    if (parsed == LDAP_SUCCESS && code == LDAP_SUCCESS)
        return 1;
    if (parsed == LDAP_SUCCESS && is_no(code))
        return 0;
    return explain(directory, "bind", parsed == LDAP_SUCCESS ? code : parsed, ret_why);
}

/* NULL if memory is out or a value holds a NUL: one value less could mean a wider grant. Bytes that
 * are no UTF-8 stay as they are; they may be a comment beside a key. */
static json_t *values_of(LDAP *ld, LDAPMessage *message, const char *attribute)
{
    struct berval **values = ldap_get_values_len(ld, message, attribute);
    json_t *list = json_array();
    bool ok = list != NULL;
    for (int i = 0; ok && values && values[i]; i++)
        ok = !memchr(values[i]->bv_val, '\0', values[i]->bv_len) &&
             json_array_append_new(list,
                                   json_stringn_nocheck(values[i]->bv_val, values[i]->bv_len)) == 0;
    ldap_value_free_len(values);
    if (ok)
        return list;
    json_decref(list);
    return NULL;
}

static json_t *entry_of(LDAP *ld, LDAPMessage *message, const char *const *attributes)
{
    char *dn = ldap_get_dn(ld, message);
    json_t *entry = json_object(), *values = json_object();
    bool ok = dn && json_object_set_new(entry, "dn", json_string_nocheck(dn)) == 0;
    for (; ok && *attributes; attributes++)
        ok = json_object_set_new(values, *attributes, values_of(ld, message, *attributes)) == 0;
    ldap_memfree(dn);
    if (json_object_set_new(entry, "values", values) == 0 && ok)
        return entry;
    json_decref(entry);
    return NULL;
}

/* The entries of a search that has ended in order. */
static int take_entries(struct directory *directory, LDAPMessage *result,
                        const char *const *attributes, int most, json_t *entries, char *ret_why)
{
    LDAP *ld = directory->ld;
    int code = LDAP_OTHER;
    int parsed = ldap_parse_result(ld, result, &code, NULL, NULL, NULL, NULL, 0);
    if (parsed != LDAP_SUCCESS)
        return explain(directory, "search", parsed, ret_why);
    if (code == LDAP_NO_SUCH_OBJECT)
        return 0; /* with the entry's own name as base: there is no such user */
    if (code == LDAP_SIZELIMIT_EXCEEDED || ldap_count_entries(ld, result) > most) {
        snprintf(ret_why, WHY_SIZE,
                 "%.150s: a search finds more than %d entries; narrow its filter",
                 directory->options->uri, most);
        return SP_E_FAILED;
    }
    if (code != LDAP_SUCCESS)
        return explain(directory, "search", code, ret_why);
    for (LDAPMessage *m = ldap_first_entry(ld, result); m; m = ldap_next_entry(ld, m)) {
        if (json_array_append_new(entries, entry_of(ld, m, attributes)) < 0) {
            snprintf(ret_why, WHY_SIZE,
                     "an entry cannot be taken: it holds a NUL, or memory is out");
            return SP_E_FAILED;
        }
    }
    return 0;
}

int directory_search(struct directory *directory, const char *base, int scope, const char *filter,
                     const char *const *attributes, int most, json_t **ret_entries, char *ret_why)
{
    struct timeval left = time_left(directory);
    int id = 0, rc = SP_E_FAILED;
    /* Of "no attributes" servers would send all. */
    char **wanted = (char **)(uintptr_t)attributes;
    static const char *const none[] = {LDAP_NO_ATTRS, NULL};
    int sent = ldap_search_ext(directory->ld, base, scope, filter,
                               *attributes ? wanted : (char **)(uintptr_t)none, 0, NULL, NULL,
                               &left, most + 1, &id);
    *ret_entries = json_array();
    if (sent != LDAP_SUCCESS)
        return explain(directory, "search", sent, ret_why);
    LDAPMessage *result = receive(directory, id, "search", &rc, ret_why);
    if (result)
        rc = take_entries(directory, result, attributes, most, *ret_entries, ret_why);
    ldap_msgfree(result);
    return rc;
}
