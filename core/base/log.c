/* log.c: turns a record into one line and writes it. Called from everywhere, on any thread; takes
 * no memory and no lock, so that a record can tell of a lack of either. Only where somebody watches
 * is a lock taken, once the record is written. */
#include "base/log.h"
#include "base/unicode.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RECORD_MAX 8192u
/* Kept free for what must follow a value that was cut: its quote, the mark and the line's end. */
#define RECORD_TAIL (sizeof("\",\"truncated\":1}\n") - 1)

/* A record in the making. Pieces that would not fit are not begun, and none follow them. */
struct record {
    char bytes[RECORD_MAX];
    size_t length;
    size_t limit;
    bool is_cut;
    enum log_format format;
};

/* Set by log_open() before threads start; until then, what a person at a terminal wants. */
static struct {
    int fd;
    enum log_level level;
    enum log_format format;
} sink = {STDERR_FILENO, LOG_LEVEL_INFO, LOG_FORMAT_TEXT};

/* Who watches; the lock keeps him there while he is called. */
static struct {
    pthread_rwlock_t lock;
    _Atomic bool is_there;
    log_watcher *watcher;
    void *arg;
} watch = {.lock = PTHREAD_RWLOCK_INITIALIZER};

size_t log_text_length(const char *text)
{
    return text ? strlen(text) : 0;
}

void log_open(int fd, enum log_level level, enum log_format format)
{
    sink.fd = fd;
    sink.level = level;
    sink.format = format;
}

void log_watch(log_watcher *watcher, void *arg)
{
    pthread_rwlock_wrlock(&watch.lock);
    watch.watcher = watcher;
    watch.arg = arg;
    watch.is_there = watcher != NULL;
    pthread_rwlock_unlock(&watch.lock);
}

bool log_is_enabled(enum log_level level)
{
    return level <= sink.level;
}

static const char *level_name(enum log_level level)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};

    return names[level];
}

static void put(struct record *record, const char *piece, size_t len)
{
    /* A closing quote may stand past the limit. */
    if (record->is_cut || record->length + len > record->limit) {
        record->is_cut = true;
        return;
    }
    memcpy(record->bytes + record->length, piece, len);
    record->length += len;
}

static void put_text(struct record *record, const char *text)
{
    put(record, text, strlen(text));
}

/* UTC by our own arithmetic: gmtime_r() may read the time zone's file, and allocate. The day count
 * is split in the 400-year eras of the Gregorian calendar, with years that begin in March. */
static void put_time(struct record *record, const struct timespec *now)
{
    char text[64];
    unsigned int second, day, year, month, year_of_era;

    second = (unsigned int)(now->tv_sec % 86400);
    day = (unsigned int)(now->tv_sec / 86400) + 719468; /* from 0000-03-01 */
    year = day / 146097 * 400;
    day %= 146097;
    year_of_era = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    year += year_of_era;
    day -= 365 * year_of_era + year_of_era / 4 - year_of_era / 100;
    month = (5 * day + 2) / 153;
    day -= (153 * month + 2) / 5;
    year += month >= 10;
    month = month < 10 ? month + 3 : month - 9;
    snprintf(text, sizeof(text), "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", year, month, day + 1,
             second / 3600, second / 60 % 60, second % 60, (unsigned int)(now->tv_nsec / 1000000));
    put_text(record, text);
}

/* The code point at text and its length, or a length of 0 if it is not well-formed UTF-8. */
static uint32_t decode(const char *text, size_t len, size_t *ret_length)
{
    const uint8_t *bytes = (const uint8_t *)text;
    size_t need = bytes[0] < 0x80 ? 1 : bytes[0] < 0xe0 ? 2 : bytes[0] < 0xf0 ? 3 : 4;
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t point = need == 1 ? bytes[0] : bytes[0] & (0x7fu >> need);

    *ret_length = 0;
    if ((bytes[0] >= 0x80 && bytes[0] < 0xc2) || bytes[0] > 0xf4 || need > len)
        return 0;
    for (size_t i = 1; i < need; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        point = point << 6 | (bytes[i] & 0x3f);
    }
    if (point < smallest[need] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
        return 0;
    *ret_length = need;
    return point;
}

static bool is_word(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        bool is_letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!is_letter && (c < '0' || c > '9') && (c == '\0' || !strchr("._:/@+,-", c)))
            return false;
    }
    return len > 0;
}

static void put_escape(struct record *record, uint32_t value, bool is_point)
{
    char escape[16];

    if (record->format ==
        LOG_FORMAT_JSON) /* what is unsafe lies below U+10000; a byte has no name */
        snprintf(escape, sizeof(escape), "\\u%04" PRIx32, is_point ? value & 0xffff : 0xfffd);
    else if (is_point && value > 0x7f)
        snprintf(escape, sizeof(escape), "\\u{%" PRIx32 "}", value);
    else
        snprintf(escape, sizeof(escape), "\\x%02" PRIx32, value);
    put_text(record, escape);
}

