/* Revocation lists: every section that ssh-keygen makes, and all that makes a list unusable. */
#include "unit/keys/sign.h"

#include <unistd.h>

#include "base/err.h"
#include "keys/public_key.h"
#include "keys/revoked.h"

static char directory[64];
static struct revoked_keys *list;
static struct buffer ca, other_ca, key, other_key;

static void sh(const char *line)
{
    char command[2048];

    snprintf(command, sizeof command, "cd %s && { %s; } >log 2>&1 </dev/null", directory, line);
    if (system(command) != 0)
        fail_msg("%s", line);
}

static struct buffer read_file(const char *name)
{
    struct buffer text = {0};
    char path[128];

    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    void *place = buffer_reserve(&text, 65536);
    buffer_commit(&text, fread(place, 1, 65536, file));
    fclose(file);
    return text;
}

static struct buffer read_key(const char *name)
{
    struct buffer text = read_file(name), blob = {0};
    const char *why;
    size_t len = strcspn((char *)buffer_data(&text), "\n");

    assert_int_equal(public_key_read_line((char *)buffer_data(&text), len, &blob, &why), 0);
    buffer_release(&text);
    return blob;
}

static int set_up(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/revoked-XXXXXX");
    if (!mkdtemp(directory))
        return -1;
    sh("for k in ca other_ca key other_key; do ssh-keygen -q -N '' -t ed25519 -f $k; done");
    ca = read_key("ca.pub");
    other_ca = read_key("other_ca.pub");
    key = read_key("key.pub");
    other_key = read_key("other_key.pub");
    return 0;
}

static int tear_down(void **state)
{
    char command[128];

    (void)state;
    revoked_keys_free(list);
    list = NULL;
    buffer_release(&ca);
    buffer_release(&other_ca);
    buffer_release(&key);
    buffer_release(&other_key);
    snprintf(command, sizeof command, "rm -r %s", directory);
    return system(command);
}

static void load(const char *name)
{
    struct buffer text = read_file(name);
    const char *why;
    int line;

    revoked_keys_free(list);
    if (revoked_keys_read(buffer_data(&text), buffer_length(&text), &list, &why, &line) < 0)
        fail_msg("line %d: %s", line, why);
    buffer_release(&text);
}

static bool has(const struct buffer *blob)
{
    return revoked_keys_has(list, buffer_data(blob), buffer_length(blob));
}

static bool has_certificate(const struct buffer *by, uint64_t serial, const char *key_id)
{
    struct sp_str id = {key_id, strlen(key_id)};

    return revoked_keys_has_certificate(
        list, (struct sp_str){(char *)buffer_data(by), buffer_length(by)}, serial, id);
}

static void serials_and_ids_are_revoked_for_their_ca(void **state)
{
    (void)state;
    sh("printf 'serial: 5\\nserial: 100-200\\nserial: 150-300\\nserial: 18446744073709551615\\n"
       "id: stolen laptop\\n' > spec; ssh-keygen -q -k -f list -s ca.pub spec");
    load("list");
    static const uint64_t in[] = {5, 100, 150, 200, 201, 300, UINT64_MAX};
    static const uint64_t out[] = {0, 1, 4, 6, 99, 301, UINT64_MAX - 1};
    for (size_t i = 0; i < sizeof in / sizeof *in; i++)
        assert_true(has_certificate(&ca, in[i], ""));
    for (size_t i = 0; i < sizeof out / sizeof *out; i++)
        assert_false(has_certificate(&ca, out[i], "stolen"));
    assert_true(has_certificate(&ca, 1, "stolen laptop"));
    assert_false(has_certificate(&other_ca, 5, "stolen laptop"));
    assert_false(has(&ca));
}

/* Many odd numbers: ssh-keygen writes a bitmap. */
static void a_bitmap_of_serials_is_understood(void **state)
{
    (void)state;
    sh("for i in $(seq 1001 2 1301); do echo serial: $i; done > spec;"
       "ssh-keygen -q -k -f list -s ca.pub spec");
    struct buffer text = read_file("list");
    assert_non_null(memchr(buffer_data(&text), 0x22, buffer_length(&text)));
    buffer_release(&text);
    load("list");
    for (uint64_t serial = 1001; serial <= 1301; serial += 2) {
        assert_true(has_certificate(&ca, serial, ""));
        assert_false(has_certificate(&ca, serial + 1, ""));
    }
    assert_false(has_certificate(&ca, 999, ""));
    assert_false(has_certificate(&ca, 1303, ""));
}

