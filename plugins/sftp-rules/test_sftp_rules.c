/* test_sftp_rules.c: rules in the test host. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/pattern.h"
#include "test_host.h"

#define WRITES (SP_OPEN_WRITE | SP_OPEN_CREATE | SP_OPEN_TRUNCATE)

static struct test_host *host;
static struct sp_grant grant;
static struct sp_str groups[2];

/* An instance with these rules, for ann of "staff". */
static void begin(const char *config)
{
    test_host_free(host);
    host = test_host_new(&sallyport_plugin_v1, config);
    assert_non_null(host);
    groups[0] = sp_str_of("people");
    groups[1] = sp_str_of("staff");
    grant = (struct sp_grant){.struct_size = sizeof grant, .groups = groups, .groups_count = 2};
    test_host_connection(host)->user = sp_str_of("ann");
    test_host_connection(host)->grant = &grant;
}

static struct sp_sftp_event about(uint32_t family, const char *name, const char *path)
{
    return (struct sp_sftp_event){.family = family,
                                  .protocol = SP_SFTP_PROTOCOL_SFTP,
                                  .version = 3,
                                  .name = sp_str_of(name),
                                  .path = sp_str_of(path)};
}

static const struct test_answer *before(struct sp_sftp_event event)
{
    test_host_forget(host);
    return TEST_SFTP(host, before, &event);
}

static int32_t verdict(uint32_t family, const char *name, const char *path)
{
    return before(about(family, name, path))->verdict;
}

static const struct test_answer *open_file(const char *path, uint32_t flags)
{
    struct sp_sftp_event event = about(SP_SFTP_OPEN, "open", path);
    event.flags = flags;
    return before(event);
}

static const struct test_answer *two_names(uint32_t family, const char *name, const char *path,
                                           const char *target, uint32_t flags)
{
    struct sp_sftp_event event = about(family, name, path);
    event.target = sp_str_of(target);
    event.flags = flags;
    return before(event);
}

static const struct test_answer *set(const char *path, uint32_t family,
                                     struct sp_fs_attributes attributes)
{
    attributes.struct_size = sizeof attributes;
    struct sp_sftp_event event =
        about(family, family == SP_SFTP_ATTRIBUTES_SET ? "setstat" : "mkdir", path);
    event.attributes = &attributes;
    return before(event);
}

static void patterns_cover_what_lies_below(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *path;
        bool covers, may_lie_below;
    } cases[] = {
        {"/", "/", true, false},
        {"/", "/a/b", true, false},
        {"/a", "/a", true, false},
        {"/a", "/a/b/c", true, false},
        {"/a", "/ab", false, false},
        {"/a/b", "/a", false, true},
        {"/a/b", "/", false, true},
        {"/a/*", "/a", false, true},
        {"/a/*", "/a/b", true, false},
        {"/*/x", "/b/x/y", true, false},
        {"/*/x", "/b/c/x", false, false},
        {"/**/x", "/x", true, false},
        {"/**/x", "/b/c/x/d", true, false},
        {"/**/x", "/b/c", false, true},
        {"/a/**/b/c", "/a/b/x/b/c", true, false},
        {"/a/**/b/c", "/d/b/c", false, false},
        {"/**", "/", true, false},
        {"/a*b?", "/aXXbc/d", true, false},
        {"/a*b?", "/aXXb", false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sp_str pattern = sp_str_of(cases[i].pattern), path = sp_str_of(cases[i].path);
        if (pattern_covers(pattern, path, false) != cases[i].covers ||
            pattern_may_lie_below(pattern, path, false) != cases[i].may_lie_below)
            fail_msg("%s and %s", cases[i].pattern, cases[i].path);
    }
    assert_false(pattern_matches(sp_str_of("*.EXE"), sp_str_of("a.exe"), false));
    assert_true(pattern_matches(sp_str_of("*.EXE"), sp_str_of("a.exe"), true));
}

