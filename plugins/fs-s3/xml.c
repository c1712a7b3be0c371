/*
 * xml.c: the store's answers, which are XML, read by expat. Called by request.c, list.c and
 * upload.c. Any thread.
 *
 * A store may be anybody's. What it sends has been cut to a bound before; here, too, nothing nests
 * deep, and a document type, with which entities begin, ends reading.
 */
#include "fs_s3.h"

#include <expat.h>
#include <string.h>

#define DEPTH_MOST 16u
#define TEXT_MOST 16384u /* of one element; a key can be three times 1024 bytes when encoded */

struct reading {
    XML_Parser parser;
    xml_element on_end;
    void *arg;
    struct text text; /* of the element that began last */
    unsigned depth;
    bool has_failed;
};

static void stop(struct reading *reading)
{
    reading->has_failed = true;
    XML_StopParser(reading->parser, XML_FALSE);
}

static void clear(struct reading *reading)
{
    reading->text.length = 0;
    if (reading->text.data)
        reading->text.data[0] = '\0';
}

static void on_begin(void *arg, const XML_Char *name, const XML_Char **attributes)
{
    struct reading *reading = arg;
    (void)name, (void)attributes;
    clear(reading);
    if (++reading->depth > DEPTH_MOST)
        stop(reading);
}

static void on_text(void *arg, const XML_Char *data, int length)
{
    struct reading *reading = arg;
    if (reading->has_failed)
        return;
    text_add(&reading->text, data, (size_t)length);
    if (reading->text.failed || reading->text.length > TEXT_MOST)
        stop(reading);
}

static void on_end(void *arg, const XML_Char *name)
{
    struct reading *reading = arg;
    char nothing[1] = "";
    const char *local = strrchr(name, ':'); /* whoever writes prefixes means the same */
    reading->depth--;
    if (!reading->has_failed &&
        !reading->on_end(reading->arg, local ? local + 1 : name, reading->depth,
                         reading->text.data ? reading->text.data : nothing, reading->text.length))
        stop(reading);
    clear(reading);
}

static void on_doctype(void *arg, const XML_Char *name, const XML_Char *system,
                       const XML_Char *public_id, int has_subset)
{
    (void)name, (void)system, (void)public_id, (void)has_subset;
    stop(arg);
}

bool xml_read(const struct text *document, xml_element element, void *arg)
{
    struct reading reading = {.on_end = element, .arg = arg};
    if (document->length == 0 || document->length > INT32_MAX)
        return false;
    reading.parser = XML_ParserCreate(NULL);
    if (!reading.parser)
        return false;
    XML_SetUserData(reading.parser, &reading);
    XML_SetElementHandler(reading.parser, on_begin, on_end);
    XML_SetCharacterDataHandler(reading.parser, on_text);
    XML_SetStartDoctypeDeclHandler(reading.parser, on_doctype);
    bool ok = XML_Parse(reading.parser, document->data, (int)document->length, 1) == XML_STATUS_OK;
    XML_ParserFree(reading.parser);
    text_clear(&reading.text);
    return ok && !reading.has_failed;
}

struct search {
    const char *name;
    unsigned depth;
    char *text;
    size_t size;
    bool is_found;
};

static bool look(void *arg, const char *name, unsigned depth, char *text, size_t length)
{
    struct search *search = arg;
    if (depth != search->depth || search->is_found || strcmp(name, search->name) != 0)
        return true;
    if (length >= search->size)
        length = search->size - 1;
    memcpy(search->text, text, length);
    search->text[length] = '\0';
    search->is_found = true;
    return true;
}

bool xml_find(const struct text *document, const char *name, char *ret_text, size_t size)
{
    struct search search = {.name = name, .depth = 1, .text = ret_text, .size = size};
    return xml_read(document, look, &search) && search.is_found;
}

bool xml_is_error(const struct text *document)
{
    char nothing[1];
    struct search search = {.name = "Error", .text = nothing, .size = sizeof nothing};
    return xml_read(document, look, &search) && search.is_found;
}

void xml_put(struct text *text, const char *data)
{
    for (; *data; data++)
        switch (*data) {
        case '&':
            text_put(text, "&amp;");
            break;
        case '<':
            text_put(text, "&lt;");
            break;
        case '>':
            text_put(text, "&gt;");
            break;
        case '"':
            text_put(text, "&quot;");
            break;
        default:
            text_add(text, data, 1);
        }
}
