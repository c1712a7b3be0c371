/* test_my_plugin.c: asks the plugin, as the daemon would. */
#include <stdio.h>
#include <stdlib.h>

#include "test_host.h"

static int32_t ask(struct test_host *host, const char *user)
{
    struct sp_auth_event event = {
        .user = sp_str_of(user), .method = SP_METHOD_PASSWORD, .password = sp_str_of("secret")};
    return TEST_AUTH(host, password, &event)->verdict;
}

static void expect(const char *what, int32_t verdict, int32_t expected)
{
    if (verdict == expected)
        return;
    fprintf(stderr, "%s: %d instead of %d\n", what, verdict, expected);
    exit(EXIT_FAILURE);
}

int main(void)
{
    struct test_host *host = test_host_new(&sallyport_plugin_v1, "{}");
    if (!host)
        return EXIT_FAILURE;
    expect("guest", ask(host, "guest"), SP_DENY);
    expect("ann", ask(host, "ann"), SP_NEXT);
    if (!test_host_logged(host, "turned away"))
        return EXIT_FAILURE;
    test_host_free(host);
    puts("good");
    return EXIT_SUCCESS;
}
