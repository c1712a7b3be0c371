/*
 * provider_names.c: what provider_check expects of names: directories, listings, renames, links. As
 * provider_behaviours.c. Called by provider_check.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "provider_private.h"

static void make_and_remove_directories(struct checker *c)
{
    OK(c, pc_mkdir(c, "/d"));
    EXPECT_STATUS(c, pc_mkdir(c, "/d"), SP_FS_FILE_ALREADY_EXISTS);
    OK(c, pc_put(c, "/d/f", "x"));
    EXPECT_STATUS(c, pc_rmdir(c, "/d"), SP_FS_DIR_NOT_EMPTY);
    EXPECT_STATUS(c, pc_rmdir(c, "/d/f"), SP_FS_NOT_A_DIRECTORY);
    EXPECT_STATUS(c, pc_remove(c, "/d"), SP_FS_FILE_IS_A_DIRECTORY);
    OK(c, pc_remove(c, "/d/f"));
    EXPECT_STATUS(c, pc_remove(c, "/d/f"), SP_FS_NO_SUCH_FILE);
    OK(c, pc_rmdir(c, "/d"));
    EXPECT_STATUS(c, pc_rmdir(c, "/d"), SP_FS_NO_SUCH_FILE);
    EXPECT(c, pc_rmdir(c, "/") != SP_FS_OK);
    EXPECT(c, pc_mkdir(c, "/") != SP_FS_OK);
}

/* Stores without directories of their own may make do. */
static void put_nothing_where_no_directory_is(struct checker *c)
{
    OK(c, pc_put(c, "/b", "b"));
    EXPECT_STATUS(c, pc_open(c, "/absent/f", NEW_TO_WRITE, NULL), SP_FS_NO_SUCH_FILE);
    EXPECT_STATUS(c, pc_mkdir(c, "/absent/d"), SP_FS_NO_SUCH_FILE);
    EXPECT_STATUS(c, pc_pair(c, SLOT(rename), "/b", "/absent/b", 0), SP_FS_NO_SUCH_FILE);
}

static void take_odd_names(struct checker *c)
{
    static const char *const names[] = {
        "/with space",        "/new\nline", "/esc\033[31m", "/tab\tand\001", "/-rf", "/*?[",
        "/\xc3\xa9t\xc3\xa9", "/trailing.", "/trailing ",   "/back\\slash",  "/..."};
    char name[400];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        OK(c, pc_put(c, names[i], names[i]));
        OK(c, pc_compare(c, names[i], names[i]));
    }
    memset(name, 'n', sizeof name - 1);
    name[0] = '/';
    name[201] = '\0';
    OK(c, pc_put(c, name, "long"));
    name[201] = 'n';
    name[sizeof name - 1] = '\0';
    EXPECT_STATUS(c, pc_put(c, name, "too long"), SP_FS_INVALID_FILENAME);
}

static void list_each_entry_once(struct checker *c)
{
    enum { COUNT = 60 };
    bool seen[COUNT] = {false};
    char name[32];
    uint64_t handle;
    unsigned count = 0;
    OK(c, pc_mkdir(c, "/d"));
    for (int i = 0; i < COUNT; i++) {
        snprintf(name, sizeof name, "/d/%d", i);
        OK(c, pc_put(c, name, "x"));
    }
    OK(c, pc_opendir(c, "/d", &handle));
    for (bool is_done = false; !is_done;) {
        const struct test_answer *answer = pc_readdir(c, handle, 7);
        is_done = answer->status == SP_FS_EOF || answer->fs.eof;
        EXPECT(c, answer->status == SP_FS_OK || answer->status == SP_FS_EOF);
        EXPECT(c, answer->fs.entries_count <= 7);
        EXPECT(c, is_done || answer->fs.entries_count > 0);
        for (uint64_t i = 0; i < answer->fs.entries_count; i++, count++) {
            int number = atoi(answer->fs.entries[i].name.data);
            EXPECT(c, number >= 0 && number < COUNT && !seen[number]);
            EXPECT(c, answer->fs.entries[i].attributes.type == SP_FILE_REGULAR);
            EXPECT(c, answer->fs.entries[i].attributes.size == 1);
            seen[number] = true;
        }
    }
    OK(c, pc_closedir(c, handle));
    EXPECT(c, count == COUNT);
    OK(c, pc_put(c, "/f", "x"));
    EXPECT_STATUS(c, pc_opendir(c, "/f", &handle), SP_FS_NOT_A_DIRECTORY);
    EXPECT_STATUS(c, pc_opendir(c, "/absent", &handle), SP_FS_NO_SUCH_FILE);
}

