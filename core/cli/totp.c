/*
 * totp.c: `sallyport totp`: secrets for the plugin auth-totp. A new secret is printed once, for the
 * user's authenticator; it is never an argument, which others could read.
 */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "auth-totp/totp.h"
#include "base/secret.h"
#include "base/user_name.h"
#include "cli/cli.h"
#include "config/config.h"

#define KEY_BYTES 20 /* RFC 4226, 4, R6: as long as the digest of SHA-1 */
#define ISSUER_MAX 64
#define DIRECTORY_MAX 3000

struct request {
    const char *user;
    char directory[DIRECTORY_MAX + 1];
    const char *config_file;
    const char *issuer;
    bool replace;
    struct totp totp;
};

static bool say(const char *what, const char *why)
{
    fprintf(stderr, "sallyport totp: %s: %s\n", what, why);
    return false;
}

/* --- where --- */

/* The directory of the one instance of auth-totp. */
static bool take_directory(const struct config *config, struct request *request)
{
    unsigned count = 0;
    for (size_t i = 0; i < config->plugins_count; i++) {
        if (strcmp(config->plugins[i].plugin, "auth-totp") != 0)
            continue;
        json_t *object = json_loads(config->plugins[i].config_json, 0, NULL);
        const char *directory = json_string_value(json_object_get(object, "directory"));
        if (directory && strlen(directory) <= DIRECTORY_MAX)
            strcpy(request->directory, directory);
        count += directory != NULL;
        json_decref(object);
    }
    if (count == 1)
        return true;
    return say(config->file, count ? "there are several instances of auth-totp; use --directory"
                                   : "there is no instance of auth-totp with a directory; add one, "
                                     "or use --directory");
}

static bool find_directory(struct request *request)
{
    struct config *config = NULL;
    struct report report = {0};
    if (request->directory[0])
        return true;
    bool good = config_load(request->config_file, &config, &report) == 0;
    if (!good)
        report_print(&report, STDERR_FILENO);
    good = good && take_directory(config, request);
    report_free(&report);
    config_free(config);
    return good;
}

/* --- what is printed --- */

/* RFC 3986, 2.1: everything but letters, digits and "-._~" as %XX. */
static void print_escaped(const char *text)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (; *text; text++) {
        if (strchr(plain, *text))
            putchar(*text);
        else
            printf("%%%02X", (unsigned char)*text);
    }
}

