/*
 * check.c: checks a configuration for references to what is not there, for what is there twice,
 * and for values that do not go together. Called by config_parse(). Any thread.
 */
#include "config/check.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#include <sallyport/auth.h>

#include "base/err.h"
#include "base/vpath.h"
#include "config/schema.h"
#include "config/suggest.h"

#define KEY_MAX 64
#define MOUNT_NAME_MAX 255u /* as file systems have it */
#define LIST_MAX 1024u      /* the most elements that the schema allows in any list checked here */
#define REKEY_BYTES_MIN 65536u
#define SUBSYSTEMS_MAX 256u   /* the schema has no word for it */
#define HOST_KEY_SETS_MAX 64u /* nor for this */

struct check {
    const struct config *config;
    const char *file;
    struct report *report;
    unsigned complaints;
};

__attribute__((format(printf, 3, 4))) static void complain(struct check *check, const char *key,
                                                           const char *format, ...)
{
    char *text = NULL;
    va_list args;
    if (++check->complaints > SCHEMA_COMPLAINTS_MAX)
        return;
    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        text = NULL;
    va_end(args);
    report_error(check->report, check->file, positions_line(check->config->positions, key), key,
                 "%s", text ? text : "out of memory");
    free(text);
    if (check->complaints == SCHEMA_COMPLAINTS_MAX)
        report_error(check->report, check->file, 0, NULL,
                     "there may be more mistakes; correct these %d first", SCHEMA_COMPLAINTS_MAX);
}

