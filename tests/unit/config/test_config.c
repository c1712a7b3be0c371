/* A good configuration: what it becomes, and what is filled in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sallyport/auth.h>

#include "base/err.h"
#include "config/config.h"
#include "unit/config/complaints.h"

#define LISTENER "\"listeners\": [{\"address\": \"127.0.0.1\", \"port\": 2222}]"

/* Warnings are fine here; errors are not. */
static struct config *parse(const char *text)
{
    struct report report = {0};
    struct config *config;
    int rc = config_parse(text, strlen(text), "/etc/sallyport/sallyport.json", &config, &report);
    if (rc < 0)
        report_print(&report, 2);
    assert_int_equal(rc, 0);
    assert_non_null(config);
    report_free(&report);
    return config;
}

static void everything_but_listeners_has_a_default(void **state)
{
    (void)state;
    struct config *config = parse("{" LISTENER "}");
    assert_string_equal(config->file, "/etc/sallyport/sallyport.json");
    assert_string_equal(config->state_directory, "/var/lib/sallyport");
    assert_string_equal(config->control_socket, "/var/lib/sallyport/control.sock");
    assert_null(config->user);
    assert_null(config->group);
    assert_int_equal(config->pool_threads, 4);
    assert_int_equal(config->slow_ms, 50);
    assert_int_equal(config->log_level, LOG_LEVEL_INFO);
    assert_int_equal(config->log_format, LOG_FORMAT_TEXT);
    assert_null(config->log_file);
    assert_string_equal(config->server_version, "sallyport");
    assert_null(config->banner);
    assert_int_equal(config->plugin_directories_count, 1); /* the installation's */
    assert_non_null(strstr(config->plugin_directories[0], "/sallyport/plugins"));
    assert_int_equal(config->plugins_count, 0);
    assert_int_equal(config->connection_chain.count, 0);
    assert_int_equal(config->auth_chain.count, 0);
    assert_int_equal(config->channel_chain.count, 0);
    assert_int_equal(config->auth_methods,
                     SP_METHOD_PUBLICKEY | SP_METHOD_PASSWORD | SP_METHOD_KEYBOARD_INTERACTIVE);
    assert_int_equal(config->subsystems_count, 1);
    assert_string_equal(config->subsystems[0].name, "sftp");
    assert_null(config->subsystems[0].instance);
    assert_int_equal(config->mounts_count, 0);
    assert_int_equal(config->sftp_version_max, 3);
    assert_false(config->sftp_newline_is_crlf);
    assert_int_equal(config->sftp_entries_per_answer, 100);
    config_free(config);
}

static void bounds_have_defaults(void **state)
{
    (void)state;
    struct config *config = parse("{" LISTENER "}");
    assert_int_equal(config->limits.connections, 1000);
    assert_int_equal(config->limits.connections_per_source, 0);
    assert_int_equal(config->limits.connections_per_worker, 0);
    assert_int_equal(config->limits.startups_begin, 100);
    assert_int_equal(config->limits.startups_rate, 30);
    assert_int_equal(config->limits.startups_full, 200);
    assert_int_equal(config->limits.auth_tries, 6);
    assert_int_equal(config->limits.auth_key_offers, 20);
    assert_int_equal(config->auth_require_count, 0);
    assert_int_equal(config->limits.channels_per_connection, 100);
    assert_int_equal(config->limits.handles_per_connection, 256);
    assert_int_equal(config->limits.requests_per_channel, 64);
    assert_int_equal(config->limits.rsa_min_bits, 2048);
    assert_int_equal(config->limits.stuck_threads, 8);
    assert_int_equal(config->timeouts.handshake, 30000);
    assert_int_equal(config->timeouts.login, 120000);
    assert_int_equal(config->timeouts.idle, 0);
    assert_int_equal(config->timeouts.drain, 60000);
    assert_int_equal(config->timeouts.auth_failure_delay, 500);
    assert_int_equal(config->timeouts.keepalive, 0);
    assert_int_equal(config->timeouts.keepalive_count, 5);
    assert_int_equal(config->timeouts.stuck, 10000);
    assert_int_equal(config->rekey.bytes, 1073741824);
    assert_int_equal(config->rekey.after_ms, 0);
    config_free(config);
}

