/* service.c: one event to the web service. Called by sender.c. */
#include "notify.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#define SIGNATURE_SIZE 128u

/* "X-Sallyport-Signature-256: sha256=<hex>" over the body; false if it cannot be made. */
static bool sign(const struct options *options, const struct text *text, char *ret_header)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    size_t length =
        (size_t)snprintf(ret_header, SIGNATURE_SIZE, "X-Sallyport-Signature-256: sha256=");
    if (!HMAC(EVP_sha256(), options->secret, (int)options->secret_length,
              (const unsigned char *)text->data, text->length, hash, &size))
        return false;
    for (unsigned int i = 0; i < size; i++)
        length += (size_t)snprintf(ret_header + length, SIGNATURE_SIZE - length, "%02x", hash[i]);
    return true;
}

/* What the service says no to may be this event's fault; all else is for all of them. */
static enum delivery judge(long status)
{
    bool is_of_this_one = status >= 400 && status <= 499 && status != 401 && status != 403 &&
                          status != 404 && status != 408 && status != 429;
    return is_of_this_one ? DELIVERY_REFUSED : DELIVERY_FAILED;
}

enum delivery deliver_to_service(const struct options *options, struct transport *transport,
                                 const char *id, const struct text *text, char *ret_why)
{
    char delivery[64], signature[SIGNATURE_SIZE];
    const char *headers[3] = {delivery, NULL, NULL};
    struct text answer = {0};
    long status = 0;
    snprintf(delivery, sizeof delivery, "X-Sallyport-Delivery: %s", id);
    if (options->secret) {
        if (!sign(options, text, signature)) {
            snprintf(ret_why, HTTP_WHY_SIZE, "the cryptographic library fails");
            return DELIVERY_FAILED;
        }
        headers[1] = signature;
    }
    int rc = transport_ask(transport, headers, text, &answer, &status, ret_why);
    text_clear(&answer);
    return rc == 0 ? DELIVERED : judge(status);
}