static bool same(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

/* key names a plugin instance: is there one? */
static void check_instance(struct check *check, const char *key, const char *name)
{
    const struct config *config = check->config;
    struct suggestion suggestion;
    char known[512] = "";
    if (!name || !name[0] || config_plugin_find(config, name) ||
        check->complaints >= SCHEMA_COMPLAINTS_MAX)
        return;
    suggest_start(&suggestion, name);
    for (size_t i = 0; i < config->plugins_count; i++) {
        size_t len = strlen(known);
        const char *candidate = config->plugins[i].name;
        if (!candidate || config_plugin_find(config, candidate) != &config->plugins[i])
            continue;
        snprintf(known + len, sizeof known - len, "%s%s", len ? ", " : "", candidate);
        suggest_offer(&suggestion, candidate);
    }
    if (suggestion.best)
        complain(check, key,
                 "no plugin instance is named \"%s\"; did you mean \"%s\"? There are: %s", name,
                 suggestion.best, known);
    else if (known[0])
        complain(check, key, "no plugin instance is named \"%s\"; there are: %s", name, known);
    else
        complain(check, key,
                 "no plugin instance is named \"%s\"; there are none: add it to \"plugins\"", name);
}

static void check_plugins(struct check *check)
{
    const struct config *config = check->config;
    char key[KEY_MAX];
    for (size_t i = 0; i < config->plugins_count; i++) {
        snprintf(key, sizeof key, "/plugins/%zu/name", i);
        if (same(config->plugins[i].name, CONFIG_CORE))
            complain(check, key, "\"%s\" means the server itself; choose another name",
                     CONFIG_CORE);
        for (size_t k = 0; k < i; k++) {
            if (!same(config->plugins[i].name, config->plugins[k].name))
                continue;
            complain(check, key, "the instance in line %d has this name too; choose another",
                     config->plugins[k].line);
            break;
        }
    }
}

static void check_host_keys(struct check *check, const char *prefix,
                            const struct config_host_keys *keys)
{
    char key[128];
    if (keys->count == 0 && keys->keys_count == 0)
        complain(check, prefix, "holds no key; name one in \"files\" or \"keys\"");
    for (size_t i = 0; i < keys->keys_count; i++) {
        const struct config_host_key *one = &keys->keys[i];
        snprintf(key, sizeof key, "%s/keys/%zu", prefix, i);
        if (!one->file == !one->text)
            complain(check, key, "give either \"file\" or \"text\"");
        if (one->passphrase_file && one->passphrase_environment)
            complain(check, key, "give either \"passphrase_file\" or \"passphrase_environment\"");
    }
}

static void check_all_host_keys(struct check *check)
{
    const struct config *config = check->config;
    char key[128];
    check_host_keys(check, "/host_keys", &config->host_keys);
    if (config->host_key_sets_count > HOST_KEY_SETS_MAX)
        complain(check, "/host_key_sets", "there may be %u sets at most", HOST_KEY_SETS_MAX);
    for (size_t i = 0; i < config->host_key_sets_count; i++) {
        const char *name = config->host_key_sets[i].name;
        if (!name || strlen(name) > 64 || !name[0] || name[strcspn(name, "/~")] != '\0') {
            complain(check, "/host_key_sets",
                     "a set's name has 1 to 64 characters, none of them \"/\" or \"~\"");
            continue;
        }
        snprintf(key, sizeof key, "/host_key_sets/%s", name);
        check_host_keys(check, key, &config->host_key_sets[i]);
    }
    for (size_t i = 0; i < config->listeners_count; i++) {
        const char *name = config->listeners[i].host_keys;
        snprintf(key, sizeof key, "/listeners/%zu/host_keys", i);
        if (name && !config_host_keys_find(config, name))
            complain(check, key, "no set of \"host_key_sets\" is named \"%s\"; add it there", name);
    }
}

static void check_chain(struct check *check, const char *name, const struct config_chain *chain)
{
    char key[KEY_MAX];
    for (size_t i = 0; i < chain->count; i++) {
        snprintf(key, sizeof key, "/chains/%s/%zu", name, i);
        check_instance(check, key, chain->instances[i]);
    }
}

static bool is_in_chain(const struct config_chain *chain, const char *name)
{
    for (size_t i = 0; i < chain->count; i++)
        if (same(chain->instances[i], name))
            return true;
    return false;
}

static void check_factor(struct check *check, size_t list, size_t index)
{
    const struct config *config = check->config;
    const struct config_factor *items = config->auth_require[list].items;
    const struct config_factor *factor = &items[index];
    char key[KEY_MAX];
    snprintf(key, sizeof key, "/auth_require/%zu/%zu", list, index);
    if (factor->method && !(config->auth_methods & factor->method))
        complain(check, key, "the method is not among \"auth_methods\"; add it there");
    if (factor->instance && factor->instance[0] &&
        !is_in_chain(&config->auth_chain, factor->instance))
        complain(check, key,
                 "\"%s\" is neither a method (publickey, password, keyboard-interactive) nor an "
                 "instance of \"chains\".\"auth\"; correct it, or add it there",
                 factor->instance);
    /* Two keys can be asked for: they differ. Nothing else counts twice. */
    for (size_t i = 0; i < index && factor->method != SP_METHOD_PUBLICKEY; i++) {
        if (items[i].method != factor->method ||
            (items[i].instance != factor->instance && !same(items[i].instance, factor->instance)))
            continue;
        complain(check, key, "element %zu of this list says the same; a factor counts once", i + 1);
        return;
    }
}

static void check_require(struct check *check)
{
    const struct config *config = check->config;
    for (size_t i = 0; i < config->auth_require_count; i++) {
        /* The schema has complained of too long and empty lists. */
        for (size_t k = 0; k < config->auth_require[i].count && k < CONFIG_FACTORS_MAX; k++)
            check_factor(check, i, k);
        if (i >= CONFIG_REQUIRE_MAX)
            break;
    }
    if (config->auth_require_count > 0 && config->auth_chain.count == 0)
        complain(check, "/auth_require", "nobody can satisfy this: \"chains\".\"auth\" is empty");
}

static bool is_address(const char *text)
{
    char address[INET6_ADDRSTRLEN];
    struct in6_addr parsed;
    size_t len = strcspn(text, "%"); /* an IPv6 address may name its interface */
    if (strcmp(text, "*") == 0 || inet_pton(AF_INET, text, &parsed) == 1)
        return true;
    if (len >= sizeof address || (text[len] == '%' && text[len + 1] == '\0'))
        return false;
    memcpy(address, text, len);
    address[len] = '\0';
    return inet_pton(AF_INET6, address, &parsed) == 1;
}

static bool is_same_address(const char *a, const char *b)
{
    struct in6_addr x, y;
    if (same(a, b))
        return true;
    return a && b && inet_pton(AF_INET6, a, &x) == 1 && inet_pton(AF_INET6, b, &y) == 1 &&
           memcmp(&x, &y, sizeof x) == 0;
}

static void check_listener_twins(struct check *check, size_t index)
{
    const struct config_listener *listener = &check->config->listeners[index];
    char key[KEY_MAX];
    for (size_t k = 0; k < index; k++) {
        const struct config_listener *other = &check->config->listeners[k];
        if (listener->port != 0 && listener->port == other->port &&
            is_same_address(listener->address, other->address) &&
            !(listener->reuse_port && other->reuse_port)) {
            snprintf(key, sizeof key, "/listeners/%zu", index);
            complain(check, key,
                     "listener %zu has this address and port too; remove one, or set "
                     "\"reuse_port\" in both",
                     k + 1);
            return;
        }
        if (same(listener->name, other->name)) {
            snprintf(key, sizeof key, "/listeners/%zu/name", index);
            complain(check, key, "listener %zu is named \"%s\" too; give this one another \"name\"",
                     k + 1, listener->name);
            return;
        }
    }
}

static void check_listeners(struct check *check)
{
    char key[KEY_MAX];
    for (size_t i = 0; i < check->config->listeners_count; i++) {
        const char *address = check->config->listeners[i].address;
        snprintf(key, sizeof key, "/listeners/%zu/address", i);
        if (address && address[0] == '[')
            complain(check, key, "must be a numeric address, but is \"%s\"; leave out the brackets",
                     address);
        else if (address && address[0] && !is_address(address))
            complain(check, key,
                     "must be a numeric address, but is \"%s\"; write one such as 192.0.2.1 or "
                     "2001:db8::1, or \"*\" for all",
                     address);
        check_listener_twins(check, i);
    }
}

static bool is_subsystem_name(const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < len; i++)
        if (name[i] <= ' ' || name[i] > '~')
            return false;
    return len > 0 && len <= 64;
}

