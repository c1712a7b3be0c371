/* test_fs_s3.c: what fs-s3 says and understands, without a store; tests/integration/s3_*.sh have
 * one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fs_s3.h"
#include "test_host.h"

static struct text text_of(const char *data)
{
    struct text text = {0};
    text_put(&text, data);
    return text;
}

/* The example of Amazon's manual: GET Object, with a range. */
static void sign_as_the_manual_does(void **state)
{
    (void)state;
    struct identity identity = {.access_key = text_of("AKIAIOSFODNN7EXAMPLE"),
                                .secret_key = text_of("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")};
    char payload[DIGEST_SIZE];
    assert_true(digest(NULL, 0, payload));
    struct pair headers[] = {{"x-amz-date", "20130524T000000Z"},
                             {"range", "  bytes=0-9  "},
                             {"x-amz-content-sha256", payload},
                             {"host", "examplebucket.s3.amazonaws.com"}};
    struct signing signing = {.identity = &identity,
                              .region = "us-east-1",
                              .method = "GET",
                              .path = "/test.txt",
                              .query = "",
                              .headers = headers,
                              .headers_count = 4,
                              .payload = payload,
                              .date = "20130524T000000Z"};
    struct text authorization = {0};
    assert_true(sign(&signing, &authorization));
    assert_string_equal(
        authorization.data,
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
    text_clear(&authorization);
    identity_clear(&identity);
}

static void encode_all_that_is_not_unreserved(void **state)
{
    (void)state;
    struct text text = {0};
    const char name[] = "a/b c+d%e'f!g*h(i)~-._\xc3\xbc&";
    uri_put(&text, name, sizeof name - 1, true);
    assert_string_equal(text.data, "a/b%20c%2Bd%25e%27f%21g%2Ah%28i%29~-._%C3%BC%26");
    size_t length = uri_decode(text.data, text.length);
    assert_int_equal(length, sizeof name - 1);
    assert_memory_equal(text.data, name, length);
    text_clear(&text);
    uri_put(&text, "a/b", 3, false);
    assert_string_equal(text.data, "a%2Fb");
    text_clear(&text);
}

static void decode_what_is_no_encoding_as_it_stands(void **state)
{
    (void)state;
    char text[] = "a+b%2%zz%41%4";
    size_t length = uri_decode(text, sizeof text - 1);
    assert_int_equal(length, 11);
    assert_memory_equal(text, "a b%2%zzA%4", 11);
}

static void tell_names_from_what_is_none(void **state)
{
    (void)state;
    static const char *const fit[] = {"a", "...", ".a", "a b", "\xe2\x98\x83", "a/b/c"};
    static const char *const unfit[] = {"",       ".",    "..",    "a//b",     "/a",          "a/",
                                        "a/../b", "a\nb", "a\x7f", "\xc3\x28", "\xed\xa0\x80"};
    for (size_t i = 0; i < sizeof fit / sizeof *fit; i++)
        assert_true(names_are_fit(fit[i], strlen(fit[i])));
    for (size_t i = 0; i < sizeof unfit / sizeof *unfit; i++)
        assert_false(names_are_fit(unfit[i], strlen(unfit[i])));
    assert_false(name_is_fit("a/b", 3));
    assert_false(name_is_fit("a\0b", 3));
}

static void stay_below_the_prefix(void **state)
{
    (void)state;
    struct view *view = calloc(1, sizeof *view + 8);
    struct key key;
    char why[WHY_SIZE];
    char longest[KEY_MOST + 2];
    assert_non_null(view);
    memcpy(view->prefix, "root/", 6);
    view->length = 5;
    assert_int_equal(key_of(view, sp_str_of("/a/b"), &key, why), SP_FS_OK);
    assert_string_equal(key.text, "root/a/b");
    assert_int_equal(key_of_directory(view, sp_str_of("/a"), &key, why), SP_FS_OK);
    assert_string_equal(key.text, "root/a/");
    assert_int_equal(key_of_directory(view, sp_str_of("/"), &key, why), SP_FS_OK);
    assert_string_equal(key.text, "root/");
    memset(longest, 'x', sizeof longest);
    longest[0] = '/';
    struct sp_str path = {longest, KEY_MOST - 5 + 1};
    assert_int_equal(key_of(view, path, &key, why), SP_FS_OK);
    assert_int_equal(key.length, KEY_MOST);
    assert_int_equal(key_of_directory(view, path, &key, why), SP_FS_INVALID_FILENAME);
    path.len++;
    assert_int_equal(key_of(view, path, &key, why), SP_FS_INVALID_FILENAME);
    assert_int_equal(key_of(view, sp_str_of("/a/../../b"), &key, why), SP_FS_INVALID_FILENAME);
    free(view);
}

/* --- XML ------------------------------------------------------------------------------------- */

static void find_texts_in_answers(void **state)
{
    (void)state;
    char found[16];
    struct text text = text_of("<?xml version='1.0'?><E:Error xmlns:E='x'><Code>No&amp;Key</Code>"
                               "<Deep><Message>not this</Message></Deep>"
                               "<Message>a long text that is cut</Message></E:Error>");
    assert_true(xml_is_error(&text));
    assert_true(xml_find(&text, "Code", found, sizeof found));
    assert_string_equal(found, "No&Key");
    assert_true(xml_find(&text, "Message", found, sizeof found));
    assert_string_equal(found, "a long text tha");
    assert_false(xml_find(&text, "Bucket", found, sizeof found));
    text_clear(&text);
}

static bool accept(void *arg, const char *name, unsigned depth, char *text, size_t length)
{
    (void)arg, (void)name, (void)depth, (void)text, (void)length;
    return true;
}

static void refuse_what_is_no_answer(void **state)
{
    (void)state;
    static const char *const documents[] = {"",
                                            "hello",
                                            "<a>",
                                            "<a></b>",
                                            "<a>\x01</a>",
                                            "<a>\xff</a>",
                                            "<a/><b/>",
                                            "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>",
                                            "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>"};
    for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
        struct text text = text_of(documents[i]);
        assert_false(xml_read(&text, accept, NULL));
        text_clear(&text);
    }
    struct text deep = {0}, large = text_of("<a>");
    for (int i = 0; i < 17; i++)
        text_put(&deep, "<a>");
    for (int i = 0; i < 17; i++)
        text_put(&deep, "</a>");
    assert_false(xml_read(&deep, accept, NULL));
    for (int i = 0; i < 2000; i++)
        text_put(&large, "0123456789");
    text_put(&large, "</a>");
    assert_false(xml_read(&large, accept, NULL));
    text_clear(&deep);
    text_clear(&large);
}

