/*
 * check.c: all that is wrong with a configuration's plugins, as far as it can be known without
 * running any of their code. Called through checks.h by the supervisor and by `sallyport check`.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "config/schema.h"
#include "plugin/host.h"
#include "plugin/instance.h"

#define KEY_ROOM 64

struct check {
    const struct config *config;
    struct plugin_instance **instances; /* as config->plugins; NULL: one with mistakes */
    struct report *report;
};

/* At key, an instance is named that is to serve interface: does its plugin? */
static void check_use(const struct check *check, const char *key, const char *name,
                      enum plugin_interface interface)
{
    const struct config *config = check->config;
    const struct plugin_instance *instance = NULL;
    for (size_t i = 0; i < config->plugins_count; i++)
        if (check->instances[i] && strcmp(config->plugins[i].name, name) == 0)
            instance = check->instances[i];
    if (instance && !instance->manifest->interfaces[interface])
        report_error(check->report, config->file, positions_line(config->positions, key), key,
                     "plugin %s does not offer %s; name an instance of one that does",
                     instance->manifest->name, plugin_interface_name(interface));
}

static void check_chain(const struct check *check, const char *name,
                        const struct config_chain *chain, enum plugin_interface interface)
{
    char key[KEY_ROOM];
    for (size_t i = 0; i < chain->count; i++) {
        snprintf(key, sizeof key, "/chains/%s/%zu", name, i);
        check_use(check, key, chain->instances[i], interface);
    }
}

static void check_subsystem(const struct check *check, const struct config_subsystem *subsystem)
{
    struct schema_place table = {NULL, "subsystems", 0};
    struct schema_place place = {&table, subsystem->name, 0};
    char *key = subsystem->instance ? schema_pointer("", &place) : NULL;
    if (key)
        check_use(check, key, subsystem->instance, PLUGIN_CHANNEL);
    free(key);
}

static void check_uses(const struct check *check)
{
    const struct config *config = check->config;
    char key[KEY_ROOM];
    check_chain(check, "connection", &config->connection_chain, PLUGIN_CONNECTION);
    check_chain(check, "auth", &config->auth_chain, PLUGIN_AUTH);
    check_chain(check, "channel", &config->channel_chain, PLUGIN_CHANNEL);
    check_chain(check, "log", &config->log_chain, PLUGIN_LOG);
    check_chain(check, "sftp", &config->sftp_chain, PLUGIN_SFTP);
    for (size_t i = 0; i < config->subsystems_count; i++)
        check_subsystem(check, &config->subsystems[i]);
    for (size_t i = 0; i < config->mounts_count; i++) {
        snprintf(key, sizeof key, "/mounts/%zu/provider", i);
        check_use(check, key, config->mounts[i].provider, PLUGIN_FS);
    }
}

int plugin_host_check(const struct config *config, struct report *report)
{
    size_t errors = report->errors;
    struct check check = {
        .config = config,
        .instances = calloc(config->plugins_count + 1, sizeof *check.instances),
        .report = report,
    };
    if (!check.instances) {
        report_error(report, config->file, 0, NULL, "out of memory");
        return SP_ERR_NOMEM;
    }
    for (size_t i = 0; i < config->plugins_count; i++)
        check.instances[i] = instance_new(config, i, report);
    check_uses(&check);
    for (size_t i = 0; i < config->plugins_count; i++)
        instance_free(check.instances[i]);
    free(check.instances);
    return report->errors == errors ? 0 : SP_ERR_INVALID;
}
