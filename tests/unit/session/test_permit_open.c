/* test_permit_open.c: where a user's tunnels may lead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sallyport/plugin.h>

#include "session/permit_open.h"

static struct sp_str rows[4];

static struct sp_grant listing(const char *a, const char *b)
{
    struct sp_grant grant = {.struct_size = sizeof grant, .permit_open = rows};
    rows[0] = sp_str_of(a);
    rows[1] = sp_str_of(b);
    grant.permit_open_count = a ? (b ? 2 : 1) : 0;
    return grant;
}

static bool allows(struct sp_grant grant, const char *host, uint32_t port)
{
    return permit_open_allows(&grant, sp_str_of(host), port);
}

static void no_list_permits_all(void **state)
{
    (void)state;
    struct sp_grant grant = listing(NULL, NULL);
    assert_true(allows(grant, "any.example", 1));
    assert_true(permit_open_allows_path(&grant, sp_str_of("/run/x")));
}

static void only_what_is_listed_is_permitted(void **state)
{
    (void)state;
    struct sp_grant grant = listing("db.example:5432", "[2001:db8::1]:80");
    assert_true(allows(grant, "db.example", 5432));
    assert_true(allows(grant, "DB.Example", 5432));
    assert_true(allows(grant, "2001:db8::1", 80));
    assert_false(allows(grant, "db.example", 5433));
    assert_false(allows(grant, "db.example", 543));
    assert_false(allows(grant, "db.example.evil", 5432));
    assert_false(allows(grant, "b.example", 5432));
    assert_false(allows(grant, "", 5432));
    assert_false(permit_open_allows_path(&grant, sp_str_of("/run/x")));
    assert_false(permit_open_allows_path(&grant, sp_str_of("")));
}

static void stars_stand_for_any_host_or_port(void **state)
{
    (void)state;
    assert_true(allows(listing("*:80", NULL), "any.example", 80));
    assert_false(allows(listing("*:80", NULL), "any.example", 81));
    assert_true(allows(listing("a.example:*", NULL), "a.example", 65535));
    assert_false(allows(listing("a.example:*", NULL), "b.example", 65535));
}

static void rows_that_make_no_sense_permit_nothing(void **state)
{
    (void)state;
    assert_false(allows(listing("none", NULL), "none", 0));
    assert_false(allows(listing("", NULL), "", 0));
    assert_false(allows(listing(":80", NULL), "", 80));
    assert_false(allows(listing("a.example:080", NULL), "a.example", 80));
    assert_false(allows(listing("[]:80", NULL), "", 80));
}

static void paths_are_listed_as_they_are(void **state)
{
    (void)state;
    struct sp_grant grant = listing("/run/db.sock", "*:80");
    assert_true(permit_open_allows_path(&grant, sp_str_of("/run/db.sock")));
    assert_false(permit_open_allows_path(&grant, sp_str_of("/run/db.sock2")));
    assert_false(permit_open_allows_path(&grant, sp_str_of("/run/db.soc")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_list_permits_all),
        cmocka_unit_test(only_what_is_listed_is_permitted),
        cmocka_unit_test(stars_stand_for_any_host_or_port),
        cmocka_unit_test(rows_that_make_no_sense_permit_nothing),
        cmocka_unit_test(paths_are_listed_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
