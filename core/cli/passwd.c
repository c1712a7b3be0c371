/*
 * passwd.c: `sallyport passwd`: a crypt(5) hash of a password, for a users file. The password comes
 * from the terminal, twice and unseen, or as one line from standard input; it is never an argument,
 * which others could read.
 */
#include <crypt.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/secret.h"
#include "cli/cli.h"

#define BCRYPT_MOST 72 /* what it looks at; the rest would count for nothing */

static const struct method {
    const char *name;
    const char *prefix;
    size_t most; /* bytes of a password */
} methods[] = {
    {"yescrypt", "$y$", CRYPT_MAX_PASSPHRASE_SIZE - 1},
    {"scrypt", "$7$", CRYPT_MAX_PASSPHRASE_SIZE - 1},
    {"bcrypt", "$2b$", BCRYPT_MOST},
    {"sha512crypt", "$6$", CRYPT_MAX_PASSPHRASE_SIZE - 1},
};

struct password {
    char text[CRYPT_MAX_PASSPHRASE_SIZE + 1];
    size_t length;
};

/* For the handler: the terminal as it was. */
static struct {
    int fd;
    struct termios before;
} terminal;

/* The terminal must not be left without echo. Put right here and not after the read that the signal
 * interrupts: it may come before that has begun, which would then wait on. */
static void on_signal(int number)
{
    tcsetattr(terminal.fd, TCSAFLUSH, &terminal.before);
    raise(number); /* SA_RESETHAND: by now it ends the command */
}

/* One line, without its end. False after a message. */
static bool read_line(int fd, struct password *ret_password)
{
    char c = '\0';
    ssize_t n;
    ret_password->length = 0;
    while ((n = read(fd, &c, 1)) == 1 && c != '\n') {
        if (ret_password->length < sizeof ret_password->text - 1)
            ret_password->text[ret_password->length++] = c;
    }
    ret_password->text[ret_password->length] = '\0';
    if (n < 0)
        perror("sallyport passwd");
    return n >= 0;
}

static bool prompt_line(int tty, const char *prompt, struct password *ret_password)
{
    bool good = write(tty, prompt, strlen(prompt)) > 0 && read_line(tty, ret_password);
    (void)!write(tty, "\n", 1); /* the user's own was not echoed */
    return good;
}

static bool prompt_twice(int tty, struct password *ret_password)
{
    struct password again;
    bool good =
        prompt_line(tty, "Password: ", ret_password) && prompt_line(tty, "Once more: ", &again);
    if (good && strcmp(ret_password->text, again.text) != 0) {
        fputs("sallyport passwd: the two are not the same\n", stderr);
        good = false;
    }
    secret_wipe(&again, sizeof again);
    return good;
}

static bool ask(struct password *ret_password)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    struct sigaction before[sizeof numbers / sizeof *numbers];
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESETHAND};
    int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (tty < 0 || tcgetattr(tty, &terminal.before) < 0) {
        fputs("sallyport passwd: there is no terminal to ask at; use --stdin\n", stderr);
        if (tty >= 0)
            close(tty);
        return false;
    }
    terminal.fd = tty;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaction(numbers[i], &action, &before[i]);
    struct termios unseen = terminal.before;
    unseen.c_lflag &= ~(tcflag_t)ECHO;
    bool good = tcsetattr(tty, TCSAFLUSH, &unseen) == 0 && prompt_twice(tty, ret_password);
    tcsetattr(tty, TCSAFLUSH, &terminal.before);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaction(numbers[i], &before[i], NULL);
    close(tty);
    return good;
}

static bool is_usable(const struct method *method, const struct password *password)
{
    if (password->length == 0)
        fputs("sallyport passwd: an empty password lets nobody in\n", stderr);
    else if (memchr(password->text, '\0', password->length))
        fputs("sallyport passwd: a password cannot contain a NUL byte\n", stderr);
    else if (password->length > method->most)
        fprintf(stderr, "sallyport passwd: %s takes no more than %zu bytes\n", method->name,
                method->most);
    else
        return true;
    return false;
}

static bool print_hash(const struct method *method, const struct password *password)
{
    static struct crypt_data data; /* 32 KiB: too much for the stack, wiped below */
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];
    const char *hash = NULL;
    /* Cost 0 and no random bytes: libxcrypt's default cost, and salt from the system. */
    if (crypt_gensalt_rn(method->prefix, 0, NULL, 0, setting, sizeof setting))
        hash = crypt_rn(password->text, setting, &data, sizeof data);
    bool good = hash && hash[0] != '*' && puts(hash) >= 0 && fflush(stdout) == 0;
    if (!good)
        perror("sallyport passwd");
    secret_wipe(&data, sizeof data);
    return good;
}

static const struct method *find_method(const char *name)
{
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (strcmp(methods[i].name, name) == 0)
            return &methods[i];
    fprintf(stderr, "sallyport passwd: there is no method \"%s\"; there are", name);
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        fprintf(stderr, " %s", methods[i].name);
    fputc('\n', stderr);
    return NULL;
}

int cli_passwd(int argc, char **argv)
{
    enum { OPTION_METHOD, OPTION_STDIN };
    static const struct option options[] = {{"method", required_argument, NULL, OPTION_METHOD},
                                            {"stdin", no_argument, NULL, OPTION_STDIN},
                                            {NULL, 0, NULL, 0}};
    const struct method *method = &methods[0];
    bool from_stdin = false;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == OPTION_METHOD && !(method = find_method(optarg)))
            return CLI_USAGE;
        if (option == OPTION_STDIN)
            from_stdin = true;
        if (option == '?')
            return cli_usage("passwd");
    }
    if (optind < argc)
        return cli_usage("passwd");
    struct password password;
    bool good = (from_stdin ? read_line(STDIN_FILENO, &password) : ask(&password)) &&
                is_usable(method, &password) && print_hash(method, &password);
    secret_wipe(&password, sizeof password);
    return good ? 0 : CLI_FAILED;
}
