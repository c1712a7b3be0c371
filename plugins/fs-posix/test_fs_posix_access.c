/*
 * test_fs_posix_access.c: whose a file is and who may do what: names, access lists, locks between
 * processes, and, as root, acting as the user's own account.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#include "fs_posix.h"
#include "storage.h"

#define SOMEBODY "daemon" /* an account that every system has and that may not do much */

static char base[] = "/tmp/test_fs_posix_access.XXXXXX";

static const char *at(const char *name)
{
    static char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", base, name);
    return path;
}

static const struct sp_fs_attributes *stat_of(const char *path, uint32_t wanted)
{
    struct sp_fs_path event = {.view = view, .path = sp_str_of(path), .wanted = wanted};
    const struct test_answer *answer = TEST_FS(host, stat, &event);
    assert_int_equal(answer->status, SP_FS_OK);
    return answer->fs.attributes;
}

static uint32_t set(const char *path, const struct sp_fs_attributes *attributes)
{
    struct sp_fs_create event = {.view = view, .path = sp_str_of(path), .attributes = attributes};
    return TEST_FS(host, setstat, &event)->status;
}

static uint32_t lock(uint64_t handle, uint64_t offset, uint64_t length, uint32_t flags)
{
    struct sp_fs_lock event = {
        .view = view, .handle = handle, .offset = offset, .length = length, .flags = flags};
    return TEST_FS(host, lock, &event)->status;
}

static void tell_names_to_those_who_ask(void **state)
{
    (void)state;
    close_file(open_file("/f", NEW));
    const struct sp_fs_attributes *a = stat_of("/f", 0);
    assert_int_equal(a->valid & (SP_ATTR_OWNER_NAMES | SP_ATTR_ACL), 0);
    a = stat_of("/f", SP_ATTR_OWNER_NAMES);
    assert_true(a->valid & SP_ATTR_OWNER_NAMES);
    assert_string_equal(a->owner.data, getpwuid(geteuid())->pw_name);
    assert_string_equal(a->group.data, getgrgid(getegid())->gr_name);

    struct sp_fs_path event = {.view = view, .path = sp_str_of("/")};
    struct sp_fs_handle list = {
        .view = view, .handle = TEST_FS(host, opendir, &event)->fs.handle, .wanted = 0};
    const struct test_answer *answer = TEST_FS(host, readdir, &list);
    assert_int_equal(answer->fs.entries[0].attributes.valid & SP_ATTR_OWNER_NAMES, 0);
    TEST_FS(host, closedir, &list);
    list.handle = TEST_FS(host, opendir, &event)->fs.handle;
    list.wanted = SP_ATTR_OWNER_NAMES | SP_ATTR_ACL;
    answer = TEST_FS(host, readdir, &list);
    assert_string_equal(answer->fs.entries[0].attributes.owner.data, getpwuid(geteuid())->pw_name);
    assert_true(answer->fs.entries[0].attributes.acl.len > 8);
    TEST_FS(host, closedir, &list);
}

static void name_many_principals(void **state)
{
    (void)state;
    struct sp_fs_principal asked[] = {
        {.kind = SP_PRINCIPAL_USER, .id = 0},
        {.kind = SP_PRINCIPAL_USER, .id = 4000000001u}, /* nobody */
        {.kind = SP_PRINCIPAL_GROUP, .id = 0},
        {.kind = SP_PRINCIPAL_USER, .id = 512}, /* shares a place with 0 */
        {.kind = SP_PRINCIPAL_USER, .id = 0},
    };
    struct sp_fs_principals event = {
        .view = view, .principals = asked, .principals_count = sizeof asked / sizeof *asked};
    const struct test_answer *answer = TEST_FS(host, principals, &event);
    assert_int_equal(answer->status, SP_FS_OK);
    assert_int_equal(answer->fs.principals_count, event.principals_count);
    assert_string_equal(answer->fs.principals[0].name.data, "root");
    assert_int_equal(answer->fs.principals[1].name.len, 0);
    assert_int_equal(answer->fs.principals[1].id, 4000000001u);
    assert_string_equal(answer->fs.principals[2].name.data, "root");
    assert_string_equal(answer->fs.principals[4].name.data, "root");
}

