/*
 * core/config: from a JSON file to struct config, with file, line, key and remedy for every
 * mistake at once. The schema (config/sallyport.schema.json) is compiled in: it decides types,
 * ranges, names and defaults; config.c adds what one value says about another.
 *
 * A struct config never changes once loaded; everybody gets it as an argument.
 */
#ifndef SALLYPORT_CONFIG_CONFIG_H
#define SALLYPORT_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cidr.h"
#include "base/log.h"
#include "base/report.h"
#include "config/position.h"

struct config_listener {
    char *name;    /* unique; default "address:port" */
    char *address; /* numeric, or "*" for all of both families */
    uint16_t port; /* 0: the system picks */
    int backlog;
    bool reuse_port;
    char *host_keys; /* the name of a set; NULL: the daemon's "host_keys" */
};

struct config_host_key { /* in any form; text is wiped with the rest */
    char *file;          /* or NULL, and … */
    char *text;          /* … the key itself */
    char *passphrase_file;
    char *passphrase_environment; /* both NULL: it has none */
};

struct config_host_keys {
    char *name;   /* NULL: not one of "host_key_sets" but "host_keys" */
    char **files; /* without passphrase; generated when absent if generate is set */
    size_t count;
    struct config_host_key *keys;
    size_t keys_count;
    bool generate;
};

struct config_user_certificates {
    char **authorities; /* files of public keys */
    size_t authorities_count;
    char *revoked_keys; /* NULL: there is no list */
};

struct config_address { /* one of a list: a network, or a pattern with "*" */
    char *text;
    bool is_pattern;
    struct cidr network;
};

struct config_addresses {
    struct config_address *items;
    size_t count;
};

struct config_access { /* deny has the last word; an empty allow allows all */
    struct config_addresses allow;
    struct config_addresses deny;
};

struct config_patterns {
    char **items;
    size_t count;
};

struct config_client_versions { /* likewise */
    struct config_patterns allow;
    struct config_patterns deny;
};

/* What becomes of clients without strict key exchange; the library always offers it. */
enum config_strict_kex {
    CONFIG_STRICT_KEX_OFF,      /* as if offered: it cannot be turned off */
    CONFIG_STRICT_KEX_OFFERED,  /* they are served */
    CONFIG_STRICT_KEX_SAFE,     /* not with what needs it */
    CONFIG_STRICT_KEX_REQUIRED, /* they are refused */
};

/* Comma-separated names, as libssh takes them; never NULL. */
struct config_algorithms {
    bool is_compatible; /* the profile of lists that are not given */
    enum config_strict_kex strict_kex;
    char *kex;
    char *host_keys;
    char *ciphers;
    char *macs;
    char *compression;
    char *public_keys; /* signature algorithms accepted from clients */
};

struct config_limits {
    uint32_t connections;
    uint32_t connections_per_source;                       /* 0: no limit */
    uint32_t connections_per_worker;                       /* 0: no limit */
    uint32_t startups_begin, startups_rate, startups_full; /* unauthenticated: start:rate:full */
    uint32_t auth_tries;
    uint32_t auth_key_offers; /* refused offers of keys that do not count as tries */
    uint32_t channels_per_connection;
    uint32_t handles_per_connection; /* open files and directories */
    uint32_t requests_per_channel;   /* SFTP requests under way */
    uint32_t rsa_min_bits;           /* of users' keys, of CAs' and of host keys */
    uint32_t stuck_threads;          /* of a worker's pool; with more, it is replaced */
};

struct config_timeouts { /* milliseconds; 0: none */
    uint64_t handshake;
    uint64_t login; /* from accept to authenticated */
    uint64_t idle;  /* connection without any traffic */
    uint64_t channel_idle;
    uint64_t drain; /* how long stopping waits for connections to end */
    uint64_t auth_failure_delay;
    uint64_t keepalive;       /* interval */
    uint32_t keepalive_count; /* unanswered before disconnect */
    uint64_t stuck;           /* a worker's loop that does not turn */
};

struct config_rekey {
    uint64_t bytes; /* 0: the library's limit */
    uint64_t after_ms;
};

/* Where an instance's code runs. */
enum config_isolation { CONFIG_AS_MANIFEST, CONFIG_IN_PROCESS, CONFIG_PROCESS };

struct config_sandbox { /* of an instance's own process */
    char *user;         /* NULL: the workers' */
    char *group;        /* NULL: the user's */
    bool no_new_privileges;
    bool filters_calls;    /* "seccomp": "default" */
    uint64_t memory_bytes; /* 0: no limit */
    uint64_t open_files;   /* 0: as the daemon's */
    uint64_t processes;    /* 0: as the daemon's */
};

struct config_on_crash {
    bool disables; /* after so many crashes in so short a time */
    uint32_t crashes;
    uint64_t within_ms;
};

struct config_plugin {    /* an instance */
    char *name;           /* in chains, mounts, subsystems, the log */
    char *plugin;         /* its manifest's name */
    char *config_json;    /* "{}" if none is given */
    char *threading;      /* "reactor", "connection", "serial"; NULL: as the manifest says */
    uint64_t deadline_ms; /* 0: as the manifest says */
    char *deadlines_json; /* from operations' names to milliseconds; "{}" if none are given */
    bool on_error_next;   /* a failure counts as "no opinion" */
    enum config_isolation isolation;
    struct config_sandbox sandbox;
    struct config_on_crash on_crash;
    int line; /* where it stands, for complaints */
};

