/*
 * reply.h: the core's own copy of a plugin's reply, made within complete(). Any thread.
 */
#ifndef SALLYPORT_PLUGIN_REPLY_H
#define SALLYPORT_PLUGIN_REPLY_H

#include <sallyport/types.h>

#include "plugin/layout.h"

/* Replies up to this size (a whole one of any kind, with a file's attributes) need no malloc(). */
#define REPLY_INLINE_BYTES 384

struct reply_room {
    _Alignas(16) unsigned char bytes[REPLY_INLINE_BYTES];
};

/* A copy of source and all it points to, complete to the last field that this build knows: fields
 * the sender did not know are zero. It lies in room or in one block of its own. 0, or SP_E_NOMEM,
 * or SP_E_INVALID with *ret_fault naming the field that is out of bounds. */
int32_t reply_copy(const struct layout *layout, const struct sp_reply *source,
                   struct reply_room *room, struct sp_reply **ret_reply, const char **ret_fault);
/* reply may be NULL. */
void reply_free(struct sp_reply *reply, struct reply_room *room);

#endif
