/*
 * sallyport/types.h: the plain types that cross between the core and a plugin.
 *
 * Every struct begins with its own size as its sender compiled it; read a field of a struct
 * you were given only after SP_HAS() says that it is there. New fields come at the end.
 * Nothing here is ever reordered, renumbered or given another meaning.
 */
#ifndef SALLYPORT_TYPES_H
#define SALLYPORT_TYPES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SP_ABI_MAJOR 1
#define SP_ABI_MINOR 1

/* True when the sender of *ptr knew the field. For all that begins with its size: events, replies,
 * tables, the host, and what these point to. */
#define SP_HAS(ptr, field)                                                                         \
    (*(const uint32_t *)(const void *)(ptr) >=                                                     \
     (size_t)((const char *)(&(ptr)->field + 1) - (const char *)(ptr)))

/* Ids carry a slot and a generation: a stale or forged one is refused without effect. 0 is none. */
typedef uint64_t sp_id;    /* a connection, a channel */
typedef uint64_t sp_token; /* a question that waits for one answer */

/* Text or bytes with a length. A NUL follows data in everything the core hands out; names and
 * paths contain no NUL. data may be NULL only when len is 0. */
struct sp_str {
    const char *data;
    uint64_t len;
};

/* One of a list of names and values (environment, free attributes). */
struct sp_pair {
    struct sp_str name;
    struct sp_str value;
};

/*
 * The answer to an operation, as its return value.
 *
 * 0 is deny on purpose: memory that nobody filled in lets nobody in. Any negative value is a
 * failure of the plugin (use SP_E_*): it counts as deny, never as "no opinion".
 */
#define SP_DENY 0    /* no */
#define SP_ALLOW 1   /* yes */
#define SP_NEXT 2    /* no opinion: ask the next plugin of the chain */
#define SP_PARTIAL 3 /* right, but more factors are needed */
#define SP_ASK 4     /* ask the user more (keyboard-interactive); the prompts are in the reply */
#define SP_TAKE 5    /* this plugin serves the channel from now on */
#define SP_PENDING 6 /* the answer is given with host->complete(), before or after this return */
#define SP_OK 7      /* done (operations that perform, such as those on files) */

#define SP_E_FAILED (-1)      /* failed for a reason that the log tells */
#define SP_E_NOMEM (-2)       /* out of memory */
#define SP_E_INVALID (-3)     /* an argument is wrong */
#define SP_E_STALE (-4)       /* the id or token is not, or no longer, valid */
#define SP_E_UNSUPPORTED (-5) /* not offered here */
#define SP_E_BUSY (-6)        /* a bound is reached: try again later */
#define SP_E_TIMEOUT (-7)     /* a deadline passed */

/* What a user may do once let in; bits of sp_grant.permit. */
#define SP_PERMIT_SFTP (1u << 0)      /* the sftp subsystem, and scp */
#define SP_PERMIT_EXEC (1u << 1)      /* commands */
#define SP_PERMIT_SHELL (1u << 2)     /* an interactive shell */
#define SP_PERMIT_PTY (1u << 3)       /* a terminal */
#define SP_PERMIT_ENV (1u << 4)       /* environment variables (the shell's list still holds) */
#define SP_PERMIT_SUBSYSTEM (1u << 5) /* subsystems other than sftp */
#define SP_PERMIT_TUNNEL_FORWARD (1u << 6) /* direct-tcpip, direct-streamlocal */
#define SP_PERMIT_TUNNEL_REVERSE (1u << 7) /* tcpip-forward, streamlocal-forward */
#define SP_PERMIT_AGENT (1u << 8)          /* agent forwarding */
#define SP_PERMIT_X11 (1u << 9)            /* X11 forwarding */
#define SP_PERMIT_CHANNEL (1u << 10)       /* channel types that only plugins know */
#define SP_PERMIT_ALL 0x7ffu               /* all that were known when this was compiled */

/* What a plugin grants with SP_ALLOW; it then belongs to the connection, readable in
 * sp_connection.grant by every later plugin. Absent text (len 0) is "not set". */
