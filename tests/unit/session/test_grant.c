/* test_grant.c: what is left of several grants. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include <sallyport/plugin.h>

#include "base/err.h"
#include "session/grant.h"

#define STR(text)                                                                                  \
    {                                                                                              \
        text, sizeof text - 1                                                                      \
    }

static struct sp_grant *join(const struct sp_grant *a, const struct sp_grant *b)
{
    struct sp_grant *joined = NULL;
    assert_int_equal(grant_join(&joined, a), 0);
    assert_int_equal(grant_join(&joined, b), 0);
    return joined;
}

static void assert_str(struct sp_str text, const char *expected)
{
    assert_int_equal(text.len, strlen(expected));
    assert_string_equal(text.data, expected);
}

static void one_grant_is_copied_whole(void **state)
{
    (void)state;
    struct sp_str groups[] = {STR("a"), STR("a")};
    struct sp_grant grant = {.struct_size = sizeof grant,
                             .permit = SP_PERMIT_SFTP,
                             .home = STR("/h"),
                             .groups = groups,
                             .groups_count = 2,
                             .handles_max = 3};
    struct sp_grant *joined = NULL;
    assert_int_equal(grant_join(&joined, &grant), 0);
    memset(&grant, 0x55, sizeof grant);
    memset(groups, 0x55, sizeof groups);
    assert_int_equal(joined->permit, SP_PERMIT_SFTP);
    assert_str(joined->home, "/h");
    assert_int_equal(joined->groups_count, 2);
    assert_str(joined->groups[1], "a");
    assert_int_equal(joined->handles_max, 3);
    grant_free(joined);
}

static void rights_are_common_and_restrictions_add_up(void **state)
{
    (void)state;
    struct sp_grant a = {.struct_size = sizeof a,
                         .permit = SP_PERMIT_SFTP | SP_PERMIT_EXEC,
                         .read_only = 1,
                         .idle_timeout_ms = 500,
                         .channels_max = 4};
    struct sp_grant b = {.struct_size = sizeof b,
                         .permit = SP_PERMIT_SFTP | SP_PERMIT_SHELL,
                         .restrict_to_home = 1,
                         .idle_timeout_ms = 400,
                         .handles_max = 7};
    struct sp_grant *joined = join(&a, &b);
    assert_int_equal(joined->permit, SP_PERMIT_SFTP);
    assert_int_equal(joined->read_only, 1);
    assert_int_equal(joined->restrict_to_home, 1);
    assert_int_equal(joined->idle_timeout_ms, 400);
    assert_int_equal(joined->channels_max, 4);
    assert_int_equal(joined->handles_max, 7);
    grant_free(joined);
}

static void the_first_text_counts(void **state)
{
    (void)state;
    struct sp_grant a = {.struct_size = sizeof a, .home = STR("/a"), .system_user = STR("u")};
    struct sp_grant b = {.struct_size = sizeof b, .home = STR("/b"), .root = STR("r")};
    struct sp_grant *joined = join(&a, &b);
    assert_str(joined->home, "/a");
    assert_str(joined->root, "r");
    assert_str(joined->system_user, "u");
    grant_free(joined);
}

static void forced_commands_must_agree(void **state)
{
    (void)state;
    struct sp_grant none = {.struct_size = sizeof none};
    struct sp_grant a = {.struct_size = sizeof a, .forced_command = STR("backup")};
    struct sp_grant b = {.struct_size = sizeof b, .forced_command = STR("backups")};
    struct sp_grant *joined = join(&none, &a);
    assert_str(joined->forced_command, "backup");
    assert_int_equal(grant_join(&joined, &a), 0);
    assert_int_equal(grant_join(&joined, &b), SP_ERR_DENIED);
    assert_str(joined->forced_command, "backup");
    grant_free(joined);
}

static void lists_are_united_and_the_first_of_a_name_counts(void **state)
{
    (void)state;
    struct sp_str groups_a[] = {STR("x"), STR("y")}, groups_b[] = {STR("y"), STR("z")};
    struct sp_pair pairs_a[] = {{STR("K"), STR("1")}, {STR("K"), STR("2")}};
    struct sp_pair pairs_b[] = {{STR("K"), STR("3")}, {STR("L"), STR("4")}, {STR("L"), STR("5")}};
    struct sp_grant a = {.struct_size = sizeof a,
                         .groups = groups_a,
                         .groups_count = 2,
                         .environment = pairs_a,
                         .environment_count = 2,
                         .attributes = pairs_a,
                         .attributes_count = 1};
    struct sp_grant b = {.struct_size = sizeof b,
                         .groups = groups_b,
                         .groups_count = 2,
                         .environment = pairs_b,
                         .environment_count = 3,
                         .attributes = pairs_b,
                         .attributes_count = 2};
    struct sp_grant *joined = join(&a, &b);
    assert_int_equal(joined->groups_count, 3);
    assert_str(joined->groups[2], "z");
    assert_int_equal(joined->environment_count, 4);
    assert_str(joined->environment[1].value, "2");
    assert_str(joined->environment[3].value, "5");
    assert_int_equal(joined->attributes_count, 2);
    assert_str(joined->attributes[0].value, "1");
    assert_str(joined->attributes[1].value, "4");
    grant_free(joined);
}

static void tunnels_lead_only_where_all_lists_agree(void **state)
{
    (void)state;
    struct sp_str open_a[] = {STR("db:5432"), STR("web:80")}, open_b[] = {STR("web:80")};
    struct sp_str listen_b[] = {STR("*:8080")};
    uint32_t both = SP_PERMIT_TUNNEL_FORWARD | SP_PERMIT_TUNNEL_REVERSE;
    struct sp_grant a = {
        .struct_size = sizeof a, .permit = both, .permit_open = open_a, .permit_open_count = 2};
    struct sp_grant b = {.struct_size = sizeof b,
                         .permit = both,
                         .permit_open = open_b,
                         .permit_open_count = 1,
                         .permit_listen = listen_b,
                         .permit_listen_count = 1};
    struct sp_grant *joined = join(&a, &b);
    assert_int_equal(joined->permit, both);
    assert_int_equal(joined->permit_open_count, 1);
    assert_str(joined->permit_open[0], "web:80");
    assert_int_equal(joined->permit_listen_count, 1);
    /* Nothing in common must not turn into "anywhere". */
    struct sp_grant c = {.struct_size = sizeof c,
                         .permit = both,
                         .permit_open = open_a,
                         .permit_open_count = 1,
                         .permit_listen = open_a,
                         .permit_listen_count = 1};
    assert_int_equal(grant_join(&joined, &c), 0);
    assert_int_equal(joined->permit, 0);
    grant_free(joined);
}

