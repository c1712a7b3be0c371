/*
 * syscall_filter.c: a seccomp filter, in the kernel's own words (BPF). Called by sandbox.c.
 *
 * It allows by default: what a plugin does in the system is as open as what plugins are for, and
 * libraries change the calls they use. It refuses what serves to look into other processes, to get
 * around the limits of the process or to change the whole system, root's or not. EPERM and not
 * death, because libraries try some of them and can do without.
 */
#include "supervisor/syscall_filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* Not CLONE_NEWTIME, which clone() takes for a part of the signal's number and only unshare()
 * obeys.
 */
#define NEW_NAMESPACES                                                                             \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |  \
     CLONE_NEWNET)

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
/* The same architecture with 32-bit pointers has numbers of its own from here on. */
#define FOREIGN_NUMBERS 0x40000000u
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#define FOREIGN_NUMBERS UINT32_MAX /* there are none */
#endif

#ifdef ARCHITECTURE

static const uint32_t refused[] = {
    /* other processes */
    SYS_ptrace,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_kcmp,
    SYS_pidfd_getfd,
    SYS_process_madvise,
    SYS_perf_event_open,
    SYS_lookup_dcookie,
    /* files by other ways than their names, and trees of them */
    SYS_open_by_handle_at,
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_open_tree,
    SYS_move_mount,
    SYS_fsopen,
    SYS_fsconfig,
    SYS_fsmount,
    SYS_fspick,
    SYS_mount_setattr,
    SYS_swapon,
    SYS_swapoff,
    SYS_quotactl,
    SYS_quotactl_fd,
    SYS_acct,
    /* namespaces; clone() is looked at below */
    SYS_unshare,
    SYS_setns,
    /* the kernel itself */
    SYS_kexec_load,
    SYS_kexec_file_load,
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_bpf,
    SYS_userfaultfd,
    SYS_io_uring_setup,
    SYS_io_uring_enter,
    SYS_io_uring_register,
    SYS_keyctl,
    SYS_add_key,
    SYS_request_key,
    SYS_syslog,
    SYS_vhangup,
    /* the machine */
    SYS_reboot,
    SYS_settimeofday,
    SYS_clock_settime,
    SYS_clock_adjtime,
    SYS_adjtimex,
    SYS_sethostname,
    SYS_setdomainname,
    SYS_nfsservctl,
#ifdef SYS_iopl
    SYS_iopl,
    SYS_ioperm,
    SYS_modify_ldt,
#endif
};
#define REFUSED (sizeof(refused) / sizeof(refused[0]))
#define REST_MAX 20 /* instructions beside the table's */

#define LOAD(field)                                                                                \
    (struct sock_filter)                                                                           \
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, field))
#define IF_EQUAL(value, yes, no)                                                                   \
    (struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no)
#define IF_LESS(value, yes, no)                                                                    \
    (struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, value, no, yes)
#define IF_ANY_BIT(value, yes, no)                                                                 \
    (struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, value, yes, no)
#define RETURN(value) (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, value)
#define REFUSE(error) RETURN(SECCOMP_RET_ERRNO | (error))

static size_t build(struct sock_filter program[])
{
    size_t n = 0;
    program[n++] = LOAD(arch);
    program[n++] = IF_EQUAL(ARCHITECTURE, 1, 0);
    program[n++] = RETURN(SECCOMP_RET_KILL_PROCESS);
    program[n++] = LOAD(nr);
    program[n++] = IF_LESS(FOREIGN_NUMBERS, 1, 0);
    program[n++] = RETURN(SECCOMP_RET_KILL_PROCESS);
    for (size_t i = 0; i < REFUSED; i++) {
        program[n++] = IF_EQUAL(refused[i], 0, 1);
        program[n++] = REFUSE(EPERM);
    }
    /* Its flags lie in memory, where they cannot be looked at: libraries then use clone(). */
    program[n++] = IF_EQUAL(SYS_clone3, 0, 1);
    program[n++] = REFUSE(ENOSYS);
    program[n++] = IF_EQUAL(SYS_clone, 0, 3);
    program[n++] =
        LOAD(args[0]); /* the lower half, which holds the flags: both are little-endian */
    program[n++] = IF_ANY_BIT(NEW_NAMESPACES, 0, 1);
    program[n++] = REFUSE(EPERM);
    /* What types on the terminal that the daemon was started from, for its shell to read later. Of
     * the request, too, the kernel looks at the lower half only. */
    program[n++] = LOAD(nr);
    program[n++] = IF_EQUAL(SYS_ioctl, 0, 4);
    program[n++] = LOAD(args[1]);
    program[n++] = IF_EQUAL(TIOCSTI, 1, 0);
    program[n++] = IF_EQUAL(TIOCLINUX, 0, 1);
    program[n++] = REFUSE(EPERM);
    program[n++] = RETURN(SECCOMP_RET_ALLOW);
    return n;
}

int syscall_filter_load(void)
{
    struct sock_filter program[2 * REFUSED + REST_MAX];
    const struct sock_fprog filter = {.len = (unsigned short)build(program), .filter = program};
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0);
}

#else

int syscall_filter_load(void)
{
    errno = ENOSYS;
    return -1;
}

#endif
