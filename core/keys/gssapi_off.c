/*
 * gssapi_off.c: the GSSAPI functions that libssh calls, as failures. The library runs Kerberos and
 * name-service code for any stranger who asks for gssapi-with-mic; with these in the executable
 * there is none to run, and none to link. The tap refuses the method before it comes to this.
 */
#ifdef SALLYPORT_LIBSSH_STATIC

#include <stdint.h>

/* The build asks the linker for this name, so that this file is linked in ahead of the archive. */
extern const char gssapi_off;
const char gssapi_off = 1;

enum { GSS_FAILURE = 13 << 16 }; /* GSS_S_FAILURE of RFC 2744, 3.9.1 */

/* The library never reads what a failed call was to fill in, so the arguments do not matter. */
#define REFUSE(name)                                                                               \
    uint32_t name(void);                                                                           \
    uint32_t name(void)                                                                            \
    {                                                                                              \
        return GSS_FAILURE;                                                                        \
    }

REFUSE(gss_accept_sec_context)
REFUSE(gss_acquire_cred)
REFUSE(gss_add_oid_set_member)
REFUSE(gss_create_empty_oid_set)
REFUSE(gss_display_name)
REFUSE(gss_display_status)
REFUSE(gss_get_mic)
REFUSE(gss_import_name)
REFUSE(gss_indicate_mechs)
REFUSE(gss_init_sec_context)
REFUSE(gss_inquire_cred)
REFUSE(gss_inquire_cred_by_mech)
REFUSE(gss_release_buffer)
REFUSE(gss_release_cred)
REFUSE(gss_release_name)
REFUSE(gss_release_oid_set)
REFUSE(gss_test_oid_set_member)
REFUSE(gss_verify_mic)

/* The names of name types; what they point to is never looked at. */
extern void *const GSS_C_NT_HOSTBASED_SERVICE;
extern void *const GSS_C_NT_USER_NAME;
void *const GSS_C_NT_HOSTBASED_SERVICE = 0;
void *const GSS_C_NT_USER_NAME = 0;

#endif
