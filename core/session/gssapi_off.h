/* gssapi_off.h: see gssapi_off.c. */
#ifndef SALLYPORT_SESSION_GSSAPI_OFF_H
#define SALLYPORT_SESSION_GSSAPI_OFF_H

/* Does nothing; whoever calls it has the functions of gssapi_off.c linked in. */
void gssapi_off(void);

#endif
