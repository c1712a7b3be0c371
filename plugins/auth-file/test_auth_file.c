/* test_auth_file.c: auth-file in the test host, with real files, hashes and keys. */
#include <crypt.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "auth_file.h"
#include "test_host.h"

/* Two keys: their lines and their blobs. */
#define KEY_A "AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
#define KEY_B "AAAAC3NzaC1lZDI1NTE5AAAAIB8eHRwbGhkYFxYVFBMSERAPDg0MCwoJCAcGBQQDAgEA"

static char directory[] = "/tmp/test_auth_file.XXXXXX";
static char users_path[128];
static char keys_path[128];
static char hash[CRYPT_OUTPUT_SIZE];

static struct key key_of(const char *base64)
{
    char line[256];
    struct key key;
    snprintf(line, sizeof line, "ssh-ed25519 %s", base64);
    assert_true(key_parse(line, strlen(line), &key));
    return key;
}

/* A cheap hash of "secret" by prefix. */
static void make_hash(const char *prefix, unsigned long cost)
{
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];
    struct crypt_data *data = calloc(1, sizeof *data);
    assert_non_null(data);
    assert_non_null(crypt_gensalt_rn(prefix, cost, NULL, 0, setting, sizeof setting));
    assert_non_null(crypt_rn("secret", setting, data, sizeof *data));
    snprintf(hash, sizeof hash, "%s", data->output);
    free(data);
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    /* A new inode each time, as editors do. */
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static const char *more = ""; /* of the plugin's configuration */

static struct test_host *host_for(const char *users, mode_t mode)
{
    char config[256];
    write_file(users_path, users, mode);
    snprintf(config, sizeof config, "{\"users_file\":\"%s\"%s}", users_path, more);
    return test_host_new(&sallyport_plugin_v1, config);
}

/* One user "ann" with the hash and the rest of the entry. */
static struct test_host *host_with(const char *rest)
{
    char users[4096];
    snprintf(users, sizeof users, "{\"users\":[{\"name\":\"ann\",\"password\":\"%s\"%s}]}", hash,
             rest);
    struct test_host *host = host_for(users, 0600);
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
    struct key key = key_of(base64);
    struct sp_auth_event event = {.user = sp_str_of(user),
                                  .method = SP_METHOD_PUBLICKEY,
                                  .key_state = state,
                                  .key_type = sp_str_of("ssh-ed25519"),
                                  .key_blob = {(const char *)key.blob, key.length}};
    const struct test_answer *answer = TEST_AUTH(host, publickey, &event);
    key_clear(&key);
    return answer;
}

static void assert_str(struct sp_str text, const char *expected)
{
    assert_int_equal(text.len, strlen(expected));
    assert_memory_equal(text.data, expected, text.len);
}

static void allow_the_right_password_of_each_method(void **state)
{
    (void)state;
    static const struct {
        const char *prefix;
        unsigned long cost;
    } methods[] = {{"$y$", 1}, {"$7$", 6}, {"$2b$", 4}, {"$6$", 1000}};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        make_hash(methods[i].prefix, methods[i].cost);
        struct test_host *host = host_with("");
        assert_int_equal(try_password(host, "ann", "secret")->verdict, SP_ALLOW);
        assert_int_equal(try_password(host, "ann", "Secret")->verdict, SP_DENY);
        assert_int_equal(try_password(host, "ann", "")->verdict, SP_DENY);
        test_host_free(host);
    }
}

static void pass_on_unknown_users_and_refuse_unsound_names(void **state)
{
    (void)state;
    struct test_host *host = host_with("");
    assert_int_equal(try_password(host, "bob", "secret")->verdict, SP_NEXT);
    assert_int_equal(try_key(host, "bob", KEY_A, SP_KEY_PROVED)->verdict, SP_NEXT);
    assert_int_equal(try_password(host, "ann\n", "secret")->verdict, SP_DENY);
    assert_int_equal(try_password(host, "", "secret")->verdict, SP_DENY);
    char longest[300];
    memset(longest, 'a', sizeof longest);
    longest[256] = '\0';
    assert_int_equal(try_password(host, longest, "secret")->verdict, SP_DENY);
    test_host_free(host);
}

