/* test_my_plugin.c: hands records to the plugin, as the daemon would. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "test_host.h"

static struct test_host *host;
static char path[] = "/tmp/my-plugin-XXXXXX";

static void tell(const char *name, const char *text, uint64_t dropped)
{
    struct sp_log_event event = {.level = SP_LOG_INFO,
                                 .time_ms = 42,
                                 .dropped = dropped,
                                 .name = sp_str_of(name),
                                 .text = sp_str_of(text)};
    assert_int_equal(TEST_LOG(host, record, &event)->verdict, SP_OK);
}

static void records_of_that_kind_are_kept_and_losses_told(void **state)
{
    (void)state;
    char text[256] = "";
    tell("auth.accepted", "user=ann", 0);
    tell("connection.closed", "conn=1", 0);
    tell("auth.denied", "user=bob", 3);

    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[length] = '\0';
    assert_string_equal(text, "42 auth.accepted user=ann\n(3 records are missing)\n"
                              "42 auth.denied user=bob\n");
}

static void file_that_cannot_be_written_is_told(void **state)
{
    (void)state;
    assert_null(test_host_new(&sallyport_plugin_v1, "{\"file\":\"/none/x\",\"event\":\"auth.\"}"));
}

static int set_up(void **state)
{
    char config[128];
    (void)state;
    int fd = mkstemp(path);
    if (fd < 0)
        return -1;
    close(fd);
    snprintf(config, sizeof config, "{\"file\":\"%s\",\"event\":\"auth.\"}", path);
    host = test_host_new(&sallyport_plugin_v1, config);
    return host ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    test_host_free(host);
    unlink(path);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_of_that_kind_are_kept_and_losses_told),
        cmocka_unit_test(file_that_cannot_be_written_is_told),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
