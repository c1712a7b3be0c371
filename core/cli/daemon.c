/* daemon.c: `sallyport reload` and `sallyport stop`. */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/request.h"

int cli_reload(int argc, char **argv)
{
    struct request_options options;
    int first;
    int code = request_options_parse(argc, argv, 0, 0, false, &options, &first);
    if (code != 0)
        return code;
    json_t *answer = request_send(&options, json_pack("{s:s}", "command", "reload"));
    if (answer && !options.is_json)
        printf("generation %lld serves new connections\n",
               (long long)json_integer_value(json_object_get(answer, "generation")));
    code = answer ? 0 : CLI_FAILED;
    json_decref(answer);
    request_options_free(&options);
    return code;
}

int cli_stop(int argc, char **argv)
{
    struct request_options options;
    int first;
    int code = request_options_parse(argc, argv, 0, 0, true, &options, &first);
    if (code != 0)
        return code;
    json_t *answer = request_send(
        &options, json_pack("{s:s, s:b}", "command", "stop", "now", (int)options.is_now));
    if (answer && !options.is_json)
        printf("stopping; %lld connections %s\n",
               (long long)json_integer_value(json_object_get(answer, "connections")),
               options.is_now ? "are ended" : "may end by themselves");
    code = answer ? 0 : CLI_FAILED;
    json_decref(answer);
    request_options_free(&options);
    return code;
}