/* What is removed during a listing may or may not be listed; all else must be. */
static void list_while_entries_vanish(struct checker *c)
{
    enum { COUNT = 40 };
    int seen[COUNT] = {0};
    char name[32];
    uint64_t handle;
    OK(c, pc_mkdir(c, "/d"));
    for (int i = 0; i < COUNT; i++) {
        snprintf(name, sizeof name, "/d/%d", i);
        OK(c, pc_put(c, name, "x"));
    }
    OK(c, pc_opendir(c, "/d", &handle));
    for (bool is_done = false, is_first = true; !is_done; is_first = false) {
        const struct test_answer *answer = pc_readdir(c, handle, 5);
        EXPECT(c, answer->status == SP_FS_OK || answer->status == SP_FS_EOF);
        is_done = answer->status == SP_FS_EOF || answer->fs.eof;
        for (uint64_t i = 0; i < answer->fs.entries_count; i++)
            seen[atoi(answer->fs.entries[i].name.data) % COUNT]++;
        for (int i = 1; is_first && i < COUNT; i += 2) {
            snprintf(name, sizeof name, "/d/%d", i);
            OK(c, pc_remove(c, name));
        }
    }
    OK(c, pc_closedir(c, handle));
    for (int i = 0; i < COUNT; i++)
        EXPECT(c, i % 2 ? seen[i] <= 1 : seen[i] == 1);
}

static void bear_a_directory_that_goes(struct checker *c)
{
    uint64_t handle;
    OK(c, pc_mkdir(c, "/d"));
    OK(c, pc_opendir(c, "/d", &handle));
    OK(c, pc_rmdir(c, "/d"));
    const struct test_answer *answer = pc_readdir(c, handle, 10);
    EXPECT(c, answer->status != SP_FS_OK || (answer->fs.entries_count == 0 && answer->fs.eof));
    OK(c, pc_closedir(c, handle));
    EXPECT_STATUS(c, pc_put(c, "/d/f", "x"), SP_FS_NO_SUCH_FILE);
}

static void rename_only_as_told(struct checker *c)
{
    size_t slot = SLOT(rename);
    OK(c, pc_put(c, "/a", "a"));
    OK(c, pc_put(c, "/b", "b"));
    EXPECT_STATUS(c, pc_pair(c, slot, "/a", "/b", 0), SP_FS_FILE_ALREADY_EXISTS);
    OK(c, pc_compare(c, "/b", "b"));
    OK(c, pc_pair(c, slot, "/a", "/c", 0));
    OK(c, pc_compare(c, "/c", "a"));
    EXPECT_STATUS(c, pc_pair(c, slot, "/a", "/d", 0), SP_FS_NO_SUCH_FILE);
    OK(c, pc_pair(c, slot, "/c", "/b", SP_RENAME_OVERWRITE));
    OK(c, pc_compare(c, "/b", "a"));
    EXPECT_STATUS(c, pc_stat(c, "/c", 0, 0)->status, SP_FS_NO_SUCH_FILE);
}

static void rename_directories(struct checker *c)
{
    size_t slot = SLOT(rename);
    OK(c, pc_mkdir(c, "/d"));
    OK(c, pc_put(c, "/d/f", "in d"));
    OK(c, pc_pair(c, slot, "/d", "/e", 0));
    OK(c, pc_compare(c, "/e/f", "in d"));
    EXPECT(c, pc_pair(c, slot, "/e", "/e/below", 0) != SP_FS_OK);
    EXPECT(c, pc_pair(c, slot, "/", "/x", 0) != SP_FS_OK);
    OK(c, pc_mkdir(c, "/full"));
    OK(c, pc_put(c, "/full/f", "x"));
    EXPECT_STATUS(c, pc_pair(c, slot, "/e", "/full", 0), SP_FS_FILE_ALREADY_EXISTS);
    uint32_t status = pc_pair(c, slot, "/e", "/full", SP_RENAME_OVERWRITE);
    EXPECT(c, status == SP_FS_DIR_NOT_EMPTY || status == SP_FS_FILE_ALREADY_EXISTS);
    OK(c, pc_compare(c, "/e/f", "in d"));
}