static void the_first_rule_for_user_and_path_decides(void **state)
{
    (void)state;
    begin("{\"rules\":[{\"users\":[\"bob\"],\"paths\":[\"/\"],\"read_only\":true},"
          "{\"groups\":[\"sta*\"],\"paths\":[\"/pub/own\"]},"
          "{\"groups\":[\"staff\"],\"paths\":[\"/pub\"],\"read_only\":true,\"text\":\"look "
          "only\"}]}");
    assert_int_equal(open_file("/pub/own/f", WRITES)->verdict, SP_NEXT);
    assert_int_equal(open_file("/public/f", WRITES)->verdict, SP_NEXT);
    assert_int_equal(open_file("/pub/f", SP_OPEN_READ)->verdict, SP_NEXT);
    const struct test_answer *answer = open_file("/pub/f", WRITES);
    assert_int_equal(answer->verdict, SP_DENY);
    assert_int_equal(answer->status, SP_FS_WRITE_PROTECT);
    assert_string_equal(answer->sftp.text.data, "look only");
    test_host_connection(host)->user = sp_str_of("bob");
    assert_int_equal(open_file("/elsewhere", WRITES)->verdict, SP_DENY);
}

static void by_default_everything_may_be_done_or_nothing(void **state)
{
    (void)state;
    begin("{\"rules\":[],\"default\":\"allow\"}");
    assert_int_equal(verdict(SP_SFTP_REMOVE, "remove", "/a"), SP_NEXT);
    begin("{\"rules\":[{\"paths\":[\"/in\"]}],\"default\":\"deny\"}");
    assert_int_equal(verdict(SP_SFTP_REMOVE, "remove", "/in/a"), SP_NEXT);
    assert_int_equal(verdict(SP_SFTP_REMOVE, "remove", "/a"), SP_DENY);
    assert_int_equal(open_file("/a", SP_OPEN_READ)->verdict, SP_DENY);
    assert_int_equal(verdict(SP_SFTP_RESOLVE, "realpath", "/a"), SP_NEXT);
}

