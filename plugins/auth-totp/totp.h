/*
 * totp.h: time-based one-time passwords, RFC 6238, and how this plugin keeps them. Shared with the
 * command that enrols users. Any thread.
 */
#ifndef AUTH_TOTP_TOTP_H
#define AUTH_TOTP_TOTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sallyport/types.h>

#define TOTP_KEY_MAX 128
#define TOTP_DIGITS_MAX 8
/* Text of a key in base32, the NUL included. */
#define TOTP_BASE32_MAX (TOTP_KEY_MAX * 8 / 5 + 9)

enum totp_algorithm { TOTP_SHA1, TOTP_SHA256, TOTP_SHA512, TOTP_ALGORITHMS };

struct totp {
    unsigned char key[TOTP_KEY_MAX];
    size_t key_length;
    enum totp_algorithm algorithm;
    uint32_t digits;   /* 6 to 8 */
    uint32_t period_s; /* 10 to 300 */
};

/* totp.c */

/* "sha1" …; false if the text is none of them. */
bool totp_algorithm_parse(const char *text, enum totp_algorithm *ret_algorithm);
const char *totp_algorithm_text(enum totp_algorithm algorithm);
/* RFC 4648, without padding. text has room for TOTP_BASE32_MAX. */
void totp_base32(const unsigned char *key, size_t length, char *text);
/* Blanks, case and padding are ignored. False if it is no base32 or does not fit. */
bool totp_base32_parse(const char *text, unsigned char *key, size_t *ret_length);
/* The code of a step, as text of totp->digits digits. False if it cannot be computed. */
bool totp_code(const struct totp *totp, uint64_t step, char ret_code[TOTP_DIGITS_MAX + 1]);

/* store.c: one file for each user in a directory, and beside it what was used last. */

/* How codes are judged. */
struct totp_rules {
    uint32_t window;           /* steps before and after the present one */
    uint32_t failures_max;     /* wrong codes of a user … */
    uint64_t failures_span_ms; /* … within this time, before even right ones are refused */
};

enum totp_outcome {
    TOTP_RIGHT,
    TOTP_WRONG,
    TOTP_REPLAYED, /* right, but it, or a later one, was used before */
    TOTP_LOCKED,   /* too many wrong ones lately */
    TOTP_FAILED,   /* it cannot be told; why says what to do */
};

/* Whether a name may become a file's name. */
bool totp_name_is_sound(struct sp_str user);
/* 1: *ret_totp is the user's (wipe it). 0: the user has none. -1: why says what is wrong. */
int totp_load(const char *directory, struct sp_str user, struct totp *ret_totp, const char **why);
/* Judge a code at a time (milliseconds since 1970), and remember it: no code is right twice,
 * whichever process asks. Blocks for as long as another one judges a code of this user. */
enum totp_outcome totp_use(const char *directory, struct sp_str user, const struct totp *totp,
                           struct sp_str code, int64_t time_ms, const struct totp_rules *rules,
                           const char **why);
/* Write a user's file, for owner and group unless they are -1. 0, or -1 with errno. Never replaces
 * one unless told to; what was used of the old one is forgotten. */
int totp_store(const char *directory, const char *user, const struct totp *totp, bool replace,
               uint32_t uid, uint32_t gid);
/* 0, or -1 with errno. */
int totp_remove(const char *directory, const char *user);

#endif
