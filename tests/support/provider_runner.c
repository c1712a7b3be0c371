/*
 * provider_runner.c: the SDK's check of storage providers on a plugin that is built already.
 * Usage: provider_runner LIBRARY CONFIGURATION ROOT [BEHAVIOUR-IT-CANNOT...]; exit status 1 if a
 * behaviour failed.
 */
#include <dlfcn.h>
#include <stdio.h>

#include "provider_check.h"

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: provider_runner LIBRARY CONFIGURATION ROOT [EXCEPT...]\n");
        return 2;
    }
    void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    const struct sp_plugin *plugin = library ? dlsym(library, SP_PLUGIN_SYMBOL) : NULL;
    struct test_host *host = plugin ? test_host_new(plugin, argv[2]) : NULL;
    if (!host) {
        fprintf(stderr, "provider_runner: %s\n", plugin ? "no instance" : dlerror());
        return 2;
    }
    struct provider_check check = {
        .host = host, .root = argv[3], .except = (const char *const *)&argv[4]};
    unsigned failed = provider_check(&check);
    test_host_free(host);
    printf("%u behaviours failed\n", failed);
    return failed > 0;
}
