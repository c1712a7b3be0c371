/* test_sandbox.c: what a process can do before it enters the sandbox, and not any more in it. Each
 * case is a child; who runs the tests as root sees all of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervisor/sandbox.h"

#define NOBODY 65534u

static struct config_plugin plugin;
static struct config config;
static struct report report;

static int set_up(void **state)
{
    (void)state;
    plugin = (struct config_plugin){
        .name = "suspect",
        .line = 7,
        .sandbox = {.no_new_privileges = true, .filters_calls = true},
    };
    config = (struct config){.file = "test.json", .plugins = &plugin, .plugins_count = 1};
    report_free(&report);
    return 0;
}

static bool report_has(const char *text)
{
    for (size_t i = 0; i < report.count; i++) {
        if (strstr(report.complaints[i].text, text))
            return true;
    }
    return false;
}

/* Run work in a child: 0 if it returned true, else its status as wait() has it. */
static int in_child(bool (*work)(void))
{
    int status = -1;
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(work() ? 0 : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static bool enter(void)
{
    if (sandbox_enter(&config, 0, &report) == 0)
        return true;
    report_print(&report, STDERR_FILENO);
    return false;
}

static void drop_root(void)
{
    if (geteuid() == 0 && (setgroups(0, NULL) < 0 || setgid(NOBODY) < 0 || setuid(NOBODY) < 0))
        _exit(99);
}

/* --- system calls --- */

static bool is_refused(const char *name, long number, long first, long second)
{
    errno = 0;
    if (syscall(number, first, second, 0, 0, 0, 0) == -1 && errno == EPERM)
        return true;
    fprintf(stderr, "%s: %s\n", name, strerror(errno));
    return false;
}

#define IS_REFUSED(name, first, second) is_refused(#name, SYS_##name, first, second)

static bool refuses_what_no_plugin_needs(void)
{
    return enter() && IS_REFUSED(ptrace, PTRACE_TRACEME, 0) &&
           IS_REFUSED(process_vm_readv, getpid(), 0) &&
           IS_REFUSED(process_vm_writev, getpid(), 0) && IS_REFUSED(perf_event_open, 0, 0) &&
           IS_REFUSED(mount, 0, 0) && IS_REFUSED(umount2, 0, 0) && IS_REFUSED(pivot_root, 0, 0) &&
           IS_REFUSED(open_by_handle_at, -1, 0) && IS_REFUSED(unshare, CLONE_NEWUSER, 0) &&
           IS_REFUSED(unshare, 0, 0) && IS_REFUSED(setns, -1, 0) && IS_REFUSED(bpf, -1, 0) &&
           IS_REFUSED(userfaultfd, 0, 0) && IS_REFUSED(keyctl, 0, -1) &&
           IS_REFUSED(add_key, 0, 0) && IS_REFUSED(request_key, 0, 0) &&
           IS_REFUSED(kexec_load, 0, 0) && IS_REFUSED(init_module, 0, 0) &&
           IS_REFUSED(finit_module, -1, 0) && IS_REFUSED(delete_module, 0, 0) &&
           IS_REFUSED(reboot, 0, 0) && IS_REFUSED(swapon, 0, 0) && IS_REFUSED(swapoff, 0, 0) &&
           IS_REFUSED(settimeofday, 0, 0) && IS_REFUSED(clock_settime, 99, 0) &&
           IS_REFUSED(acct, 0, 0) && IS_REFUSED(quotactl, 0, 0) &&
           IS_REFUSED(clone, CLONE_NEWUSER | SIGCHLD, 0) &&
           IS_REFUSED(clone, CLONE_NEWNET | CLONE_VM, 0) && IS_REFUSED(ioctl, 0, TIOCSTI) &&
           IS_REFUSED(ioctl, 0, (long)TIOCSTI | 1L << 40) && IS_REFUSED(ioctl, 0, TIOCLINUX);
}

/* Else the test above would show nothing. */
static bool could_do_it_before(void)
{
    if (IS_REFUSED(process_vm_readv, getpid(), 0) || IS_REFUSED(unshare, 0, 0) ||
        IS_REFUSED(keyctl, 0, -1) || IS_REFUSED(ioctl, -1, TIOCSTI))
        return false;
    return syscall(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0) == 0;
}

static void calls_that_no_plugin_needs_are_refused(void **state)
{
    (void)state;
    assert_int_equal(in_child(could_do_it_before), 0);
    assert_int_equal(in_child(refuses_what_no_plugin_needs), 0);
}

static bool does_without_a_filter(void)
{
    plugin.sandbox.filters_calls = false;
    return enter() && syscall(SYS_unshare, 0) == 0;
}

static void without_the_filter_nothing_is_refused(void **state)
{
    (void)state;
    assert_int_equal(in_child(does_without_a_filter), 0);
}

static void *note(void *arg)
{
    *(int *)arg = 1;
    return NULL;
}

/* Both go through clone3() where there is no filter. */
static bool starts_threads_and_programs(void)
{
    char *const arguments[] = {"true", NULL};
    pthread_t thread;
    pid_t child;
    int noted = 0, status;
    return enter() && pthread_create(&thread, NULL, note, &noted) == 0 &&
           pthread_join(thread, NULL) == 0 && noted &&
           posix_spawnp(&child, "true", NULL, NULL, arguments, arguments + 1) == 0 &&
           waitpid(child, &status, 0) == child && status == 0;
}

static void threads_and_programs_can_be_started(void **state)
{
    (void)state;
    assert_int_equal(in_child(starts_threads_and_programs), 0);
}

#ifdef __x86_64__
static bool calls_with_32_bit_pointers(void)
{
    if (enter())
        syscall(0x40000000L | SYS_getpid);
    return true;
}

static bool calls_as_a_32_bit_program(void)
{
    long result = 20; /* getpid there */
    if (enter())
        __asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
    return true;
}

static void calls_in_the_way_of_another_architecture_kill(void **state)
{
    int status;
    (void)state;
    status = in_child(calls_with_32_bit_pointers);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
    status = in_child(calls_as_a_32_bit_program); /* a kernel without these knows no such trap */
    assert_true(WIFSIGNALED(status) && (WTERMSIG(status) == SIGSYS || WTERMSIG(status) == SIGSEGV));
}
#endif

/* --- user, limits, privileges --- */

static bool becomes_nobody(void)
{
    gid_t groups[8];
    plugin.sandbox.user = "nobody";
    return enter() && getuid() == NOBODY && geteuid() == NOBODY && getgid() != 0 &&
           getgroups(8, groups) <= 1 && setuid(0) < 0 && errno == EPERM;
}

static bool becomes_the_workers_user(void)
{
    config.user = "nobody";
    return enter() && getuid() == NOBODY;
}

static bool stays_root_beside_unprivileged_workers(void)
{
    config.user = "nobody";
    plugin.sandbox.user = "root";
    return enter() && getuid() == 0;
}

static void the_user_is_the_sandbox_s_or_the_workers(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    assert_int_equal(in_child(becomes_nobody), 0);
    assert_int_equal(in_child(becomes_the_workers_user), 0);
    assert_int_equal(in_child(stays_root_beside_unprivileged_workers), 0);
}

/* As a service manager starts a daemon that is not root and yet may listen below 1024. */
static bool has_no_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct found[2];
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setuid(NOBODY) < 0 ||
        syscall(SYS_capget, &header, found) < 0 || found[0].permitted == 0)
        return false;
    return enter() && syscall(SYS_capget, &header, found) == 0 && found[0].permitted == 0 &&
           found[0].effective == 0 && found[0].inheritable == 0 && found[1].permitted == 0;
}