static void print_secret(const struct request *request)
{
    char secret[TOTP_BASE32_MAX];
    totp_base32(request->totp.key, request->totp.key_length, secret);
    printf("secret: %s\nuri: otpauth://totp/", secret);
    print_escaped(request->issuer);
    putchar(':');
    print_escaped(request->user);
    printf("?secret=%s&issuer=", secret);
    print_escaped(request->issuer);
    printf("&algorithm=");
    for (const char *c = totp_algorithm_text(request->totp.algorithm); *c; c++)
        putchar(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
    printf("&digits=%u&period=%u\n", request->totp.digits, request->totp.period_s);
    secret_wipe(secret, sizeof secret);
}

/* --- the commands --- */

/* Files belong to whom the directory belongs to, who is meant to be the daemon's user. */
static bool enrol(struct request *request)
{
    struct stat st;
    bool is_root = geteuid() == 0;
    if (stat(request->directory, &st) < 0)
        return say(request->directory, strerror(errno));
    if (st.st_mode & (S_IWGRP | S_IWOTH))
        return say(request->directory, "others than its owner may write it; run chmod go-w on it");
    request->totp.key_length = KEY_BYTES;
    if (RAND_bytes(request->totp.key, KEY_BYTES) != 1)
        return say(request->user, "the system has no random numbers");
    if (totp_store(request->directory, request->user, &request->totp, request->replace,
                   is_root ? st.st_uid : UINT32_MAX, is_root ? st.st_gid : UINT32_MAX) < 0)
        return say(request->user, errno == EEXIST ? "is enrolled; use --replace for a new secret"
                                                  : strerror(errno));
    print_secret(request);
    if (fflush(stdout) == 0)
        return true;
    return say("standard output", strerror(errno));
}

static bool withdraw(struct request *request)
{
    if (totp_remove(request->directory, request->user) == 0)
        return true;
    return say(request->user, errno == ENOENT ? "is not enrolled" : strerror(errno));
}

static int is_secret(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return length > 5 && entry->d_name[0] != '.' &&
           strcmp(entry->d_name + length - 5, ".json") == 0;
}

static bool list(struct request *request)
{
    struct dirent **names;
    int count = scandir(request->directory, &names, is_secret, alphasort);
    if (count < 0)
        return say(request->directory, strerror(errno));
    for (int i = 0; i < count; i++) {
        printf("%.*s\n", (int)strlen(names[i]->d_name) - 5, names[i]->d_name);
        free(names[i]);
    }
    free(names);
    return true;
}

static const struct action {
    const char *name;
    bool (*run)(struct request *request);
    bool has_user;
} actions[] = {{"enrol", enrol, true}, {"remove", withdraw, true}, {"list", list, false}};

static const struct action *find_action(const char *name)
{
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (strcmp(actions[i].name, name) == 0)
            return &actions[i];
    return NULL;
}

static bool parse_number(const char *what, const char *text, uint32_t least, uint32_t most,
                         uint32_t *ret_number)
{
    char *end;
    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    *ret_number = (uint32_t)number;
    if (errno == 0 && *text >= '0' && *text <= '9' && *end == '\0' && number >= least &&
        number <= most)
        return true;
    fprintf(stderr, "sallyport totp: %s must be %u to %u, but is \"%s\"\n", what, least, most,
            text);
    return false;
}

enum { DIRECTORY, CONFIG, ISSUER, ALGORITHM, DIGITS, PERIOD, REPLACE };

static bool take_option(int option, const char *value, struct request *request)
{
    switch (option) {
    case DIRECTORY:
        if (strlen(value) > DIRECTORY_MAX || !*value)
            return say(value, "is no directory");
        strcpy(request->directory, value);
        return true;
    case CONFIG:
        request->config_file = value;
        return true;
    case ISSUER:
        if (*value == '\0' || strlen(value) > ISSUER_MAX || strchr(value, ':'))
            return say("--issuer", "must be 1 to 64 bytes without a colon");
        request->issuer = value;
        return true;
    case ALGORITHM:
        return totp_algorithm_parse(value, &request->totp.algorithm) ||
               say(value, "is none of sha1, sha256, sha512");
    case DIGITS:
        return parse_number("--digits", value, 6, TOTP_DIGITS_MAX, &request->totp.digits);
    case PERIOD:
        return parse_number("--period", value, 10, 300, &request->totp.period_s);
    case REPLACE:
        request->replace = true;
        return true;
    default:
        cli_usage("totp");
        return false;
    }
}

int cli_totp(int argc, char **argv)
{
    static const struct option options[] = {{"directory", required_argument, NULL, DIRECTORY},
                                            {"config", required_argument, NULL, CONFIG},
                                            {"issuer", required_argument, NULL, ISSUER},
                                            {"algorithm", required_argument, NULL, ALGORITHM},
                                            {"digits", required_argument, NULL, DIGITS},
                                            {"period", required_argument, NULL, PERIOD},
                                            {"replace", no_argument, NULL, REPLACE},
                                            {NULL, 0, NULL, 0}};
    struct request request = {.config_file = CLI_CONFIG_FILE,
                              .issuer = "sallyport",
                              .totp = {.digits = 6, .period_s = 30}};
    const struct action *action = argc > 1 ? find_action(argv[1]) : NULL;
    if (!action)
        return cli_usage("totp");
    for (int option; (option = getopt_long(argc - 1, argv + 1, "", options, NULL)) != -1;)
        if (!take_option(option, optarg, &request))
            return CLI_USAGE;
    char **rest = argv + 1 + optind;
    if (argc - 1 - optind != action->has_user)
        return cli_usage("totp");
    request.user = action->has_user ? rest[0] : NULL;
    if (request.user && !user_name_is_sound(request.user)) {
        say(request.user, "no user can have this name");
        return CLI_FAILED;
    }
    bool good = find_directory(&request) && action->run(&request);
    secret_wipe(&request.totp, sizeof request.totp);
    return good ? 0 : CLI_FAILED;
}