static void deny_passwords_that_only_begin_right(void **state)
{
    (void)state;
    struct test_host *host = host_with("");
    struct sp_auth_event event = {.user = sp_str_of("ann"), .password = {"secret\0more", 11}};
    assert_int_equal(TEST_AUTH(host, password, &event)->verdict, SP_DENY);
    struct sp_auth_event change = {.user = sp_str_of("ann"),
                                   .password = sp_str_of("secret"),
                                   .new_password = sp_str_of("other")};
    assert_int_equal(TEST_AUTH(host, password, &change)->verdict, SP_DENY);
    test_host_free(host);
}

static void deny_what_bcrypt_would_cut(void **state)
{
    (void)state;
    char password[81];
    memset(password, 'p', 80);
    password[80] = '\0';
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];
    struct crypt_data *data = calloc(1, sizeof *data);
    assert_non_null(data);
    assert_non_null(crypt_gensalt_rn("$2b$", 4, NULL, 0, setting, sizeof setting));
    assert_non_null(crypt_rn(password, setting, data, sizeof *data));
    assert_false(password_matches(sp_str_of(password), data->output));
    password[72] = '\0';
    assert_true(password_matches(sp_str_of(password), data->output));
    free(data);
}

static void let_nobody_in_without_a_hash(void **state)
{
    (void)state;
    struct test_host *host =
        host_for("{\"users\":[{\"name\":\"ann\"},{\"name\":\"bob\",\"password\":\"\"}]}", 0600);
    assert_non_null(host);
    assert_int_equal(try_password(host, "ann", "")->verdict, SP_DENY);
    assert_int_equal(try_password(host, "bob", "")->verdict, SP_DENY);
    assert_int_equal(try_password(host, "bob", "x")->verdict, SP_DENY);
    test_host_free(host);
}

