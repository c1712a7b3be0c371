/* test_plugin_reply.c: the core's copy of a reply: complete, deep, bounded, whatever header its
 * sender was compiled against. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <sallyport/plugin.h>

#include "plugin/reply.h"

static struct reply_room room;
static struct sp_reply *copy;
static const char *fault;

static int setup(void **state)
{
    (void)state;
    /* What lies there already must not shine through. */
    memset(&room, 0xa5, sizeof room);
    copy = NULL;
    fault = NULL;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    reply_free(copy, &room);
    return 0;
}

/* source as it lies on the heap with exactly size bytes, so that reading past them is seen. */
static int32_t copy_exactly(const struct layout *layout, const void *source, size_t size)
{
    void *exact = malloc(size);
    memcpy(exact, source, size);
    int32_t rc = reply_copy(layout, exact, &room, &copy, &fault);
    memset(exact, 0x5a, size);
    free(exact);
    return rc;
}

static bool is_inline(void)
{
    return (unsigned char *)copy == room.bytes;
}

static void numbers_alone_are_copied_in_place(void **state)
{
    (void)state;
    struct sp_fs_reply reply = {
        .head = {sizeof reply, SP_OK}, .eof = 1, .handle = 77, .count = 32768};
    assert_int_equal(copy_exactly(&layout_sp_fs_reply, &reply, sizeof reply), 0);
    assert_true(is_inline());
    assert_memory_equal(copy, &reply, sizeof reply);
}

static void attributes_fit_in_place_too(void **state)
{
    (void)state;
    struct sp_fs_attributes attributes = {.struct_size = sizeof attributes,
                                          .valid = SP_ATTR_SIZE | SP_ATTR_MODIFY_TIME,
                                          .size = UINT64_MAX,
                                          .mode = 0644,
                                          .modify_time = {.seconds = -5, .nanoseconds = 7}};
    struct sp_fs_reply reply = {.head = {sizeof reply, SP_OK}, .attributes = &attributes};
    assert_int_equal(copy_exactly(&layout_sp_fs_reply, &reply, sizeof reply), 0);
    assert_true(is_inline());
    const struct sp_fs_reply *got = (const void *)copy;
    assert_ptr_not_equal(got->attributes, &attributes);
    assert_memory_equal(got->attributes, &attributes, sizeof attributes);
}

static void texts_end_in_nul(void **state)
{
    (void)state;
    char text[] = {'a', 0, 'b'}; /* bytes, not a name */
    struct sp_fs_reply reply = {.head = {sizeof reply, SP_E_FAILED}, .text = {text, 3}};
    assert_int_equal(copy_exactly(&layout_sp_fs_reply, &reply, sizeof reply), 0);
    memset(text, '?', sizeof text);
    const struct sp_fs_reply *got = (const void *)copy;
    assert_int_equal(got->text.len, 3);
    assert_memory_equal(got->text.data, "a\0b", 4);
    assert_null(got->path.data);
}

static void empty_text_leaves_no_pointer_behind(void **state)
{
    (void)state;
    struct sp_fs_reply reply = {.head = {sizeof reply, SP_OK}, .text = {"", 0}};
    assert_int_equal(copy_exactly(&layout_sp_fs_reply, &reply, sizeof reply), 0);
    assert_null(((const struct sp_fs_reply *)(const void *)copy)->text.data);
}

static void reply_of_an_older_sender_is_completed_with_zeros(void **state)
{
    (void)state;
    struct sp_fs_reply reply = {.head = {sizeof reply, SP_OK}, .status = 4, .count = 99};
    memset(&reply.text, 0xff, sizeof reply - offsetof(struct sp_fs_reply, text));
    reply.head.struct_size = offsetof(struct sp_fs_reply, text);
    assert_int_equal(copy_exactly(&layout_sp_fs_reply, &reply, reply.head.struct_size), 0);
    const struct sp_fs_reply *got = (const void *)copy;
    assert_int_equal(got->head.struct_size, sizeof *got);
    assert_int_equal(got->status, 4);
    assert_int_equal(got->count, 99);
    assert_null(got->text.data);
    assert_int_equal(got->text.len, 0);
    assert_null(got->attributes);
    assert_null(got->entries);
    assert_int_equal(got->entries_count, 0);
    assert_null(got->space);
}

static void half_a_field_is_none(void **state)
{
    (void)state;
    struct sp_fs_reply reply = {.head = {sizeof reply, SP_OK}, .text = {"x", 1}};
    reply.head.struct_size = offsetof(struct sp_fs_reply, text) + 8;
    assert_int_equal(copy_exactly(&layout_sp_fs_reply, &reply, reply.head.struct_size), 0);
    assert_null(((const struct sp_fs_reply *)(const void *)copy)->text.data);
}

