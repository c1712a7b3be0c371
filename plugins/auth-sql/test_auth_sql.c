/* test_auth_sql.c: auth-sql with SQLite files; PostgreSQL is met in tests/integration/auth_sql.sh.
 */
#include <crypt.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "auth_sql.h"
#include "test_host.h"

#define KEY_A "AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
#define KEY_B "AAAAC3NzaC1lZDI1NTE5AAAAIB8eHRwbGhkYFxYVFBMSERAPDg0MCwoJCAcGBQQDAgEA"
#define USER_QUERY "SELECT password, disabled, expires_at, grants FROM users WHERE name = $1"
#define KEYS_QUERY "SELECT key FROM keys WHERE user_name = $1"

static char directory[] = "/tmp/test_auth_sql.XXXXXX";
static char path[64];
static char hash[CRYPT_OUTPUT_SIZE];

static void execute(const char *sql)
{
    sqlite3 *db;
    char *error = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK)
        fail_msg("%s: %s", sql, error);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* A new file with ann, who has a password and a key. */
static void make_database(void)
{
    char sql[2048];
    unlink(path);
    snprintf(sql, sizeof sql,
             "CREATE TABLE users (name TEXT PRIMARY KEY, password TEXT, disabled INTEGER,"
             " expires_at INTEGER, grants TEXT, home TEXT, permit TEXT, readonly INTEGER);"
             "CREATE TABLE keys (user_name TEXT, key TEXT, blob BLOB);"
             "INSERT INTO users (name, password, disabled, grants) VALUES ('ann', '%s', 0,"
             " '{\"home\": \"/ann\", \"permit\": [\"exec\"]}');"
             "INSERT INTO keys VALUES ('ann', 'ssh-ed25519 " KEY_A " ann@laptop', NULL)",
             hash);
    execute(sql);
}

/* A configuration with all defaults, but for what comes last. */
static struct test_host *start_host(const char *user_query, const char *keys_query,
                                    const char *settings)
{
    char config[4096];
    snprintf(config, sizeof config,
             "{\"backend\":\"sqlite\",\"file\":\"%s\",\"user_query\":\"%s\",\"keys_query\":\"%s\","
             "\"connections_max\":2,\"timeout_ms\":5000,\"rows_max\":16%s}",
             path, user_query, keys_query, settings);
    return test_host_new(&sallyport_plugin_v1, config);
}

static struct test_host *host_with(const char *user_query, const char *keys_query)
{
    struct test_host *host = start_host(user_query, keys_query, "");
    assert_non_null(host);
    return host;
}

static const struct test_answer *try_password(struct test_host *host, const char *user,
                                              const char *password)
{
    struct sp_auth_event event = {
        .user = sp_str_of(user), .method = SP_METHOD_PASSWORD, .password = sp_str_of(password)};
    return TEST_AUTH(host, password, &event);
}

static const struct test_answer *try_key(struct test_host *host, const char *user,
                                         const char *base64, uint32_t state)
{
    char line[256];
    struct key key;
    snprintf(line, sizeof line, "ssh-ed25519 %s", base64);
    assert_true(key_parse(line, strlen(line), &key));
    struct sp_auth_event event = {.user = sp_str_of(user),
                                  .method = SP_METHOD_PUBLICKEY,
                                  .key_state = state,
                                  .key_fingerprint = sp_str_of("SHA256:print"),
                                  .key_blob = {(const char *)key.blob, key.length}};
    const struct test_answer *answer = TEST_AUTH(host, publickey, &event);
    key_clear(&key);
    return answer;
}

/* A join of two tables that both have it. */
static void a_column_that_comes_twice_is_a_failure(void **state)
{
    (void)state;
    make_database();
    struct test_host *host = host_with("SELECT password, 1 AS disabled, 0 AS disabled FROM users"
                                       " WHERE name = $1",
                                       "");
    assert_true(try_password(host, "ann", "secret")->verdict < 0);
    test_host_free(host);
}