static void set_owners_by_name(void **state)
{
    (void)state;
    close_file(open_file("/f", NEW));
    struct sp_fs_attributes names = {.struct_size = sizeof names, .valid = SP_ATTR_OWNER_NAMES};
    names.owner = sp_str_of("no such user, surely");
    assert_int_equal(set("/f", &names), SP_FS_OWNER_INVALID);
    names.owner = sp_str_of("");
    names.group = sp_str_of("no such group, surely");
    assert_int_equal(set("/f", &names), SP_FS_GROUP_INVALID);
    char own[32];
    snprintf(own, sizeof own, "%s@somewhere", getpwuid(geteuid())->pw_name);
    names.owner = sp_str_of(own);
    names.group = sp_str_of("");
    assert_int_equal(set("/f", &names), SP_FS_OK);
    snprintf(own, sizeof own, "%u", geteuid());
    names.owner = sp_str_of(own);
    assert_int_equal(set("/f", &names), SP_FS_OK);
    names.owner = sp_str_of("4294967295"); /* to the kernel: leave it */
    assert_int_equal(set("/f", &names), SP_FS_OWNER_INVALID);
    names.owner = sp_str_of("daemon");
    uint32_t status = set("/f", &names);
    assert_int_equal(status, geteuid() == 0 ? SP_FS_OK : SP_FS_PERMISSION_DENIED);
}

/* --- access lists --- */

struct wire {
    char data[512];
    size_t length;
    uint32_t count;
};

static void put_u32(struct wire *w, uint32_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        w->data[w->length++] = (char)(value >> shift);
}

static void put_ace(struct wire *w, uint32_t type, uint32_t flags, uint32_t mask, const char *who)
{
    if (w->length == 0) {
        put_u32(w, 0);
        put_u32(w, 0);
    }
    put_u32(w, type);
    put_u32(w, flags);
    put_u32(w, mask);
    put_u32(w, (uint32_t)strlen(who));
    memcpy(w->data + w->length, who, strlen(who));
    w->length += strlen(who);
    w->data[7] = (char)++w->count;
}

static uint32_t set_acl(const char *path, const struct wire *w)
{
    struct sp_fs_attributes list = {
        .struct_size = sizeof list, .valid = SP_ATTR_ACL, .acl = {w->data, w->length}};
    return set(path, &list);
}

static bool keeps_lists(void)
{
    struct wire w = {.length = 0};
    put_ace(&w, 0, 0, 7, "OWNER@");
    put_ace(&w, 0, 0, 1, SOMEBODY);
    return set_acl("/f", &w) != SP_FS_OP_UNSUPPORTED;
}

static void keep_access_lists(void **state)
{
    (void)state;
    close_file(open_file("/f", NEW));
    if (!keeps_lists())
        skip();
    struct wire w = {.length = 0};
    put_ace(&w, 0, 0, 0x1 | 0x6 | 0x20, "OWNER@");
    put_ace(&w, 0, 0, 0x1, SOMEBODY);
    put_ace(&w, 0, 0x40, 0x1 | 0x6, SOMEBODY);
    put_ace(&w, 1, 0, 0x6, "EVERYONE@");
    put_ace(&w, 0, 0, 0x20, "EVERYONE@");
    assert_int_equal(set_acl("/f", &w), SP_FS_OK);
    /* Everybody's right to execute is added to all; the mask of the group is what any has. */
    assert_int_equal(stat_of("/f", 0)->mode, 0771);
    char kept[128];
    assert_int_equal(getxattr(at("f"), "system.posix_acl_access", kept, sizeof kept), 4 + 6 * 8);

    /* And back: what comes out, put in again, changes nothing. */
    struct sp_str acl = stat_of("/f", SP_ATTR_ACL)->acl;
    struct sp_fs_attributes again = {.struct_size = sizeof again, .valid = SP_ATTR_ACL, .acl = acl};
    char after[128];
    assert_int_equal(set("/f", &again), SP_FS_OK);
    assert_int_equal(getxattr(at("f"), "system.posix_acl_access", after, sizeof after), 52);
    assert_memory_equal(after, kept, 52);

    /* A list that says no more than a mode takes the others away. */
    w = (struct wire){.length = 0};
    put_ace(&w, 0, 0, 0x7, "OWNER@");
    put_ace(&w, 0, 0, 0x1, "EVERYONE@");
    assert_int_equal(set_acl("/f", &w), SP_FS_OK);
    assert_int_equal(stat_of("/f", 0)->mode, 0644);
    assert_int_equal(getxattr(at("f"), "system.posix_acl_access", after, sizeof after), -1);
}