static void default_algorithms_are_safe_and_cheap(void **state)
{
    (void)state;
    struct config *config = parse("{" LISTENER "}");
    const struct config_algorithms *algorithms = &config->algorithms;
    assert_string_equal(algorithms->kex,
                        "curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,"
                        "ecdh-sha2-nistp384,ecdh-sha2-nistp521,diffie-hellman-group14-sha256");
    assert_string_equal(algorithms->ciphers,
                        "aes256-gcm@openssh.com,aes128-gcm@openssh.com,"
                        "chacha20-poly1305@openssh.com,aes256-ctr,aes192-ctr,aes128-ctr");
    assert_string_equal(algorithms->macs,
                        "hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,"
                        "hmac-sha2-256,hmac-sha2-512");
    assert_string_equal(algorithms->compression, "none");
    assert_non_null(strstr(algorithms->host_keys, "ssh-ed25519"));
    assert_null(strstr(algorithms->host_keys, "ssh-rsa"));
    assert_non_null(strstr(algorithms->public_keys, "sk-ssh-ed25519@openssh.com"));
    assert_null(strstr(algorithms->public_keys, "ssh-rsa"));
    assert_null(strstr(algorithms->kex, "sha1"));
    config_free(config);
}

static void compatibility_adds_to_the_lists_that_are_not_given(void **state)
{
    (void)state;
    struct config *config =
        parse("{\"algorithms\": {\"profile\": \"compatibility\", \"macs\": [\"x\"]}," LISTENER "}");
    const struct config_algorithms *algorithms = &config->algorithms;
    assert_true(algorithms->is_compatible);
    assert_int_equal(strncmp(algorithms->kex, "curve25519-sha256,", 18), 0);
    assert_non_null(strstr(algorithms->kex, ",diffie-hellman-group14-sha1"));
    assert_non_null(strstr(algorithms->ciphers, ",aes128-cbc,3des-cbc"));
    assert_non_null(strstr(algorithms->host_keys, ",ssh-rsa"));
    assert_non_null(strstr(algorithms->public_keys, ",ssh-rsa"));
    assert_string_equal(algorithms->macs, "x");
    config_free(config);
    config = parse("{\"algorithms\": {\"strict_kex\": 3}," LISTENER "}");
    assert_false(config->algorithms.is_compatible);
    assert_int_equal(config->algorithms.strict_kex, CONFIG_STRICT_KEX_REQUIRED);
    assert_null(strstr(config->algorithms.ciphers, "cbc"));
    config_free(config);
}

static void lists_of_addresses_and_versions_are_kept(void **state)
{
    (void)state;
    struct config *config = parse(
        "{\"access\": {\"allow\": [\"192.0.2.0/24\", \"2001:db8:*\", \"::1\"], \"deny\": [\"*\"]},"
        " \"client_versions\": {\"deny\": [\"*putty*\"]}," LISTENER "}");
    assert_int_equal(config->access.allow.count, 3);
    assert_int_equal(config->access.allow.items[0].network.bits, 24);
    assert_true(config->access.allow.items[1].is_pattern);
    assert_string_equal(config->access.allow.items[1].text, "2001:db8:*");
    assert_int_equal(config->access.allow.items[2].network.bits, 128);
    assert_int_equal(config->access.deny.count, 1);
    assert_int_equal(config->client_versions.allow.count, 0);
    assert_string_equal(config->client_versions.deny.items[0], "*putty*");
    config_free(config);
}

static void host_keys_lie_in_the_state_directory(void **state)
{
    (void)state;
    struct config *config = parse("{\"state_directory\": \"/s\"," LISTENER "}");
    assert_int_equal(config->host_keys.count, 3);
    assert_string_equal(config->host_keys.files[0], "/s/ssh_host_ed25519_key");
    assert_string_equal(config->host_keys.files[1], "/s/ssh_host_ecdsa_key");
    assert_string_equal(config->host_keys.files[2], "/s/ssh_host_rsa_key");
    assert_true(config->host_keys.generate);
    assert_int_equal(config->host_key_sets_count, 0);
    assert_int_equal(config->user_certificates.authorities_count, 0);
    assert_null(config->user_certificates.revoked_keys);
    assert_string_equal(config->control_socket, "/s/control.sock");
    config_free(config);
}