static void check_subsystem(struct check *check, const struct config_subsystem *subsystem)
{
    struct schema_place table = {NULL, "subsystems", 0};
    struct schema_place place = {&table, subsystem->name, 0};
    if (!is_subsystem_name(subsystem->name)) {
        complain(check, "/subsystems",
                 "the name \"%.100s\" must be 1 to 64 characters of printable ASCII without blanks",
                 subsystem->name);
        return;
    }
    char *key = schema_pointer("", &place);
    if (!key)
        complain(check, "/subsystems", "out of memory");
    else if (subsystem->instance)
        check_instance(check, key, subsystem->instance);
    else if (strcmp(subsystem->name, "sftp") != 0)
        complain(check, key, "the server itself serves only \"sftp\"; name a plugin instance");
    free(key);
}

static void check_subsystems(struct check *check)
{
    const struct config *config = check->config;
    if (config->subsystems_count > SUBSYSTEMS_MAX) {
        complain(check, "/subsystems", "must have at most %u elements, but has %zu", SUBSYSTEMS_MAX,
                 config->subsystems_count);
        return;
    }
    for (size_t i = 0; i < config->subsystems_count; i++)
        check_subsystem(check, &config->subsystems[i]);
}

static bool is_everybodys(const struct config_mount *mount)
{
    return mount->users.count == 0 && mount->groups.count == 0;
}

/* What there is besides mounts of the same path: a tree that shows the same files again below
 * themselves. The root of "/" may be another for each user, so it says nothing. */
static bool is_again_below(const struct config_mount *mount, const struct config_mount *above)
{
    return strcmp(above->path, "/") != 0 && vpath_is_within(mount->path, above->path) &&
           same(mount->provider, above->provider) && same(mount->root, above->root);
}

static void check_mount_beside(struct check *check, const char *key, size_t index, size_t other)
{
    const struct config_mount *mount = &check->config->mounts[index];
    const struct config_mount *beside = &check->config->mounts[other];
    if (same(mount->path, beside->path)) {
        if (other < index && is_everybodys(beside))
            complain(check, key,
                     "mount %zu has this path too; choose another, or say with \"users\" or "
                     "\"groups\" who has mount %zu",
                     other + 1, other + 1);
    } else if (beside->path && is_again_below(mount, beside) &&
               (is_everybodys(mount) || is_everybodys(beside))) {
        complain(check, key,
                 "shows the same files as mount %zu, within which it lies: walking through them "
                 "would not end where it should; choose another root",
                 other + 1);
    }
}

static bool is_substitution(char what)
{
    return what == 'u' || what == 'h' || what == '%';
}