static void list_without_its_number_is_empty(void **state)
{
    (void)state;
    struct sp_grant grant = {.permit = 3, .groups = (const struct sp_str *)8};
    struct sp_auth_reply reply = {.head = {sizeof reply, SP_ALLOW}, .grant = &grant};
    grant.struct_size = offsetof(struct sp_grant, groups_count);
    assert_int_equal(copy_exactly(&layout_sp_auth_reply, &reply, sizeof reply), 0);
    const struct sp_grant *got = ((const struct sp_auth_reply *)(const void *)copy)->grant;
    assert_int_equal(got->permit, 3);
    assert_null(got->groups);
    assert_int_equal(got->groups_count, 0);
    assert_int_equal(got->struct_size, sizeof *got);
}

/* Whoever reads it would follow a pointer that is not there. */
static void list_that_is_a_number_only_is_refused(void **state)
{
    (void)state;
    struct sp_fs_reply listing = {.head = {sizeof listing, SP_OK}, .entries_count = 3};
    assert_int_equal(copy_exactly(&layout_sp_fs_reply, &listing, sizeof listing), SP_E_INVALID);
    assert_string_equal(fault, "entries");
    struct sp_auth_reply asking = {.head = {sizeof asking, SP_ASK}, .prompts_count = 1};
    assert_int_equal(copy_exactly(&layout_sp_auth_reply, &asking, sizeof asking), SP_E_INVALID);
    assert_string_equal(fault, "prompts");
}

static void number_of_a_list_that_was_cut_off_is_zero(void **state)
{
    (void)state;
    struct sp_auth_reply reply = {.prompts_count = 3};
    reply.head.struct_size = offsetof(struct sp_auth_reply, prompts);
    assert_int_equal(copy_exactly(&layout_sp_auth_reply, &reply, reply.head.struct_size), 0);
    const struct sp_auth_reply *got = (const void *)copy;
    assert_null(got->prompts);
    assert_int_equal(got->prompts_count, 0);
}

static void reply_of_a_newer_sender_is_cut_to_what_is_known(void **state)
{
    (void)state;
    struct {
        struct sp_channel_reply known;
        uint64_t unknown[4];
    } reply = {.known = {.head = {sizeof reply, SP_DENY}, .text = {"no", 2}}};
    assert_int_equal(copy_exactly(&layout_sp_channel_reply, &reply, sizeof reply), 0);
    const struct sp_channel_reply *got = (const void *)copy;
    assert_int_equal(got->head.struct_size, sizeof *got);
    assert_string_equal(got->text.data, "no");
}

static void grant_is_copied_with_all_it_points_to(void **state)
{
    (void)state;
    struct sp_str groups[] = {{"staff", 5}, {"", 0}, {"wheel", 5}};
    struct sp_pair environment[] = {{{"LANG", 4}, {"C", 1}}};
    struct sp_pair attributes[] = {{{"quota", 5}, {"\0\1", 2}}, {{"x", 1}, {"", 0}}};
    struct sp_grant grant = {.struct_size = sizeof grant,
                             .permit = SP_PERMIT_ALL,
                             .root = {"/srv", 4},
                             .idle_timeout_ms = 5000,
                             .groups = groups,
                             .groups_count = 3,
                             .environment = environment,
                             .environment_count = 1,
                             .attributes = attributes,
                             .attributes_count = 2};
    struct sp_auth_reply reply = {.head = {sizeof reply, SP_ALLOW}, .grant = &grant};
    assert_int_equal(copy_exactly(&layout_sp_auth_reply, &reply, sizeof reply), 0);
    assert_false(is_inline());
    memset(groups, 0, sizeof groups);
    memset(environment, 0, sizeof environment);
    memset(attributes, 0, sizeof attributes);
    memset(&grant, 0, sizeof grant);

    const struct sp_grant *got = ((const struct sp_auth_reply *)(const void *)copy)->grant;
    assert_string_equal(got->root.data, "/srv");
    assert_int_equal(got->idle_timeout_ms, 5000);
    assert_int_equal(got->groups_count, 3);
    assert_string_equal(got->groups[0].data, "staff");
    assert_int_equal(got->groups[1].len, 0);
    assert_string_equal(got->groups[2].data, "wheel");
    assert_string_equal(got->environment[0].name.data, "LANG");
    assert_string_equal(got->environment[0].value.data, "C");
    assert_memory_equal(got->attributes[0].value.data, "\0\1", 2);
    assert_string_equal(got->attributes[1].name.data, "x");
}