static void a_section_without_ca_holds_for_every_ca(void **state)
{
    (void)state;
    sh("printf 'serial: 5\\n' > spec; ssh-keygen -q -k -f list -s none spec");
    load("list");
    assert_true(has_certificate(&ca, 5, ""));
    assert_true(has_certificate(&other_ca, 5, ""));
    assert_false(has_certificate(&ca, 6, ""));
}

static void keys_are_revoked_in_each_way_to_name_them(void **state)
{
    static const char *const specs[] = {"cat key.pub", "echo key: $(cat key.pub)",
                                        "echo sha1: $(cat key.pub)", "echo sha256: $(cat key.pub)",
                                        "echo hash: $(ssh-keygen -lf key.pub | cut -d' ' -f2)"};

    (void)state;
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        char line[256];
        snprintf(line, sizeof line, "rm -f list; %s > spec; ssh-keygen -q -k -f list spec",
                 specs[i]);
        sh(line);
        load("list");
        if (!has(&key) || has(&other_key))
            fail_msg("%s", specs[i]);
    }
}

static void a_text_file_lists_keys(void **state)
{
    (void)state;
    sh("{ echo '# gone'; echo; tr '\\n' '\\r' < key.pub; printf '\\n  '; cat ca.pub; } > list");
    load("list");
    assert_true(has(&key));
    assert_true(has(&ca));
    assert_false(has(&other_key));
    assert_false(has_certificate(&ca, 5, ""));
    sh(": > list");
    load("list");
    assert_false(has(&key));
}

static void expect_unusable(const void *data, size_t len, const char *text, int wanted_line)
{
    struct revoked_keys *bad;
    const char *why;
    int line;

    assert_int_equal(revoked_keys_read(data, len, &bad, &why, &line), SP_ERR_FORMAT);
    assert_null(bad);
    if (!strstr(why, text))
        fail_msg("\"%s\" instead of \"%s\"", why, text);
    assert_int_equal(line, wanted_line);
}

static void a_line_that_is_no_key_makes_the_text_unusable(void **state)
{
    static const char *const rows[][2] = {
        {"ssh-ed25519", "base64"},
        {"ssh-ed25519 AAAA====", "base64"},
        {"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==", "malformed"},
        {"ssh-dss AAAA", "known here"},
        {"from=\"*\" ssh-ed25519 AAAA", "known here"},
        {"ssh-ed25519-cert-v01@openssh.com AAAA", "is a certificate"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[256];
        snprintf(text, sizeof text, "# first\n%s\n", rows[i][0]);
        expect_unusable(text, strlen(text), rows[i][1], 2);
    }
}

/* A list with this after its header. */
static struct buffer binary(uint32_t version, const struct buffer *sections)
{
    struct buffer text = {0};

    buffer_append(&text, "SSHKRL\n", 8);
    wire_put_u32(&text, version);
    for (int i = 0; i < 3; i++)
        wire_put_u64(&text, 0);
    wire_put_cstring(&text, "");
    wire_put_cstring(&text, "a comment");
    buffer_append(&text, buffer_data(sections), buffer_length(sections));
    return text;
}

static void expect_unusable_section(uint8_t type, const struct buffer *data, const char *why)
{
    struct buffer sections = {0};

    wire_put_u8(&sections, type);
    wire_put_string(&sections, buffer_data(data), buffer_length(data));
    struct buffer text = binary(1, &sections);
    expect_unusable(buffer_data(&text), buffer_length(&text), why, 0);
    buffer_release(&text);
    buffer_release(&sections);
}

static void what_is_unknown_makes_the_list_unusable(void **state)
{
    struct buffer data = {0}, inner = {0};

    (void)state;
    struct buffer text = binary(2, &data);
    expect_unusable(buffer_data(&text), buffer_length(&text), "version", 0);
    buffer_release(&text);
    expect_unusable_section(9, &data, "unknown");
    expect_unusable_section(4, &data, "signed");
    wire_put_cstring(&data, "x@example.com");
    wire_put_u8(&data, 1);
    wire_put_cstring(&data, "");
    expect_unusable_section(255, &data, "critical");
    buffer_release(&data);
    wire_put_cstring(&data, "not twenty");
    expect_unusable_section(3, &data, "malformed");
    buffer_release(&data);
    wire_put_cstring(&data, "");
    wire_put_cstring(&data, "");
    wire_put_u8(&data, 0x21);
    wire_put_u64(&inner, 9);
    wire_put_u64(&inner, 8);
    put_nested(&data, &inner);
    expect_unusable_section(1, &data, "range");
    buffer_release(&data);
    buffer_release(&inner);
}

/* ssh-keygen joins and sorts what it writes; others need not. */
static void ranges_may_overlap_in_any_order(void **state)
{
    static const uint64_t ranges[][2] = {{350, 500}, {150, 160}, {100, 200},
                                         {5, 5},     {300, 400}, {120, 130}};
    static const uint64_t in[] = {5, 100, 125, 155, 165, 190, 200, 300, 399, 401, 450, 500};
    static const uint64_t out[] = {4, 6, 99, 201, 299, 501};
    struct buffer data = {0}, sections = {0};
    const char *why;
    int line;

    (void)state;
    wire_put_cstring(&data, "");
    wire_put_cstring(&data, "");
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        struct buffer range = {0};
        wire_put_u64(&range, ranges[i][0]);
        wire_put_u64(&range, ranges[i][1]);
        wire_put_u8(&data, 0x21);
        put_nested(&data, &range);
        buffer_release(&range);
    }
    wire_put_u8(&sections, 1);
    put_nested(&sections, &data);
    struct buffer text = binary(1, &sections);
    assert_int_equal(
        revoked_keys_read(buffer_data(&text), buffer_length(&text), &list, &why, &line), 0);
    for (size_t i = 0; i < sizeof in / sizeof *in; i++)
        assert_true(has_certificate(&ca, in[i], ""));
    for (size_t i = 0; i < sizeof out / sizeof *out; i++)
        assert_false(has_certificate(&ca, out[i], ""));
    buffer_release(&text);
    buffer_release(&sections);
    buffer_release(&data);
}

