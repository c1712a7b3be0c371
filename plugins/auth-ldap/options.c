/*
 * options.c: the configuration, beyond what its schema can say. Called by auth-ldap.c at creation.
 */
#include "auth_ldap.h"

#include <jansson.h>
#include <ldap.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/loopback.h"

#define PASSWORD_FILE_MOST 4096u

static const char *text(const json_t *json, const char *key)
{
    const char *value = json_string_value(json_object_get(json, key));
    return value ? value : "";
}

/* What is wrong with one server's URI, or NULL. */
static const char *judge_server(const LDAPURLDesc *url, const struct options *options)
{
    bool may_be_plain = json_is_true(json_object_get(options->json, "allow_plain"));
    bool is_local = !url->lud_host || !*url->lud_host || host_is_loopback(url->lud_host);
    if (strncmp(options->uri, url->lud_scheme, strlen(url->lud_scheme)) != 0 ||
        options->uri[strlen(url->lud_scheme)] != ':')
        return "must be of one kind: all ldap://, or all ldaps://";
    if (strcmp(url->lud_scheme, "ldap") == 0 && !options->has_start_tls && !is_local &&
        !may_be_plain)
        return "would get passwords in the clear; set start_tls, or write ldaps://";
    return NULL;
}

static const char *judge_uri(const struct options *options)
{
    char *list = strdup(options->uri), *rest = list, *one;
    const char *wrong = list && *list ? NULL : "is missing";
    while (!wrong && (one = strsep(&rest, " "))) {
        LDAPURLDesc *url = NULL;
        if (*one == '\0')
            continue;
        if (ldap_url_parse(one, &url) != LDAP_URL_SUCCESS)
            wrong = "must be like ldap://directory.example.org";
        else
            wrong = judge_server(url, options);
        ldap_free_urldesc(url);
    }
    free(list);
    return wrong;
}

/* The key that is wrong and, in *ret_wrong, why; or NULL. */
static const char *judge(const struct options *o, const char **ret_wrong)
{
    bool is_direct = *o->bind_dn != '\0';
    *ret_wrong = judge_uri(o);
    if (*ret_wrong)
        return "uri";
    *ret_wrong = "must hold %u, which stands for the user's name, and no other %";
    if (is_direct && (!strstr(o->bind_dn, "%u") || !template_is_sound(o->bind_dn, "u")))
        return "bind_dn";
    if (!is_direct && (!strstr(o->filter, "%u") || !template_is_sound(o->filter, "u")))
        return "filter";
    *ret_wrong = "must be given where there is no bind_dn";
    if (!is_direct && !*o->base)
        return "base";
    *ret_wrong = "may hold %u and %d, the names of the user and of his entry, and no other %";
    if (!template_is_sound(o->group_filter, "ud"))
        return "groups.filter";
    *ret_wrong = "must be given together with service_password_file";
    return !*o->service_dn != !o->service_password ? "service_dn" : NULL;
}

/* As it will be for some user, so that a mistake is told at the start. */
static int check_grant(const struct sp_host *host, const json_t *object)
{
    char why[GRANT_TEXT_SIZE] = "root and home may hold %u and %%";
    json_t *json = grant_for_user(object, sp_str_of("somebody"));
    struct sp_grant grant = {0};
    int rc = json ? grant_parse(json, &grant, why) : SP_E_INVALID;
    if (rc < 0)
        log_line(host, SP_LOG_ERROR, "grant: %s", why);
    grant_clear(&grant);
    json_decref(json);
    return rc;
}

static int check_grants(const struct sp_host *host, const struct options *options)
{
    char why[GRANT_TEXT_SIZE];
    struct sp_grant grant = {0};
    size_t count = json_array_size(options->group_grants);
    const char *key;
    json_t *name;
    int rc = check_grant(host, options->grant);
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = check_grant(host, json_object_get(json_array_get(options->group_grants, i), "grant"));
    json_object_foreach((json_t *)(uintptr_t)options->attributes, key, name)
    {
        if (rc == 0 && grant_take(&grant, key, json_null(), why) == 0) {
            log_line(host, SP_LOG_ERROR, "attributes: a grant has no \"%s\"", key);
            rc = SP_E_INVALID;
        }
    }
    return rc;
}

static int read_password(const struct sp_host *host, struct options *options, const char *path)
{
    size_t length = 0;
    struct stat st;
    const char *why = NULL;
    if (!*path)
        return 0;
    options->service_password = file_read(path, PASSWORD_FILE_MOST, true, &length, &st, &why);
    if (!options->service_password) {
        log_line(host, SP_LOG_ERROR, "service_password_file %s: %s", path, why);
        return SP_E_FAILED;
    }
    options->service_password[strcspn(options->service_password, "\r\n")] = '\0';
    if (*options->service_password)
        return 0;
    log_line(host, SP_LOG_ERROR, "service_password_file %s: is empty", path);
    return SP_E_INVALID;
}

static int check_ca_file(const struct sp_host *host, const char *path)
{
    size_t length = 0;
    struct stat st;
    const char *why = NULL;
    char *contents = *path ? file_read(path, 16u << 20, false, &length, &st, &why) : NULL;
    if (*path && !contents)
        log_line(host, SP_LOG_ERROR, "ca_file %s: %s", path, why);
    free(contents);
    return why ? SP_E_FAILED : 0;
}

int options_read(const struct sp_host *host, const char *config_json, struct options *ret_options)
{
    json_t *json = json_loads(config_json, 0, NULL);
    const json_t *groups = json_object_get(json, "groups");
    const char *wrong = NULL;
    *ret_options = (struct options){
        .json = json,
        .uri = text(json, "uri"),
        .ca_file = text(json, "ca_file"),
        /* ldaps:// is TLS from the first byte, ldapi:// never leaves the machine. */
        .has_start_tls = json_is_true(json_object_get(json, "start_tls")) &&
                         strncmp(text(json, "uri"), "ldap:", 5) == 0,
        .bind_dn = text(json, "bind_dn"),
        .service_dn = text(json, "service_dn"),
        .base = text(json, "base"),
        .scope = strcmp(text(json, "scope"), "one") == 0 ? LDAP_SCOPE_ONELEVEL : LDAP_SCOPE_SUBTREE,
        .filter = text(json, "filter"),
        .keys_attribute = text(json, "keys_attribute"),
        .group_attribute = text(groups, "attribute"),
        .group_base = text(groups, "base"),
        .group_filter = text(groups, "filter"),
        .group_name = text(groups, "name_attribute"),
        .must_be_in_group = json_is_true(json_object_get(json, "require_group")),
        .grant = json_object_get(json, "grant"),
        .group_grants = json_object_get(json, "group_grants"),
        .attributes = json_object_get(json, "attributes"),
        .timeout_ms = json_integer_value(json_object_get(json, "timeout_ms")),
    };
    int rc = read_password(host, ret_options, text(json, "service_password_file"));
    if (rc < 0)
        return rc;
    const char *key = judge(ret_options, &wrong);
    if (key) {
        log_line(host, SP_LOG_ERROR, "%s %s", key, wrong);
        return SP_E_INVALID;
    }
    rc = check_ca_file(host, ret_options->ca_file);
    return rc < 0 ? rc : check_grants(host, ret_options);
}

void options_clear(struct options *options)
{
    if (options->service_password)
        OPENSSL_cleanse(options->service_password, strlen(options->service_password));
    free(options->service_password);
    json_decref(options->json);
    *options = (struct options){0};
}
