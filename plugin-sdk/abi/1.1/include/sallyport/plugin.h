/*
 * sallyport/plugin.h: what a plugin for sallyport includes, and all it may include of ours.
 *
 * A plugin is a shared object that exports one constant, `sallyport_plugin_v1`, and comes with a
 * manifest.json. Write plain blocking C: unless the manifest says "threading": "reactor", your
 * functions run on a thread of their own and may wait.
 *
 *     static int32_t password(void *self, const struct sp_auth_event *event) { … }
 *     static const struct sp_auth_v1 auth = { .struct_size = sizeof auth, .password = password };
 *     static const struct sp_interface interfaces[] = { { SP_AUTH_INTERFACE, &auth }, { 0, 0 } };
 *     SP_PLUGIN = { .struct_size = sizeof(struct sp_plugin), .abi_major = SP_ABI_MAJOR, … };
 *
 * Tags at functions: the thread, then the state.
 *   [any-thread] on any thread, and it may overlap everything
 *   [loop]       on the thread of the event loop, never two at once; be quick
 *   [threading]  on the thread that the manifest's "threading" says
 *   [in-call]    by you, on the thread of one of your operations, before it has returned
 *   [created]    from create() on until destroy() has returned
 *   [started]    from start() on until stop() has returned: while clients are served
 * What you call outside of its state is refused, and does no harm.
 */
#ifndef SALLYPORT_PLUGIN_H
#define SALLYPORT_PLUGIN_H

#include <sallyport/auth.h>
#include <sallyport/channel.h>
#include <sallyport/connection.h>
#include <sallyport/fs.h>
#include <sallyport/log.h>
#include <sallyport/sftp.h>
#include <sallyport/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the core does for a plugin. Pass the host back as the first argument. */
struct sp_host {
    uint32_t struct_size;
    uint16_t abi_major;
    uint16_t abi_minor;

    /* [any-thread] [created] Answer the question of token, once. The reply is copied. 0, or
     * SP_E_STALE if the token was answered, has come too late or never existed. What opens a file,
     * a directory or a view is taken however late it comes, and closed if nobody wants it. */
    int32_t (*complete)(const struct sp_host *host, sp_token token, const struct sp_reply *reply);

    /* [in-call] [started] Run an operation on the thread pool, where it may block; its return value
     * becomes the operation's. For "reactor" plugins: return what this returns (SP_PENDING, or a
     * failure). run is given the very event of the call, and is called exactly once, whatever has
     * become of the client meanwhile: it may free what the operation left for it. */
    int32_t (*run_blocking)(const struct sp_host *host, sp_token token,
                            int32_t (*run)(void *self, const struct sp_event *event));

    /* [any-thread] [created] A line in the log, below this plugin's name. Never pass a secret. */
    void (*log)(const struct sp_host *host, uint32_t level, struct sp_str text);

    /* Channels: ids from channel events. Each returns 0 or more, or SP_E_STALE. */

    /* [any-thread] [started] Send. Returns how many bytes were taken, perhaps 0; if fewer than len,
     * ready_to_send follows. Nothing that was taken is dropped. */
    int64_t (*channel_send)(const struct sp_host *host, sp_id channel, uint32_t stream,
                            const void *data, uint64_t len);
    /* [any-thread] [started] After what was sent: no more will come. */
    int32_t (*channel_eof)(const struct sp_host *host, sp_id channel);
    /* [any-thread] [started] After what was sent: exit-status. Once, and not after exit_signal. */
    int32_t (*channel_exit_status)(const struct sp_host *host, sp_id channel, uint32_t status);
    /* [any-thread] [started] After what was sent: exit-signal, name without "SIG". */
    int32_t (*channel_exit_signal)(const struct sp_host *host, sp_id channel, struct sp_str name,
                                   uint32_t core_dumped, struct sp_str text);
    /* [any-thread] [started] After what was sent: close. */
    int32_t (*channel_close)(const struct sp_host *host, sp_id channel);
    /* [any-thread] [started] Hand the channel's bytes over to descriptors; see struct
     * sp_channel_streams. On failure the descriptors remain the plugin's. */
    int32_t (*channel_attach)(const struct sp_host *host, sp_id channel,
                              const struct sp_channel_streams *streams);

