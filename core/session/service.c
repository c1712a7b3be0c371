/*
 * service.c: what the sessions of one worker share: keys and algorithms, chains, the services that
 * plugins reach.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "config/position.h"
#include "keys/policy.h"
#include "session/algorithms.h"
#include "session/auth.h"
#include "session/binds.h"
#include "session/internal.h"
#include "session/log_feed.h"
#include "session/proposal.h"

/* --- services for plugins --------------------------------------------------------------------- */

static int32_t service_channel_eof(void *arg, sp_id id)
{
    struct channel *channel = channel_by_id(arg, id);

    if (!channel)
        return SP_E_STALE;
    channel_end_output(channel);
    return 0;
}

static int32_t service_channel_exit_status(void *arg, sp_id id, uint32_t status)
{
    struct channel *channel = channel_by_id(arg, id);

    if (!channel)
        return SP_E_STALE;
    channel_send_exit_status(channel, status);
    return 0;
}

static int32_t service_channel_exit_signal(void *arg, sp_id id, struct sp_str name,
                                           uint32_t core_dumped, struct sp_str text)
{
    struct channel *channel = channel_by_id(arg, id);

    if (!channel)
        return SP_E_STALE;
    channel_send_exit_signal(channel, name.len ? name.data : "TERM", core_dumped != 0,
                             text.len ? text.data : "");
    return 0;
}

static int32_t service_channel_close(void *arg, sp_id id)
{
    struct channel *channel = channel_by_id(arg, id);

    if (!channel)
        return SP_E_STALE;
    channel_shut(channel);
    return 0;
}

static int32_t service_channel_attach(void *arg, sp_id id, const struct sp_channel_streams *streams)
{
    struct channel *channel = channel_by_id(arg, id);

    return channel ? plugin_channel_attach(channel, streams) : SP_E_STALE;
}

static int32_t service_channel_send(void *arg, sp_id id, uint32_t stream, const void *data,
                                    uint64_t length)
{
    struct channel *channel = channel_by_id(arg, id);

    return channel ? plugin_channel_send(channel, stream, data, length) : SP_E_STALE;
}

static int32_t service_channel_reframed(void *arg, sp_id id)
{
    struct channel *channel = channel_by_id(arg, id);

    if (!channel)
        return SP_E_STALE;
    channel_resume(channel);
    return 0;
}

static sp_id service_channel_reserve(void *arg)
{
    return channel_id_reserve(arg);
}

static void service_channel_release(void *arg, sp_id id)
{
    channel_id_release(arg, id);
}

static void service_channel_open(void *arg, struct plugin_instance *by, struct plugin_gate *gate,
                                 sp_id connection, const struct sp_channel_open *open)
{
    open_toward_client(arg, by, gate, connection, open);
}

static int32_t service_rekey(void *arg, sp_id connection)
{
    return session_rekey(arg, connection) < 0 ? SP_E_STALE : 0;
}

static int32_t service_disconnect(void *arg, sp_id connection, struct sp_str text)
{
    char line[128];
    size_t length = text.len < sizeof line - 1 ? (size_t)text.len : sizeof line - 1;

    if (length)
        memcpy(line, text.data, length);
    line[length] = '\0';
    return session_disconnect(arg, connection, line) < 0 ? SP_E_STALE : 0;
}

static int binds_set_up(struct session_service *service, struct report *report)
{
    const struct config *config = service->config;
    char *signatures = auth_key_signatures(config->algorithms.public_keys);
    int rc = binds_new(config, signatures, &service->binds, report);

    free(signatures);
    return rc;
}

/* --- chains
 * ---------------------------------------------------------------------------------------- */

static int chain_set_up(struct session_service *service, struct chain *chain, char *const *names,
                        size_t count, enum plugin_interface interface, const char *key,
                        struct report *report)
{
    chain->instances = calloc(count + 1, sizeof *chain->instances);
    if (!chain->instances)
        return SP_ERR_NOMEM;
    for (size_t i = 0; i < count; i++) {
        struct plugin_instance *instance = plugin_host_find(service->host, names[i], interface);
        if (!instance) {
            report_error(report, service->config->file, 0, key, "plugin \"%s\" does not offer %s",
                         names[i], plugin_interface_name(interface));
            return SP_ERR_INVALID;
        }
        chain->instances[chain->count++] = instance;
    }
    return 0;
}

static bool any_offers(const struct chain *chain, enum plugin_operation operation)
{
    for (size_t i = 0; i < chain->count; i++)
        if (plugin_instance_offers(chain->instances[i], operation))
            return true;
    return false;
}

/* What the auth chain can judge. A method that no plugin answers would cost every client a failed
 * try. */
