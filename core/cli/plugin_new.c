/*
 * plugin_new.c: `sallyport plugin new`: a project that builds, passes its own test and logs
 * somebody in, made of the SDK's templates: the files in common/ and those of its kind. In names
 * and texts "my-plugin" becomes the plugin's name; the words below are replaced in texts.
 *
 * What lies in try/ holds a password and is for its owner only.
 */
#include <crypt.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"

#define NAME_MAX_BYTES 48 /* as in a manifest */
#define FILE_MAX_BYTES (256 * 1024)
#define PASSWORD_BYTES 16
#define PRIVATE_DIRECTORY "try"

static const char *const kinds[] = {"auth", "fs", "sftp", "channel", "connection", "log"};
/* Names that CMake keeps for targets of its own. */
static const char *const reserved[] = {"all", "clean", "help", "install", "package", "test"};

struct project {
    const char *name;
    char symbol[NAME_MAX_BYTES + 1]; /* the name, as far as C bears it */
    const char *kind;
    char prefix[PATH_MAX];    /* where sallyport is installed; "" for a build tree */
    char templates[PATH_MAX]; /* where templates are */
    char plugins[PATH_MAX];   /* where the plugins that come with sallyport are */
    char directory[PATH_MAX]; /* of the project, absolute */
    char password[PASSWORD_BYTES + 1];
    char password_hash[CRYPT_OUTPUT_SIZE];
};

/* A word of the templates, and what stands for it. */
struct word {
    const char *word;
    const char *text;
};

static int complain(const char *what, const char *why)
{
    fprintf(stderr, "sallyport: %s: %s\n", what, why);
    return CLI_FAILED;
}

static bool is_one_of(const char *text, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(text, list[i]) == 0)
            return true;
    return false;
}

/* As a manifest wants it, and so that it can begin a name in C and CMake. */
static int check_name(const char *name)
{
    size_t len = strlen(name);
    if (len > NAME_MAX_BYTES || !islower((unsigned char)name[0]) ||
        strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != len)
        return complain(name, "is no name for a plugin: use lower-case letters, digits and \"-\", "
                              "a letter first, at most 48 of them");
    if (is_one_of(name, reserved, sizeof reserved / sizeof *reserved))
        return complain(name, "is a name that build tools keep for themselves; choose another");
    return 0;
}

static int check_kind(const char *kind)
{
    if (kind && is_one_of(kind, kinds, sizeof kinds / sizeof *kinds))
        return 0;
    return complain(kind ? kind : "--kind",
                    kind ? "is no kind of plugin; there are auth, fs, sftp, channel, connection "
                           "and log"
                         : "is missing: auth, fs, sftp, channel, connection or log");
}