/* Of the processor's: what else the machine does makes no difference. */
static double seconds(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double shortest_of_three(struct test_host *host, const char *user, const char *password)
{
    double best = 1e9;
    for (int i = 0; i < 3; i++) {
        double start = seconds();
        try_password(host, user, password);
        double took = seconds() - start;
        best = took < best ? took : best;
    }
    return best;
}

static void take_as_long_for_unknown_users(void **state)
{
    (void)state;
    make_hash("$2b$", 10); /* long enough to see */
    struct test_host *host = host_with("");
    double known = shortest_of_three(host, "ann", "wrong");
    assert_true(known > 0.01);
    assert_true(shortest_of_three(host, "bob", "wrong") > known / 2);
    assert_true(shortest_of_three(host, "ann", "") > known / 2);
    test_host_free(host);
    make_hash("$6$", 1000);
}

static void grant_what_the_entry_says(void **state)
{
    (void)state;
    struct test_host *host = host_with(
        ",\"root\":\"/srv\",\"home\":\"/ann\",\"read_only\":true,\"restrict_to_home\":true,"
        "\"permit\":[\"sftp\",\"exec\"],\"groups\":[\"staff\",\"ops\"],"
        "\"environment\":{\"LANG\":\"C\"},\"attributes\":{\"quota\":\"5\"},"
        "\"forced_command\":\"id\"");
    const struct test_answer *answer = try_password(host, "ann", "secret");
    const struct sp_grant *grant = answer->auth.grant;
    assert_int_equal(answer->verdict, SP_ALLOW);
    assert_non_null(grant);
    assert_int_equal(grant->permit, SP_PERMIT_SFTP | SP_PERMIT_EXEC);
    assert_str(grant->root, "/srv");
    assert_str(grant->home, "/ann");
    assert_str(grant->forced_command, "id");
    assert_int_equal(grant->read_only, 1);
    assert_int_equal(grant->restrict_to_home, 1);
    assert_int_equal(grant->groups_count, 2);
    assert_str(grant->groups[1], "ops");
    assert_int_equal(grant->environment_count, 1);
    assert_str(grant->environment[0].name, "LANG");
    assert_str(grant->environment[0].value, "C");
    assert_int_equal(grant->attributes_count, 1);
    assert_str(grant->attributes[0].value, "5");
    test_host_free(host);

    host = host_with("");
    assert_int_equal(try_password(host, "ann", "secret")->auth.grant->permit, SP_PERMIT_SFTP);
    test_host_free(host);
}

static void grant_only_for_a_proved_key(void **state)
{
    (void)state;
    struct test_host *host = host_with(",\"keys\":[\"ssh-ed25519 " KEY_B " b@x\","
                                       "\"ssh-ed25519 " KEY_A "\"]");
    const struct test_answer *offered = try_key(host, "ann", KEY_A, SP_KEY_OFFERED);
    assert_int_equal(offered->verdict, SP_ALLOW);
    assert_null(offered->auth.grant);
    const struct test_answer *proved = try_key(host, "ann", KEY_A, SP_KEY_PROVED);
    assert_int_equal(proved->verdict, SP_ALLOW);
    assert_non_null(proved->auth.grant);
    test_host_free(host);

    host = host_with(",\"keys\":[\"ssh-ed25519 " KEY_B "\"]");
    assert_int_equal(try_key(host, "ann", KEY_A, SP_KEY_OFFERED)->verdict, SP_DENY);
    assert_int_equal(try_key(host, "ann", KEY_A, SP_KEY_PROVED)->verdict, SP_DENY);
    test_host_free(host);
}

/* The answer for key A to ann when that is her authorized_keys file. */
static const struct sp_grant *grant_by(struct test_host *host, const char *text)
{
    write_file(keys_path, text, 0600);
    const struct test_answer *answer = try_key(host, "ann", KEY_A, SP_KEY_PROVED);
    assert_int_equal(answer->verdict, answer->auth.grant ? SP_ALLOW : SP_DENY);
    return answer->auth.grant;
}

static struct test_host *host_with_keys_file(const char *rest)
{
    char members[512];
    snprintf(members, sizeof members, ",\"authorized_keys\":\"%s/%%u.keys\"%s", directory, rest);
    return host_with(members);
}

static void read_authorized_keys_as_they_come(void **state)
{
    (void)state;
    struct test_host *host = host_with_keys_file("");
    assert_non_null(grant_by(host, "# mine\r\n\r\n  ssh-ed25519 " KEY_B " b\r\n"
                                   "ssh-ed25519 " KEY_A " a comment\r\n"));
    assert_non_null(grant_by(host, "ssh-ed25519 " KEY_A)); /* no newline at the end */
    assert_null(grant_by(host, "ssh-ed25519 " KEY_B "\n"));
    assert_null(grant_by(host, "#ssh-ed25519 " KEY_A "\n"));
    assert_null(grant_by(host, "ssh-rsa " KEY_A "\n")); /* the blob is of another type */
    assert_null(grant_by(host, ""));
    test_host_free(host);
}

static void never_give_more_than_an_option_leaves(void **state)
{
    (void)state;
    struct test_host *host = host_with_keys_file(
        ",\"permit\":[\"sftp\",\"pty\",\"tunnel_forward\",\"tunnel_reverse\",\"agent\",\"x11\"]");
    const struct sp_grant *grant = grant_by(host, "restrict ssh-ed25519 " KEY_A "\n");
    assert_int_equal(grant->permit, SP_PERMIT_SFTP);
    grant = grant_by(host, "restrict,pty ssh-ed25519 " KEY_A "\n");
    assert_int_equal(grant->permit, SP_PERMIT_SFTP | SP_PERMIT_PTY);
    grant = grant_by(host, "no-port-forwarding,no-X11-forwarding ssh-ed25519 " KEY_A "\n");
    assert_int_equal(grant->permit, SP_PERMIT_SFTP | SP_PERMIT_PTY | SP_PERMIT_AGENT);
    grant = grant_by(host, "command=\"echo \\\"a b\\\", c\",no-pty ssh-ed25519 " KEY_A "\n");
    assert_str(grant->forced_command, "echo \"a b\", c");
    assert_null(grant_by(host, "from=\"10.0.0.0/8\" ssh-ed25519 " KEY_A "\n"));
    assert_true(test_host_logged(host, "ann.keys:1: the key is not for use from this address"));
    assert_null(grant_by(host, "tunnel=\"0\" ssh-ed25519 " KEY_A "\n"));
    assert_true(test_host_logged(host, "ann.keys:1: option \"tunnel\" is not supported"));
    assert_null(grant_by(host, "restrict,unheard-of ssh-ed25519 " KEY_A "\n"));
    assert_null(grant_by(host, "command=\"unbalanced ssh-ed25519 " KEY_A "\n"));
    assert_null(grant_by(host, "command=\"\" ssh-ed25519 " KEY_A "\n"));
    assert_null(grant_by(host, "cert-authority ssh-ed25519 " KEY_A "\n"));
    assert_null(grant_by(host, "restrict, ssh-ed25519 " KEY_A "\n"));
    test_host_free(host);

    host = host_with_keys_file("");
    grant = grant_by(host, "restrict,pty,port-forwarding ssh-ed25519 " KEY_A "\n");
    assert_int_equal(grant->permit, SP_PERMIT_SFTP); /* an option cannot widen the entry */
    test_host_free(host);

    host = host_with_keys_file(",\"forced_command\":\"mine\"");
    grant = grant_by(host, "command=\"theirs\" ssh-ed25519 " KEY_A "\n");
    assert_str(grant->forced_command, "mine");
    test_host_free(host);
}

static int32_t try_certificate(struct test_host *host, const char *user, bool trusted)
{
    struct key key = key_of(KEY_A);
    const struct sp_str principals[] = {sp_str_of("ann"), sp_str_of("eve")};
    struct sp_certificate certificate = {.struct_size = sizeof certificate,
                                         .trusted = trusted,
                                         .principals = principals,
                                         .principals_count = 2};
    struct sp_auth_event event = {.user = sp_str_of(user),
                                  .method = SP_METHOD_PUBLICKEY,
                                  .key_state = SP_KEY_PROVED,
                                  .key_blob = {(const char *)key.blob, key.length},
                                  .certificate = &certificate};
    int32_t verdict = TEST_AUTH(host, publickey, &event)->verdict;
    key_clear(&key);
    return verdict;
}

static void take_trusted_certificates_where_told_to(void **state)
{
    (void)state;
    more = ",\"certificates\":true";
    struct test_host *host = host_with("");
    assert_int_equal(try_certificate(host, "ann", true), SP_ALLOW);
    assert_int_equal(try_certificate(host, "ann", false), SP_DENY);
    assert_int_equal(try_certificate(host, "eve", true), SP_NEXT); /* not in the file */
    test_host_free(host);
    host = host_for("{\"users\":[{\"name\":\"bob\"}]}", 0600);
    assert_int_equal(try_certificate(host, "bob", true), SP_DENY); /* not a principal */
    test_host_free(host);
    more = "";
    host = host_with("");
    assert_int_equal(try_certificate(host, "ann", true), SP_DENY);
    test_host_free(host);
}

static void survive_hostile_authorized_keys(void **state)
{
    (void)state;
    struct test_host *host = host_with_keys_file("");
    char *text = malloc((1u << 20) + 256);
    assert_non_null(text);
    memset(text, 'x', 1u << 20);
    strcpy(text + (1u << 20), "\nssh-ed25519 " KEY_A "\n");
    assert_non_null(grant_by(host, text)); /* the line of 1 MiB is passed over */
    memset(text, '\n', 1u << 20);
    memcpy(text, "bad", 3);
    assert_non_null(grant_by(host, text));
    free(text);

    unlink(keys_path);
    assert_int_equal(mkfifo(keys_path, 0600), 0);
    assert_int_equal(try_key(host, "ann", KEY_A, SP_KEY_PROVED)->verdict, SP_DENY);
    unlink(keys_path);
    assert_int_equal(mkdir(keys_path, 0700), 0);
    assert_int_equal(try_key(host, "ann", KEY_A, SP_KEY_PROVED)->verdict, SP_DENY);
    rmdir(keys_path);
    assert_int_equal(symlink("/dev/zero", keys_path), 0);
    assert_int_equal(try_key(host, "ann", KEY_A, SP_KEY_PROVED)->verdict, SP_DENY);
    unlink(keys_path);
    write_file(keys_path, "ssh-ed25519 " KEY_A "\n", 0620);
    assert_int_equal(try_key(host, "ann", KEY_A, SP_KEY_PROVED)->verdict, SP_DENY);
    assert_true(test_host_logged(host, "others than its owner may write it"));
    test_host_free(host);
}

static void refuse_bad_users_files(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "[]",
        "{\"users\":{}}",
        "{\"users\":[],\"more\":1}",
        "{\"users\":[{}]}",
        "{\"users\":[{\"name\":\"a\",\"readonly\":true}]}",
        "{\"users\":[{\"name\":\"a\",\"password\":\"secret\"}]}",
        "{\"users\":[{\"name\":\"a\",\"password\":\"$1$abcdefgh$G//4keteveJp0qb8z2DxG/\"}]}",
        "{\"users\":[{\"name\":\"a\",\"password\":\"$y$\"}]}",
        "{\"users\":[{\"name\":\"a\"},{\"name\":\"a\"}]}",
        "{\"users\":[{\"name\":\"a\\u0007\"}]}",
        "{\"users\":[{\"name\":\"a\",\"keys\":[\"ssh-ed25519 AAAA\"]}]}",
        "{\"users\":[{\"name\":\"a\",\"permit\":[\"root\"]}]}",
        "{\"users\":[{\"name\":\"../a\",\"authorized_keys\":\"/home/%u/k\"}]}",
        "{\"users\":[{\"name\":\"a\",\"name\":\"b\"}]}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_null(host_for(bad[i], 0600));
    assert_null(host_for("{\"users\":[]}", 0620));
    assert_null(host_for("{\"users\":[]}", 0602));
    assert_null(host_for("{\"users\":[]}", 0604));
    struct test_host *host = host_for("{\"users\":[]}", 0640);
    assert_non_null(host);
    test_host_free(host);
    unlink(users_path);
    char config[256];
    snprintf(config, sizeof config, "{\"users_file\":\"%s\"}", users_path);
    assert_null(test_host_new(&sallyport_plugin_v1, config));
}

/* The plugin looks at its file at most once a second: ask until it has. */
static bool becomes(struct test_host *host, const char *user, int32_t verdict)
{
    double deadline = seconds() + 5;
    while (seconds() < deadline) {
        if (try_password(host, user, "secret")->verdict == verdict)
            return true;
        usleep(20000);
    }
    return false;
}

static void follow_the_users_file(void **state)
{
    (void)state;
    struct test_host *host = host_with("");
    char users[1024];
    snprintf(users, sizeof users, "{\"users\":[{\"name\":\"bob\",\"password\":\"%s\"}]}", hash);
    write_file(users_path, users, 0600);
    assert_true(becomes(host, "bob", SP_ALLOW));
    assert_int_equal(try_password(host, "ann", "secret")->verdict, SP_NEXT);

    /* A bad one changes nothing and says where it is wrong. */
    write_file(users_path, "{\"users\":[\n{\"name\":\"cleo\"},\n{\"name\":\"x\",\"y\":1}]}\n",
               0600);
    double deadline = seconds() + 5;
    while (!test_host_logged(host, "users.json:3: user x: \"y\"") && seconds() < deadline)
        assert_int_equal(try_password(host, "bob", "secret")->verdict, SP_ALLOW);
    assert_true(test_host_logged(host, "users.json:3: user x: \"y\": there is no such key"));
    unlink(users_path);
    assert_int_equal(try_password(host, "bob", "secret")->verdict, SP_ALLOW);

    snprintf(users, sizeof users, "{\"users\":[{\"name\":\"cleo\",\"password\":\"%s\"}]}", hash);
    write_file(users_path, users, 0600);
    assert_true(becomes(host, "cleo", SP_ALLOW));
    assert_int_equal(try_password(host, "bob", "secret")->verdict, SP_NEXT);
    test_host_free(host);
}

static void try_a_file_again_that_could_not_be_read(void **state)
{
    (void)state;
    struct test_host *host = host_with("");
    char users[1024];
    struct rlimit before, none;
    snprintf(users, sizeof users, "{\"users\":[{\"name\":\"bob\",\"password\":\"%s\"}]}", hash);
    write_file(users_path, users, 0600);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    double deadline = seconds() + 5;
    while (!test_host_logged(host, "Too many open files") && seconds() < deadline)
        try_password(host, "ann", "secret");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_true(test_host_logged(host, "Too many open files"));
    assert_true(becomes(host, "bob", SP_ALLOW));
    test_host_free(host);
}

static atomic_bool stop;

static void *ask_on_and_on(void *arg)
{
    struct test_host *host = arg;
    struct key key = key_of(KEY_A);
    while (!atomic_load(&stop)) {
        struct sp_auth_event event = {.user = sp_str_of("ann"),
                                      .method = SP_METHOD_PUBLICKEY,
                                      .key_state = SP_KEY_PROVED,
                                      .key_blob = {(const char *)key.blob, key.length}};
        const struct test_answer *answer = TEST_AUTH(host, publickey, &event);
        assert_int_equal(answer->verdict, SP_ALLOW);
        assert_str(answer->auth.grant->home, "/ann");
    }
    key_clear(&key);
    return NULL;
}

static void answer_several_threads_while_the_file_changes(void **state)
{
    (void)state;
    static const char users[] = "{\"users\":[{\"name\":\"ann\",\"home\":\"/ann\",\"keys\":["
                                "\"ssh-ed25519 " KEY_A "\"]}%s]}";
    char text[512];
    pthread_t threads[3];
    snprintf(text, sizeof text, users, "");
    struct test_host *host = host_for(text, 0600);
    assert_non_null(host);
    atomic_store(&stop, false);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_on_and_on, host), 0);
    snprintf(text, sizeof text, users, ",{\"name\":\"bob\"}");
    /* Replaced in one step, so that no reading meets half of it. */
    write_file(keys_path, text, 0600);
    assert_int_equal(rename(keys_path, users_path), 0);
    double deadline = seconds() + 5;
    while (!test_host_logged(host, "was read again") && seconds() < deadline)
        usleep(20000);
    atomic_store(&stop, true);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    assert_true(test_host_logged(host, "was read again"));
    test_host_free(host);
}

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(directory))
        return -1;
    snprintf(users_path, sizeof users_path, "%s/users.json", directory);
    snprintf(keys_path, sizeof keys_path, "%s/ann.keys", directory);
    make_hash("$6$", 1000);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(users_path);
    unlink(keys_path);
    return rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allow_the_right_password_of_each_method),
        cmocka_unit_test(pass_on_unknown_users_and_refuse_unsound_names),
        cmocka_unit_test(deny_passwords_that_only_begin_right),
        cmocka_unit_test(deny_what_bcrypt_would_cut),
        cmocka_unit_test(let_nobody_in_without_a_hash),
        cmocka_unit_test(take_as_long_for_unknown_users),
        cmocka_unit_test(grant_what_the_entry_says),
        cmocka_unit_test(grant_only_for_a_proved_key),
        cmocka_unit_test(read_authorized_keys_as_they_come),
        cmocka_unit_test(never_give_more_than_an_option_leaves),
        cmocka_unit_test(take_trusted_certificates_where_told_to),
        cmocka_unit_test(survive_hostile_authorized_keys),
        cmocka_unit_test(refuse_bad_users_files),
        cmocka_unit_test(follow_the_users_file),
        cmocka_unit_test(try_a_file_again_that_could_not_be_read),
        cmocka_unit_test(answer_several_threads_while_the_file_changes),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
