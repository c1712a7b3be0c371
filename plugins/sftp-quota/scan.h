/* scan.h: what a directory holds, as sftp-quota counts it. Blocks. */
#ifndef SFTP_QUOTA_SCAN_H
#define SFTP_QUOTA_SCAN_H

#include <stdint.h>

#include <sallyport/types.h>

struct scan_sum {
    uint64_t bytes, files;
};

/* path may hold %u, the user's name. One that does not exist holds nothing. The directory itself is
 * not counted, links are not followed, each of n names of a file counts 1/n of its bytes, and
 * other file systems are left out. 0, or -1 with *ret_why set. */
int scan_directory(const char *path, struct sp_str user, struct scan_sum *ret_sum,
                   const char **ret_why);

#endif
