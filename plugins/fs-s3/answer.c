/*
 * answer.c: what an answer of the store that is no success means. Called by request.c. No state.
 */
#include "fs_s3.h"

#include <stdio.h>
#include <string.h>

bool answer_is_passing(const struct response *response)
{
    static const char *const codes[] = {"InternalError", "SlowDown", "ServiceUnavailable",
                                        "RequestTimeout", "OperationAborted"};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (strcmp(response->code, codes[i]) == 0)
            return true;
    return response->status == 429 ||
           (response->status >= 500 && response->status != 501 && response->status != 507);
}

/* The statuses that a client can tell apart, by the store's code or else HTTP's. */
static uint32_t status_of(const struct response *response)
{
    static const struct {
        const char *code;
        uint32_t status;
    } codes[] = {{"NoSuchKey", SP_FS_NO_SUCH_FILE},
                 {"NoSuchBucket", SP_FS_NO_MEDIA},
                 {"NoSuchUpload", SP_FS_FAILURE},
                 {"KeyTooLongError", SP_FS_INVALID_FILENAME},
                 {"QuotaExceeded", SP_FS_QUOTA_EXCEEDED},
                 {"XMinioStorageFull", SP_FS_NO_SPACE_ON_FILESYSTEM},
                 {"EntityTooLarge", SP_FS_QUOTA_EXCEEDED},
                 {"PreconditionFailed", SP_FS_FAILURE},
                 {"NotImplemented", SP_FS_OP_UNSUPPORTED}};
    static const struct {
        long http;
        uint32_t status;
    } statuses[] = {{401, SP_FS_PERMISSION_DENIED},
                    {403, SP_FS_PERMISSION_DENIED},
                    {404, SP_FS_NO_SUCH_FILE},
                    {501, SP_FS_OP_UNSUPPORTED},
                    {507, SP_FS_NO_SPACE_ON_FILESYSTEM}};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (strcmp(response->code, codes[i].code) == 0)
            return codes[i].status;
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        if (response->status == statuses[i].http)
            return statuses[i].status;
    return SP_FS_FAILURE;
}

/* What whoever runs the server can do about it. */
static const char *remedy_of(const struct response *response)
{
    static const struct {
        const char *code;
        const char *remedy;
    } remedies[] = {
        {"RequestTimeTooSkewed", "; set this machine's clock"},
        {"SignatureDoesNotMatch", "; check the secret key, and region and endpoint"},
        {"InvalidAccessKeyId", "; check the access key"},
        {"ExpiredToken", "; renew the session token in credentials_file"},
        {"AuthorizationHeaderMalformed", "; check region"},
        {"PermanentRedirect", "; check region and endpoint"},
        {"NoSuchBucket", "; check bucket, or create it"},
        {"AccessDenied", "; give this access key the right to do it"},
    };
    for (size_t i = 0; i < sizeof remedies / sizeof *remedies; i++)
        if (strcmp(response->code, remedies[i].code) == 0)
            return remedies[i].remedy;
    /* To HEAD the store says no more than that. */
    return response->status == 403 ? "; check the access key and its rights" : "";
}

const char *answer_subject(const struct request *request)
{
    for (const struct pair *pair = request->query; !request->key && pair->name; pair++)
        if (strcmp(pair->name, "prefix") == 0)
            return pair->value;
    return request->key ? request->key : "";
}

uint32_t answer_explain(const struct options *options, const struct request *request,
                        const struct response *response, char *ret_why)
{
    char message[200] = "";
    xml_find(&response->body, "Message", message, sizeof message);
    snprintf(ret_why, WHY_SIZE, "%s of %s/%.200s: %s%s%s (HTTP status %ld)%s", request->method,
             options->bucket, answer_subject(request), response->code,
             response->code[0] && message[0] ? ": " : "", message, response->status,
             remedy_of(response));
    return status_of(response);
}