struct config_chain {
    char **instances;
    size_t count;
};

struct config_factor {
    uint32_t method; /* one SP_METHOD_*; 0: any */
    char *instance;  /* of the auth chain; NULL: any */
};

struct config_factors { /* one list: all of them, in order */
    struct config_factor *items;
    size_t count;
};
#define CONFIG_REQUIRE_MAX 16u /* lists … */
#define CONFIG_FACTORS_MAX 8u  /* … and factors in each */

struct config_subsystem {
    char *name;     /* as clients ask for it */
    char *instance; /* a channel plugin, or NULL for the core's own sftp */
};

enum config_mount_access { CONFIG_READ_WRITE, CONFIG_READ_ONLY, CONFIG_WRITE_ONLY };

struct config_mount {
    char *path;     /* virtual, absolute */
    char *provider; /* an fs plugin instance */
    char *root;     /* a word for the provider, with %u, %h and %%; "" = as its own configuration
                       says */
    enum config_mount_access access;
    struct config_patterns users, groups; /* whose it is; none of both: everybody's */
};

struct config {
    char *file;                  /* where it came from: an absolute path */
    struct positions *positions; /* of its values, for complaints: "/plugins/0/config/…" */

    char *state_directory; /* host keys, control socket */
    char *control_socket;
    char *user;            /* workers run as; NULL: as started */
    char *group;           /* NULL: the user's */
    uint32_t workers;      /* never 0 here: 0 in the file means one per CPU */
    uint32_t pool_threads; /* per worker */
    uint64_t slow_ms;      /* a call on the event loop longer than this is logged */

    enum log_level log_level;
    enum log_format log_format;
    char *log_file; /* NULL: standard error */

    char *server_version; /* after "SSH-2.0-" */
    char *banner;         /* shown before authentication; NULL: none */
    struct config_client_versions client_versions;
    struct config_access access;

    struct config_listener *listeners;
    size_t listeners_count;
    struct config_host_keys host_keys;
    struct config_host_keys *host_key_sets;
    size_t host_key_sets_count;
    struct config_user_certificates user_certificates;
    struct config_algorithms algorithms;
    struct config_limits limits;
    struct config_timeouts timeouts;
    struct config_rekey rekey;

    /* Where <plugin>/manifest.json is looked for, in order; the installation's own is the last. */
    char **plugin_directories;
    size_t plugin_directories_count;
    struct config_plugin *plugins;
    size_t plugins_count;
    struct config_chain connection_chain;
    struct config_chain auth_chain;
    struct config_chain channel_chain;
    struct config_chain log_chain;
    struct config_chain sftp_chain;
    uint32_t auth_methods;               /* SP_METHOD_* offered */
    struct config_factors *auth_require; /* none: one factor is enough */
    size_t auth_require_count;

    struct config_subsystem *subsystems;
    size_t subsystems_count;
    struct config_mount *mounts;
    size_t mounts_count;
    uint32_t sftp_version_max;
    bool sftp_hash_commands;
    char *sftp_transfer_hash; /* "": none */
    struct config_patterns sftp_partial_names;
    bool sftp_newline_is_crlf; /* in text mode; else it is "\n" */
    uint32_t sftp_entries_per_answer;
};

/* A text longer or nested deeper than this is refused. */
#define CONFIG_BYTES_MAX (1024u * 1024u)
#define CONFIG_DEPTH_MAX 64
/* In the place of a plugin instance's name: the server itself. */
#define CONFIG_CORE "core"

/* Read and check file. On success *ret_config is the caller's (config_free), and report may hold
 * warnings. On failure *ret_config is NULL and every mistake is in report. Relative paths in the
 * file are taken from its directory. 0, SP_ERR_SYSTEM (cannot be read), SP_ERR_INVALID or
 * SP_ERR_NOMEM. Blocks on reading; any thread. */
int config_load(const char *file, struct config **ret_config, struct report *report);
/* The same from text; file is only a name for complaints and the start of relative paths. */
int config_parse(const char *text, size_t len, const char *file, struct config **ret_config,
                 struct report *report);
/* The same, with what only a layer above can judge, so that its complaints come with all others.
 * more (or NULL) is asked in spite of mistakes; unless is_whole, the schema was not kept, and there
 * is nothing to rely on but algorithms and positions. */
typedef void config_more(const struct config *config, bool is_whole, struct report *report);
int config_load_more(const char *file, config_more *more, struct config **ret_config,
                     struct report *report);
int config_parse_more(const char *text, size_t len, const char *file, config_more *more,
                      struct config **ret_config, struct report *report);
void config_free(struct config *config);
/* NULL if there is none of that name. */
const struct config_plugin *config_plugin_find(const struct config *config, const char *name);
/* The set of host keys of that name, or NULL. */
const struct config_host_keys *config_host_keys_find(const struct config *config, const char *name);

#endif