static void check_mount_root(struct check *check, size_t index)
{
    const char *root = check->config->mounts[index].root;
    char key[KEY_MAX];
    snprintf(key, sizeof key, "/mounts/%zu/root", index);
    for (const char *at = root ? strchr(root, '%') : NULL; at; at = strchr(at + 2, '%')) {
        if (is_substitution(at[1]))
            continue;
        complain(check, key,
                 "\"%%\" stands before \"u\", \"h\" or \"%%\" only; for a percent sign write "
                 "\"%%%%\"");
        return;
    }
}

/* Names are listed to clients, whose lists are of bounded size. */
static bool has_long_name(const char *path)
{
    for (const char *at = path; *at; at += strcspn(at, "/"))
        if (strcspn(++at, "/") > MOUNT_NAME_MAX)
            return true;
    return false;
}

static void check_mount(struct check *check, size_t index)
{
    const struct config_mount *mount = &check->config->mounts[index];
    char key[KEY_MAX], canonical[VPATH_MAX];
    snprintf(key, sizeof key, "/mounts/%zu/provider", index);
    check_instance(check, key, mount->provider);
    check_mount_root(check, index);
    if (!mount->path || !mount->path[0])
        return;
    snprintf(key, sizeof key, "/mounts/%zu/path", index);
    struct sp_str path = {mount->path, strlen(mount->path)};
    if (vpath_resolve(canonical, "/", path) < 0) {
        complain(check, key, "is too long");
        return;
    }
    if (strcmp(canonical, mount->path) != 0) {
        complain(check, key,
                 "must be an absolute path without \".\", \"..\", \"//\" or a \"/\" at its end; "
                 "write \"%s\"",
                 canonical);
        return;
    }
    if (has_long_name(mount->path)) {
        complain(check, key, "has a name of more than %u bytes", MOUNT_NAME_MAX);
        return;
    }
    size_t before = check->complaints;
    for (size_t k = 0; k < check->config->mounts_count && check->complaints == before; k++)
        if (k != index)
            check_mount_beside(check, key, index, k);
}

static void check_mounts(struct check *check)
{
    const struct config *config = check->config;
    bool has_root = config->mounts_count == 0;
    for (size_t i = 0; i < config->mounts_count; i++) {
        check_mount(check, i);
        has_root = has_root || !config->mounts[i].path || strcmp(config->mounts[i].path, "/") == 0;
    }
    if (!has_root)
        complain(check, "/mounts", "one of the mounts must have the path \"/\"; add it");
}

static void check_limits(struct check *check)
{
    const struct config_limits *limits = &check->config->limits;
    if (limits->startups_begin > limits->startups_full)
        complain(check, "/limits/startups",
                 "begin must not be more than full, but %u is more than %u", limits->startups_begin,
                 limits->startups_full);
    if (limits->startups_rate > 100)
        complain(check, "/limits/startups", "rate is a percentage, at most 100, but is %u",
                 limits->startups_rate);
    const struct config_rekey *rekey = &check->config->rekey;
    if (rekey->bytes > 0 && rekey->bytes < REKEY_BYTES_MIN)
        complain(check, "/rekey/bytes",
                 "must be 0 or at least %u: each key exchange costs more than that many bytes",
                 REKEY_BYTES_MIN);
    if (rekey->after_ms > 0 && rekey->after_ms < 1000)
        complain(check, "/rekey/after_ms", "must be 0 or at least 1000");
}

/* A pattern is held against an address's text, which has nothing else in it. */
static bool is_address_pattern(const char *text)
{
    return text[strspn(text, "0123456789abcdefABCDEF.:*")] == '\0';
}

static void check_address(struct check *check, const char *key, const char *text)
{
    static const char mapped[] = "::ffff:";
    struct cidr network;
    char meant[INET6_ADDRSTRLEN] = "";
    if (strchr(text, '*')) {
        if (!is_address_pattern(text))
            complain(check, key,
                     "\"%s\" is no pattern of numeric addresses, such as 192.0.2.* or 2001:db8:*",
                     text);
        else if (strncasecmp(text, mapped, sizeof mapped - 1) == 0)
            complain(check, key,
                     "\"%s\" is like no address: write IPv4 without \"%s\", such as 192.0.2.*",
                     text, mapped);
        return;
    }
    int rc = text[0] ? cidr_parse(text, &network) : 0;
    if (rc == SP_ERR_INVALID && inet_ntop(network.family, network.bytes, meant, sizeof meant))
        complain(check, key,
                 "\"%s\" is an address within a network; write %s/%u, or leave out \"/…\"", text,
                 meant, (unsigned)network.bits);
    else if (rc < 0)
        complain(
            check, key,
            "\"%s\" is neither an address nor a network such as 192.0.2.0/24 or 2001:db8::/32, "
            "nor a pattern with \"*\"",
            text);
}