static void a_tree_that_is_read_only_refuses_all_that_changes(void **state)
{
    (void)state;
    begin("{\"rules\":[{\"paths\":[\"/\"],\"read_only\":true}]}");
    static const struct {
        uint32_t family;
        const char *name;
        int32_t verdict;
    } cases[] = {
        {SP_SFTP_DIRECTORY_CREATE, "mkdir", SP_DENY}, {SP_SFTP_DIRECTORY_REMOVE, "rmdir", SP_DENY},
        {SP_SFTP_DIRECTORY_LIST, "opendir", SP_NEXT}, {SP_SFTP_REMOVE, "remove", SP_DENY},
        {SP_SFTP_ATTRIBUTES_GET, "stat", SP_NEXT},    {SP_SFTP_ATTRIBUTES_SET, "setstat", SP_DENY},
        {SP_SFTP_LINK, "symlink", SP_DENY},           {SP_SFTP_LINK, "hardlink", SP_DENY},
        {SP_SFTP_LINK, "readlink", SP_NEXT},          {SP_SFTP_RENAME, "rename", SP_DENY},
        {SP_SFTP_READ, "check-file-name", SP_NEXT},   {SP_SFTP_LOCK, "block", SP_NEXT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (two_names(cases[i].family, cases[i].name, "/a", "/b", 0)->verdict != cases[i].verdict)
            fail_msg("%s", cases[i].name);
    static const uint32_t writes[] = {SP_OPEN_WRITE,           SP_OPEN_APPEND,
                                      SP_OPEN_CREATE,          SP_OPEN_TRUNCATE,
                                      SP_OPEN_DELETE_ON_CLOSE, SP_OPEN_BLOCK_READ};
    for (size_t i = 0; i < sizeof writes / sizeof *writes; i++)
        assert_int_equal(open_file("/a", SP_OPEN_READ | writes[i])->verdict, SP_DENY);
    assert_int_equal(open_file("/a", SP_OPEN_READ | SP_OPEN_NOFOLLOW)->verdict, SP_NEXT);
}

static void an_inbox_takes_files_and_shows_none(void **state)
{
    (void)state;
    begin("{\"rules\":[{\"paths\":[\"/in\"],\"operations\":[\"write\",\"attributes.get\"]}]}");
    assert_int_equal(open_file("/in/f", WRITES)->verdict, SP_NEXT);
    assert_int_equal(open_file("/in/f", SP_OPEN_READ)->verdict, SP_DENY);
    assert_int_equal(open_file("/in/f", SP_OPEN_READ | WRITES)->verdict, SP_DENY);
    assert_int_equal(open_file("/in/f", WRITES | SP_OPEN_DELETE_ON_CLOSE)->verdict, SP_DENY);
    assert_int_equal(verdict(SP_SFTP_DIRECTORY_LIST, "opendir", "/in"), SP_DENY);
    assert_int_equal(verdict(SP_SFTP_READ, "md5-hash", "/in/f"), SP_DENY);
    assert_int_equal(verdict(SP_SFTP_ATTRIBUTES_GET, "stat", "/in/f"), SP_NEXT);
    struct sp_sftp_event written = about(SP_SFTP_WRITE, "write", "/in/f");
    written.file = 1;
    assert_int_equal(before(written)->verdict, SP_NEXT);
}

static void what_is_hidden_is_not_there(void **state)
{
    (void)state;
    begin("{\"rules\":[{\"paths\":[\"/**/.git\"],\"hidden\":true}]}");
    static const struct {
        uint32_t family;
        const char *name;
    } cases[] = {
        {SP_SFTP_DIRECTORY_CREATE, "mkdir"}, {SP_SFTP_DIRECTORY_REMOVE, "rmdir"},
        {SP_SFTP_DIRECTORY_LIST, "opendir"}, {SP_SFTP_REMOVE, "remove"},
        {SP_SFTP_ATTRIBUTES_GET, "stat"},    {SP_SFTP_ATTRIBUTES_GET, "statvfs"},
        {SP_SFTP_ATTRIBUTES_SET, "setstat"}, {SP_SFTP_LINK, "readlink"},
        {SP_SFTP_LINK, "hardlink"},          {SP_SFTP_RENAME, "rename"},
        {SP_SFTP_READ, "check-file-name"},   {SP_SFTP_OPEN, "open"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct test_answer *answer =
            two_names(cases[i].family, cases[i].name, "/a/.git/config", "/b", 0);
        if (answer->verdict != SP_DENY || answer->status != SP_FS_NO_SUCH_FILE ||
            strcmp(answer->sftp.text.data, "No such file") != 0)
            fail_msg("%s", cases[i].name);
    }
    assert_int_equal(two_names(SP_SFTP_RENAME, "rename", "/b", "/a/.git", 0)->status,
                     SP_FS_NO_SUCH_FILE);
    assert_int_equal(two_names(SP_SFTP_LINK, "symlink", "/x/l", "../a/.git", 0)->verdict, SP_DENY);
    assert_int_equal(two_names(SP_SFTP_LINK, "symlink", "/l", "/b/./.git/", 0)->verdict, SP_DENY);
    assert_int_equal(two_names(SP_SFTP_LINK, "symlink", "/l", "/b/git", 0)->verdict, SP_NEXT);
}

static const struct test_answer *after(struct sp_sftp_event event)
{
    test_host_forget(host);
    return TEST_SFTP(host, after, &event);
}

static void listings_leave_out_what_is_hidden(void **state)
{
    (void)state;
    begin("{\"rules\":[{\"paths\":[\"/a/.*\"],\"hidden\":true}]}");
    struct sp_fs_attributes attributes = {
        .struct_size = sizeof attributes, .valid = SP_ATTR_SIZE, .size = 7};
    struct sp_sftp_listed dots[] = {{.name = sp_str_of(".")}, {.name = sp_str_of("..")}};
    struct sp_sftp_listed entries[] = {
        {.name = sp_str_of(".secret"), .attributes = &attributes},
        {.name = sp_str_of("seen"), .attributes = &attributes},
        {.name = sp_str_of("bare"), .type = SP_FILE_DIRECTORY},
    };
    struct sp_sftp_event event = about(SP_SFTP_DIRECTORY_LIST, "readdir", "/a");
    event.entries = entries;
    event.entries_count = 3;
    const struct test_answer *answer = after(event);
    assert_int_equal(answer->verdict, SP_TAKE);
    assert_int_equal(answer->sftp.changes, SP_SFTP_CHANGE_ENTRIES);
    assert_int_equal(answer->sftp.entries_count, 2);
    assert_string_equal(answer->sftp.entries[0].name.data, "seen");
    assert_int_equal(answer->sftp.entries[0].attributes.size, 7);
    assert_int_equal(answer->sftp.entries[1].attributes.type, SP_FILE_DIRECTORY);
    event.entries_count = 1;
    answer = after(event);
    assert_int_equal(answer->verdict, SP_TAKE);
    assert_int_equal(answer->sftp.entries_count, 0);
    event.path = sp_str_of("/b");
    assert_int_equal(after(event)->verdict, SP_NEXT);
    event.path = sp_str_of("/a");
    event.entries = dots;
    event.entries_count = 2;
    assert_int_equal(after(event)->verdict, SP_NEXT);
}

static void what_is_missing_and_what_is_hidden_sound_the_same(void **state)
{
    (void)state;
    begin("{\"rules\":[{\"paths\":[\"/secret\"],\"hidden\":true}]}");
    struct sp_sftp_event event = about(SP_SFTP_ATTRIBUTES_GET, "stat", "/nothing");
    event.status = SP_FS_NO_SUCH_FILE;
    event.text = sp_str_of("this provider says it otherwise");
    const struct test_answer *answer = after(event);
    assert_int_equal(answer->verdict, SP_DENY);
    assert_string_equal(answer->sftp.text.data, "No such file");
    event.status = SP_FS_PERMISSION_DENIED;
    assert_int_equal(after(event)->verdict, SP_NEXT);
    /* A link that is seen and leads to what is not. */
    struct sp_sftp_event resolved = about(SP_SFTP_RESOLVE, "realpath", "/link");
    resolved.result_path = sp_str_of("/secret/file");
    assert_int_equal(after(resolved)->status, SP_FS_NO_SUCH_FILE);
    resolved.result_path = sp_str_of("/file");
    assert_int_equal(after(resolved)->verdict, SP_NEXT);
}

static void what_is_hidden_is_spelt_out_as_what_is_missing(void **state)
{
    (void)state;
    begin("{\"rules\":[{\"paths\":[\"/**/.git\"],\"hidden\":true}]}");
    static const char *const paths[] = {"/a/.git", "/.git", "/a/.git/b/.git"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        char asked[128];
        struct sp_sftp_event event = about(SP_SFTP_RESOLVE, "realpath", paths[i]);
        const struct test_answer *answer = before(event);
        assert_int_equal(answer->verdict, SP_NEXT);
        assert_int_equal(answer->sftp.changes, SP_SFTP_CHANGE_PATH);
        snprintf(asked, sizeof asked, "%s", answer->sftp.path.data);
        assert_string_not_equal(asked, paths[i]);
        event.path = event.result_path = sp_str_of(asked);
        answer = after(event);
        assert_int_equal(answer->verdict, SP_TAKE);
        assert_string_equal(answer->sftp.path.data, paths[i]);
        event.status = SP_FS_NO_SUCH_FILE;
        assert_string_equal(after(event)->sftp.text.data, "No such file");
    }
}

static void names_are_judged_wherever_one_is_given(void **state)
{
    (void)state;
    begin("{\"rules\":[{\"paths\":[\"/\"],\"ignore_case\":true,\"names_allow\":[\"*.csv\"],"
          "\"names_deny\":[\"*.exe\",\"con.*\"]}]}");
    assert_int_equal(open_file("/a.CSV", WRITES)->verdict, SP_NEXT);
    assert_int_equal(open_file("/a.txt", WRITES)->verdict, SP_DENY);
    assert_int_equal(open_file("/a.txt", SP_OPEN_READ)->verdict, SP_NEXT);
    assert_int_equal(open_file("/con.csv", WRITES)->verdict, SP_DENY);
    assert_int_equal(verdict(SP_SFTP_DIRECTORY_CREATE, "mkdir", "/any"), SP_NEXT);
    assert_int_equal(verdict(SP_SFTP_DIRECTORY_CREATE, "mkdir", "/a.Exe"), SP_DENY);
    assert_int_equal(two_names(SP_SFTP_RENAME, "rename", "/a.csv", "/b.csv", 0)->verdict, SP_NEXT);
    assert_int_equal(two_names(SP_SFTP_RENAME, "rename", "/a.csv", "/a.EXE", 0)->verdict, SP_DENY);
    assert_int_equal(two_names(SP_SFTP_RENAME, "rename", "/a.exe", "/b.csv", 0)->verdict, SP_NEXT);
    assert_int_equal(two_names(SP_SFTP_LINK, "hardlink", "/a.csv", "/a.exe", 0)->verdict, SP_DENY);
    assert_int_equal(two_names(SP_SFTP_LINK, "symlink", "/a.exe", "/a.csv", 0)->verdict, SP_DENY);
}

static void a_rename_takes_the_right_on_both_sides(void **state)
{
    (void)state;
    begin("{\"rules\":[{\"paths\":[\"/in\"],\"operations\":[\"rename\",\"write\"]},"
          "{\"paths\":[\"/keep\"],\"operations\":[\"rename\",\"read\"]},"
          "{\"paths\":[\"/docs/fixed\"],\"read_only\":true},"
          "{\"paths\":[\"/out\"],\"operations\":[\"read\"]}]}");
    assert_int_equal(two_names(SP_SFTP_RENAME, "rename", "/in/a", "/b", 0)->verdict, SP_NEXT);
    assert_int_equal(two_names(SP_SFTP_RENAME, "rename", "/in/a", "/out/b", 0)->verdict, SP_DENY);
    assert_int_equal(two_names(SP_SFTP_RENAME, "rename", "/out/a", "/in/b", 0)->verdict, SP_DENY);
    /* To replace is to remove. */
    assert_int_equal(two_names(SP_SFTP_RENAME, "rename", "/in/a", "/keep/a", 0)->verdict, SP_NEXT);
    assert_int_equal(
        two_names(SP_SFTP_RENAME, "rename", "/in/a", "/keep/a", SP_RENAME_OVERWRITE)->verdict,
        SP_DENY);
    /* What lies in it would not be at the name that the rule has. */
    assert_int_equal(two_names(SP_SFTP_RENAME, "rename", "/docs", "/papers", 0)->verdict, SP_DENY);
    assert_int_equal(two_names(SP_SFTP_LINK, "symlink", "/papers", "/docs", 0)->verdict, SP_DENY);
    assert_int_equal(two_names(SP_SFTP_RENAME, "rename", "/docs/a", "/docs/b", 0)->verdict,
                     SP_NEXT);
    assert_int_equal(two_names(SP_SFTP_LINK, "hardlink", "/out/a", "/a", 0)->verdict, SP_DENY);
    assert_int_equal(two_names(SP_SFTP_LINK, "symlink", "/l", "out/a", 0)->verdict, SP_DENY);
}

static void changes_of_attributes_are_let_through_ignored_or_refused(void **state)
{
    (void)state;
    begin("{\"rules\":[{\"paths\":[\"/\"],\"set_owner\":\"deny\",\"set_permissions\":\"ignore\","
          "\"set_times\":\"allow\",\"set_other\":\"ignore\",\"special_bits\":\"strip\"}]}");
    const struct test_answer *answer =
        set("/a", SP_SFTP_ATTRIBUTES_SET, (struct sp_fs_attributes){.valid = SP_ATTR_OWNER_IDS});
    assert_int_equal(answer->status, SP_FS_PERMISSION_DENIED);
    answer =
        set("/a", SP_SFTP_ATTRIBUTES_SET, (struct sp_fs_attributes){.valid = SP_ATTR_OWNER_NAMES});
    assert_int_equal(answer->verdict, SP_DENY);
    answer = set("/a", SP_SFTP_ATTRIBUTES_SET,
                 (struct sp_fs_attributes){.valid = SP_ATTR_PERMISSIONS, .mode = 0777});
    assert_int_equal(answer->verdict, SP_TAKE);
    assert_int_equal(answer->status, SP_FS_OK);
    answer =
        set("/a", SP_SFTP_ATTRIBUTES_SET,
            (struct sp_fs_attributes){
                .valid = SP_ATTR_PERMISSIONS | SP_ATTR_MODIFY_TIME | SP_ATTR_BITS, .mode = 0777});
    assert_int_equal(answer->verdict, SP_NEXT);
    assert_int_equal(answer->sftp.changes, SP_SFTP_CHANGE_ATTRIBUTES);
    assert_int_equal(answer->sftp.attributes->valid, SP_ATTR_MODIFY_TIME);
    /* With what is made they are no more than a wish. */
    answer = set("/a", SP_SFTP_DIRECTORY_CREATE,
                 (struct sp_fs_attributes){.valid = SP_ATTR_OWNER_IDS | SP_ATTR_PERMISSIONS});
    assert_int_equal(answer->verdict, SP_NEXT);
    assert_int_equal(answer->sftp.attributes->valid, 0);
}

static void special_bits_are_stripped_refused_or_kept(void **state)
{
    (void)state;
    const struct sp_fs_attributes suid = {.valid = SP_ATTR_PERMISSIONS, .mode = 06755};
    begin("{\"rules\":[{\"paths\":[\"/no\"],\"special_bits\":\"deny\"},"
          "{\"paths\":[\"/yes\"],\"special_bits\":\"allow\"}]}");
    const struct test_answer *answer = set("/a", SP_SFTP_ATTRIBUTES_SET, suid);
    assert_int_equal(answer->verdict, SP_NEXT);
    assert_int_equal(answer->sftp.attributes->mode, 0755);
    answer = set("/a", SP_SFTP_DIRECTORY_CREATE, suid);
    assert_int_equal(answer->sftp.attributes->mode, 0755);
    assert_int_equal(set("/no/a", SP_SFTP_ATTRIBUTES_SET, suid)->verdict, SP_DENY);
    answer = set("/no/a", SP_SFTP_DIRECTORY_CREATE, suid);
    assert_int_equal(answer->sftp.attributes->mode, 0755);
    answer = set("/yes/a", SP_SFTP_ATTRIBUTES_SET, suid);
    assert_int_equal(answer->verdict, SP_NEXT);
    assert_int_equal(answer->sftp.changes, 0);

    struct sp_fs_attributes attributes = suid;
    attributes.struct_size = sizeof attributes;
    struct sp_sftp_event event = about(SP_SFTP_OPEN, "open", "/a");
    event.attributes = &attributes;
    event.flags = WRITES;
    answer = before(event);
    assert_int_equal(answer->sftp.attributes->mode, 0755);
}

static void no_way_of_writing_makes_a_file_too_large(void **state)
{
    (void)state;
    begin("{\"rules\":[{\"paths\":[\"/\"],\"size_max\":100}]}");
    struct sp_sftp_event event = about(SP_SFTP_WRITE, "write", "/a");
    event.file = 1;
    event.offset = 90;
    event.length = 10;
    assert_int_equal(before(event)->verdict, SP_NEXT);
    event.length = 11;
    assert_int_equal(before(event)->verdict, SP_DENY);
    event.offset = UINT64_MAX;
    assert_int_equal(before(event)->verdict, SP_DENY);
    assert_int_equal(open_file("/a", SP_OPEN_WRITE | SP_OPEN_APPEND)->status, SP_FS_OP_UNSUPPORTED);
    struct sp_fs_attributes size = {.valid = SP_ATTR_SIZE, .size = 101};
    assert_int_equal(set("/a", SP_SFTP_ATTRIBUTES_SET, size)->verdict, SP_DENY);
    size.size = 100;
    assert_int_equal(set("/a", SP_SFTP_ATTRIBUTES_SET, size)->verdict, SP_NEXT);

    struct sp_fs_attributes source = {
        .struct_size = sizeof source, .valid = SP_ATTR_SIZE, .size = 60};
    struct sp_sftp_event copy = about(SP_SFTP_READ | SP_SFTP_WRITE, "copy-data", "/from");
    copy.target = sp_str_of("/to");
    copy.file = 1;
    copy.file_target = 2;
    copy.existing = &source;
    copy.offset_target = 50;
    assert_int_equal(before(copy)->verdict, SP_DENY);
    copy.offset = 10;
    assert_int_equal(before(copy)->verdict, SP_NEXT);
    copy.existing = NULL;
    assert_int_equal(before(copy)->verdict, SP_DENY);
    copy.length = 50;
    assert_int_equal(before(copy)->verdict, SP_NEXT);
}

/* As sftp-atomic does it. */
static void what_is_written_under_another_name_keeps_its_rule(void **state)
{
    (void)state;
    begin("{\"rules\":[{\"paths\":[\"/**/.*\"],\"hidden\":true},"
          "{\"paths\":[\"/in\"],\"size_max\":100}]}");
    struct sp_sftp_event event = about(SP_SFTP_OPEN, "open", "/in/a");
    event.flags = WRITES;
    event.act = 5;
    assert_int_equal(before(event)->verdict, SP_NEXT);
    event.path = sp_str_of("/in/.a.part");
    event.file = 9;
    assert_int_equal(after(event)->verdict, SP_NEXT);
    struct sp_sftp_event write = about(SP_SFTP_WRITE, "write", "/in/.a.part");
    write.file = 9;
    write.length = 101;
    assert_int_equal(before(write)->verdict, SP_DENY);
    struct sp_sftp_event get = about(SP_SFTP_ATTRIBUTES_GET, "fstat", "/in/.a.part");
    get.file = 9;
    assert_int_equal(before(get)->verdict, SP_NEXT);
    struct sp_sftp_event closed = about(SP_SFTP_CLOSE, "close", "/in/.a.part");
    closed.file = 9;
    after(closed);
    assert_int_equal(before(get)->status, SP_FS_NO_SUCH_FILE);
    assert_int_equal(verdict(SP_SFTP_ATTRIBUTES_GET, "stat", "/in/.a.part"), SP_DENY);
}

/* The other hook may stand before this one. */
static void a_part_is_judged_by_the_name_it_will_have(void **state)
{
    (void)state;
    begin("{\"rules\":[{\"paths\":[\"/in/closed\"],\"read_only\":true},"
          "{\"paths\":[\"/in\"],\"names_deny\":[\"*.exe\"]}]}");
    struct sp_sftp_event event = about(SP_SFTP_OPEN, "open", "/in/.a.exe.part");
    event.flags = WRITES;
    assert_int_equal(before(event)->verdict, SP_NEXT);
    event.final_path = sp_str_of("/in/a.exe");
    assert_int_equal(before(event)->verdict, SP_DENY);
    event.final_path = sp_str_of("/in/closed/a");
    assert_int_equal(before(event)->verdict, SP_DENY);
    event.final_path = sp_str_of("/in/a.txt");
    assert_int_equal(before(event)->verdict, SP_NEXT);
}

static void setting_a_size_is_writing(void **state)
{
    (void)state;
    begin("{\"rules\":[{\"paths\":[\"/\"],\"operations\":[\"attributes.set\"]}]}");
    assert_int_equal(set("/a", SP_SFTP_ATTRIBUTES_SET,
                         (struct sp_fs_attributes){.valid = SP_ATTR_SIZE, .size = 0})
                         ->verdict,
                     SP_DENY);
    assert_int_equal(
        set("/a", SP_SFTP_ATTRIBUTES_SET, (struct sp_fs_attributes){.valid = SP_ATTR_MODIFY_TIME})
            ->verdict,
        SP_NEXT);
}

static int tear_down(void **state)
{
    (void)state;
    test_host_free(host);
    host = NULL;
    return 0;
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(patterns_cover_what_lies_below),
        TEST(the_first_rule_for_user_and_path_decides),
        TEST(by_default_everything_may_be_done_or_nothing),
        TEST(a_tree_that_is_read_only_refuses_all_that_changes),
        TEST(an_inbox_takes_files_and_shows_none),
        TEST(what_is_hidden_is_not_there),
        TEST(listings_leave_out_what_is_hidden),
        TEST(what_is_missing_and_what_is_hidden_sound_the_same),
        TEST(what_is_hidden_is_spelt_out_as_what_is_missing),
        TEST(names_are_judged_wherever_one_is_given),
        TEST(a_rename_takes_the_right_on_both_sides),
        TEST(changes_of_attributes_are_let_through_ignored_or_refused),
        TEST(special_bits_are_stripped_refused_or_kept),
        TEST(no_way_of_writing_makes_a_file_too_large),
        TEST(what_is_written_under_another_name_keeps_its_rule),
        TEST(a_part_is_judged_by_the_name_it_will_have),
        TEST(setting_a_size_is_writing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