static void link_files(struct checker *c)
{
    OK(c, pc_put(c, "/a", "same"));
    OK(c, pc_pair(c, SLOT(link), "/a", "/b", 0));
    EXPECT_STATUS(c, pc_pair(c, SLOT(link), "/a", "/b", 0), SP_FS_FILE_ALREADY_EXISTS);
    EXPECT_STATUS(c, pc_pair(c, SLOT(link), "/absent", "/c", 0), SP_FS_NO_SUCH_FILE);
    OK(c, pc_put(c, "/a", "changed"));
    OK(c, pc_compare(c, "/b", "changed"));
    OK(c, pc_remove(c, "/a"));
    OK(c, pc_compare(c, "/b", "changed"));
}

static const struct test_answer *text_of_link(struct checker *c, const char *path)
{
    struct sp_fs_path event = {.view = c->view, .path = sp_str_of(path)};
    return TEST_FS(c->host, readlink, &event);
}

static void keep_the_text_of_links(struct checker *c)
{
    static const char *const texts[] = {"f", "../up", "/abs/olute", "any thing\n\001"};
    OK(c, pc_put(c, "/f", "text"));
    for (int i = 0; i < 4; i++) {
        char name[8];
        snprintf(name, sizeof name, "/l%d", i);
        OK(c, pc_pair(c, SLOT(symlink), name, texts[i], 0));
        const struct test_answer *answer = text_of_link(c, name);
        OK(c, answer->status);
        EXPECT(c, answer->fs.path.len == strlen(texts[i]) &&
                      memcmp(answer->fs.path.data, texts[i], answer->fs.path.len) == 0);
        const struct sp_fs_attributes *a = pc_attributes(c, name, SP_FS_NOFOLLOW, 0);
        EXPECT(c, a && a->type == SP_FILE_SYMLINK);
    }
    EXPECT_STATUS(c, pc_pair(c, SLOT(symlink), "/f", "x", 0), SP_FS_FILE_ALREADY_EXISTS);
    EXPECT(c, text_of_link(c, "/f")->status != SP_FS_OK);
    OK(c, pc_remove(c, "/l0")); /* the link, not the file */
    OK(c, pc_compare(c, "/f", "text"));
}

/* Whether or not links are followed, none leads out. */
static void let_no_link_lead_out(struct checker *c)
{
    static const char *const out[] = {"/etc", "../../../../../../../etc", "/proc/self/root/etc"};
    uint64_t handle;
    for (int i = 0; i < 3; i++) {
        OK(c, pc_pair(c, SLOT(symlink), "/out", out[i], 0));
        EXPECT(c, pc_stat(c, "/out/passwd", 0, 0)->status != SP_FS_OK);
        EXPECT(c, pc_open(c, "/out/passwd", SP_OPEN_READ, NULL) != SP_FS_OK);
        EXPECT(c, pc_opendir(c, "/out", &handle) != SP_FS_OK);
        EXPECT(c, pc_mkdir(c, "/out/provider-check") != SP_FS_OK);
        OK(c, pc_remove(c, "/out"));
    }
    OK(c, pc_pair(c, SLOT(symlink), "/ring", "ring", 0));
    EXPECT_STATUS(c, pc_stat(c, "/ring", 0, 0)->status, SP_FS_LINK_LOOP);
    EXPECT_STATUS(c, pc_open(c, "/ring", SP_OPEN_READ | SP_OPEN_NOFOLLOW, NULL), SP_FS_LINK_LOOP);
    EXPECT_STATUS(c, pc_open(c, "/ring", NEW | SP_OPEN_EXCLUSIVE, NULL), SP_FS_FILE_ALREADY_EXISTS);
}

