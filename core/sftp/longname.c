/*
 * longname.c: builds the `ls -l` line. See longname.h.
 *
 * The layout is that of OpenSSH's server, since clients that parse the line know that one. User
 * and group names come from a provider and are cut and made plain, so that no name can shift the
 * columns or overflow the line.
 */
#include "sftp/longname.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "sftp/attributes.h"

#define PRINCIPAL_MAX 32 /* characters of a user's or group's name */
#define HALF_A_YEAR (365 * 24 * 60 * 60 / 2)

static char type_letter(uint32_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFDIR:
        return 'd';
    case S_IFLNK:
        return 'l';
    case S_IFCHR:
        return 'c';
    case S_IFBLK:
        return 'b';
    case S_IFIFO:
        return 'p';
    case S_IFSOCK:
        return 's';
    default:
        return '-';
    }
}

static void mode_text(char out[11], uint32_t mode)
{
    static const char letters[] = "rwxrwxrwx";
    out[0] = type_letter(mode);
    for (int i = 0; i < 9; i++)
        out[1 + i] = mode & (0400u >> i) ? letters[i] : '-';
    if (mode & S_ISUID)
        out[3] = mode & S_IXUSR ? 's' : 'S';
    if (mode & S_ISGID)
        out[6] = mode & S_IXGRP ? 's' : 'S';
    if (mode & S_ISVTX)
        out[9] = mode & S_IXOTH ? 't' : 'T';
    out[10] = '\0';
}

/* A name if there is one, else the number if there is one, else "?". */
static void principal_text(char out[PRINCIPAL_MAX + 1], const struct sp_str *name, bool has_name,
                           uint32_t id, bool has_id)
{
    if (has_name && name->len > 0) {
        size_t length = name->len < PRINCIPAL_MAX ? (size_t)name->len : PRINCIPAL_MAX;
        for (size_t i = 0; i < length; i++) {
            unsigned char c = (unsigned char)name->data[i];
            out[i] = c <= ' ' || c == 0x7f ? '?' : (char)c;
        }
        out[length] = '\0';
    } else if (has_id) {
        snprintf(out, PRINCIPAL_MAX + 1, "%" PRIu32, id);
    } else {
        strcpy(out, "?");
    }
}

static void date_text(char out[32], int64_t seconds, int64_t now)
{
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t time = (time_t)seconds;
    struct tm tm;
    if (!localtime_r(&time, &tm)) { /* the year does not fit an int */
        strcpy(out, "Jan  1  1970");
        return;
    }
    const char *month = months[(unsigned)tm.tm_mon % 12];
    if (seconds > now - HALF_A_YEAR && seconds <= now)
        snprintf(out, 32, "%s %2d %02d:%02d", month, tm.tm_mday, tm.tm_hour, tm.tm_min);
    else
        snprintf(out, 32, "%s %2d  %" PRId64, month, tm.tm_mday, (int64_t)tm.tm_year + 1900);
}

size_t sftp_longname_fields(char out[SFTP_LONGNAME_FIELDS_MAX],
                            const struct sp_fs_attributes *attributes, int64_t now)
{
    const struct sp_fs_attributes *a = attributes;
    char mode[11], user[PRINCIPAL_MAX + 1], group[PRINCIPAL_MAX + 1], date[32];
    bool has_names = (a->valid & SP_ATTR_OWNER_NAMES) != 0;
    bool has_ids = (a->valid & SP_ATTR_OWNER_IDS) != 0;
    mode_text(mode, sftp_attributes_mode(a));
    principal_text(user, &a->owner, has_names, a->uid, has_ids);
    principal_text(group, &a->group, has_names, a->gid, has_ids);
    date_text(date, a->valid & SP_ATTR_MODIFY_TIME ? a->modify_time.seconds : 0, now);
    uint32_t links = a->valid & SP_ATTR_LINK_COUNT ? a->link_count : 1;
    uint64_t size = a->valid & SP_ATTR_SIZE ? a->size : 0;
    int length =
        snprintf(out, SFTP_LONGNAME_FIELDS_MAX, "%s %3" PRIu32 " %-8s %-8s %8" PRIu64 " %s ", mode,
                 links, user, group, size, date);
    return length < 0 ? 0 : (size_t)length;
}