static int factors_set_up(struct session_service *service, struct report *report)
{
    const struct config *config = service->config;
    struct factor_rules *rules = &service->factor_rules;
    uint32_t answered = 0;
    size_t list, element;
    char key[64];

    if (service->auth_chain.count > FACTORS_INSTANCES_MAX) /* which the schema does not let by */
        return SP_ERR_LIMIT;
    rules->instances_count = (uint8_t)service->auth_chain.count;
    for (size_t i = 0; i < service->auth_chain.count; i++) {
        for (size_t k = 0; auth_methods[k].name; k++)
            if (plugin_instance_offers(service->auth_chain.instances[i], auth_methods[k].operation))
                rules->offers[i] |= auth_methods[k].method;
        answered |= rules->offers[i];
    }
    rules->methods = answered & config->auth_methods;
    if (factor_rules_set(rules, config, &list, &element))
        return 0;
    snprintf(key, sizeof key, "/auth_require/%zu/%zu", list, element);
    report_error(report, config->file, positions_line(config->positions, key), key,
                 "no plugin instance of the auth chain can judge this factor: change it, or add "
                 "one that does");
    return SP_ERR_INVALID;
}

int session_service_set_host(struct session_service *service, struct plugin_host *host,
                             struct report *report)
{
    const struct config *config = service->config;
    int rc;

    service->host = host;
    rc = chain_set_up(service, &service->connection_chain, config->connection_chain.instances,
                      config->connection_chain.count, PLUGIN_CONNECTION, "/chains/connection",
                      report);
    if (rc == 0)
        rc = chain_set_up(service, &service->auth_chain, config->auth_chain.instances,
                          config->auth_chain.count, PLUGIN_AUTH, "/chains/auth", report);
    if (rc == 0)
        rc = chain_set_up(service, &service->channel_chain, config->channel_chain.instances,
                          config->channel_chain.count, PLUGIN_CHANNEL, "/chains/channel", report);
    if (rc == 0)
        rc = factors_set_up(service, report);
    if (rc == 0)
        rc = chain_set_up(service, &service->log_chain, config->log_chain.instances,
                          config->log_chain.count, PLUGIN_LOG, "/chains/log", report);
    if (rc == 0)
        rc = chain_set_up(service, &service->sftp_chain, config->sftp_chain.instances,
                          config->sftp_chain.count, PLUGIN_SFTP, "/chains/sftp", report);
    if (rc == 0 && service->log_chain.count > 0) {
        service->log_feed = log_feed_new(host, service->reactor, &service->log_chain);
        if (!service->log_feed)
            rc = SP_ERR_NOMEM;
    }
    service->holds_proposals =
        !tap_is_present() || any_offers(&service->connection_chain, PLUGIN_CONNECTION_proposal);
    service->subsystem_chains =
        calloc(config->subsystems_count + 1, sizeof *service->subsystem_chains);
    if (!service->subsystem_chains)
        return SP_ERR_NOMEM;
    for (size_t i = 0; rc == 0 && i < config->subsystems_count; i++)
        rc = chain_set_up(service, &service->subsystem_chains[i], &config->subsystems[i].instance,
                          config->subsystems[i].instance ? 1 : 0, PLUGIN_CHANNEL, "/subsystems",
                          report);
    return rc;
}

/* --- life
 * -------------------------------------------------------------------------------------------- */

int session_service_new(const struct config *config, struct reactor *reactor,
                        const struct session_builtin *builtins,
                        const struct session_observer *observer, struct worker_counters *counters,
                        struct session_service **ret_service, struct report *report)
{
    struct session_service *service = calloc(1, sizeof *service);
    int rc;

    *ret_service = NULL;
    if (!service || ssh_init() != SSH_OK) {
        free(service);
        return SP_ERR_NOMEM;
    }
    *service = (struct session_service){
        .config = config,
        .reactor = reactor,
        .builtins = builtins,
        .observer = *observer,
        .counters = counters,
        .plugin_services =
            {
                .arg = service,
                .channel_eof = service_channel_eof,
                .channel_exit_status = service_channel_exit_status,
                .channel_exit_signal = service_channel_exit_signal,
                .channel_close = service_channel_close,
                .channel_attach = service_channel_attach,
                .channel_send = service_channel_send,
                .channel_reframed = service_channel_reframed,
                .channel_reserve = service_channel_reserve,
                .channel_release = service_channel_release,
                .channel_open = service_channel_open,
                .disconnect = service_disconnect,
                .rekey = service_rekey,
            },
    };
    pthread_mutex_init(&service->ids_lock, NULL);
    service->hello = malloc(PROPOSAL_BYTES_MAX);
    if (asprintf(&service->server_version, "SSH-2.0-%s", config->server_version) < 0)
        service->server_version = NULL;
    rc = service->hello && service->server_version ? session_check_algorithms(config, report)
                                                   : SP_ERR_NOMEM;
    if (rc == 0)
        rc = binds_set_up(service, report);
    if (rc < 0) {
        session_service_free(service);
        return rc;
    }
    *ret_service = service;
    return 0;
}

