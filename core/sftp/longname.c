/*
 * longname.c: builds the `ls -l` line. See longname.h.
 *
 * The layout is that of OpenSSH's server, since clients that parse the line know that one. User
 * and group names come from a provider and are cut and made plain, so that no name can shift the
 * columns or overflow the line.
 */
#include "sftp/longname.h"

#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "sftp/attributes.h"

#define PRINCIPAL_MAX 32 /* characters of a user's or group's name */
#define HALF_A_YEAR (365u * 24 * 60 * 60 / 2)

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

/* Ten characters. */
static void mode_text(char *out, uint32_t mode)
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
}

/* Fields are written one after the other; printf would take most of the time that a listing takes.
 */
struct line {
    char *out;
    size_t length;
};

static void put(struct line *line, const char *text, size_t length)
{
    memcpy(line->out + line->length, text, length);
    line->length += length;
}

static void pad(struct line *line, size_t length, size_t width)
{
    while (length++ < width)
        line->out[line->length++] = ' ';
}

/* To the right of width characters. */
static void put_number(struct line *line, uint64_t number, size_t width)
{
    char digits[20];
    size_t start = sizeof digits;
    do {
        digits[--start] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    pad(line, sizeof digits - start, width);
    put(line, digits + start, sizeof digits - start);
}

static void put_two_digits(struct line *line, int number)
{
    const char digits[2] = {(char)('0' + number / 10 % 10), (char)('0' + number % 10)};
    put(line, digits, 2);
}

/* A name if there is one, else the number if there is one, else "?"; to the left. */
static void put_principal(struct line *line, const struct sp_str *name, bool has_name, uint32_t id,
                          bool has_id)
{
    size_t before = line->length;
    if (has_name && name->len > 0) {
        size_t length = name->len < PRINCIPAL_MAX ? (size_t)name->len : PRINCIPAL_MAX;
        for (size_t i = 0; i < length; i++) {
            unsigned char c = (unsigned char)name->data[i];
            line->out[line->length++] = c <= ' ' || c == 0x7f ? '?' : (char)c;
        }
    } else if (has_id) {
        put_number(line, id, 0);
    } else {
        put(line, "?", 1);
    }
    pad(line, line->length - before, 8);
    put(line, " ", 1);
}

static void put_date(struct line *line, int64_t seconds, int64_t now)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t time = (time_t)seconds;
    struct tm tm;
    if (!localtime_r(&time, &tm)) { /* the year does not fit an int */
        time = 0;
        seconds = 0;
        gmtime_r(&time, &tm);
    }
    put(line, months + (size_t)((unsigned)tm.tm_mon % 12) * 3, 3);
    put(line, " ", 1);
    put_number(line, (uint64_t)tm.tm_mday, 2);
    put(line, " ", 1);
    if (seconds <= now && (uint64_t)now - (uint64_t)seconds < HALF_A_YEAR) {
        put_two_digits(line, tm.tm_hour);
        put(line, ":", 1);
        put_two_digits(line, tm.tm_min);
    } else {
        int64_t year = (int64_t)tm.tm_year + 1900;
        put(line, " -", year < 0 ? 2 : 1);
        put_number(line, (uint64_t)(year < 0 ? -year : year), 0);
    }
}

size_t sftp_longname_fields(char out[SFTP_LONGNAME_FIELDS_MAX],
                            const struct sp_fs_attributes *attributes, int64_t now)
{
    const struct sp_fs_attributes *a = attributes;
    struct line line = {.out = out, .length = 10};
    bool has_names = (a->valid & SP_ATTR_OWNER_NAMES) != 0;
    bool has_ids = (a->valid & SP_ATTR_OWNER_IDS) != 0;
    mode_text(out, sftp_attributes_mode(a));
    put(&line, " ", 1);
    put_number(&line, a->valid & SP_ATTR_LINK_COUNT ? a->link_count : 1, 3);
    put(&line, " ", 1);
    put_principal(&line, &a->owner, has_names, a->uid, has_ids);
    put_principal(&line, &a->group, has_names, a->gid, has_ids);
    put_number(&line, a->valid & SP_ATTR_SIZE ? a->size : 0, 8);
    put(&line, " ", 1);
    put_date(&line, a->valid & SP_ATTR_MODIFY_TIME ? a->modify_time.seconds : 0, now);
    put(&line, " ", 1);
    out[line.length] = '\0';
    return line.length;
}