static void relative_paths_start_at_the_file(void **state)
{
    (void)state;
    struct config *config =
        parse("{\"state_directory\": \"state\", \"control_socket\": \"../run/c\","
              " \"log\": {\"file\": \"./log/l\"}, \"host_keys\": {\"files\": [\"a\", \"/b\"]},"
              " \"plugin_directories\": [\"plugins\", \"/opt/p\"]," LISTENER "}");
    assert_string_equal(config->state_directory, "/etc/sallyport/state");
    assert_string_equal(config->control_socket, "/etc/sallyport/../run/c");
    assert_string_equal(config->log_file, "/etc/sallyport/log/l");
    assert_int_equal(config->host_keys.count, 2);
    assert_string_equal(config->host_keys.files[0], "/etc/sallyport/a");
    assert_string_equal(config->host_keys.files[1], "/b");
    assert_int_equal(config->plugin_directories_count, 3);
    assert_string_equal(config->plugin_directories[0], "/etc/sallyport/plugins");
    assert_string_equal(config->plugin_directories[1], "/opt/p");
    assert_non_null(strstr(config->plugin_directories[2], "/sallyport/plugins"));
    config_free(config);
}

static void a_relative_file_starts_at_the_working_directory(void **state)
{
    (void)state;
    struct report report = {0};
    struct config *config;
    const char *text = "{\"state_directory\": \"s\"," LISTENER "}";
    char *here = getcwd(NULL, 0), wanted[4096];
    assert_non_null(here);
    assert_int_equal(config_parse(text, strlen(text), "c/x.json", &config, &report), 0);
    snprintf(wanted, sizeof wanted, "%s/c/s", here);
    assert_string_equal(config->state_directory, wanted);
    snprintf(wanted, sizeof wanted, "%s/c/x.json", here);
    assert_string_equal(config->file, wanted);
    config_free(config);
    report_free(&report);
    free(here);
}

static void no_number_of_workers_means_one_for_each_cpu(void **state)
{
    (void)state;
    cpu_set_t set;
    assert_int_equal(sched_getaffinity(0, sizeof set, &set), 0);
    struct config *config = parse("{" LISTENER "}");
    assert_int_equal(config->workers, CPU_COUNT(&set));
    config_free(config);
    config = parse("{\"workers\": 7," LISTENER "}");
    assert_int_equal(config->workers, 7);
    config_free(config);
}

static void listeners_are_named_after_their_addresses(void **state)
{
    (void)state;
    struct config *config =
        parse("{\"listeners\": [{\"address\": \"*\"},"
              " {\"address\": \"::1\", \"port\": 2200, \"backlog\": 3, \"reuse_port\": true},"
              " {\"name\": \"in.side-1\", \"address\": \"fe80::1%lo\", \"port\": 0}]}");
    assert_int_equal(config->listeners_count, 3);
    assert_string_equal(config->listeners[0].name, "*:22");
    assert_string_equal(config->listeners[0].address, "*");
    assert_int_equal(config->listeners[0].port, 22);
    assert_int_equal(config->listeners[0].backlog, 512);
    assert_false(config->listeners[0].reuse_port);
    assert_string_equal(config->listeners[1].name, "[::1]:2200");
    assert_int_equal(config->listeners[1].port, 2200);
    assert_int_equal(config->listeners[1].backlog, 3);
    assert_true(config->listeners[1].reuse_port);
    assert_string_equal(config->listeners[2].name, "in.side-1");
    assert_int_equal(config->listeners[2].port, 0);
    config_free(config);
}