static void refuse_lists_that_cannot_be_kept(void **state)
{
    (void)state;
    close_file(open_file("/f", NEW));
    struct wire w = {.length = 0};
    put_ace(&w, 2, 0, 1, "EVERYONE@"); /* an audit */
    assert_int_equal(set_acl("/f", &w), SP_FS_INVALID_PARAMETER);
    w = (struct wire){.length = 0};
    put_ace(&w, 0, 1, 1, "EVERYONE@"); /* to be inherited */
    assert_int_equal(set_acl("/f", &w), SP_FS_INVALID_PARAMETER);
    w = (struct wire){.length = 0};
    put_ace(&w, 0, 0, 1, "no such user, surely");
    assert_int_equal(set_acl("/f", &w), SP_FS_UNKNOWN_PRINCIPAL);
    w = (struct wire){.length = 0};
    put_ace(&w, 0, 0, 1, "DIALUP@");
    assert_int_equal(set_acl("/f", &w), SP_FS_UNKNOWN_PRINCIPAL);
    /* Cut off anywhere, or with a length that is too long. */
    w = (struct wire){.length = 0};
    put_ace(&w, 0, 0, 1, "OWNER@");
    put_ace(&w, 0, 0, 1, "EVERYONE@");
    size_t whole = w.length;
    for (w.length = 0; w.length < whole; w.length++)
        assert_int_equal(set_acl("/f", &w), SP_FS_INVALID_PARAMETER);
    w.data[20] = (char)0xff;
    assert_int_equal(set_acl("/f", &w), SP_FS_INVALID_PARAMETER);
    w.data[7] = (char)0xff;
    assert_int_equal(set_acl("/f", &w), SP_FS_INVALID_PARAMETER);
    /* Who may write and not append, or the other way round, has no word here: not granted. */
    w = (struct wire){.length = 0};
    put_ace(&w, 0, 0, 0x4, "OWNER@");
    assert_int_equal(set_acl("/f", &w), SP_FS_OK);
    assert_int_equal(stat_of("/f", 0)->mode, 0);
}

/* Who is in several groups may do what any may, to the kernel, and must not by the list. */
static void refuse_lists_that_would_allow_what_they_deny(void **state)
{
    (void)state;
    close_file(open_file("/f", NEW));
    uint32_t mode = stat_of("/f", 0)->mode;
    static const struct {
        const char *denied;
        const char *allowed;
        uint32_t flags;
    } lists[] = {{SOMEBODY, "EVERYONE@", 0},
                 {SOMEBODY, "GROUP@", 0x40},
                 {SOMEBODY, SOMEBODY, 0}, /* the user of that name */
                 {"GROUP@", SOMEBODY, 0x40}};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        struct wire w = {.length = 0};
        put_ace(&w, 0, 0, 0x1 | 0x6, "OWNER@");
        put_ace(&w, 1, 0x40, 0x1, lists[i].denied);
        put_ace(&w, 0, lists[i].flags, 0x1, lists[i].allowed);
        assert_int_equal(set_acl("/f", &w), SP_FS_INVALID_PARAMETER);
        assert_int_equal(stat_of("/f", 0)->mode, mode);
    }
    struct wire w = {.length = 0}; /* in an order that can be kept */
    put_ace(&w, 0, 0x40, 0x1, "GROUP@");
    put_ace(&w, 1, 0x40, 0x1, SOMEBODY);
    put_ace(&w, 0, 0, 0x1, "EVERYONE@");
    uint32_t status = set_acl("/f", &w);
    assert_true(status == SP_FS_OK || status == SP_FS_OP_UNSUPPORTED);
}