static void an_empty_blob_is_no_null(void **state)
{
    (void)state;
    make_database();
    execute("UPDATE users SET disabled = X''");
    struct test_host *host = host_with(USER_QUERY, KEYS_QUERY);
    assert_true(try_password(host, "ann", "secret")->verdict < 0);
    test_host_free(host);
}

static void judge_by_the_database(void **state)
{
    (void)state;
    make_database();
    struct test_host *host = host_with(USER_QUERY, KEYS_QUERY);
    const struct test_answer *answer = try_password(host, "ann", "secret");
    assert_int_equal(answer->verdict, SP_ALLOW);
    assert_string_equal(answer->auth.grant->home.data, "/ann");
    assert_int_equal(answer->auth.grant->permit, SP_PERMIT_EXEC);
    assert_int_equal(try_password(host, "ann", "Secret")->verdict, SP_DENY);
    assert_int_equal(try_password(host, "ann", "")->verdict, SP_DENY);
    assert_int_equal(try_password(host, "bob", "secret")->verdict, SP_NEXT);
    answer = try_key(host, "ann", KEY_A, SP_KEY_OFFERED);
    assert_int_equal(answer->verdict, SP_ALLOW);
    assert_null(answer->auth.grant);
    answer = try_key(host, "ann", KEY_A, SP_KEY_PROVED);
    assert_int_equal(answer->verdict, SP_ALLOW);
    assert_string_equal(answer->auth.grant->home.data, "/ann");
    assert_int_equal(try_key(host, "ann", KEY_B, SP_KEY_PROVED)->verdict, SP_DENY);
    assert_int_equal(try_key(host, "bob", KEY_A, SP_KEY_PROVED)->verdict, SP_NEXT);
    struct sp_auth_event change = {.user = sp_str_of("ann"),
                                   .method = SP_METHOD_PASSWORD,
                                   .password = sp_str_of("secret"),
                                   .new_password = sp_str_of("other")};
    assert_int_equal(TEST_AUTH(host, password, &change)->verdict, SP_DENY);
    /* What is changed there holds at once. */
    execute("DELETE FROM keys; UPDATE users SET password = NULL");
    assert_int_equal(try_password(host, "ann", "secret")->verdict, SP_DENY);
    assert_int_equal(try_key(host, "ann", KEY_A, SP_KEY_PROVED)->verdict, SP_DENY);
    test_host_free(host);
}

static void keep_out_who_is_disabled_or_expired(void **state)
{
    (void)state;
    make_database();
    struct test_host *host = host_with(USER_QUERY, KEYS_QUERY);
    test_host_set_time(host, 2000000000000);
    execute("UPDATE users SET expires_at = 2000000001");
    assert_int_equal(try_password(host, "ann", "secret")->verdict, SP_ALLOW);
    test_host_set_time(host, 2000000001000);
    assert_int_equal(try_password(host, "ann", "secret")->verdict, SP_DENY);
    assert_int_equal(try_key(host, "ann", KEY_A, SP_KEY_OFFERED)->verdict, SP_DENY);
    assert_int_equal(try_key(host, "ann", KEY_A, SP_KEY_PROVED)->verdict, SP_DENY);
    execute("UPDATE users SET expires_at = NULL, disabled = 1");
    assert_int_equal(try_password(host, "ann", "secret")->verdict, SP_DENY);
    assert_int_equal(try_key(host, "ann", KEY_A, SP_KEY_PROVED)->verdict, SP_DENY);
    execute("UPDATE users SET disabled = 'maybe'");
    assert_true(try_password(host, "ann", "secret")->verdict < 0);
    execute("UPDATE users SET disabled = 0, expires_at = 'never'");
    assert_true(try_password(host, "ann", "secret")->verdict < 0);
    execute("UPDATE users SET expires_at = NULL, password = ''");
    assert_int_equal(try_password(host, "ann", "")->verdict, SP_DENY);
    execute("UPDATE users SET password = 'secret'");
    assert_int_equal(try_password(host, "ann", "secret")->verdict, SP_DENY);
    assert_true(test_host_logged(host, "sallyport passwd"));
    test_host_free(host);
}

