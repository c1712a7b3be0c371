/* record.h: what sftp-audit writes about operations and transfers. Any thread. */
#ifndef SFTP_AUDIT_RECORD_H
#define SFTP_AUDIT_RECORD_H

#include <sallyport/plugin.h>

/* Each writes a line of at most size bytes. Its length, or 0 if it does not fit. */
size_t record_operation(char *room, size_t size, int64_t now_ms, const struct sp_sftp_event *event);
size_t record_transfer(char *room, size_t size, int64_t now_ms,
                       const struct sp_sftp_transfer *event);
size_t record_dropped(char *room, size_t size, int64_t now_ms, uint64_t count);

/* Bytes that a line with these texts takes at most. */
size_t record_size(struct sp_str path, struct sp_str other);

#endif
