/* test_marshal.c: every event and every reply there is survives the way to another process, and
 * bytes that are none are refused whatever they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "plugin/marshal.h"
#include "plugin/operation.h"

enum { ROUNDS = 20, PIECES_MAX = 4096 };

static uint64_t seed;
static void *pieces[PIECES_MAX]; /* of the struct that is being made */
static size_t pieces_count;

static uint32_t any(uint32_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % below;
}

static char *piece(size_t size)
{
    assert_true(pieces_count < PIECES_MAX);
    pieces[pieces_count] = calloc(1, size ? size : 1);
    return pieces[pieces_count++];
}

static void throw_away(void)
{
    while (pieces_count)
        free(pieces[--pieces_count]);
}

/* --- any struct of a layout ------------------------------------------------------------------- */

static void make(const struct layout *layout, char *target);

static void make_text(const struct field *field, char *target)
{
    struct sp_str text = {NULL, any(3) ? any(40) : 0};
    if (text.len) {
        char *data = piece(text.len);
        for (uint64_t i = 0; i < text.len; i++)
            data[i] = (char)(field->kind == FIELD_NAME ? 1 + any(255) : any(256));
        text.data = data;
    }
    memcpy(target, &text, sizeof text);
}

static void make_list(const struct field *field, char *target, uint32_t count, char *counter)
{
    char *items = count ? piece((size_t)count * field->of->size) : NULL;
    for (uint32_t i = 0; i < count; i++)
        make(field->of, items + (size_t)i * field->of->size);
    memcpy(target, &items, sizeof items);
    if (counter)
        memcpy(counter, &count, sizeof count);
}

static bool is_counter(const struct layout *layout, const struct field *field)
{
    for (uint32_t i = 0; i < layout->fields_count; i++)
        if (layout->fields[i].kind == FIELD_ARRAY &&
            layout->fields[i].count_offset == field->offset)
            return true;
    return false;
}

static void make(const struct layout *layout, char *target)
{
    if (layout->is_sized) {
        uint32_t size = layout->size - layout->size_offset;
        memcpy(target + layout->size_offset, &size, sizeof size);
    }
    for (uint32_t i = 0; i < layout->fields_count; i++) {
        const struct field *field = &layout->fields[i];
        char *to = target + field->offset;
        if (is_counter(layout, field))
            continue;
        switch (field->kind) {
        case FIELD_BYTES:
        case FIELD_NAME:
            make_text(field, to);
            break;
        case FIELD_STRUCT:
            make(field->of, to);
            break;
        case FIELD_POINTER:
            make_list(field, to, any(2), NULL);
            break;
        case FIELD_ARRAY:
            make_list(field, to, any(4), target + field->count_offset);
            break;
        default:
            for (size_t b = 0; b < field_width(field); b++)
                to[b] = (char)any(256);
            break;
        }
    }
}

/* --- the same? -------------------------------------------------------------------------------- */

static void compare(const struct layout *layout, const char *a, const char *b);

static void compare_lists(const struct field *field, const char *a, const char *b, uint64_t count)
{
    const char *items[2];
    memcpy(&items[0], a, sizeof *items);
    memcpy(&items[1], b, sizeof *items);
    assert_int_equal(items[0] == NULL, items[1] == NULL);
    for (uint64_t i = 0; items[0] && i < count; i++)
        compare(field->of, items[0] + i * field->of->size, items[1] + i * field->of->size);
}

static void compare(const struct layout *layout, const char *a, const char *b)
{
    if (layout->is_sized)
        assert_memory_equal(a + layout->size_offset, b + layout->size_offset, sizeof(uint32_t));
    for (uint32_t i = 0; i < layout->fields_count; i++) {
        const struct field *field = &layout->fields[i];
        struct sp_str texts[2];
        uint64_t count = 0;
        switch (field->kind) {
        case FIELD_BYTES:
        case FIELD_NAME:
            memcpy(&texts[0], a + field->offset, sizeof *texts);
            memcpy(&texts[1], b + field->offset, sizeof *texts);
            assert_int_equal(texts[0].len, texts[1].len);
            assert_non_null(texts[1].data);
            assert_memory_equal(texts[0].len ? texts[0].data : "", texts[1].data, texts[0].len);
            assert_int_equal(texts[1].data[texts[1].len], 0);
            break;
        case FIELD_STRUCT:
            compare(field->of, a + field->offset, b + field->offset);
            break;
        case FIELD_POINTER:
            compare_lists(field, a + field->offset, b + field->offset, 1);
            break;
        case FIELD_ARRAY:
            assert_memory_equal(a + field->count_offset, b + field->count_offset,
                                field->count_width);
            memcpy(&count, a + field->count_offset, field->count_width);
            compare_lists(field, a + field->offset, b + field->offset, count);
            break;
        default:
            assert_memory_equal(a + field->offset, b + field->offset, field_width(field));
            break;
        }
    }
}

/* --- tests ------------------------------------------------------------------------------------ */

/* The bytes of any struct of the layout, exactly as long as they are. */
static uint8_t *bytes_of(const struct layout *layout, const char *source, size_t *ret_length)
{
    *ret_length = marshal_size(layout, source);
    assert_true(*ret_length > 0);
    uint8_t *bytes = malloc(*ret_length);
    marshal_put(layout, source, bytes);
    return bytes;
}

