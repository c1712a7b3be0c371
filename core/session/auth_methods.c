/* auth_methods.c: see auth_methods.h. */
#include "session/auth_methods.h"

#include <libssh/libssh.h>

#include "base/str.h"

const struct auth_method auth_methods[] = {
    {"none", SP_METHOD_NONE, SSH_AUTH_METHOD_NONE, PLUGIN_AUTH_none},
    {"publickey", SP_METHOD_PUBLICKEY, SSH_AUTH_METHOD_PUBLICKEY, PLUGIN_AUTH_publickey},
    {"password", SP_METHOD_PASSWORD, SSH_AUTH_METHOD_PASSWORD, PLUGIN_AUTH_password},
    {"keyboard-interactive", SP_METHOD_KEYBOARD_INTERACTIVE, SSH_AUTH_METHOD_INTERACTIVE,
     PLUGIN_AUTH_keyboard_interactive},
    {NULL, 0, 0, PLUGIN_AUTH_none},
};

const char *auth_method_name(uint32_t method)
{
    for (size_t i = 0; auth_methods[i].name; i++)
        if (auth_methods[i].method == method)
            return auth_methods[i].name;
    return "unknown";
}

uint32_t auth_method_by_name(struct sp_str name)
{
    for (size_t i = 0; auth_methods[i].name; i++)
        if (str_is(name, auth_methods[i].name))
            return auth_methods[i].method;
    return 0;
}

uint32_t auth_method_by_library(int number)
{
    for (size_t i = 0; auth_methods[i].name; i++)
        if (auth_methods[i].library == number)
            return auth_methods[i].method;
    return 0;
}