static const char plugins_text[] =
    "{" LISTENER ",\n"
    "\"plugins\": [{\"name\": \"echo\"},\n"
    " {\"name\": \"users\", \"plugin\": \"auth-file\", \"config\": {\"b\": [1], \"a\": "
    "\"\\u00e4\"},\n"
    "  \"threading\": \"serial\", \"deadline_ms\": 1500, \"on_error\": \"next\"},\n"
    " {\"name\": \"files\", \"plugin\": \"fs-posix\"}],\n"
    "\"chains\": {\"connection\": [\"echo\"], \"auth\": [\"users\", \"echo\"],\n"
    "            \"channel\": [\"echo\"]},\n"
    "\"auth_methods\": [\"publickey\"],\n"
    "\"auth_require\": [[\"publickey\", \"publickey:echo\"], [\"echo\"]],\n"
    "\"subsystems\": {\"netconf\": \"echo\", \"sftp\": \"core\"},\n"
    "\"mounts\": [{\"path\": \"/\", \"provider\": \"files\"},\n"
    "  {\"path\": \"/a/b\", \"provider\": \"files\", \"root\": \"x\", \"access\": \"write-only\",\n"
    "   \"users\": [\"a*\"], \"groups\": [\"staff\", \"guests\"]}]}";

static void plugin_instances_are_read(void **state)
{
    (void)state;
    struct config *config = parse(plugins_text);
    assert_int_equal(config->plugins_count, 3);
    const struct config_plugin *echo = config_plugin_find(config, "echo");
    const struct config_plugin *users = config_plugin_find(config, "users");
    assert_non_null(echo);
    assert_non_null(users);
    assert_null(config_plugin_find(config, "auth-file"));
    assert_string_equal(echo->plugin, "echo");
    assert_string_equal(echo->config_json, "{}");
    assert_null(echo->threading);
    assert_int_equal(echo->deadline_ms, 0);
    assert_false(echo->on_error_next);
    assert_int_equal(echo->line, 2);
    assert_string_equal(users->plugin, "auth-file");
    assert_string_equal(users->config_json, "{\"b\":[1],\"a\":\"\xc3\xa4\"}");
    assert_string_equal(users->threading, "serial");
    assert_int_equal(users->deadline_ms, 1500);
    assert_true(users->on_error_next);
    assert_int_equal(users->line, 3);
    assert_int_equal(positions_line(config->positions, "/plugins/1/config/a"), 3);
    assert_int_equal(positions_line(config->positions, "/mounts/1/path"), 12);
    config_free(config);
}

static void uses_of_plugin_instances_are_read(void **state)
{
    (void)state;
    struct config *config = parse(plugins_text);
    assert_int_equal(config->connection_chain.count, 1);
    assert_int_equal(config->auth_chain.count, 2);
    assert_string_equal(config->auth_chain.instances[0], "users");
    assert_string_equal(config->auth_chain.instances[1], "echo");
    assert_int_equal(config->channel_chain.count, 1);
    assert_int_equal(config->auth_methods, SP_METHOD_PUBLICKEY);
    assert_int_equal(config->auth_require_count, 2);
    const struct config_factors *list = config->auth_require;
    assert_int_equal(list[0].count, 2);
    assert_int_equal(list[0].items[0].method, SP_METHOD_PUBLICKEY);
    assert_null(list[0].items[0].instance);
    assert_int_equal(list[0].items[1].method, SP_METHOD_PUBLICKEY);
    assert_string_equal(list[0].items[1].instance, "echo");
    assert_int_equal(list[1].count, 1);
    assert_int_equal(list[1].items[0].method, 0);
    assert_string_equal(list[1].items[0].instance, "echo");
    assert_int_equal(config->subsystems_count, 2);
    assert_string_equal(config->subsystems[0].name, "netconf");
    assert_string_equal(config->subsystems[0].instance, "echo");
    assert_string_equal(config->subsystems[1].name, "sftp");
    assert_null(config->subsystems[1].instance);
    assert_int_equal(config->mounts_count, 2);
    assert_string_equal(config->mounts[0].root, "");
    assert_int_equal(config->mounts[0].access, CONFIG_READ_WRITE);
    assert_int_equal(config->mounts[0].users.count, 0);
    assert_string_equal(config->mounts[1].path, "/a/b");
    assert_string_equal(config->mounts[1].provider, "files");
    assert_string_equal(config->mounts[1].root, "x");
    assert_int_equal(config->mounts[1].access, CONFIG_WRITE_ONLY);
    assert_string_equal(config->mounts[1].users.items[0], "a*");
    assert_int_equal(config->mounts[1].groups.count, 2);
    config_free(config);
}