int session_service_load_keys(struct session_service *service, struct report *report)
{
    int rc = key_policy_load(service->config, &service->key_policy, report);

    return binds_load_keys(service->binds, report) < 0 ? SP_ERR_INVALID : rc;
}

const struct plugin_services *session_service_plugin_services(struct session_service *service)
{
    return &service->plugin_services;
}

static void break_one(uint64_t key, void *value, void *arg)
{
    (void)key, (void)arg;
    session_gone(value, "the daemon stops");
}

void session_service_end_all(struct session_service *service)
{
    hashmap_for_each(&service->sessions, break_one, NULL);
}

void session_service_free(struct session_service *service)
{
    if (!service)
        return;
    log_feed_free(service->log_feed);
    free(service->log_chain.instances);
    free(service->sftp_chain.instances);
    free(service->connection_chain.instances);
    free(service->auth_chain.instances);
    free(service->channel_chain.instances);
    for (size_t i = 0; service->subsystem_chains && i < service->config->subsystems_count; i++)
        free(service->subsystem_chains[i].instances);
    free(service->subsystem_chains);
    hashmap_free(&service->sessions);
    idmap_free(&service->channels);
    pthread_mutex_destroy(&service->ids_lock);
    key_policy_free(service->key_policy);
    binds_free(service->binds);
    ssh_finalize();
    free(service->server_version);
    free(service->hello);
    free(service);
}

void session_service_forget(struct session_service *service, struct session *session)
{
    hashmap_remove(&service->sessions, session->origin.id);
    service->observer.on_ended(service->observer.arg, session->origin.id);
}

/* --- listings
 * ------------------------------------------------------------------------------------------ */

int session_disconnect(struct session_service *service, uint64_t id, const char *text)
{
    struct session *session = hashmap_get(&service->sessions, id);

    if (!session || session->is_dead)
        return SP_ERR_NOT_FOUND;
    session_end(session, DISCONNECT_BY_APPLICATION, "connection.disconnected", "%s", text);
    return 0;
}

int session_rekey(struct session_service *service, uint64_t id)
{
    struct session *session = hashmap_get(&service->sessions, id);

    if (!session || session->stage != SESSION_OPEN)
        return SP_ERR_NOT_FOUND;
    session_exchange_keys(session);
    return 0;
}

uint32_t session_count(const struct session_service *service)
{
    return (uint32_t)service->sessions.count;
}

static void copy_cut(char *to, size_t size, struct sp_str from)
{
    size_t length = from.len < size - 1 ? (size_t)from.len : size - 1;

    if (length)
        memcpy(to, from.data, length);
    to[length] = '\0';
}

struct listing {
    void (*each)(const struct connection_facts *facts, void *arg);
    void *arg;
    uint64_t now_ms;
};

static void list_one(uint64_t key, void *value, void *arg)
{
    const struct session *session = value;
    const struct listing *listing = arg;
    struct connection_facts facts = {
        .origin = session->origin,
        .age_ms = listing->now_ms - session->started_ms,
        .idle_ms = listing->now_ms - session->active_ms,
        .bytes_in = session->socket_counter.in_bytes,
        .bytes_out = session->socket_counter.out_bytes,
        .channels = session->open_channels,
        .is_authenticated = session->stage == SESSION_OPEN,
    };

    (void)key;
    copy_cut(facts.user, sizeof facts.user, session->snapshot->user);
    copy_cut(facts.client_version, sizeof facts.client_version, session->snapshot->client_version);
    listing->each(&facts, listing->arg);
}

void session_for_each(struct session_service *service,
                      void (*each)(const struct connection_facts *facts, void *arg), void *arg)
{
    struct listing listing = {.each = each, .arg = arg, .now_ms = clock_now_ms()};

    hashmap_for_each(&service->sessions, list_one, &listing);
}

/* --- for handlers
 * ---------------------------------------------------------------------------------------- */

const struct sp_connection *session_connection(const struct session *session)
{
    return session->snapshot;
}

const struct sp_connection *session_connection_ref(const struct sp_connection *connection)
{
    return snapshot_ref(connection);
}

void session_connection_unref(const struct sp_connection *connection)
{
    snapshot_unref(connection);
}

struct plugin_strands *session_strands(struct session *session)
{
    return session->strands;
}

const struct config *session_config(const struct session *session)
{
    return session->service->config;
}

const struct chain *session_sftp_chain(const struct session *session)
{
    return &session->service->sftp_chain;
}

struct plugin_host *session_plugin_host(const struct session *session)
{
    return session->service->host;
}

struct reactor *session_reactor(const struct session *session)
{
    return session->service->reactor;
}

struct worker_counters *session_counters(const struct session *session)
{
    return session->service->counters;
}

bool session_permits(const struct session *session, uint32_t permit)
{
    const struct sp_grant *grant = session->snapshot->grant;

    return grant && (grant->permit & permit) == permit;
}