/* The first of two directories beside this program that is there, or the one it was built for. */
static bool find_beside(const char *installed, const char *built, const char *configured,
                        char *ret_path)
{
    char program[PATH_MAX], path[2 * PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", program, sizeof program - 1);
    program[len < 0 ? 0 : len] = '\0';
    char *slash = strrchr(program, '/');
    if (slash)
        *slash = '\0';
    for (int i = 0; slash && i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", program, i == 0 ? installed : built);
        if (realpath(path, ret_path))
            return true;
    }
    return realpath(configured, ret_path) != NULL;
}

static int find_places(struct project *project)
{
    char program[PATH_MAX];
    if (!find_beside("../" SALLYPORT_DATA_BELOW "/template", "share/sallyport/template",
                     SALLYPORT_DATA_DIR "/template", project->templates))
        return complain("the templates are not installed", SALLYPORT_DATA_DIR "/template");
    if (!find_beside("../" SALLYPORT_PLUGINS_BELOW, "plugins", SALLYPORT_PLUGIN_DIR,
                     project->plugins))
        snprintf(project->plugins, sizeof project->plugins, "%s", SALLYPORT_PLUGIN_DIR);
    ssize_t len = readlink("/proc/self/exe", program, sizeof program - 1);
    program[len < 0 ? 0 : len] = '\0';
    char *bin = strstr(program, "/bin/sallyport");
    if (bin)
        snprintf(project->prefix, sizeof project->prefix, "%.*s", (int)(bin - program), program);
    return 0;
}

static int make_password(struct project *project)
{
    static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789";
    unsigned char random[PASSWORD_BYTES];
    char salt[CRYPT_GENSALT_OUTPUT_SIZE];
    struct crypt_data data = {0};
    if (getrandom(random, sizeof random, 0) != sizeof random)
        return complain("no password", strerror(errno));
    for (int i = 0; i < PASSWORD_BYTES; i++)
        project->password[i] = letters[random[i] % (sizeof letters - 1)];
    const char *hash = crypt_gensalt_rn("$6$", 0, NULL, 0, salt, sizeof salt)
                           ? crypt_rn(project->password, salt, &data, sizeof data)
                           : NULL;
    if (!hash)
        return complain("no password", "it cannot be hashed here");
    snprintf(project->password_hash, sizeof project->password_hash, "%s", hash);
    return 0;
}

/* Write text with its words replaced. */
static void replace(FILE *out, const char *text, const struct word *words, size_t count)
{
    while (*text) {
        const struct word *found = NULL;
        for (size_t i = 0; i < count && !found; i++)
            if (strncmp(text, words[i].word, strlen(words[i].word)) == 0)
                found = &words[i];
        if (found) {
            fputs(found->text, out);
            text += strlen(found->word);
        } else {
            fputc(*text++, out);
        }
    }
}

static void replace_all(FILE *out, const char *text, const struct project *project)
{
    const struct word words[] = {
        {"my-plugin", project->name},      {"my_plugin", project->symbol},
        {"@DIR@", project->directory},     {"@PLUGINS@", project->plugins},
        {"@PASSWORD@", project->password}, {"@PASSWORD_HASH@", project->password_hash},
    };
    replace(out, text, words, sizeof words / sizeof *words);
}

/* A whole file of ours as text, or NULL. */
static char *read_file(const char *path)
{
    FILE *file = fopen(path, "re");
    char *text = file ? malloc(FILE_MAX_BYTES + 1) : NULL;
    if (text)
        text[fread(text, 1, FILE_MAX_BYTES, file)] = '\0';
    if (file)
        fclose(file);
    return text;
}

static FILE *create_file(const char *path, bool is_private)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, is_private ? 0600 : 0644);
    return fd < 0 ? NULL : fdopen(fd, "w");
}

/* from and into are directories; name is in the first. */
static int copy_file(const struct project *project, const char *from, const char *into,
                     const char *name, bool is_private)
{
    char path[2 * PATH_MAX], *target_name = NULL;
    size_t size;
    int code = CLI_FAILED;
    snprintf(path, sizeof path, "%s/%s", from, name);
    char *text = read_file(path);
    FILE *memory = open_memstream(&target_name, &size);
    if (memory) {
        replace_all(memory, name, project);
        fclose(memory);
        snprintf(path, sizeof path, "%s/%s", into, target_name);
    }
    FILE *out = text && target_name ? create_file(path, is_private) : NULL;
    if (out) {
        replace_all(out, text, project);
        code = 0;
    }
    if (!out || fclose(out) != 0)
        code = complain(path, strerror(errno));
    free(target_name);
    free(text);
    return code;
}

/* The files of a directory, and of one below it that is for the owner only. */
static int copy_directory(const struct project *project, const char *from, const char *into,
                          bool is_private)
{
    char path[2 * PATH_MAX], target[2 * PATH_MAX];
    struct stat st;
    int code = 0;
    DIR *d = opendir(from);
    if (!d)
        return complain(from, strerror(errno));
    for (struct dirent *entry; code == 0 && (entry = readdir(d));) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", from, entry->d_name);
        if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode)) {
            code = copy_file(project, from, into, entry->d_name, is_private);
            continue;
        }
        snprintf(target, sizeof target, "%s/%s", into, entry->d_name);
        if (mkdir(target, 0700) < 0)
            code = complain(target, strerror(errno));
        else
            code = copy_directory(project, path, target, true);
    }
    closedir(d);
    return code;
}

