/*
 * pam_players.c: a PAM module for tests, in which users' names say how it behaves. Arguments:
 * state=DIRECTORY, where it keeps new passwords ("password-USER") and a journal of sessions. It
 * needs no account and no root.
 */
#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define PASSWORD "open, sesame"

static const char *directory(int argc, const char **argv)
{
    for (int i = 0; i < argc; i++)
        if (strncmp(argv[i], "state=", 6) == 0)
            return argv[i] + 6;
    return "/nonexistent";
}

static const char *name_of(pam_handle_t *pam)
{
    const char *user = NULL;
    return pam_get_user(pam, &user, NULL) == PAM_SUCCESS && user ? user : "";
}

static int is(const char *user, const char *name)
{
    return strcmp(user, name) == 0;
}

/* 1 if the user answers a hidden prompt with expected, 0 if not, -1 if there is no answer. */
static int asks(pam_handle_t *pam, int style, const char *prompt, const char *expected)
{
    char *answer = NULL;
    if (pam_prompt(pam, style, &answer, "%s", prompt) != PAM_SUCCESS || !answer)
        return -1;
    int right = is(answer, expected);
    free(answer);
    return right;
}

static void current_password(const char *state, const char *user, char *ret, size_t size)
{
    char path[512];
    snprintf(path, sizeof path, "%s/password-%s", state, user);
    FILE *file = fopen(path, "r");
    snprintf(ret, size, "%s", PASSWORD);
    if (file && fgets(ret, (int)size, file))
        ret[strcspn(ret, "\n")] = '\0';
    if (file)
        fclose(file);
}

static int two_at_once(pam_handle_t *pam)
{
    const struct pam_message messages[] = {{PAM_TEXT_INFO, "Say who you are."},
                                           {PAM_PROMPT_ECHO_ON, "Colour: "},
                                           {PAM_ERROR_MSG, "Quickly!"},
                                           {PAM_PROMPT_ECHO_OFF, "Code: "}};
    const struct pam_message *list[] = {messages, messages + 1, messages + 2, messages + 3};
    const struct pam_conv *conv = NULL;
    struct pam_response *responses = NULL;
    if (pam_get_item(pam, PAM_CONV, (const void **)&conv) != PAM_SUCCESS ||
        conv->conv(4, list, &responses, conv->appdata_ptr) != PAM_SUCCESS)
        return PAM_CONV_ERR;
    int right = is(responses[1].resp, "blue") && is(responses[3].resp, "123456");
    for (int i = 0; i < 4; i++)
        free(responses[i].resp);
    free(responses);
    return right ? PAM_SUCCESS : PAM_AUTH_ERR;
}

static int too_many_at_once(pam_handle_t *pam)
{
    enum { MANY = 17 };
    const struct pam_message message = {PAM_PROMPT_ECHO_OFF, "Again: "};
    const struct pam_message *list[MANY];
    const struct pam_conv *conv = NULL;
    struct pam_response *responses = NULL;
    for (int i = 0; i < MANY; i++)
        list[i] = &message;
    if (pam_get_item(pam, PAM_CONV, (const void **)&conv) != PAM_SUCCESS ||
        conv->conv(MANY, list, &responses, conv->appdata_ptr) != PAM_SUCCESS)
        return PAM_CONV_ERR;
    return PAM_SUCCESS;
}

EXPORT int pam_sm_authenticate(pam_handle_t *pam, int flags, int argc, const char **argv)
{
    const char *user = name_of(pam);
    char password[128];
    current_password(directory(argc, argv), user, password, sizeof password);
    if (is(user, "two"))
        return two_at_once(pam);
    if (is(user, "wide"))
        return too_many_at_once(pam);
    if (is(user, "silent"))
        return PAM_SUCCESS;
    if (is(user, "endless"))
        for (;;)
            if (asks(pam, PAM_PROMPT_ECHO_OFF, "Again: ", "x") < 0)
                return PAM_SUCCESS; /* as a careless module would */
    if (is(user, "tedious"))
        sleep(3);
    if (is(user, "empty")) {
        int right = asks(pam, PAM_PROMPT_ECHO_OFF, "Password: ", "");
        return right == 1 && !(flags & PAM_DISALLOW_NULL_AUTHTOK) ? PAM_SUCCESS : PAM_AUTH_ERR;
    }
    if (is(user, "blank")) /* careless: does not look at the flags */
        return asks(pam, PAM_PROMPT_ECHO_OFF, "Password: ", "") == 1 ? PAM_SUCCESS : PAM_AUTH_ERR;
    if (is(user, "delayed"))
        pam_fail_delay(pam, 60000000);
    if (is(user, "otp") && asks(pam, PAM_PROMPT_ECHO_ON, "Name of your cat: ", password) != 1)
        return PAM_AUTH_ERR;
    int right = asks(pam, PAM_PROMPT_ECHO_OFF, "Password: ", password);
    if (right < 0)
        return PAM_CONV_ERR;
    if (!right)
        return PAM_AUTH_ERR;
    if (is(user, "twice") && asks(pam, PAM_PROMPT_ECHO_OFF, "Code: ", "654321") != 1)
        return PAM_AUTH_ERR;
    if (is(user, "renamed"))
        return pam_set_item(pam, PAM_USER, "somebody");
    if (is(user, "unknown"))
        return PAM_USER_UNKNOWN;
    if (is(user, "broken"))
        return PAM_SYSTEM_ERR;
    return PAM_SUCCESS;
}