static void read_grants_from_columns(void **state)
{
    (void)state;
    make_database();
    execute("UPDATE users SET home = '/h', permit = 'sftp, shell,exec',"
            " grants = '{\"home\": \"/other\", \"groups\": [\"ops\"]}'");
    struct test_host *host =
        host_with("SELECT password, home, permit, grants, 't' AS read_only, 5 AS channels_max,"
                  " '{\\\"a\\\":\\\"b\\\"}' AS attributes FROM users WHERE name = $1",
                  "");
    const struct test_answer *answer = try_password(host, "ann", "secret");
    assert_int_equal(answer->verdict, SP_ALLOW);
    const struct sp_grant *grant = answer->auth.grant;
    assert_string_equal(grant->home.data, "/h");
    assert_int_equal(grant->permit, SP_PERMIT_SFTP | SP_PERMIT_SHELL | SP_PERMIT_EXEC);
    assert_int_equal(grant->read_only, 1);
    assert_int_equal(grant->channels_max, 5);
    assert_int_equal(grant->groups_count, 1);
    assert_string_equal(grant->attributes[0].value.data, "b");
    /* Without a query for keys nobody has any. */
    assert_int_equal(try_key(host, "ann", KEY_A, SP_KEY_PROVED)->verdict, SP_DENY);
    execute("UPDATE users SET permit = 'sftp,root'");
    assert_true(try_password(host, "ann", "secret")->verdict < 0);
    execute("UPDATE users SET permit = NULL, grants = '[]'");
    assert_true(try_password(host, "ann", "secret")->verdict < 0);
    execute("UPDATE users SET grants = '{\"readonly\": true}'");
    assert_true(try_password(host, "ann", "secret")->verdict < 0);
    assert_true(test_host_logged(host, "\"readonly\": there is no such key"));
    test_host_free(host);

    make_database();
    host = host_with("SELECT password, readonly FROM users WHERE name = $1", "");
    execute("UPDATE users SET readonly = 1");
    assert_true(try_password(host, "ann", "secret")->verdict < 0);
    assert_true(test_host_logged(host, "column \"readonly\""));
    test_host_free(host);
}

static void know_keys_in_each_form(void **state)
{
    (void)state;
    char sql[512], line[128] = "ssh-ed25519 " KEY_B;
    struct key key;
    make_database();
    assert_true(key_parse(line, strlen(line), &key));
    snprintf(sql, sizeof sql, "INSERT INTO keys VALUES ('ann', NULL, x'");
    for (size_t i = 0; i < key.length; i++)
        snprintf(sql + strlen(sql), sizeof sql - strlen(sql), "%02x", key.blob[i]);
    key_clear(&key);
    strcat(sql, "')");
    execute(sql);
    struct test_host *host =
        host_with(USER_QUERY, "SELECT key, blob FROM keys WHERE user_name = $1");
    assert_int_equal(try_key(host, "ann", KEY_A, SP_KEY_PROVED)->verdict, SP_ALLOW);
    assert_int_equal(try_key(host, "ann", KEY_B, SP_KEY_PROVED)->verdict, SP_ALLOW);
    /* An option would be worth less than nothing if it were passed over. */
    execute("DELETE FROM keys; INSERT INTO keys VALUES"
            " ('ann', 'command=\"true\" ssh-ed25519 " KEY_A "', NULL), ('ann', 'nonsense', x'00')");
    assert_int_equal(try_key(host, "ann", KEY_A, SP_KEY_PROVED)->verdict, SP_DENY);
    assert_true(test_host_logged(host, "2 keys of a user are passed over"));
    test_host_free(host);

    make_database();
    host =
        host_with(USER_QUERY, "SELECT key FROM keys WHERE user_name = $1 AND $2 = 'SHA256:print'");
    assert_int_equal(try_key(host, "ann", KEY_A, SP_KEY_PROVED)->verdict, SP_ALLOW);
    test_host_free(host);
    host = host_with(USER_QUERY, "SELECT key AS line FROM keys WHERE user_name = $1");
    assert_true(try_key(host, "ann", KEY_A, SP_KEY_PROVED)->verdict < 0);
    test_host_free(host);
}

