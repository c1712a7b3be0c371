/* Snapshots: copies in one block that stay as they are, whatever becomes of the original. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "session/snapshot.h"

static void copies_everything_the_connection_points_to(void **state)
{
    char user[] = "alice", root[] = "/srv/alice", group[] = "staff", name[] = "LANG",
         value[] = "C.UTF-8";
    struct sp_str groups[] = {sp_str_of(group)};
    struct sp_pair environment[] = {{sp_str_of(name), sp_str_of(value)}};
    struct sp_grant grant = {
        .struct_size = sizeof grant,
        .permit = SP_PERMIT_SFTP,
        .root = sp_str_of(root),
        .groups = groups,
        .groups_count = 1,
        .environment = environment,
        .environment_count = 1,
    };
    struct sp_connection connection = {
        .struct_size = sizeof connection, .id = 7, .user = sp_str_of(user), .grant = &grant};
    const struct sp_connection *snapshot = snapshot_new(&connection);

    (void)state;
    assert_non_null(snapshot);
    memset(user, 'x', 5);
    memset(root, 'x', 5);
    memset(group, 'x', 5);
    memset(name, 'x', 4);
    memset(value, 'x', 7);
    memset(groups, 0, sizeof groups);
    memset(environment, 0, sizeof environment);
    memset(&grant, 0, sizeof grant);
    assert_int_equal(snapshot->id, 7);
    assert_string_equal(snapshot->user.data, "alice");
    assert_int_equal(snapshot->grant->permit, SP_PERMIT_SFTP);
    assert_string_equal(snapshot->grant->root.data, "/srv/alice");
    assert_string_equal(snapshot->grant->groups[0].data, "staff");
    assert_string_equal(snapshot->grant->environment[0].name.data, "LANG");
    assert_string_equal(snapshot->grant->environment[0].value.data, "C.UTF-8");
    assert_string_equal(snapshot->listener.data, "");
    snapshot_unref(snapshot);
}

static void copies_the_proposal_and_what_is_permitted_to_tunnels(void **state)
{
    char kex[] = "curve25519-sha256", hassh[] = "0123", mac[] = "hmac-sha2-256", target[] = "a:1";
    struct sp_str open[] = {sp_str_of(target)};
    struct sp_grant grant = {
        .struct_size = sizeof grant, .permit_open = open, .permit_open_count = 1, .handles_max = 3};
    struct sp_proposal proposal = {.struct_size = sizeof proposal,
                                   .strict_kex = 1,
                                   .kex = sp_str_of(kex),
                                   .hassh = sp_str_of(hassh)};
    struct sp_connection connection = {.struct_size = sizeof connection,
                                       .mac_out = sp_str_of(mac),
                                       .strict_kex = 1,
                                       .proposal = &proposal,
                                       .grant = &grant};
    const struct sp_connection *snapshot = snapshot_new(&connection);

    (void)state;
    memset(kex, 'x', 5);
    memset(hassh, 'x', 2);
    memset(mac, 'x', 2);
    memset(target, 'x', 2);
    memset(&proposal, 0, sizeof proposal);
    assert_string_equal(snapshot->mac_out.data, "hmac-sha2-256");
    assert_string_equal(snapshot->server_version.data, "");
    assert_int_equal(snapshot->strict_kex, 1);
    assert_int_equal(snapshot->proposal->strict_kex, 1);
    assert_string_equal(snapshot->proposal->kex.data, "curve25519-sha256");
    assert_string_equal(snapshot->proposal->hassh.data, "0123");
    assert_string_equal(snapshot->grant->permit_open[0].data, "a:1");
    assert_int_equal(snapshot->grant->handles_max, 3);
    snapshot_unref(snapshot);
}

static void lives_as_long_as_somebody_refers_to_it(void **state)
{
    struct sp_connection connection = {.struct_size = sizeof connection, .user = sp_str_of("bob")};
    const struct sp_connection *first = snapshot_new(&connection);
    const struct sp_connection *second = snapshot_ref(first);

    (void)state;
    snapshot_unref(first);
    assert_string_equal(second->user.data, "bob");
    snapshot_unref(second);
    snapshot_unref(NULL);
}

static void a_snapshot_of_a_snapshot_is_independent(void **state)
{
    struct sp_grant grant = {.struct_size = sizeof grant, .home = sp_str_of("/home")};
    struct sp_connection connection = {.struct_size = sizeof connection, .grant = &grant};
    const struct sp_connection *first = snapshot_new(&connection);
    const struct sp_connection *second = snapshot_new(first);

    (void)state;
    assert_ptr_not_equal(first->grant, second->grant);
    snapshot_unref(first);
    assert_string_equal(second->grant->home.data, "/home");
    snapshot_unref(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_everything_the_connection_points_to),
        cmocka_unit_test(copies_the_proposal_and_what_is_permitted_to_tunnels),
        cmocka_unit_test(lives_as_long_as_somebody_refers_to_it),
        cmocka_unit_test(a_snapshot_of_a_snapshot_is_independent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