/* A listing as an older SDK lays it out: attributes end before "owner", and so does each entry. */
static void listing_of_an_older_sender_is_read_in_its_own_steps(void **state)
{
    (void)state;
    enum { COUNT = 300, SIZE = offsetof(struct sp_fs_attributes, owner) };
    const size_t stride = offsetof(struct sp_fs_entry, attributes) + SIZE;
    char *entries = calloc(COUNT, stride);
    char names[COUNT][8];
    for (size_t i = 0; i < COUNT; i++) {
        struct sp_fs_entry entry = {.attributes = {.struct_size = SIZE, .valid = 1, .size = i}};
        entry.name = (struct sp_str){names[i], 0};
        while ((size_t)entry.name.len < i % 7 + 1)
            names[i][entry.name.len++] = 'n';
        memcpy(entries + i * stride, &entry, stride);
    }
    struct sp_fs_reply reply = {.head = {sizeof reply, SP_OK},
                                .entries = (const struct sp_fs_entry *)(const void *)entries,
                                .entries_count = COUNT};
    assert_int_equal(copy_exactly(&layout_sp_fs_reply, &reply, sizeof reply), 0);
    free(entries);
    const struct sp_fs_reply *got = (const void *)copy;
    assert_int_equal(got->entries_count, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(got->entries[i].attributes.struct_size, sizeof(struct sp_fs_attributes));
        assert_int_equal(got->entries[i].attributes.size, i);
        assert_int_equal(got->entries[i].attributes.owner.len, 0);
        assert_int_equal(got->entries[i].name.len, i % 7 + 1);
        assert_int_equal(strlen(got->entries[i].name.data), i % 7 + 1);
    }
}

static void bounds_are_exact(void **state)
{
    (void)state;
    char *text = calloc(1, 65537);
    struct sp_prompt prompts[17] = {0};
    memset(text, 'x', 65537);
    struct sp_auth_reply reply = {.head = {sizeof reply, SP_ASK}};

    reply.banner = (struct sp_str){text, 65536};
    reply.prompts = prompts;
    reply.prompts_count = 16;
    assert_int_equal(copy_exactly(&layout_sp_auth_reply, &reply, sizeof reply), 0);
    reply_free(copy, &room);
    reply.banner.len++;
    assert_int_equal(copy_exactly(&layout_sp_auth_reply, &reply, sizeof reply), SP_E_INVALID);
    assert_string_equal(fault, "banner");
    reply.banner.len = 0;
    reply.prompts_count = 17;
    assert_int_equal(copy_exactly(&layout_sp_auth_reply, &reply, sizeof reply), SP_E_INVALID);
    assert_string_equal(fault, "prompts");
    free(text);
}

static void whole_reply_is_bounded(void **state)
{
    (void)state;
    char *text = calloc(1, 65536);
    struct sp_fs_entry *entries = calloc(300, sizeof *entries);
    memset(text, 'x', 65536);
    for (size_t i = 0; i < 300; i++) {
        entries[i].attributes.struct_size = sizeof entries->attributes;
        entries[i].name = (struct sp_str){text, 65536};
    }
    struct sp_fs_reply reply = {
        .head = {sizeof reply, SP_OK}, .entries = entries, .entries_count = 200};
    assert_int_equal(copy_exactly(&layout_sp_fs_reply, &reply, sizeof reply), 0);
    reply_free(copy, &room);
    reply.entries_count = 300;
    assert_int_equal(copy_exactly(&layout_sp_fs_reply, &reply, sizeof reply), SP_E_INVALID);
    assert_null(copy);
    free(entries);
    free(text);
}

/* Every byte of every struct belongs to a field, the size, or a word that is reserved: what the
 * tables leave out would be lost on the way. */
static void check_layout(const struct layout *layout, size_t reserved)
{
    size_t covered = reserved + (layout->is_sized ? sizeof(uint32_t) : 0);
    for (uint32_t i = 0; i < layout->fields_count; i++) {
        const struct field *field = &layout->fields[i];
        covered += field_width(field);
        if (field->kind == FIELD_STRUCT && field->of->is_sized)
            covered -= sizeof(uint32_t); /* the size is the same one */
        bool has_reserved = strcmp(field->name, "prompts") == 0 || strstr(field->name, "_time");
        if (field->of)
            check_layout(field->of, has_reserved ? sizeof(uint32_t) : 0);
    }
    if (covered != layout->size)
        fail_msg("%s has %u bytes, its fields %zu", layout->name, layout->size, covered);
}

static void tables_cover_every_byte(void **state)
{
    (void)state;
    check_layout(&layout_sp_connection_reply, 0);
    check_layout(&layout_sp_auth_reply, sizeof(uint32_t));
    check_layout(&layout_sp_channel_reply, sizeof(uint32_t));
    check_layout(&layout_sp_fs_reply, 0);
    check_layout(&layout_sp_sftp_reply, 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(numbers_alone_are_copied_in_place),
        TEST(attributes_fit_in_place_too),
        TEST(texts_end_in_nul),
        TEST(empty_text_leaves_no_pointer_behind),
        TEST(reply_of_an_older_sender_is_completed_with_zeros),
        TEST(half_a_field_is_none),
        TEST(list_without_its_number_is_empty),
        TEST(list_that_is_a_number_only_is_refused),
        TEST(number_of_a_list_that_was_cut_off_is_zero),
        TEST(reply_of_a_newer_sender_is_cut_to_what_is_known),
        TEST(grant_is_copied_with_all_it_points_to),
        TEST(listing_of_an_older_sender_is_read_in_its_own_steps),
        TEST(bounds_are_exact),
        TEST(whole_reply_is_bounded),
        TEST(tables_cover_every_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
