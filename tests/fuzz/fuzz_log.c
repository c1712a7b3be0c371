/*
 * fuzz_log.c: any bytes as a client's text in the log. A record is one line that starts no other
 * and holds nothing a terminal acts on; in JSON it is one object, with the text in it.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <jansson.h>

#include "base/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition)
{
    if (!condition)
        abort();
}

/* Write one record with the text; returns its length. */
static size_t write_record(char line[8193], enum log_format format, const char *text, size_t len)
{
    static int sink = -1;
    ssize_t length;

    if (sink < 0)
        sink = memfd_create("log", MFD_CLOEXEC);
    check(sink >= 0 && ftruncate(sink, 0) == 0 && lseek(sink, 0, SEEK_SET) == 0);
    log_open(sink, LOG_LEVEL_INFO, format);
    log_info("fuzz.event", LOG_U64("conn", 1), LOG_BYTES("text", text, len), LOG_I64("last", -1));
    length = pread(sink, line, 8193, 0);
    check(length > 0 && length <= 8192);
    return (size_t)length;
}

static void check_line(const char *line, size_t length)
{
    check(line[length - 1] == '\n');
    for (size_t i = 0; i + 1 < length; i++)
        check((unsigned char)line[i] >= 0x20 && line[i] != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char line[8193];
    const char *text = (const char *)data;
    size_t length = write_record(line, LOG_FORMAT_TEXT, text, size);
    json_t *record;

    check_line(line, length);
    length = write_record(line, LOG_FORMAT_JSON, text, size);
    check_line(line, length);
    record = json_loadb(line, length, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    check(json_is_object(record));
    check(strcmp(json_string_value(json_object_get(record, "event")), "fuzz.event") == 0);
    check(json_is_integer(json_object_get(record, "last")) !=
          json_is_integer(json_object_get(record, "truncated")));
    json_decref(record);
    return 0;
}