/* What may come from a client, without the quotes around it. */
static void put_escaped(struct record *record, const char *text, size_t len)
{
    size_t step;

    for (size_t i = 0; i < len && !record->is_cut; i += step) {
        uint32_t point = decode(text + i, len - i, &step);
        if (step == 0) {
            put_escape(record, (uint8_t)text[i], false);
            step = 1;
        } else if (point == '"' || point == '\\' || unicode_is_deceptive(point)) {
            put_escape(record, point, true);
        } else {
            put(record, text + i, step);
        }
    }
}

/* A closing quote always fits: RECORD_TAIL has room for it. */
static void put_quoted(struct record *record, const char *text, size_t len)
{
    put(record, "\"", 1);
    put_escaped(record, text, len);
    record->bytes[record->length++] = '"';
}

static void put_number(struct record *record, const struct log_field *field)
{
    char number[32];

    if (field->kind == LOG_KIND_SIGNED)
        snprintf(number, sizeof(number), "%" PRId64, field->value.signed_value);
    else
        snprintf(number, sizeof(number), "%" PRIu64, field->value.unsigned_value);
    put_text(record, number);
}

/* A text may be cut; a field of which nothing but the name would be left is left out. */
static void put_field(struct record *record, const struct log_field *field)
{
    bool is_json = record->format == LOG_FORMAT_JSON;
    size_t start = record->length;
    size_t len = field->kind == LOG_KIND_TEXT && field->value.text ? field->length : 0;
    size_t value;

    put_text(record, is_json ? ",\"" : " ");
    put_text(record, field->key);
    put_text(record, is_json ? "\":" : "=");
    value = record->length;
    if (field->kind != LOG_KIND_TEXT)
        put_number(record, field);
    else if (!is_json && is_word(field->value.text, len))
        put_escaped(record, field->value.text, len);
    else
        put_quoted(record, field->value.text, len);
    if (record->is_cut && record->length <= value + 2)
        record->length = start;
}

static void put_head(struct record *record, const struct timespec *now, enum log_level level,
                     const char *event)
{
    char pid[32];
    bool is_json = record->format == LOG_FORMAT_JSON;

    snprintf(pid, sizeof(pid), is_json ? "\",\"pid\":%ld" : " pid=%ld", (long)getpid());
    put_text(record, is_json ? "{\"time\":\"" : "");
    put_time(record, now);
    put_text(record, is_json ? "\",\"level\":\"" : " ");
    put_text(record, level_name(level));
    put_text(record, is_json ? "\",\"event\":\"" : " ");
    put_text(record, event);
    put_text(record, pid);
}

static void start(struct record *record, enum log_format format)
{
    record->format = format;
    record->length = 0;
    record->limit = RECORD_MAX - RECORD_TAIL;
    record->is_cut = false;
}

/* The fields, and the mark if not all are there. */
static void put_fields(struct record *record, const struct log_field *fields)
{
    for (const struct log_field *field = fields; field->key && !record->is_cut; field++)
        put_field(record, field);
    record->limit = RECORD_MAX;
    if (record->is_cut) {
        record->is_cut = false;
        put_text(record, record->format == LOG_FORMAT_JSON ? ",\"truncated\":1" : " truncated=1");
    }
}

/* The fields alone are made anew: the sink may have had them as JSON. */
static void show(const struct timespec *now, enum log_level level, const char *event,
                 const struct log_field *fields)
{
    struct record record;

    start(&record, LOG_FORMAT_TEXT);
    put_fields(&record, fields);
    const struct log_sight sight = {
        .level = level,
        .time_ms = (int64_t)now->tv_sec * 1000 + now->tv_nsec / 1000000,
        .event = event,
        .fields = fields,
        .text = record.bytes + (record.length > 0), /* without the blank */
        .length = record.length - (record.length > 0),
    };
    pthread_rwlock_rdlock(&watch.lock);
    if (watch.watcher)
        watch.watcher(watch.arg, &sight);
    pthread_rwlock_unlock(&watch.lock);
}

void log_write(enum log_level level, const char *event, const struct log_field *fields)
{
    struct record record;
    struct timespec now;
    int saved = errno;

    clock_gettime(CLOCK_REALTIME, &now);
    start(&record, sink.format);
    put_head(&record, &now, level, event);
    put_fields(&record, fields);
    put_text(&record, record.format == LOG_FORMAT_JSON ? "}\n" : "\n");
    /* There is nobody to tell of a sink that fails. */
    while (write(sink.fd, record.bytes, record.length) < 0 && errno == EINTR)
        ;
    if (watch.is_there)
        show(&now, level, event, fields);
    errno = saved;
}