    /* [any-thread] [started] End a connection; the text is sent to the client. */
    int32_t (*disconnect)(const struct sp_host *host, sp_id connection, struct sp_str text);

    /* [any-thread] [created] The time, in milliseconds since 1970-01-01 UTC. Plugins that ask here,
     * and not the system, can be tested with a clock that the test sets. */
    int64_t (*time_ms)(const struct sp_host *host);

    /* [any-thread] [started] Exchange keys anew. */
    int32_t (*rekey)(const struct sp_host *host, sp_id connection);

    /* [any-thread] [started] How the channel's data comes from now on; what has come but was not
     * yet handed over included. From within data(), the very next event is framed so. */
    int32_t (*channel_framing)(const struct sp_host *host, sp_id channel,
                               const struct sp_framing *framing);
    /* [any-thread] [started] Open a channel toward the client; it is the plugin's. *ret_channel is
     * valid at once; opened() tells the outcome. */
    int32_t (*channel_open)(const struct sp_host *host, sp_id connection,
                            const struct sp_channel_open *open, sp_id *ret_channel);
    /* [any-thread] [started] What is known of a channel that the plugin has taken. */
    int32_t (*channel_info)(const struct sp_host *host, sp_id channel,
                            struct sp_channel_info *ret_info);
};

struct sp_interface {
    const char *name;  /* "sallyport.auth/1" … */
    const void *table; /* begins with its size */
};

/* The descriptor: constant data, so that a plugin can be described without running it. */
struct sp_plugin {
    uint32_t struct_size;
    uint16_t abi_major; /* SP_ABI_MAJOR, SP_ABI_MINOR as compiled */
    uint16_t abi_minor;
    const char *id;                        /* as in the manifest */
    const char *version;                   /* as in the manifest */
    const struct sp_interface *interfaces; /* ends with a NULL name */

    /* [loop] A new instance with its configuration (JSON, checked against the manifest's schema and
     * with defaults filled in). host lives until destroy. 0, or negative after a log line that says
     * what is wrong. All state hangs off *ret_self. Required. */
    int32_t (*create)(const struct sp_host *host, const char *config_json, void **ret_self);
    /* [loop] [created] The worker is about to serve. 0, or negative after a log line. */
    int32_t (*start)(void *self);
    /* [loop] [started] The worker serves no more: no operation comes after this. */
    void (*stop)(void *self);
    /* [loop] [created] Free everything. Required. */
    void (*destroy)(void *self);
    /* [any-thread] [started] The client of this question is gone, or its deadline has passed:
     * hurry, and answer all the same. Must not block. */
    void (*cancel)(void *self, sp_token token);
    /* [threading] [started] Once a second. */
    void (*tick)(void *self);
};

#ifdef __cplusplus
#define SP_EXTERN_C extern "C"
#else
#define SP_EXTERN_C
#endif
#if defined(__GNUC__)
#define SP_EXPORT __attribute__((visibility("default")))
#else
#define SP_EXPORT
#endif

#define SP_PLUGIN_SYMBOL "sallyport_plugin_v1"
#ifdef __cplusplus
extern "C" SP_EXPORT const struct sp_plugin sallyport_plugin_v1;
#else
extern SP_EXPORT const struct sp_plugin sallyport_plugin_v1;
#endif
#define SP_PLUGIN const struct sp_plugin sallyport_plugin_v1

/* Small helpers. */
static inline struct sp_str sp_str_of(const char *text)
{
    struct sp_str s = {text, 0};
    if (text)
        while (text[s.len])
            s.len++;
    return s;
}

#ifdef __cplusplus
}
#endif
#endif