static int write_password(const struct project *project)
{
    char path[2 * PATH_MAX];
    snprintf(path, sizeof path, "%s/" PRIVATE_DIRECTORY "/password", project->directory);
    FILE *file = create_file(path, true);
    if (!file)
        return complain(path, strerror(errno));
    fprintf(file, "%s\n", project->password);
    return fclose(file) == 0 ? 0 : complain(path, strerror(errno));
}

/* The directory must be new, so that nothing of somebody's is written over. */
static int make_directory(struct project *project, const char *below)
{
    char path[PATH_MAX + NAME_MAX_BYTES + 2];
    snprintf(path, sizeof path, "%s/%s", below, project->name);
    if (mkdir(path, 0755) < 0)
        return complain(path, errno == EEXIST ? "is there already; choose another name or --dir"
                                              : strerror(errno));
    if (!realpath(path, project->directory))
        return complain(path, strerror(errno));
    for (const char *c = project->directory; *c; c++)
        if (*c == '"' || *c == '\\' || (unsigned char)*c < ' ') {
            rmdir(path);
            return complain(path, "has characters in its path that JSON does not bear");
        }
    return 0;
}

static int fill_directory(const struct project *project)
{
    char from[2 * PATH_MAX];
    snprintf(from, sizeof from, "%s/common", project->templates);
    int code = copy_directory(project, from, project->directory, false);
    snprintf(from, sizeof from, "%s/%s", project->templates, project->kind);
    if (code == 0)
        code = copy_directory(project, from, project->directory, false);
    return code == 0 ? write_password(project) : code;
}

static void tell_how_to_go_on(const struct project *project)
{
    bool is_usual = !project->prefix[0] || strcmp(project->prefix, "/usr") == 0 ||
                    strcmp(project->prefix, "/usr/local") == 0;
    printf("%s: a plugin of the kind \"%s\". Next:\n\n"
           "    cd %s\n"
           "    cmake -B build%s%s && cmake --build build && ctest --test-dir build\n"
           "    sallyportd --config " PRIVATE_DIRECTORY "/sallyport.json\n\n"
           "README.md has the rest; the password of the user demo is in " PRIVATE_DIRECTORY
           "/password.\n",
           project->directory, project->kind, project->directory,
           is_usual ? "" : " -DCMAKE_PREFIX_PATH=", is_usual ? "" : project->prefix);
}

int cli_plugin_new(int argc, char **argv)
{
    enum { OPTION_KIND, OPTION_DIR };
    static const struct option known[] = {
        {"kind", required_argument, NULL, OPTION_KIND},
        {"dir", required_argument, NULL, OPTION_DIR},
        {NULL, 0, NULL, 0},
    };
    struct project project = {0};
    const char *below = ".";
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        if (option == OPTION_KIND)
            project.kind = optarg;
        else if (option == OPTION_DIR)
            below = optarg;
        else
            return cli_usage("plugin");
    }
    if (argc - optind != 1)
        return cli_usage("plugin");
    project.name = argv[optind];
    if (check_name(project.name) != 0 || check_kind(project.kind) != 0)
        return CLI_USAGE;
    for (size_t i = 0; project.name[i]; i++)
        project.symbol[i] = project.name[i] == '-' ? '_' : project.name[i];

    int code = find_places(&project);
    if (code == 0)
        code = make_password(&project);
    if (code == 0)
        code = make_directory(&project, below);
    if (code == 0)
        code = fill_directory(&project);
    if (code == 0)
        tell_how_to_go_on(&project);
    explicit_bzero(&project, sizeof project);
    return code;
}