static void keep_pairs(void **state)
{
    (void)state;
    close_file(open_file("/f", NEW));
    const struct sp_pair pairs[] = {{sp_str_of("colour@example.org"), {"gr\0n", 4}},
                                    {sp_str_of("empty"), {"", 0}}};
    struct sp_fs_attributes wanted = {.struct_size = sizeof wanted,
                                      .valid = SP_ATTR_EXTENDED,
                                      .extended = pairs,
                                      .extended_count = 2};
    uint32_t status = set("/f", &wanted);
    if (status == SP_FS_OP_UNSUPPORTED)
        skip();
    assert_int_equal(status, SP_FS_OK);
    const struct sp_fs_attributes *a = stat_of("/f", SP_ATTR_EXTENDED);
    assert_int_equal(a->extended_count, 2);
    for (int i = 0; i < 2; i++) { /* in any order */
        const struct sp_pair *pair = &a->extended[i];
        const struct sp_pair *expected = &pairs[pair->value.len == 0];
        assert_string_equal(pair->name.data, expected->name.data);
        assert_int_equal(pair->value.len, expected->value.len);
        assert_memory_equal(pair->value.data, expected->value.data, pair->value.len);
    }
    assert_int_equal(stat_of("/f", 0)->valid & SP_ATTR_EXTENDED, 0);

    /* One more; the others stay. The system's own are none of the client's. */
    const struct sp_pair more[] = {{sp_str_of("more"), {"x", 1}}};
    wanted.extended = more;
    wanted.extended_count = 1;
    assert_int_equal(set("/f", &wanted), SP_FS_OK);
    assert_int_equal(stat_of("/f", SP_ATTR_EXTENDED)->extended_count, 3);
    char long_name[300];
    memset(long_name, 'n', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    const struct sp_pair wrong[] = {
        {sp_str_of(""), {"x", 1}}, {sp_str_of(long_name), {"x", 1}}, {{"a\0b", 3}, {"x", 1}}};
    for (int i = 0; i < 3; i++) {
        wanted.extended = &wrong[i];
        assert_int_equal(set("/f", &wanted), SP_FS_INVALID_PARAMETER);
    }
    assert_int_equal(symlink("f", at("link")), 0);
    wanted.extended = more;
    struct sp_fs_create event = {
        .view = view, .path = sp_str_of("/link"), .flags = SP_FS_NOFOLLOW, .attributes = &wanted};
    assert_int_not_equal(TEST_FS(host, setstat, &event)->status, SP_FS_OK);
}

/* --- locks --- */

/* Whether another process gets the lock. */
static bool another_may_lock(uint64_t start, uint64_t length, short type)
{
    pid_t child = fork();
    if (child == 0) {
        struct flock flock = {.l_type = type, .l_start = (off_t)start, .l_len = (off_t)length};
        int fd = open(at("f"), O_RDWR | O_CLOEXEC);
        _exit(fd >= 0 && fcntl(fd, F_SETLK, &flock) == 0 ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void lock_against_other_processes(void **state)
{
    (void)state;
    uint64_t handle = open_file("/f", NEW);
    uint32_t flags = SP_LOCK_WRITE | SP_LOCK_ADVISORY;
    assert_int_equal(lock(handle, 10, 10, flags), SP_FS_OK);
    assert_false(another_may_lock(19, 1, F_WRLCK));
    assert_false(another_may_lock(10, 1, F_RDLCK));
    assert_true(another_may_lock(0, 10, F_WRLCK));
    assert_true(another_may_lock(20, 0, F_WRLCK));
    assert_int_equal(lock(handle, 30, 0, flags), SP_FS_OK);
    assert_false(another_may_lock(1000000, 1, F_WRLCK));
    close_file(handle);
    assert_true(another_may_lock(0, 0, F_WRLCK));

    /* Readers share. */
    uint64_t one = open_file("/f", SP_OPEN_READ);
    uint64_t two = open_file("/f", SP_OPEN_READ);
    assert_int_equal(lock(one, 0, 0, flags), SP_FS_OK);
    assert_int_equal(lock(two, 0, 0, flags), SP_FS_OK);
    assert_true(another_may_lock(0, 0, F_RDLCK));
    assert_false(another_may_lock(0, 0, F_WRLCK));
    close_file(one);
    close_file(two);
}

static void refuse_locks_that_would_not_hold(void **state)
{
    (void)state;
    close_file(open_file("/f", NEW));
    uint64_t handle = open_file("/f", SP_OPEN_READ);
    assert_int_equal(lock(handle, 0, 1, SP_LOCK_WRITE), SP_FS_BYTE_RANGE_LOCK_REFUSED);
    assert_int_equal(lock(handle, 0, 1, SP_LOCK_WRITE | SP_LOCK_DELETE | SP_LOCK_ADVISORY),
                     SP_FS_BYTE_RANGE_LOCK_REFUSED);
    assert_int_equal(lock(handle, 0, 1, SP_LOCK_READ | SP_LOCK_ADVISORY),
                     SP_FS_BYTE_RANGE_LOCK_REFUSED);
    uint32_t flags = SP_LOCK_WRITE | SP_LOCK_ADVISORY;
    assert_int_equal(lock(handle, UINT64_MAX, 1, flags), SP_FS_INVALID_PARAMETER);
    assert_int_equal(lock(handle, 1, INT64_MAX, flags), SP_FS_INVALID_PARAMETER);
    assert_int_equal(lock(handle, 1, UINT64_MAX, flags), SP_FS_INVALID_PARAMETER);
    uint64_t count = 0;
    while (count < 5000 && lock(handle, count * 2, 1, flags) == SP_FS_OK)
        count++;
    assert_int_equal(count, 1024);
    close_file(handle);
}

/* --- the user's account --- */

static bool may_change_user(void)
{
    return geteuid() == 0 && prctl(PR_CAPBSET_READ, CAP_SETUID) == 1 &&
           prctl(PR_CAPBSET_READ, CAP_SETGID) == 1;
}

static void act_as_the_users_account(void **state)
{
    (void)state;
    if (!may_change_user())
        skip();
    const struct passwd *account = getpwnam(SOMEBODY);
    assert_non_null(account);
    uid_t uid = account->pw_uid;
    gid_t gid = account->pw_gid;
    struct sp_grant grant = {.struct_size = sizeof grant, .system_user = sp_str_of(SOMEBODY)};
    test_host_connection(host)->grant = &grant;
    assert_int_equal(chmod(base, 0711), 0);
    uint64_t roots_view = view;
    view = attach(at("home/daemon")); /* which is made, and is the user's */
    struct stat st;
    assert_int_equal(stat(at("home/daemon"), &st), 0);
    assert_int_equal(st.st_uid, uid);
    close_file(open_file("/f", NEW));
    assert_int_equal(stat(at("home/daemon/f"), &st), 0);
    assert_int_equal(st.st_uid, uid);
    assert_int_equal(st.st_gid, gid);

    /* What is root's is not the user's, and a file cannot be given away. */
    int fd = open(at("home/daemon/secret"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
    struct sp_fs_create event = {
        .view = view, .path = sp_str_of("/secret"), .flags = SP_OPEN_READ, .attributes = &none};
    assert_int_equal(TEST_FS(host, open, &event)->status, SP_FS_PERMISSION_DENIED);
    struct sp_fs_attributes owner = {.struct_size = sizeof owner, .valid = SP_ATTR_OWNER_IDS};
    assert_int_equal(set("/f", &owner), SP_FS_PERMISSION_DENIED);
    struct sp_fs_attributes mode = {
        .struct_size = sizeof mode, .valid = SP_ATTR_PERMISSIONS, .mode = 0777};
    assert_int_equal(set("/secret", &mode), SP_FS_PERMISSION_DENIED);

    /* And the thread is root's again. */
    assert_int_equal(geteuid(), 0);
    DIR *dir = opendir("/root");
    assert_non_null(dir);
    closedir(dir);
    struct sp_fs_path detach = {.view = view, .path = sp_str_of("")};
    TEST_FS(host, detach, &detach);
    view = roots_view;

    grant.system_user = sp_str_of("no such user, surely");
    struct sp_fs_attach again = {.mount = sp_str_of("/"), .root = sp_str_of(base)};
    assert_int_equal(TEST_FS(host, attach, &again)->status, SP_FS_FAILURE);
    assert_true(test_host_logged(host, "no such user, surely"));
    test_host_connection(host)->grant = NULL;
}

static uint32_t try_attach(const char *account)
{
    struct sp_grant grant = {.struct_size = sizeof grant, .system_user = sp_str_of(account)};
    test_host_connection(host)->grant = &grant;
    struct sp_fs_attach event = {.mount = sp_str_of("/"), .root = sp_str_of(base)};
    const struct test_answer *answer = TEST_FS(host, attach, &event);
    struct sp_fs_path detach = {.view = answer->fs.handle, .path = sp_str_of("")};
    if (answer->status == SP_FS_OK)
        TEST_FS(host, detach, &detach);
    test_host_connection(host)->grant = NULL;
    return answer->status;
}

static void serve_no_one_as_itself_if_told_so(void **state)
{
    (void)state;
    struct fs_posix *fs = test_host_self(host);
    assert_int_equal(try_attach(""), SP_FS_OK);
    fs->require_account = true;
    assert_int_equal(try_attach(""), SP_FS_FAILURE);
    assert_int_equal(try_attach("no such user, surely"), SP_FS_FAILURE);
    assert_int_equal(try_attach(getpwuid(geteuid())->pw_name), SP_FS_OK);
    assert_int_equal(try_attach(SOMEBODY), may_change_user() ? SP_FS_OK : SP_FS_FAILURE);
}

static uint32_t try_root(const char *name, const char *account)
{
    struct sp_grant grant = {.struct_size = sizeof grant, .system_user = sp_str_of(account)};
    test_host_connection(host)->grant = &grant;
    struct sp_fs_attach event = {.mount = sp_str_of("/"), .root = sp_str_of(at(name))};
    const struct test_answer *answer = TEST_FS(host, attach, &event);
    struct sp_fs_path detach = {.view = answer->fs.handle, .path = sp_str_of("")};
    uint32_t status = answer->status;
    if (status == SP_FS_OK)
        TEST_FS(host, detach, &detach);
    test_host_connection(host)->grant = NULL;
    return status;
}

/* Users whose root lies within that of others, or of their own, can put a link in its place. */
static void look_for_no_root_behind_a_link_of_users(void **state)
{
    (void)state;
    struct stat st;
    assert_int_equal(mkdir(at("real"), 0711), 0);
    assert_int_equal(symlink("real", at("link")), 0);
    assert_int_equal(symlink("/", at("top")), 0);
    assert_int_equal(symlink(".", at("here")), 0);
    static const char *const names[] = {"link", "link/new", "top", "top/tmp", "here/real"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_int_equal(try_root(names[i], ""), SP_FS_LINK_LOOP);
    assert_int_equal(stat(at("real/new"), &st), -1);
    assert_int_equal(try_root("real/../real//new/", ""), SP_FS_OK);
    assert_int_equal(stat(at("real/new"), &st), 0);
    assert_int_equal(try_root("none/../real", ""), SP_FS_OK); /* which is made on the way */
    close(creat(at("file"), 0600));
    assert_int_equal(try_root("file", ""), SP_FS_NOT_A_DIRECTORY);
    if (!may_change_user())
        return;
    assert_int_equal(try_root("link", SOMEBODY), SP_FS_OK); /* it is root's */
    assert_int_equal(try_root("here/here/link/new", SOMEBODY), SP_FS_OK);
    const uid_t users[] = {getpwnam(SOMEBODY)->pw_uid, 4000000001u};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(lchown(at("link"), users[i], (gid_t)-1), 0);
        assert_int_equal(try_root("link", SOMEBODY), SP_FS_LINK_LOOP);
    }
    assert_int_equal(symlink("round", at("round")), 0);
    assert_int_equal(try_root("round", SOMEBODY), SP_FS_LINK_LOOP);
}

static int set_up(void **state)
{
    (void)state;
    strcpy(strrchr(base, '.'), ".XXXXXX");
    if (!mkdtemp(base))
        return -1;
    host = test_host_new(&sallyport_plugin_v1,
                         "{\"root\":\"\",\"create_root\":true,\"file_mode\":\"0666\","
                         "\"directory_mode\":\"0777\"}");
    if (!host)
        return -1;
    view = attach(base);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    struct sp_fs_path event = {.view = view, .path = sp_str_of("")};
    TEST_FS(host, detach, &event);
    test_host_free(host);
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", base);
    return system(command);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tell_names_to_those_who_ask),
        TEST(name_many_principals),
        TEST(set_owners_by_name),
        TEST(keep_access_lists),
        TEST(refuse_lists_that_cannot_be_kept),
        TEST(refuse_lists_that_would_allow_what_they_deny),
        TEST(keep_pairs),
        TEST(lock_against_other_processes),
        TEST(refuse_locks_that_would_not_hold),
        TEST(act_as_the_users_account),
        TEST(serve_no_one_as_itself_if_told_so),
        TEST(look_for_no_root_behind_a_link_of_users),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
