/* request.h: commands that ask the daemon: their common options, and the asking. */
#ifndef SALLYPORT_CLI_REQUEST_H
#define SALLYPORT_CLI_REQUEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct request_options {
    char *socket; /* where the daemon is to be asked; freed by request_options_free() */
    bool is_json; /* the answer is wanted as it comes */
    bool is_now;
};

/* Take the options out of argv; *ret_first is the index of the first argument that is none. How
 * many of those there may be is given, and whether --now is an option here. 0, or the exit status
 * after having told what is wrong. */
int request_options_parse(int argc, char **argv, int least, int most, bool takes_now,
                          struct request_options *ret_options, int *ret_first);
void request_options_free(struct request_options *options);

/* Ask. request is taken over. NULL, after having told why, if there is no answer or it says that
 * the command has failed. With is_json, the answer has been printed. */
json_t *request_send(const struct request_options *options, json_t *request);

/* The same where there may be no daemon: NULL, without a word, if none answers or the command has
 * failed. */
json_t *request_try(const char *socket, json_t *request);

/* A text or number in an answer; "" or 0 if it is not there. */
const char *answer_text(const json_t *object, const char *key);
uint64_t answer_number(const json_t *object, const char *key);

#endif