EXPORT int pam_sm_setcred(pam_handle_t *pam, int flags, int argc, const char **argv)
{
    (void)pam;
    (void)flags;
    (void)argc;
    (void)argv;
    return PAM_SUCCESS;
}

EXPORT int pam_sm_acct_mgmt(pam_handle_t *pam, int flags, int argc, const char **argv)
{
    const char *user = name_of(pam);
    char password[128];
    (void)flags;
    current_password(directory(argc, argv), user, password, sizeof password);
    pam_putenv(pam, "PLAYER=yes");
    if (is(user, "locked"))
        return PAM_ACCT_EXPIRED;
    if (is(user, "greeted"))
        pam_info(pam, "Good morning.");
    if (is(user, "late-rename"))
        return pam_set_item(pam, PAM_USER, "somebody");
    return strncmp(user, "expired", 7) == 0 && is(password, PASSWORD) ? PAM_NEW_AUTHTOK_REQD
                                                                      : PAM_SUCCESS;
}

static int store(const char *state, const char *user, const char *password)
{
    char path[512];
    snprintf(path, sizeof path, "%s/password-%s", state, user);
    FILE *file = fopen(path, "w");
    if (!file)
        return PAM_AUTHTOK_ERR;
    fprintf(file, "%s\n", password);
    return fclose(file) == 0 ? PAM_SUCCESS : PAM_AUTHTOK_ERR;
}

EXPORT int pam_sm_chauthtok(pam_handle_t *pam, int flags, int argc, const char **argv)
{
    const char *user = name_of(pam);
    char *first = NULL, *second = NULL;
    int rc = PAM_AUTHTOK_ERR;
    if (flags & PAM_PRELIM_CHECK)
        return PAM_SUCCESS;
    if (asks(pam, PAM_PROMPT_ECHO_OFF, "Current password: ", PASSWORD) != 1)
        return PAM_AUTHTOK_ERR;
    if (pam_prompt(pam, PAM_PROMPT_ECHO_OFF, &first, "New password: ") == PAM_SUCCESS &&
        pam_prompt(pam, PAM_PROMPT_ECHO_OFF, &second, "Retype new password: ") == PAM_SUCCESS &&
        first && second && is(first, second) && strlen(first) >= 8)
        rc = store(directory(argc, argv), user, first);
    free(first);
    free(second);
    return rc;
}

static int journal(pam_handle_t *pam, const char *what, int argc, const char **argv)
{
    const void *from = NULL, *tty = NULL;
    char path[512];
    snprintf(path, sizeof path, "%s/journal", directory(argc, argv));
    pam_get_item(pam, PAM_RHOST, &from);
    pam_get_item(pam, PAM_TTY, &tty);
    FILE *file = fopen(path, "a");
    if (!file)
        return PAM_SESSION_ERR;
    fprintf(file, "%s %s %s %s\n", what, name_of(pam), from ? (const char *)from : "",
            tty ? (const char *)tty : "");
    fclose(file);
    return is(name_of(pam), "homeless") ? PAM_SESSION_ERR : PAM_SUCCESS;
}

EXPORT int pam_sm_open_session(pam_handle_t *pam, int flags, int argc, const char **argv)
{
    (void)flags;
    return journal(pam, "open", argc, argv);
}

EXPORT int pam_sm_close_session(pam_handle_t *pam, int flags, int argc, const char **argv)
{
    (void)flags;
    return journal(pam, "close", argc, argv);
}