static void where_an_instance_runs_is_read(void **state)
{
    (void)state;
    struct config *config = parse(
        "{\"plugins\": [{\"name\": \"a\"}, {\"name\": \"b\", \"isolation\": \"in-process\"},"
        " {\"name\": \"c\", \"isolation\": \"process\", \"sandbox\": {\"user\": \"u\","
        "  \"group\": \"g\", \"no_new_privileges\": false, \"seccomp\": \"off\","
        "  \"memory_bytes\": 1, \"open_files\": 2, \"processes\": 3},"
        "  \"on_crash\": {\"action\": \"disable\", \"crashes\": 4, \"within_ms\": 5}}]," LISTENER
        "}");
    const struct config_plugin *plain = &config->plugins[0], *all = &config->plugins[2];
    assert_int_equal(plain->isolation, CONFIG_AS_MANIFEST);
    assert_int_equal(config->plugins[1].isolation, CONFIG_IN_PROCESS);
    assert_int_equal(all->isolation, CONFIG_PROCESS);
    assert_null(plain->sandbox.user);
    assert_true(plain->sandbox.no_new_privileges);
    assert_true(plain->sandbox.filters_calls);
    assert_int_equal(plain->sandbox.memory_bytes, 0);
    assert_string_equal(all->sandbox.user, "u");
    assert_string_equal(all->sandbox.group, "g");
    assert_false(all->sandbox.no_new_privileges);
    assert_false(all->sandbox.filters_calls);
    assert_int_equal(all->sandbox.memory_bytes, 1);
    assert_int_equal(all->sandbox.open_files, 2);
    assert_int_equal(all->sandbox.processes, 3);
    assert_false(plain->on_crash.disables);
    assert_int_equal(plain->on_crash.crashes, 3);
    assert_int_equal(plain->on_crash.within_ms, 60000);
    assert_true(all->on_crash.disables);
    assert_int_equal(all->on_crash.crashes, 4);
    assert_int_equal(all->on_crash.within_ms, 5);
    config_free(config);
}

static void the_other_values_are_read(void **state)
{
    (void)state;
    struct config *config = parse(
        "{\"user\": \"nobody\", \"group\": \"nogroup\", \"pool_threads\": 2, \"slow_ms\": 9,"
        " \"log\": {\"level\": \"error\", \"format\": \"json\"}, \"server_version\": \"x_1.0\","
        " \"banner\": \"Hello\\n\", \"host_keys\": {\"generate\": false},"
        " \"algorithms\": {\"kex\": [\"a\"], \"host_keys\": [\"b\", \"c\"], \"ciphers\": [\"d\"],"
        "  \"macs\": [\"e\"], \"compression\": [\"f\"], \"public_keys\": [\"g\"]},"
        " \"limits\": {\"connections\": 100000, \"connections_per_source\": 2,"
        "  \"connections_per_worker\": 1, \"startups\": \"1:100:1\", \"auth_tries\": 3,"
        "  \"channels_per_connection\": 4, \"handles_per_connection\": 5,"
        "  \"requests_per_channel\": 6, \"stuck_threads\": 7},"
        " \"timeouts\": {\"handshake_ms\": 1, \"login_ms\": 2, \"idle_ms\": 3, \"drain_ms\": 4,"
        "  \"auth_failure_delay_ms\": 5, \"keepalive_ms\": 6, \"keepalive_count\": 7,"
        "  \"stuck_ms\": 8},"
        " \"rekey\": {\"bytes\": 65536, \"after_ms\": 1000}," LISTENER "}");
    assert_string_equal(config->user, "nobody");
    assert_string_equal(config->group, "nogroup");
    assert_int_equal(config->pool_threads, 2);
    assert_int_equal(config->slow_ms, 9);
    assert_int_equal(config->log_level, LOG_LEVEL_ERROR);
    assert_int_equal(config->log_format, LOG_FORMAT_JSON);
    assert_string_equal(config->server_version, "x_1.0");
    assert_string_equal(config->banner, "Hello\n");
    assert_false(config->host_keys.generate);
    assert_string_equal(config->algorithms.kex, "a");
    assert_string_equal(config->algorithms.host_keys, "b,c");
    assert_string_equal(config->algorithms.ciphers, "d");
    assert_string_equal(config->algorithms.macs, "e");
    assert_string_equal(config->algorithms.compression, "f");
    assert_string_equal(config->algorithms.public_keys, "g");
    const struct config_limits *limits = &config->limits;
    assert_int_equal(limits->connections, 100000);
    assert_int_equal(limits->connections_per_source, 2);
    assert_int_equal(limits->connections_per_worker, 1);
    assert_int_equal(limits->startups_begin, 1);
    assert_int_equal(limits->startups_rate, 100);
    assert_int_equal(limits->startups_full, 1);
    assert_int_equal(limits->auth_tries, 3);
    assert_int_equal(limits->channels_per_connection, 4);
    assert_int_equal(limits->handles_per_connection, 5);
    assert_int_equal(limits->requests_per_channel, 6);
    assert_int_equal(limits->stuck_threads, 7);
    assert_int_equal(config->timeouts.handshake, 1);
    assert_int_equal(config->timeouts.login, 2);
    assert_int_equal(config->timeouts.idle, 3);
    assert_int_equal(config->timeouts.drain, 4);
    assert_int_equal(config->timeouts.auth_failure_delay, 5);
    assert_int_equal(config->timeouts.keepalive, 6);
    assert_int_equal(config->timeouts.keepalive_count, 7);
    assert_int_equal(config->timeouts.stuck, 8);
    assert_int_equal(config->rekey.bytes, 65536);
    assert_int_equal(config->rekey.after_ms, 1000);
    config_free(config);
}

