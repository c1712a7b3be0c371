/* test_loader.c: shared objects that are not what their manifest says: each load fails naming the
 * difference, and what was loaded before is taken down again. */
#include "stage.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "puppet.h"

static struct stage stage;

static int setup(void **state)
{
    (void)state;
    stage_open(&stage, 1);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    stage_close(&stage);
    return 0;
}

static int try_up(void)
{
    int rc =
        plugin_host_new(&stage.config, stage.reactor, stage.pool, NULL, &stage.host, &stage.report);
    assert_int_equal(rc < 0, stage.host == NULL);
    return rc;
}

static void expect_refused(const char *plugin, const char *text)
{
    stage_add(&stage, "suspect", plugin);
    assert_true(try_up() < 0);
    if (stage_complained(&stage, text))
        return;
    report_print(&stage.report, STDERR_FILENO);
    fail_msg("no complaint says \"%s\"", text);
}

static void object_without_a_descriptor_is_refused(void **state)
{
    (void)state;
    expect_refused("missing-symbol", "does not export sallyport_plugin_v1");
}

static void descriptor_of_another_abi_is_refused_unread(void **state)
{
    (void)state;
    expect_refused("other-abi", "was compiled against plugin ABI 2.0; this build has 1.1");
    assert_int_equal(stage.report.count, 1);
}

static void descriptor_that_ends_too_early_is_refused_unread(void **state)
{
    (void)state;
    expect_refused("short-struct", "set struct_size to sizeof(struct sp_plugin)");
    assert_int_equal(stage.report.count, 1);
}

static void each_difference_from_the_manifest_is_named(void **state)
{
    (void)state;
    expect_refused("disagrees", "the id \"somebody-else\"");
    assert_true(stage_complained(&stage, "the version \"0.9\""));
    assert_true(stage_complained(&stage, "offers sallyport.channel/1, which"));
    assert_true(stage_complained(&stage, "offers sallyport.unheard-of/9, which"));
    assert_true(stage_complained(&stage, "offers sallyport.connection/1, but"));
    assert_true(stage_complained(&stage, "table for sallyport.auth/1 gives 0 as its size"));
    assert_true(stage_complained(&stage, "lacks create"));
    assert_int_equal(stage.report.count, 7);
}

static void file_that_is_no_object_is_refused_with_the_loaders_reason(void **state)
{
    (void)state;
    expect_refused("not-elf", "cannot be loaded");
    assert_true(stage_complained(&stage, "invalid ELF header") ||
                stage_complained(&stage, "file too short"));
}

static void create_that_fails_is_told_with_the_plugins_reason_in_the_log(void **state)
{
    (void)state;
    expect_refused("create-fails", "could not create the instance \"suspect\" (-1)");
    assert_true(stage_logged(&stage, "plugin.log", "suspect", "the users file is gone"));
    assert_int_equal(stage.report.complaints[0].line, 7);
    assert_string_equal(stage.report.complaints[0].file, "test.json");
    assert_string_equal(stage.report.complaints[0].key, "/plugins/0");
}

static struct puppet *puppet;
static int ended;

static void count_end(const char *what)
{
    ended += strcmp(what, "destroy") == 0;
}

static void good_instance_beside_a_bad_one_is_destroyed(void **state)
{
    (void)state;
    ended = 0;
    puppet = stage_symbol("puppet-reactor", "puppet");
    puppet->on_end = count_end;
    stage_add(&stage, "good", "puppet-reactor");
    expect_refused("create-fails", "could not create");
    assert_int_equal(ended, 1);
    puppet->on_end = NULL;
}

static void every_bad_instance_is_told_of_at_once(void **state)
{
    (void)state;
    stage_add(&stage, "one", "unheard-of");
    stage_add(&stage, "two", "puppet-reactor")->config_json = (char *)"{\"strings\": 0}";
    stage_add(&stage, "three", "puppet-reactor")->config_json = (char *)"{\"string\": 4}";
    assert_true(plugin_host_check(&stage.config, &stage.report) < 0);
    assert_int_equal(stage.report.errors, 3);
    assert_string_equal(stage.report.complaints[0].key, "/plugins/0/plugin");
    assert_string_equal(stage.report.complaints[1].key, "/plugins/1/config/strings");
    assert_string_equal(stage.report.complaints[2].key, "/plugins/2/config/string");
    assert_int_equal(stage.report.complaints[2].line, 7);
}