static void the_bounds_of_the_abi_hold(void **state)
{
    (void)state;
    static struct sp_str many[1024];
    static char names[1024][8];
    for (unsigned i = 0; i < 1024; i++) {
        snprintf(names[i], sizeof names[i], "%u", i);
        many[i] = sp_str_of(names[i]);
    }
    struct sp_str one[] = {STR("one more")};
    struct sp_grant a = {.struct_size = sizeof a, .groups = many, .groups_count = 1024};
    struct sp_grant b = {.struct_size = sizeof b, .groups = one, .groups_count = 1};
    struct sp_grant *joined = NULL;
    assert_int_equal(grant_join(&joined, &a), 0);
    assert_int_equal(grant_join(&joined, &b), SP_ERR_INVALID);
    assert_int_equal(joined->groups_count, 1024);
    grant_free(joined);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_grant_is_copied_whole),
        cmocka_unit_test(rights_are_common_and_restrictions_add_up),
        cmocka_unit_test(the_first_text_counts),
        cmocka_unit_test(forced_commands_must_agree),
        cmocka_unit_test(lists_are_united_and_the_first_of_a_name_counts),
        cmocka_unit_test(tunnels_lead_only_where_all_lists_agree),
        cmocka_unit_test(the_bounds_of_the_abi_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
