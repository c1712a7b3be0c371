/* auth_methods.h: the methods that the core speaks, by name and number. Constant; any thread. */
#ifndef SALLYPORT_SESSION_AUTH_METHODS_H
#define SALLYPORT_SESSION_AUTH_METHODS_H

#include <stdint.h>

#include <sallyport/auth.h>

#include "plugin/operation.h"

/* The only service that is authenticated for (RFC 4252, 5). */
#define AUTH_SERVICE "ssh-connection"

struct auth_method {
    const char *name;
    uint32_t method; /* SP_METHOD_* */
    int library;     /* SSH_AUTH_METHOD_* */
    enum plugin_operation operation;
};
/* Ends with a NULL name. */
extern const struct auth_method auth_methods[];

const char *auth_method_name(uint32_t method);    /* "unknown" for 0 */
uint32_t auth_method_by_name(struct sp_str name); /* 0: none */
uint32_t auth_method_by_library(int number);

#endif