static void check_addresses(struct check *check, const char *list,
                            const struct config_addresses *addresses)
{
    char key[KEY_MAX];
    for (size_t i = 0; i < addresses->count; i++) {
        snprintf(key, sizeof key, "/access/%s/%zu", list, i);
        if (addresses->items[i].text)
            check_address(check, key, addresses->items[i].text);
    }
}

static void check_process(struct check *check)
{
    const char *path = check->config->control_socket;
    size_t max = sizeof((struct sockaddr_un *)NULL)->sun_path - 1;
    if (check->config->group && !check->config->user)
        complain(check, "/group", "is of no use without \"user\"; add that");
    if (path && strlen(path) > max)
        complain(check, "/control_socket",
                 "the path of a Unix socket has at most %zu bytes, but %s has %zu; choose a "
                 "shorter one",
                 max, path, strlen(path));
}

/* True for key exchange methods that let a stranger make the server compute for long. */
static bool is_expensive_kex(const char *name, size_t len)
{
    static const char *const words[] = {"diffie-hellman-group18", "group-exchange"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (memmem(name, len, words[i], strlen(words[i])))
            return true;
    return false;
}

static void warn_kex(struct check *check)
{
    const char *name = check->config->algorithms.kex;
    char key[KEY_MAX];
    for (size_t i = 0; *name; i++) {
        size_t len = strcspn(name, ",");
        if (is_expensive_kex(name, len)) {
            snprintf(key, sizeof key, "/algorithms/kex/%zu", i);
            report_warning(check->report, check->file,
                           positions_line(check->config->positions, key), key,
                           "%.*s costs so much time that a few strangers can keep the server busy; "
                           "leave it out",
                           (int)len, name);
        }
        name += len + (name[len] == ',');
    }
}

static void warn_strict_kex(struct check *check)
{
    static const char key[] = "/algorithms/strict_kex";
    if (check->config->algorithms.strict_kex == CONFIG_STRICT_KEX_OFF)
        report_warning(check->report, check->file, positions_line(check->config->positions, key),
                       key, "the SSH library always offers it: 0 is the same as 1");
}

static void warn_useless(struct check *check)
{
    const struct config *config = check->config;
    if (config->auth_chain.count == 0)
        report_warning(check->report, check->file,
                       positions_line(config->positions, "/chains/auth"), "/chains/auth",
                       "there is no plugin instance: nobody can log in");
    for (size_t i = 0; i < config->subsystems_count; i++)
        if (!config->subsystems[i].instance && config->mounts_count == 0)
            report_warning(check->report, check->file, positions_line(config->positions, "/mounts"),
                           "/mounts", "there is no mount: sftp has no files to show");
}

void config_check(const struct config *config, const char *file, struct report *report)
{
    struct check check = {config, file, report, 0};
    if (config->listeners_count > LIST_MAX || config->plugins_count > LIST_MAX ||
        config->mounts_count > LIST_MAX)
        return; /* the schema has complained; to compare each with each would take minutes */
    check_process(&check);
    check_listeners(&check);
    check_limits(&check);
    check_all_host_keys(&check);
    check_plugins(&check);
    check_chain(&check, "connection", &config->connection_chain);
    check_chain(&check, "auth", &config->auth_chain);
    check_chain(&check, "channel", &config->channel_chain);
    check_chain(&check, "log", &config->log_chain);
    check_chain(&check, "sftp", &config->sftp_chain);
    check_addresses(&check, "allow", &config->access.allow);
    check_addresses(&check, "deny", &config->access.deny);
    check_require(&check);
    check_subsystems(&check);
    check_mounts(&check);
    warn_kex(&check);
    warn_strict_kex(&check);
    if (report->errors == 0) /* else what seems empty may just be mistaken */
        warn_useless(&check);
}