static void sets_of_host_keys_and_authorities_are_read(void **state)
{
    (void)state;
    struct config *config =
        parse("{\"host_keys\": {\"keys\": [{\"text\": \"t\"}]},"
              " \"host_key_sets\": {\"other\": {\"generate\": false, \"files\": [\"f\"],"
              "  \"keys\": [{\"file\": \"k\", \"passphrase_file\": \"p\"},"
              "             {\"file\": \"l\", \"passphrase_environment\": \"E\"}]}},"
              " \"user_certificates\": {\"authorities\": [\"ca\"], \"revoked_keys\": \"r\"},"
              " \"limits\": {\"rsa_min_bits\": 3072},"
              " \"listeners\": [{\"address\": \"::1\", \"host_keys\": \"other\"}]}");
    assert_int_equal(config->host_keys.count, 0);
    assert_int_equal(config->host_keys.keys_count, 1);
    assert_string_equal(config->host_keys.keys[0].text, "t");
    assert_null(config->host_keys.keys[0].file);
    const struct config_host_keys *set = config_host_keys_find(config, "other");
    assert_non_null(set);
    assert_null(config_host_keys_find(config, "another"));
    assert_false(set->generate);
    assert_string_equal(set->files[0], "/etc/sallyport/f");
    assert_string_equal(set->keys[0].file, "/etc/sallyport/k");
    assert_string_equal(set->keys[0].passphrase_file, "/etc/sallyport/p");
    assert_string_equal(set->keys[1].passphrase_environment, "E");
    assert_string_equal(config->listeners[0].host_keys, "other");
    assert_string_equal(config->user_certificates.authorities[0], "/etc/sallyport/ca");
    assert_string_equal(config->user_certificates.revoked_keys, "/etc/sallyport/r");
    assert_int_equal(config->limits.rsa_min_bits, 3072);
    config_free(config);
}

static void expect_level(const char *name, enum log_level level)
{
    char text[256];
    snprintf(text, sizeof text, "{\"log\": {\"level\": \"%s\"}, %s}", name, LISTENER);
    struct config *config = parse(text);
    assert_int_equal(config->log_level, level);
    config_free(config);
}

static void every_log_level_has_its_name(void **state)
{
    (void)state;
    expect_level("error", LOG_LEVEL_ERROR);
    expect_level("warning", LOG_LEVEL_WARNING);
    expect_level("info", LOG_LEVEL_INFO);
    expect_level("debug", LOG_LEVEL_DEBUG);
}