static void instances_must_offer_what_they_are_used_for(void **state)
{
    (void)state;
    char *chain[] = {(char *)"users", (char *)"doll"};
    struct config_subsystem subsystem = {(char *)"a/b", (char *)"users"};
    struct config_mount mount = {.path = (char *)"/", .provider = (char *)"users"};
    stage_add(&stage, "users", "crash-in-constructor"); /* auth only */
    stage_add(&stage, "doll", "puppet-serial");
    stage.config.auth_chain = stage.config.channel_chain = (struct config_chain){chain, 2};
    stage.config.subsystems = &subsystem;
    stage.config.mounts = &mount;
    stage.config.subsystems_count = stage.config.mounts_count = 1;
    assert_true(plugin_host_check(&stage.config, &stage.report) < 0);
    assert_int_equal(stage.report.errors, 3);
    assert_string_equal(stage.report.complaints[0].key, "/chains/channel/0");
    assert_non_null(strstr(stage.report.complaints[0].text, "sallyport.channel/1"));
    assert_string_equal(stage.report.complaints[1].key, "/subsystems/a~1b");
    assert_string_equal(stage.report.complaints[2].key, "/mounts/0/provider");
}

static void check_runs_no_code_of_the_plugin(void **state)
{
    (void)state;
    stage_add(&stage, "crasher", "crash-in-constructor");
    assert_int_equal(plugin_host_check(&stage.config, &stage.report), 0);
}

static void instance_is_not_called_less_strictly_than_its_plugin_asks(void **state)
{
    (void)state;
    stage_add(&stage, "one", "puppet-serial")->threading = (char *)"connection";
    stage_add(&stage, "two", "puppet-reactor")->threading = (char *)"connection";
    assert_true(plugin_host_check(&stage.config, &stage.report) < 0);
    assert_int_equal(stage.report.errors, 2);
    assert_string_equal(stage.report.complaints[0].key, "/plugins/0/threading");

    stage.config.plugins_count = 0;
    report_free(&stage.report);
    stage_add(&stage, "one", "puppet-connection")->threading = (char *)"serial";
    stage_add(&stage, "two", "puppet-reactor")->threading = (char *)"serial";
    stage_add(&stage, "three", "puppet-connection")->threading = (char *)"reactor";
    assert_int_equal(plugin_host_check(&stage.config, &stage.report), 0);
    assert_int_equal(stage.report.count, 1); /* a warning: it may block everybody */
}

static int crash_pipe[2];

static void on_fault(int number)
{
    const struct plugin_position *position = plugin_position();
    char text[128];
    (void)number;
    int len = snprintf(text, sizeof text, "%s %s", position ? position->instance : "?",
                       position ? position->operation : "?");
    if (write(crash_pipe[1], text, (size_t)len) < 0)
        _exit(1);
    _exit(42);
}

static void crash_while_loading_is_blamed_on_the_instance(void **state)
{
    (void)state;
    char text[128] = "";
    int status;
    stage_add(&stage, "suspect", "crash-in-constructor");
    assert_int_equal(pipe2(crash_pipe, O_CLOEXEC), 0);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGSEGV, on_fault);
        plugin_host_new(&stage.config, stage.reactor, stage.pool, NULL, &stage.host, &stage.report);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 42);
    assert_true(read(crash_pipe[0], text, sizeof text - 1) > 0);
    assert_string_equal(text, "suspect load");
    close(crash_pipe[0]);
    close(crash_pipe[1]);
}

static void searching_for_libraries_elsewhere_is_switched_off(void **state)
{
    (void)state;
    setenv("LTDL_LIBRARY_PATH", "/tmp/evil", 1);
    setenv("LD_LIBRARY_PATH", "/tmp/evil", 1);
    stage_add(&stage, "good", "puppet-reactor");
    assert_int_equal(try_up(), 0);
    assert_null(getenv("LTDL_LIBRARY_PATH"));
    assert_null(getenv("LD_LIBRARY_PATH"));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(object_without_a_descriptor_is_refused),
        TEST(descriptor_of_another_abi_is_refused_unread),
        TEST(descriptor_that_ends_too_early_is_refused_unread),
        TEST(each_difference_from_the_manifest_is_named),
        TEST(file_that_is_no_object_is_refused_with_the_loaders_reason),
        TEST(create_that_fails_is_told_with_the_plugins_reason_in_the_log),
        TEST(good_instance_beside_a_bad_one_is_destroyed),
        TEST(every_bad_instance_is_told_of_at_once),
        TEST(instances_must_offer_what_they_are_used_for),
        TEST(check_runs_no_code_of_the_plugin),
        TEST(instance_is_not_called_less_strictly_than_its_plugin_asks),
        TEST(crash_while_loading_is_blamed_on_the_instance),
        TEST(searching_for_libraries_elsewhere_is_switched_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