struct sp_grant {
    uint32_t struct_size;
    uint32_t permit;           /* SP_PERMIT_* */
    uint32_t read_only;        /* 1: no operation that changes a file is let through */
    uint32_t restrict_to_home; /* 1: home is the user's "/" */
    struct sp_str root;        /* root directory, a word for the storage provider */
    struct sp_str home;        /* where the user starts, a path below root ("/" if not set) */
    struct sp_str forced_command;
    struct sp_str system_user; /* the account that exec and files map to, where privileged */
    uint64_t idle_timeout_ms;  /* 0: as configured */
    const struct sp_str *groups;
    uint64_t groups_count;
    const struct sp_pair *environment;
    uint64_t environment_count;
    const struct sp_pair *attributes; /* free key/value pairs for later plugins */
    uint64_t attributes_count;
    const struct sp_str *permit_open; /* "host:port" a tunnel may lead to, either may be "*"; none
                                         listed: any */
    uint64_t permit_open_count;
    const struct sp_str *permit_listen; /* "host:port" a reverse tunnel may listen on; likewise */
    uint64_t permit_listen_count;
    uint32_t channels_max; /* open at a time; 0: as configured */
    uint32_t handles_max;  /* files and directories open at a time; 0: as configured */
};

/* What the client proposed for the key exchange, RFC 4253, 7.1: lists as sent, comma-separated. */
struct sp_proposal {
    uint32_t struct_size;
    uint32_t strict_kex; /* 1: the client offers strict key exchange */
    uint32_t first_kex_follows;
    uint32_t reserved;
    struct sp_str kex;
    struct sp_str host_keys;
    struct sp_str ciphers_in; /* client to server */
    struct sp_str ciphers_out;
    struct sp_str macs_in;
    struct sp_str macs_out;
    struct sp_str compression_in;
    struct sp_str compression_out;
    struct sp_str languages_in;
    struct sp_str languages_out;
    struct sp_str hassh;      /* fingerprint of the client's software: 32 hexadecimal digits */
    struct sp_str hassh_text; /* what it is the hash of */
};

/* A connection as plugins see it: a snapshot that does not change while you hold the event. */
struct sp_connection {
    uint32_t struct_size;
    uint32_t authenticated; /* 1 once the user is let in */
    sp_id id;
    struct sp_str listener;       /* its name in the configuration */
    struct sp_str remote_address; /* numeric */
    struct sp_str local_address;
    uint32_t remote_port;
    uint32_t local_port;
    struct sp_str client_version; /* "" before key exchange */
    struct sp_str user;           /* "" before the first authentication request */
    struct sp_str kex;            /* negotiated names, "" before key exchange */
    struct sp_str cipher_in;
    struct sp_str cipher_out;
    const struct sp_grant *grant;     /* NULL before authentication */
    struct sp_str server_version;     /* ours, "SSH-2.0-…" */
    struct sp_str host_key_algorithm; /* negotiated, as kex; "" where the build cannot tell */
    struct sp_str mac_in;             /* "" for ciphers that authenticate by themselves */
    struct sp_str mac_out;
    struct sp_str compression_in;
    struct sp_str compression_out;
    uint32_t strict_kex; /* 1: both sides keep strict key exchange */
    uint32_t reserved;
    const struct sp_proposal *proposal; /* NULL before the client has sent it */
};

/* The head of every event. Everything an event points to lives until the operation has returned
 * a verdict or, if it returned SP_PENDING, until complete() has returned. */
struct sp_event {
    uint32_t struct_size; /* of the whole event */
    uint32_t operation;   /* its number within the interface: the index of its slot */
    sp_token token;       /* for complete(); 0 where no answer is expected */
    const struct sp_connection *connection; /* NULL where there is none */
};

/* The head of every reply given to complete(). */
struct sp_reply {
    uint32_t struct_size; /* of the whole reply */
    int32_t verdict;      /* SP_ALLOW, SP_DENY, … or negative: as a return value */
};

#ifdef __cplusplus
}
#endif
#endif