static void take_names_for_nothing_but_names(void **state)
{
    (void)state;
    static const char *const names[] = {"' OR '1'='1",
                                        "ann'--",
                                        "ann' OR 1=1 --",
                                        "\" OR \"\"=\"",
                                        "ann\\' OR 1=1",
                                        "$1",
                                        "ann; DROP TABLE users",
                                        "%",
                                        "_nn",
                                        "ann' UNION SELECT password FROM users --",
                                        "ANN"};
    make_database();
    struct test_host *host = host_with(USER_QUERY, KEYS_QUERY);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_int_equal(try_password(host, names[i], "secret")->verdict, SP_NEXT);
        assert_int_equal(try_key(host, names[i], KEY_A, SP_KEY_PROVED)->verdict, SP_NEXT);
    }
    assert_int_equal(try_password(host, "ann", "secret")->verdict, SP_ALLOW);
    test_host_free(host);
}

static void refuse_queries_that_cannot_work(void **state)
{
    (void)state;
    static const char *const queries[] = {
        "SELECT nonsense FROM users WHERE name = $1",
        "SELECT password FROM nowhere WHERE name = $1",
        "SELEKT",
        "DELETE FROM users WHERE name = $1",
        "UPDATE users SET disabled = 1 WHERE name = $1 RETURNING password",
        "SELECT password FROM users WHERE name = $3",
        "SELECT password FROM users WHERE name = ?",
        "SELECT password FROM users; SELECT 1",
    };
    make_database();
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        struct test_host *host = start_host(queries[i], "", "");
        if (host)
            fail_msg("taken: %s", queries[i]);
    }
    assert_null(start_host(USER_QUERY, KEYS_QUERY, ",\"file\":\"\""));
    assert_null(start_host(USER_QUERY, KEYS_QUERY, ",\"backend\":\"oracle\""));
    assert_null(start_host(USER_QUERY, KEYS_QUERY, ",\"password_file\":\"/nonexistent\""));
}

static void deny_what_is_ambiguous_or_too_much(void **state)
{
    (void)state;
    make_database();
    execute("INSERT INTO users (name, password) SELECT 'bob', password FROM users");
    struct test_host *host = host_with("SELECT password FROM users WHERE name <> $1", KEYS_QUERY);
    assert_true(try_password(host, "somebody", "secret")->verdict < 0);
    assert_true(test_host_logged(host, "more than one row"));
    test_host_free(host);
    host = host_with(USER_QUERY, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
                                 " WHERE i < 17) SELECT key FROM keys, n WHERE user_name = $1");
    assert_true(try_key(host, "ann", KEY_A, SP_KEY_PROVED)->verdict < 0);
    assert_true(test_host_logged(host, "rows_max"));
    test_host_free(host);
    /* A query without end. */
    host = start_host(USER_QUERY,
                      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
                      " SELECT key FROM keys WHERE user_name = $1 AND (SELECT max(i) FROM n) = 0",
                      ",\"timeout_ms\":200");
    assert_non_null(host);
    time_t begin = time(NULL);
    assert_true(try_key(host, "ann", KEY_A, SP_KEY_PROVED)->verdict < 0);
    assert_true(time(NULL) - begin < 10);
    assert_int_equal(try_password(host, "ann", "secret")->verdict, SP_ALLOW);
    test_host_free(host);
}