/* --- metadata -------------------------------------------------------------------------------- */

static void keep_attributes_beside_others(void **state)
{
    (void)state;
    struct text kept =
        text_of("content-type: text/plain\nx-amz-meta-mtime: 17.5\nx-amz-meta-a: b\n");
    struct sp_fs_attributes attributes = {.struct_size = sizeof attributes};
    metadata_get(&kept, &attributes);
    assert_int_equal(attributes.valid, SP_ATTR_MODIFY_TIME | SP_ATTR_ACCESS_TIME);
    assert_int_equal(attributes.modify_time.seconds, 17);
    assert_int_equal(attributes.modify_time.nanoseconds, 500000000);
    attributes = (struct sp_fs_attributes){.valid = SP_ATTR_MODIFY_TIME | SP_ATTR_PERMISSIONS,
                                           .mode = 04640,
                                           .modify_time = {.seconds = -5, .nanoseconds = 7}};
    metadata_set(&kept, &attributes);
    assert_string_equal(kept.data, "content-type: text/plain\nx-amz-meta-a: b\n"
                                   "x-amz-meta-mtime: -5.000000007\nx-amz-meta-mode: 33184\n");
    attributes = (struct sp_fs_attributes){0};
    metadata_get(&kept, &attributes);
    assert_int_equal(attributes.mode, 0640);
    assert_int_equal(attributes.modify_time.seconds, -5);
    assert_int_equal(attributes.modify_time.nanoseconds, 7);
    text_clear(&kept);
}

/* --- configuration --------------------------------------------------------------------------- */

static char directory[] = "/tmp/test_fs_s3.XXXXXX";
static char credentials_path[64];

static void write_credentials(const char *text, mode_t mode)
{
    FILE *file = fopen(credentials_path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(credentials_path, mode), 0);
}

static struct test_host *instance(const char *endpoint, const char *prefix)
{
    char json[1024];
    snprintf(json, sizeof json,
             "{\"endpoint\":\"%s\",\"region\":\"us-east-1\",\"bucket\":\"files\",\"prefix\":\"%s\","
             "\"credentials_file\":\"%s\",\"profile\":\"ours\",\"timeout_ms\":2000,"
             "\"connect_timeout_ms\":1000,\"retries\":0,\"retry_delay_ms\":1,"
             "\"part_bytes\":5242880,\"parallel_parts\":2,\"read_ahead_bytes\":1048576,"
             "\"memory_bytes_max\":33554432,\"threads\":2,\"copy_bytes_max\":5242880,"
             "\"rename_objects_max\":10,\"setstat\":\"ignore\"}",
             endpoint, prefix, credentials_path);
    return test_host_new(&sallyport_plugin_v1, json);
}

#define KEYS                                                                                       \
    "[other]\naws_access_key_id = no\n[ours]\r\n aws_access_key_id=A \naws_secret_access_key "     \
    "=\tS\r\n"
#define NOWHERE "http://127.0.0.1:1"

static void check_the_configuration(void **state)
{
    (void)state;
    static const char *const endpoints[] = {"http://store.example.org", "ftp://127.0.0.1",
                                            "https://user:secret@store.example.org",
                                            "https://store.example.org/path", "nothing at all"};
    static const char *const prefixes[] = {"a//b", "../a", "a/./b", "a\\u0001"};
    write_credentials(KEYS, 0600);
    for (size_t i = 0; i < sizeof endpoints / sizeof *endpoints; i++)
        assert_null(instance(endpoints[i], ""));
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        assert_null(instance(NOWHERE, prefixes[i]));
    struct test_host *host = instance(NOWHERE, "/a/b/");
    assert_non_null(host);
    test_host_free(host);
}