static void check_round_trip(const struct layout *layout)
{
    char *source = piece(layout->size);
    size_t length, size;
    void *copy;
    make(layout, source);
    uint8_t *bytes = bytes_of(layout, source, &length);
    assert_int_equal(marshal_get(layout, bytes, length, &copy, &size), 0);
    compare(layout, source, copy);
    free(copy);
    free(bytes);
    throw_away();
}

static void every_event_and_reply_comes_back_as_it_went(void **state)
{
    (void)state;
    for (unsigned op = 0; op < PLUGIN_OPERATION_COUNT; op++)
        for (unsigned round = 0; round < ROUNDS; round++) {
            seed = op * 1000 + round;
            check_round_trip(plugin_operation_info(op)->event);
            check_round_trip(plugin_operation_info(op)->reply);
        }
}

static void bytes_cut_short_or_followed_by_others_are_refused(void **state)
{
    (void)state;
    for (unsigned op = 0; op < PLUGIN_OPERATION_COUNT; op++) {
        const struct layout *layout = plugin_operation_info(op)->reply;
        char *source = piece(layout->size);
        size_t length, size;
        void *copy;
        seed = 77 + op;
        make(layout, source);
        uint8_t *bytes = bytes_of(layout, source, &length);
        for (size_t cut = 0; cut < length; cut++) {
            uint8_t *exact = malloc(cut ? cut : 1);
            memcpy(exact, bytes, cut);
            assert_int_equal(marshal_get(layout, exact, cut, &copy, &size), SP_ERR_FORMAT);
            assert_null(copy);
            free(exact);
        }
        uint8_t *longer = calloc(1, length + 1);
        memcpy(longer, bytes, length);
        assert_int_equal(marshal_get(layout, longer, length + 1, &copy, &size), SP_ERR_FORMAT);
        free(longer);
        free(bytes);
        throw_away();
    }
}

static void changed_bytes_never_lead_outside(void **state)
{
    (void)state;
    const struct layout *layout = &layout_sp_fs_reply;
    for (unsigned round = 0; round < 2000; round++) {
        char *source = piece(layout->size);
        size_t length, size;
        void *copy;
        seed = 1000 + round;
        make(layout, source);
        uint8_t *bytes = bytes_of(layout, source, &length);
        for (unsigned changes = 1 + any(4); changes > 0; changes--)
            bytes[any((uint32_t)length)] = (uint8_t)any(256);
        if (marshal_get(layout, bytes, length, &copy, &size) == 0) {
            /* Whatever it says now can be walked from end to end. */
            assert_int_equal(marshal_size(layout, copy), length);
            free(copy);
        }
        free(bytes);
        throw_away();
    }
}

static void a_list_longer_than_its_bound_is_refused(void **state)
{
    (void)state;
    struct sp_prompt prompts[17] = {0};
    struct sp_auth_reply reply = {
        .head = {sizeof reply, SP_ASK}, .prompts = prompts, .prompts_count = 17};
    size_t length, size;
    void *copy;
    uint8_t *bytes = bytes_of(&layout_sp_auth_reply, (const char *)&reply, &length);
    assert_int_equal(marshal_get(&layout_sp_auth_reply, bytes, length, &copy, &size),
                     SP_ERR_FORMAT);
    free(bytes);
}

static void a_name_with_nul_in_it_is_refused(void **state)
{
    (void)state;
    struct sp_fs_reply reply = {.head = {sizeof reply, SP_OK}, .path = {"a\0b", 3}};
    size_t length, size;
    void *copy;
    uint8_t *bytes = bytes_of(&layout_sp_fs_reply, (const char *)&reply, &length);
    assert_int_equal(marshal_get(&layout_sp_fs_reply, bytes, length, &copy, &size), SP_ERR_FORMAT);
    free(bytes);
}

static void fields_that_the_sender_did_not_know_come_as_zero(void **state)
{
    (void)state;
    struct sp_auth_reply reply;
    memset(&reply, 0x5a, sizeof reply);
    reply.head = (struct sp_reply){sizeof reply.head, SP_ALLOW};
    size_t length, size;
    void *copy;
    uint8_t *bytes = bytes_of(&layout_sp_auth_reply, (const char *)&reply, &length);
    assert_int_equal(marshal_get(&layout_sp_auth_reply, bytes, length, &copy, &size), 0);
    const struct sp_auth_reply *got = copy;
    assert_int_equal(got->head.verdict, SP_ALLOW);
    assert_int_equal(got->head.struct_size, sizeof *got);
    assert_int_equal(got->prompts_count, 0);
    assert_null(got->grant);
    assert_int_equal(got->banner.len, 0);
    free(copy);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_event_and_reply_comes_back_as_it_went),
        cmocka_unit_test(bytes_cut_short_or_followed_by_others_are_refused),
        cmocka_unit_test(changed_bytes_never_lead_outside),
        cmocka_unit_test(a_list_longer_than_its_bound_is_refused),
        cmocka_unit_test(a_name_with_nul_in_it_is_refused),
        cmocka_unit_test(fields_that_the_sender_did_not_know_come_as_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