/* A file of these bytes in a fresh directory, and its name. */
static void write_file(char name[64], const char *text, size_t len, mode_t mode)
{
    strcpy(name, "/tmp/sallyport-config-XXXXXX");
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), len);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static void a_file_is_loaded(void **state)
{
    (void)state;
    char name[64];
    struct report report = {0};
    struct config *config;
    const char *text = "{\"state_directory\": \"s\"," LISTENER "}";
    write_file(name, text, strlen(text), 0600);
    assert_int_equal(config_load(name, &config, &report), 0);
    assert_string_equal(config->file, name);
    assert_string_equal(config->state_directory, "/tmp/s");
    assert_int_equal(report.errors, 0);
    config_free(config);
    report_free(&report);
    unlink(name);
}

static void a_file_that_everybody_can_change_is_warned_of(void **state)
{
    (void)state;
    char name[64];
    struct report report = {0};
    struct config *config;
    write_file(name, plugins_text, strlen(plugins_text), 0606);
    assert_int_equal(config_load(name, &config, &report), 0);
    assert_complaint(&report, name, 0, NULL, "can be changed by everybody; chmod o-w it");
    assert_int_equal(report.errors, 0);
    config_free(config);
    report_free(&report);
    unlink(name);
}

static void a_file_that_cannot_be_read_is_an_error(void **state)
{
    (void)state;
    static const char *const names[] = {"/nonexistent/sallyport.json", "/tmp"};
    for (size_t i = 0; i < 2; i++) {
        struct report report = {0};
        struct config *config = (struct config *)&report;
        assert_int_equal(config_load(names[i], &config, &report), SP_ERR_SYSTEM);
        assert_null(config);
        assert_complaint(&report, names[i], 0, NULL, "cannot be read: ");
        report_free(&report);
    }
}

static void a_huge_file_is_refused(void **state)
{
    (void)state;
    char name[64];
    struct report report = {0};
    struct config *config;
    size_t len = CONFIG_BYTES_MAX + 1;
    char *text = malloc(len);
    assert_non_null(text);
    memset(text, ' ', len);
    memcpy(text, "{" LISTENER "}", strlen("{" LISTENER "}"));
    write_file(name, text, len - 1, 0600);
    assert_int_equal(config_load(name, &config, &report), 0); /* just not too large */
    config_free(config);
    unlink(name);
    report_free(&report);
    write_file(name, text, len, 0600);
    assert_int_equal(config_load(name, &config, &report), SP_ERR_INVALID);
    assert_complaint(&report, name, 0, NULL, "is larger than 1048576 bytes");
    report_free(&report);
    unlink(name);
    free(text);
}

static void freeing_nothing_is_fine(void **state)
{
    (void)state;
    config_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_but_listeners_has_a_default),
        cmocka_unit_test(bounds_have_defaults),
        cmocka_unit_test(default_algorithms_are_safe_and_cheap),
        cmocka_unit_test(compatibility_adds_to_the_lists_that_are_not_given),
        cmocka_unit_test(lists_of_addresses_and_versions_are_kept),
        cmocka_unit_test(host_keys_lie_in_the_state_directory),
        cmocka_unit_test(sets_of_host_keys_and_authorities_are_read),
        cmocka_unit_test(relative_paths_start_at_the_file),
        cmocka_unit_test(a_relative_file_starts_at_the_working_directory),
        cmocka_unit_test(no_number_of_workers_means_one_for_each_cpu),
        cmocka_unit_test(listeners_are_named_after_their_addresses),
        cmocka_unit_test(plugin_instances_are_read),
        cmocka_unit_test(uses_of_plugin_instances_are_read),
        cmocka_unit_test(where_an_instance_runs_is_read),
        cmocka_unit_test(the_other_values_are_read),
        cmocka_unit_test(every_log_level_has_its_name),
        cmocka_unit_test(a_file_is_loaded),
        cmocka_unit_test(a_file_that_everybody_can_change_is_warned_of),
        cmocka_unit_test(a_file_that_cannot_be_read_is_an_error),
        cmocka_unit_test(a_huge_file_is_refused),
        cmocka_unit_test(freeing_nothing_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
