/* test_passwd.c: `sallyport passwd`, from standard input and from a terminal. */
#include <crypt.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/cli.h"

int cli_usage(const char *command)
{
    (void)command;
    return CLI_USAGE;
}

/* Run it with input on standard input; its exit status, and what it printed. */
static int run(const char *const *arguments, const char *input, size_t length, char *output,
               size_t size)
{
    int in[2];
    int out[2];
    assert_int_equal(pipe(in), 0);
    assert_int_equal(pipe(out), 0);
    assert_int_equal(write(in[1], input, length), (ssize_t)length);
    close(in[1]);
    pid_t pid = fork();
    if (pid == 0) {
        char *argv[6] = {"passwd"};
        int argc = 1;
        while (arguments[argc - 1]) {
            argv[argc] = (char *)(uintptr_t)arguments[argc - 1];
            argc++;
        }
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        close(out[0]);
        _exit(cli_passwd(argc, argv));
    }
    close(in[0]);
    close(out[1]);
    size_t got = 0;
    for (ssize_t n; got < size - 1 && (n = read(out[0], output + got, size - 1 - got)) > 0;)
        got += (size_t)n;
    output[got] = '\0';
    close(out[0]);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void assert_hash_of(char *hash, const char *password, const char *prefix)
{
    struct crypt_data *data = calloc(1, sizeof *data);
    assert_non_null(data);
    hash[strcspn(hash, "\r\n")] = '\0';
    assert_memory_equal(hash, prefix, strlen(prefix));
    assert_string_equal(crypt_rn(password, hash, data, sizeof *data), hash);
    free(data);
}

static void hash_by_each_method(void **state)
{
    (void)state;
    static const char *const known[][2] = {
        {"yescrypt", "$y$"}, {"scrypt", "$7$"}, {"bcrypt", "$2b$"}, {"sha512crypt", "$6$"}};
    char first[512];
    char second[512];
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const char *const arguments[] = {"--stdin", "--method", known[i][0], NULL};
        assert_int_equal(run(arguments, "s3cret wörd\n", 13, first, sizeof first), 0);
        assert_hash_of(first, "s3cret wörd", known[i][1]);
        assert_int_equal(run(arguments, "s3cret wörd\n", 13, second, sizeof second), 0);
        assert_string_not_equal(first, second); /* salted */
    }
    const char *const plain[] = {"--stdin", NULL};
    assert_int_equal(run(plain, "no newline", 10, first, sizeof first), 0);
    assert_hash_of(first, "no newline", "$y$");
}

static void refuse_what_would_let_nobody_in(void **state)
{
    (void)state;
    char output[512];
    char input[600];
    memset(input, 'p', sizeof input);
    const char *const plain[] = {"--stdin", NULL};
    const char *const bcrypt[] = {"--stdin", "--method", "bcrypt", NULL};
    assert_int_equal(run(plain, "\n", 1, output, sizeof output), CLI_FAILED);
    assert_int_equal(run(plain, "", 0, output, sizeof output), CLI_FAILED);
    assert_int_equal(run(plain, "a\0b\n", 4, output, sizeof output), CLI_FAILED);
    assert_int_equal(run(plain, input, 512, output, sizeof output), CLI_FAILED);
    assert_int_equal(run(plain, input, 600, output, sizeof output), CLI_FAILED);
    assert_int_equal(run(plain, input, 511, output, sizeof output), 0);
    assert_int_equal(run(bcrypt, input, 73, output, sizeof output), CLI_FAILED);
    assert_int_equal(run(bcrypt, input, 72, output, sizeof output), 0);
}

static void refuse_unknown_arguments(void **state)
{
    (void)state;
    char output[512];
    const char *const method[] = {"--method", "md5", NULL};
    const char *const password[] = {"--stdin", "secret", NULL};
    const char *const option[] = {"--password", NULL};
    assert_int_equal(run(method, "", 0, output, sizeof output), CLI_USAGE);
    assert_int_equal(run(password, "x\n", 2, output, sizeof output), CLI_USAGE);
    assert_int_equal(run(option, "", 0, output, sizeof output), CLI_USAGE);
}

static void read_until(int fd, char *text, size_t size, const char *expected)
{
    size_t length = strlen(text);
    while (!strstr(text, expected)) {
        ssize_t n = read(fd, text + length, size - 1 - length);
        assert_true(n > 0);
        length += (size_t)n;
        text[length] = '\0';
    }
}

/* At a terminal of its own: what is typed at the two prompts; its exit status. */
static int type_at(const char *first, const char *second, char *text, size_t size)
{
    int terminal;
    pid_t pid = forkpty(&terminal, NULL, NULL, NULL);
    assert_true(pid >= 0);
    if (pid == 0) {
        signal(SIGINT, SIG_DFL); /* ignored if the tests run in a shell's background */
        char *argv[] = {"passwd", "--method", "sha512crypt", NULL};
        _exit(cli_passwd(3, argv));
    }
    text[0] = '\0';
    read_until(terminal, text, size, "Password: ");
    struct termios t;
    assert_int_equal(tcgetattr(terminal, &t), 0);
    assert_false(t.c_lflag & ECHO);
    assert_int_equal(write(terminal, first, strlen(first)), (ssize_t)strlen(first));
    if (second) {
        read_until(terminal, text, size, "Once more: ");
        assert_int_equal(write(terminal, second, strlen(second)), (ssize_t)strlen(second));
    }
    int status;
    size_t length = strlen(text);
    for (ssize_t n;
         length < size - 1 && (n = read(terminal, text + length, size - 1 - length)) > 0;)
        length += (size_t)n;
    text[length] = '\0';
    assert_int_equal(waitpid(pid, &status, 0), pid);
    close(terminal);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void ask_twice_without_showing(void **state)
{
    (void)state;
    char text[2048];
    assert_int_equal(type_at("typed\n", "typed\n", text, sizeof text), 0);
    assert_null(strstr(text, "typed"));
    assert_non_null(strstr(text, "$6$"));
    assert_hash_of(strstr(text, "$6$"), "typed", "$6$");
    assert_int_equal(type_at("typed\n", "other\n", text, sizeof text), CLI_FAILED);
    assert_null(strstr(text, "$6$"));
    assert_int_equal(type_at("\x03", NULL, text, sizeof text), -SIGINT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hash_by_each_method),
        cmocka_unit_test(refuse_what_would_let_nobody_in),
        cmocka_unit_test(refuse_unknown_arguments),
        cmocka_unit_test(ask_twice_without_showing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