static void deny_until_the_database_is_back(void **state)
{
    (void)state;
    char aside[80];
    unlink(path);
    struct test_host *host = host_with(USER_QUERY, KEYS_QUERY);
    assert_true(test_host_logged(host, "users are refused until"));
    assert_true(try_password(host, "ann", "secret")->verdict < 0);
    make_database();
    assert_int_equal(try_password(host, "ann", "secret")->verdict, SP_ALLOW);
    /* Another file in its place is taken at once, although the old one is still open. */
    snprintf(aside, sizeof aside, "%s.old", path);
    assert_int_equal(rename(path, aside), 0);
    assert_true(try_password(host, "ann", "secret")->verdict < 0);
    make_database();
    execute("UPDATE users SET name = 'bob'");
    assert_int_equal(try_password(host, "bob", "secret")->verdict, SP_ALLOW);
    assert_int_equal(try_password(host, "ann", "secret")->verdict, SP_NEXT);
    assert_int_equal(rename(path, aside), 0);
    make_database();
    assert_int_equal(try_password(host, "bob", "secret")->verdict, SP_NEXT);
    unlink(aside);
    test_host_free(host);
}

static double cpu_seconds(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double cost_of(struct test_host *host, const char *user)
{
    double least = 1e9;
    for (int i = 0; i < 5; i++) {
        double begin = cpu_seconds();
        try_password(host, user, "wrong");
        double took = cpu_seconds() - begin;
        least = took < least ? took : least;
    }
    return least;
}

static void take_as_long_for_unknown_users(void **state)
{
    (void)state;
    make_database();
    execute("INSERT INTO users (name) VALUES ('nopassword');"
            "INSERT INTO users (name, password, disabled) SELECT 'gone', password, 1 FROM users"
            " WHERE name = 'ann'");
    struct test_host *host = host_with(USER_QUERY, KEYS_QUERY);
    double known = cost_of(host, "ann");
    static const char *const others[] = {"nobody", "nopassword", "gone"};
    for (size_t i = 0; i < 3; i++) {
        double other = cost_of(host, others[i]);
        if (other < known / 2 || other > known * 2)
            fail_msg("%s: %f s, where ann takes %f s", others[i], other, known);
    }
    test_host_free(host);
}

static void *ask_on_and_on(void *host)
{
    for (int i = 0; i < 20; i++) {
        assert_int_equal(try_password(host, "ann", "secret")->verdict, SP_ALLOW);
        assert_int_equal(try_key(host, "ann", KEY_A, SP_KEY_PROVED)->verdict, SP_ALLOW);
    }
    return NULL;
}

static void share_few_links_among_many_threads(void **state)
{
    (void)state;
    pthread_t threads[8];
    make_database();
    struct test_host *host = host_with(USER_QUERY, KEYS_QUERY);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_on_and_on, host), 0);
    for (size_t i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    test_host_free(host);
}

static int set_up(void **state)
{
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];
    struct crypt_data *data = calloc(1, sizeof *data);
    (void)state;
    if (!data || !mkdtemp(directory) ||
        !crypt_gensalt_rn("$6$", 20000, NULL, 0, setting, sizeof setting) ||
        !crypt_rn("secret", setting, data, sizeof *data))
        return -1;
    snprintf(path, sizeof path, "%s/users.db", directory);
    snprintf(hash, sizeof hash, "%s", data->output);
    free(data);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_column_that_comes_twice_is_a_failure),
        cmocka_unit_test(an_empty_blob_is_no_null),
        cmocka_unit_test(judge_by_the_database),
        cmocka_unit_test(keep_out_who_is_disabled_or_expired),
        cmocka_unit_test(read_grants_from_columns),
        cmocka_unit_test(know_keys_in_each_form),
        cmocka_unit_test(take_names_for_nothing_but_names),
        cmocka_unit_test(refuse_queries_that_cannot_work),
        cmocka_unit_test(deny_what_is_ambiguous_or_too_much),
        cmocka_unit_test(deny_until_the_database_is_back),
        cmocka_unit_test(take_as_long_for_unknown_users),
        cmocka_unit_test(share_few_links_among_many_threads),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