static void tell_real_paths(struct checker *c)
{
    static const char *const paths[] = {"/", "/d", "/d/f", "/d/new"};
    OK(c, pc_mkdir(c, "/d"));
    OK(c, pc_put(c, "/d/f", "x"));
    for (int i = 0; i < 4; i++) {
        struct sp_fs_path event = {.view = c->view, .path = sp_str_of(paths[i])};
        const struct test_answer *answer = TEST_FS(c->host, realpath, &event);
        /* The core knows what to do if the last component does not exist. */
        if (i == 3 && answer->status == SP_FS_NO_SUCH_FILE)
            continue;
        OK(c, answer->status);
        EXPECT(c, answer->fs.path.len && strcmp(answer->fs.path.data, paths[i]) == 0);
    }
}

/* Another view, for as long as one question takes: the status of stat, or of attaching. */
static uint32_t stat_from_top(struct checker *c, const char *top, const char *path)
{
    struct sp_fs_attach event = {
        .mount = sp_str_of("/"), .root = sp_str_of(c->root), .top = sp_str_of(top)};
    const struct test_answer *answer = TEST_FS(c->host, attach_top, &event);
    if (answer->status != SP_FS_OK)
        return answer->status;
    uint64_t whole = c->view;
    c->view = answer->fs.handle;
    uint32_t status = pc_stat(c, path, 0, 0)->status;
    struct sp_fs_path gone = {.view = c->view, .path = sp_str_of("")};
    if (c->slots->detach)
        TEST_FS(c->host, detach, &gone);
    c->view = whole;
    return status;
}

static void keep_to_the_top(struct checker *c)
{
    OK(c, pc_mkdir(c, "/home"));
    OK(c, pc_put(c, "/secret", "secret"));
    OK(c, pc_put(c, "/home/own", "own"));
    if (c->slots->symlink) {
        OK(c, pc_pair(c, SLOT(symlink), "/home/up", "../secret", 0));
        OK(c, pc_pair(c, SLOT(symlink), "/home/down", "/secret", 0));
    }
    OK(c, stat_from_top(c, "/home", "/own"));
    EXPECT_STATUS(c, stat_from_top(c, "/home", "/secret"), SP_FS_NO_SUCH_FILE);
    EXPECT(c, stat_from_top(c, "/home", "/up") != SP_FS_OK);
    EXPECT(c, stat_from_top(c, "/home", "/down") != SP_FS_OK);
    EXPECT_STATUS(c, stat_from_top(c, "/absent", "/own"), SP_FS_NO_SUCH_FILE);
    EXPECT(c, stat_from_top(c, "/secret", "/own") != SP_FS_OK);
}

const struct behaviour provider_name_behaviours[] = {
    BEHAVIOUR(make_and_remove_directories, SLOT(mkdir), SLOT(rmdir), SLOT(remove)),
    BEHAVIOUR(put_nothing_where_no_directory_is, SLOT(write), SLOT(mkdir), SLOT(rename)),
    BEHAVIOUR(take_odd_names, SLOT(write)),
    BEHAVIOUR(list_each_entry_once, SLOT(write), SLOT(mkdir)),
    BEHAVIOUR(list_while_entries_vanish, SLOT(write), SLOT(mkdir), SLOT(remove)),
    BEHAVIOUR(bear_a_directory_that_goes, SLOT(mkdir), SLOT(rmdir)),
    BEHAVIOUR(rename_only_as_told, SLOT(write), SLOT(rename)),
    BEHAVIOUR(rename_directories, SLOT(write), SLOT(mkdir), SLOT(rename)),
    BEHAVIOUR(link_files, SLOT(write), SLOT(link), SLOT(remove)),
    BEHAVIOUR(keep_the_text_of_links, SLOT(symlink), SLOT(readlink), SLOT(remove)),
    BEHAVIOUR(let_no_link_lead_out, SLOT(symlink), SLOT(mkdir), SLOT(remove)),
    BEHAVIOUR(tell_real_paths, SLOT(realpath), SLOT(mkdir)),
    BEHAVIOUR(keep_to_the_top, SLOT(attach_top), SLOT(mkdir)),
    {.name = NULL},
};