static void an_extension_that_is_not_critical_is_passed_over(void **state)
{
    struct buffer data = {0}, sections = {0};
    const char *why;
    int line;

    (void)state;
    wire_put_cstring(&data, "x@example.com");
    wire_put_u8(&data, 0);
    wire_put_cstring(&data, "");
    wire_put_u8(&sections, 255);
    put_nested(&sections, &data);
    struct buffer text = binary(1, &sections);
    assert_int_equal(
        revoked_keys_read(buffer_data(&text), buffer_length(&text), &list, &why, &line), 0);
    buffer_release(&text);
    buffer_release(&sections);
    buffer_release(&data);
}

/* At the end of a section, what is left is a shorter list; anywhere else it is cut off. */
static void a_list_that_is_cut_off_is_never_misread(void **state)
{
    (void)state;
    sh("{ printf 'serial: 5\\nserial: 100-200\\nid: x\\n'; cat key.pub; } > spec;"
       "for i in $(seq 1001 2 1301); do echo serial: $i; done >> spec;"
       "ssh-keygen -q -k -f list -s ca.pub spec");
    struct buffer text = read_file("list");
    size_t taken = 0;
    for (size_t len = 8; len < buffer_length(&text); len++) {
        struct revoked_keys *cut;
        const char *why;
        int line;
        void *copy = malloc(len);
        memcpy(copy, buffer_data(&text), len);
        taken += revoked_keys_read(copy, len, &cut, &why, &line) == 0;
        revoked_keys_free(cut);
        free(copy);
    }
    assert_in_range(taken, 1, 3); /* after the header and after each section but the last */
    buffer_release(&text);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(serials_and_ids_are_revoked_for_their_ca),
        TEST(a_bitmap_of_serials_is_understood),
        TEST(a_section_without_ca_holds_for_every_ca),
        TEST(keys_are_revoked_in_each_way_to_name_them),
        TEST(a_text_file_lists_keys),
        TEST(a_line_that_is_no_key_makes_the_text_unusable),
        TEST(what_is_unknown_makes_the_list_unusable),
        TEST(ranges_may_overlap_in_any_order),
        TEST(an_extension_that_is_not_critical_is_passed_over),
        TEST(a_list_that_is_cut_off_is_never_misread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