static void capabilities_are_given_up(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    assert_int_equal(in_child(has_no_capabilities), 0);
}

static bool is_limited(int resource, rlim_t limit)
{
    struct rlimit found;
    return getrlimit(resource, &found) == 0 && found.rlim_cur == limit && found.rlim_max == limit;
}

static bool keeps_its_limits(void)
{
    struct rlimit more = {41, 41};
    plugin.sandbox.open_files = 40;
    plugin.sandbox.processes = 50;
    plugin.sandbox.user = geteuid() == 0 ? "nobody" : NULL;
    return enter() && is_limited(RLIMIT_NOFILE, 40) && is_limited(RLIMIT_NPROC, 50) &&
           is_limited(RLIMIT_CORE, 0) && open("/dev/null", O_RDONLY) >= 0 &&
           setrlimit(RLIMIT_NOFILE, &more) < 0 && prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 &&
           prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
}

static void limits_hold_for_good(void **state)
{
    (void)state;
    assert_int_equal(in_child(keeps_its_limits), 0);
}

static bool runs_out_of_memory(void)
{
    size_t large = (size_t)1 << 45; /* more than a sanitizer has reserved for itself */
    plugin.sandbox.memory_bytes = (uint64_t)1 << 44;
    void *before = mmap(NULL, large, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (before == MAP_FAILED || munmap(before, large) < 0 || !enter())
        return false;
    return mmap(NULL, large, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) ==
               MAP_FAILED &&
           errno == ENOMEM;
}

static void memory_is_limited(void **state)
{
    (void)state;
    assert_int_equal(in_child(runs_out_of_memory), 0);
}

/* --- what cannot be done fails the whole --- */

static bool refuses_a_user_without_privilege(void)
{
    drop_root();
    plugin.sandbox.user = "root";
    return sandbox_check(&config, &report) < 0 && report_has("only root can become \"root\"") &&
           sandbox_enter(&config, 0, &report) < 0;
}

static bool refuses_a_filter_that_cannot_be_loaded(void)
{
    drop_root();
    plugin.sandbox.no_new_privileges = false;
    return sandbox_enter(&config, 0, &report) < 0 && report_has("needs \"no_new_privileges\"") &&
           report_has("set that to true, or seccomp to \"off\"");
}

static void what_cannot_be_done_is_an_error_with_its_remedy(void **state)
{
    (void)state;
    assert_int_equal(in_child(refuses_a_user_without_privilege), 0);
    assert_int_equal(in_child(refuses_a_filter_that_cannot_be_loaded), 0);
}

static void an_account_that_does_not_exist_is_told_before_anything_starts(void **state)
{
    (void)state;
    plugin.sandbox.user = "no-such-user";
    assert_true(sandbox_check(&config, &report) < 0);
    assert_true(report_has("there is no user \"no-such-user\""));
    assert_string_equal(report.complaints[0].key, "/plugins/0/sandbox/user");
    plugin.sandbox = (struct config_sandbox){.group = "nogroup"};
    assert_true(sandbox_check(&config, &report) < 0);
    assert_true(report_has("a group needs a \"user\""));
    report_free(&report);
}

static void an_instance_without_a_user_needs_no_check(void **state)
{
    (void)state;
    assert_int_equal(sandbox_check(&config, &report), 0);
    assert_int_equal(report.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(calls_that_no_plugin_needs_are_refused, set_up),
        cmocka_unit_test_setup(without_the_filter_nothing_is_refused, set_up),
        cmocka_unit_test_setup(threads_and_programs_can_be_started, set_up),
#ifdef __x86_64__
        cmocka_unit_test_setup(calls_in_the_way_of_another_architecture_kill, set_up),
#endif
        cmocka_unit_test_setup(the_user_is_the_sandbox_s_or_the_workers, set_up),
        cmocka_unit_test_setup(capabilities_are_given_up, set_up),
        cmocka_unit_test_setup(limits_hold_for_good, set_up),
        cmocka_unit_test_setup(memory_is_limited, set_up),
        cmocka_unit_test_setup(what_cannot_be_done_is_an_error_with_its_remedy, set_up),
        cmocka_unit_test_setup(an_account_that_does_not_exist_is_told_before_anything_starts,
                               set_up),
        cmocka_unit_test_setup(an_instance_without_a_user_needs_no_check, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
