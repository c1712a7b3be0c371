/* terminal.c: pseudo-terminals, their size and their modes (RFC 4254, 8). Called by child.c. */
#include "exec_shell.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* The opcodes of RFC 4254, 8 (IUTF8: RFC 8160) and where termios has them. */
enum place { CONTROL_CHARACTER, INPUT, LOCAL, OUTPUT, CONTROL };
static const struct {
    uint8_t opcode;
    uint8_t place;
    tcflag_t what; /* index of a control character, or bits */
} modes_known[] = {
    {1, CONTROL_CHARACTER, VINTR},
    {2, CONTROL_CHARACTER, VQUIT},
    {3, CONTROL_CHARACTER, VERASE},
    {4, CONTROL_CHARACTER, VKILL},
    {5, CONTROL_CHARACTER, VEOF},
    {6, CONTROL_CHARACTER, VEOL},
    {7, CONTROL_CHARACTER, VEOL2},
    {8, CONTROL_CHARACTER, VSTART},
    {9, CONTROL_CHARACTER, VSTOP},
    {10, CONTROL_CHARACTER, VSUSP},
    {12, CONTROL_CHARACTER, VREPRINT},
    {13, CONTROL_CHARACTER, VWERASE},
    {14, CONTROL_CHARACTER, VLNEXT},
    {16, CONTROL_CHARACTER, VSWTC},
    {18, CONTROL_CHARACTER, VDISCARD},
    {30, INPUT, IGNPAR},
    {31, INPUT, PARMRK},
    {32, INPUT, INPCK},
    {33, INPUT, ISTRIP},
    {34, INPUT, INLCR},
    {35, INPUT, IGNCR},
    {36, INPUT, ICRNL},
    {37, INPUT, IUCLC},
    {38, INPUT, IXON},
    {39, INPUT, IXANY},
    {40, INPUT, IXOFF},
    {41, INPUT, IMAXBEL},
    {42, INPUT, IUTF8},
    {50, LOCAL, ISIG},
    {51, LOCAL, ICANON},
    {52, LOCAL, XCASE},
    {53, LOCAL, ECHO},
    {54, LOCAL, ECHOE},
    {55, LOCAL, ECHOK},
    {56, LOCAL, ECHONL},
    {57, LOCAL, NOFLSH},
    {58, LOCAL, TOSTOP},
    {59, LOCAL, IEXTEN},
    {60, LOCAL, ECHOCTL},
    {61, LOCAL, ECHOKE},
    {62, LOCAL, PENDIN},
    {70, OUTPUT, OPOST},
    {71, OUTPUT, OLCUC},
    {72, OUTPUT, ONLCR},
    {73, OUTPUT, OCRNL},
    {74, OUTPUT, ONOCR},
    {75, OUTPUT, ONLRET},
    {90, CONTROL, CS7},
    {91, CONTROL, CS8},
    {92, CONTROL, PARENB},
    {93, CONTROL, PARODD},
};
#define OPCODE_END 0u
#define OPCODE_UNPARSABLE 160u /* from here on the length of an argument is not known */

int terminal_open(int *ret_master, int *ret_slave, char *ret_name, size_t size)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master < 0)
        return -errno;
    int slave = -1;
    if (grantpt(master) == 0 && unlockpt(master) == 0 && ptsname_r(master, ret_name, size) == 0)
        slave = open(ret_name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0) {
        int error = errno;
        close(master);
        return -error;
    }
    *ret_master = master;
    *ret_slave = slave;
    return 0;
}

static unsigned short clamp(uint32_t value)
{
    return value > UINT16_MAX ? UINT16_MAX : (unsigned short)value;
}

struct winsize terminal_size(const struct sp_terminal *terminal)
{
    return (struct winsize){
        .ws_col = clamp(terminal->columns),
        .ws_row = clamp(terminal->rows),
        .ws_xpixel = clamp(terminal->width_pixels),
        .ws_ypixel = clamp(terminal->height_pixels),
    };
}

static void set_bits(tcflag_t *flags, tcflag_t bits, bool on)
{
    if (bits == CS7 || bits == CS8) { /* values of one field, not switches */
        if (on)
            *flags = (*flags & ~(tcflag_t)CSIZE) | bits;
    } else if (on) {
        *flags |= bits;
    } else {
        *flags &= ~bits;
    }
}

static void set_mode(struct termios *t, uint8_t opcode, uint32_t value)
{
    for (size_t i = 0; i < sizeof modes_known / sizeof *modes_known; i++) {
        if (modes_known[i].opcode != opcode)
            continue;
        tcflag_t what = modes_known[i].what;
        switch ((enum place)modes_known[i].place) {
        case CONTROL_CHARACTER: /* 255: none */
            t->c_cc[what] = value == 255 ? _POSIX_VDISABLE : (cc_t)value;
            break;
        case INPUT:
            set_bits(&t->c_iflag, what, value);
            break;
        case LOCAL:
            set_bits(&t->c_lflag, what, value);
            break;
        case OUTPUT:
            set_bits(&t->c_oflag, what, value);
            break;
        case CONTROL:
            set_bits(&t->c_cflag, what, value);
            break;
        }
    }
}

void terminal_set_modes(int fd, const char *modes, size_t length)
{
    struct termios t;
    if (tcgetattr(fd, &t) < 0)
        return;
    const uint8_t *p = (const uint8_t *)modes;
    while (length >= 5 && p[0] != OPCODE_END && p[0] < OPCODE_UNPARSABLE) {
        uint32_t value = (uint32_t)p[1] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 8 | p[4];
        set_mode(&t, p[0], value);
        p += 5;
        length -= 5;
    }
    /* A pseudo-terminal has no parity and always eight bits; what else was asked for is set. */
    (void)tcsetattr(fd, TCSANOW, &t);
}