static void ask_for_keys_that_others_cannot_read(void **state)
{
    (void)state;
    write_credentials(KEYS, 0644);
    assert_null(instance(NOWHERE, ""));
    write_credentials("[ours]\naws_access_key_id = A\n", 0600);
    assert_null(instance(NOWHERE, ""));
    write_credentials("[default]\naws_access_key_id = A\naws_secret_access_key = S\n", 0600);
    assert_null(instance(NOWHERE, ""));
    write_credentials("[ours]\naws_access_key_id = A\naws_secret_access_key = S x\n", 0600);
    assert_null(instance(NOWHERE, ""));
}

static void read_keys_again_when_they_change(void **state)
{
    (void)state;
    write_credentials(KEYS, 0600);
    struct test_host *host = instance(NOWHERE, "");
    struct s3 *s3 = test_host_self(host);
    struct identity identity;
    assert_true(credentials_get(s3->credentials, &identity));
    assert_string_equal(identity.access_key.data, "A");
    assert_string_equal(identity.secret_key.data, "S");
    assert_int_equal(identity.session_token.length, 0);
    identity_clear(&identity);
    write_credentials(KEYS "aws_session_token = T\n", 0600);
    test_host_tick(host);
    assert_true(credentials_get(s3->credentials, &identity));
    assert_string_equal(identity.session_token.data, "T");
    identity_clear(&identity);
    write_credentials("[ours]\n# nothing\n", 0600); /* the old ones stay */
    test_host_tick(host);
    assert_true(credentials_get(s3->credentials, &identity));
    identity_clear(&identity);
    assert_true(test_host_logged(host, "below [ours]"));
    test_host_free(host);
}

/* --- a store that is not there --------------------------------------------------------------- */

static void say_that_the_store_cannot_be_asked(void **state)
{
    (void)state;
    write_credentials(KEYS, 0600);
    struct test_host *host = instance(NOWHERE, "");
    struct sp_fs_attach attach = {.mount = sp_str_of("/"), .root = sp_str_of("/users/alice/")};
    const struct test_answer *answer = TEST_FS(host, attach, &attach);
    assert_int_equal(answer->status, SP_FS_OK);
    assert_non_null(answer->fs.support);
    uint64_t view = answer->fs.handle;
    assert_string_equal(view_of(view)->prefix, "users/alice/");
    struct sp_fs_path stat = {.view = view, .path = sp_str_of("/a")};
    answer = TEST_FS(host, stat, &stat);
    assert_int_equal(answer->status, SP_FS_NO_CONNECTION);
    assert_non_null(strstr(answer->fs.text.data, "files/users/alice/a"));
    assert_true(test_host_logged(host, "cannot be asked"));
    char why[WHY_SIZE];
    assert_int_equal(object_delete(test_host_self(host), "", why), SP_FS_PERMISSION_DENIED);
    struct sp_fs_path detach = {.view = view, .path = sp_str_of("")};
    TEST_FS(host, detach, &detach);

    struct sp_fs_attach outside = {.mount = sp_str_of("/"), .root = sp_str_of("a/../b")};
    assert_int_equal(TEST_FS(host, attach, &outside)->status, SP_FS_FAILURE);
    test_host_free(host);
}

static void count_memory(void **state)
{
    (void)state;
    struct s3 s3 = {.options = {.memory_bytes = 1000}};
    void *first = memory_take(&s3, 600);
    assert_non_null(first);
    assert_null(memory_take(&s3, 500));
    void *second = memory_take(&s3, 400);
    assert_non_null(second);
    memory_give(&s3, first, 600);
    memory_give(&s3, second, 400);
    memory_give(&s3, NULL, 0);
    assert_int_equal(atomic_load(&s3.memory), 0);
}

int main(void)
{
    if (!mkdtemp(directory))
        return 1;
    snprintf(credentials_path, sizeof credentials_path, "%s/credentials", directory);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sign_as_the_manual_does),
        cmocka_unit_test(encode_all_that_is_not_unreserved),
        cmocka_unit_test(decode_what_is_no_encoding_as_it_stands),
        cmocka_unit_test(tell_names_from_what_is_none),
        cmocka_unit_test(stay_below_the_prefix),
        cmocka_unit_test(find_texts_in_answers),
        cmocka_unit_test(refuse_what_is_no_answer),
        cmocka_unit_test(keep_attributes_beside_others),
        cmocka_unit_test(check_the_configuration),
        cmocka_unit_test(ask_for_keys_that_others_cannot_read),
        cmocka_unit_test(read_keys_again_when_they_change),
        cmocka_unit_test(say_that_the_store_cannot_be_asked),
        cmocka_unit_test(count_memory),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(credentials_path);
    rmdir(directory);
    return failed;
}
