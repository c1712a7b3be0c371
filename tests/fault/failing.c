/*
 * failing.c: makes single calls in the daemon fail, for tests/integration/auth_out_of_memory.sh.
 * Linked into a daemon of its own: allocations of the core, of libssh and of libcrypto, and
 * libssh's and the core's calls to verify signatures, come here first.
 *
 * From the first packet of a request to authenticate on, the file $SALLYPORT_FAIL_AT says what is
 * to fail: "serial kind number". A new serial counts anew; kind is a for allocations, v and V for
 * verifications (which then return -1 and 0), i for their set-up.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

static atomic_long countdown[128]; /* by kind; 0: not armed */
static atomic_long serial;

static bool is_due(int kind)
{
    long left = atomic_load(&countdown[kind]);
    char line[64];
    int length;

    while (left > 0 && !atomic_compare_exchange_weak(&countdown[kind], &left, left - 1))
        ;
    if (left != 1)
        return false;
    length = snprintf(line, sizeof line, "failing: hit %ld\n", atomic_load(&serial));
    if (write(STDERR_FILENO, line, (size_t)length) < 0)
        abort();
    return true;
}

static void arm(void)
{
    const char *file = getenv("SALLYPORT_FAIL_AT");
    char text[64] = "", kind;
    long fresh, number;
    int fd = file ? open(file, O_RDONLY | O_CLOEXEC) : -1;

    if (fd < 0)
        return;
    if (read(fd, text, sizeof text - 1) > 0 &&
        sscanf(text, "%ld %c %ld", &fresh, &kind, &number) == 3 && fresh != atomic_load(&serial)) {
        atomic_store(&serial, fresh);
        for (size_t i = 0; i < sizeof countdown / sizeof *countdown; i++)
            atomic_store(&countdown[i], i == (unsigned char)kind ? number : 0);
    }
    close(fd);
}

struct session;
struct wire_reader;
bool __real_auth_on_request_packet(struct session *session, struct wire_reader *payload);
bool __wrap_auth_on_request_packet(struct session *session, struct wire_reader *payload);
bool __wrap_auth_on_request_packet(struct session *session, struct wire_reader *payload)
{
    arm();
    return __real_auth_on_request_packet(session, payload);
}

/* Each wrapped function fails when its turn comes, and else does what it always does. */
#define FAILING(kind, failure, type, name, declared, passed)                                       \
    type __real_##name declared;                                                                   \
    type __wrap_##name declared;                                                                   \
    type __wrap_##name declared                                                                    \
    {                                                                                              \
        if (is_due(kind)) {                                                                        \
            errno = ENOMEM;                                                                        \
            return failure;                                                                        \
        }                                                                                          \
        return __real_##name passed;                                                               \
    }
FAILING('a', NULL, void *, malloc, (size_t size), (size))
FAILING('a', NULL, void *, calloc, (size_t count, size_t size), (count, size))
FAILING('a', NULL, void *, realloc, (void *old, size_t size), (old, size))
FAILING('a', NULL, void *, reallocarray, (void *old, size_t count, size_t size), (old, count, size))
FAILING('a', NULL, char *, strdup, (const char *text), (text))
FAILING('a', NULL, char *, strndup, (const char *text, size_t size), (text, size))

/* As the library's own: any result but 1 is no. */
#define VERIFY                                                                                     \
    (EVP_MD_CTX * context, const unsigned char *signature, size_t signature_size,                  \
     const unsigned char *data, size_t size)
int __real_EVP_DigestVerify VERIFY;
int __wrap_EVP_DigestVerify VERIFY;
int __wrap_EVP_DigestVerify VERIFY
{
    if (is_due('v'))
        return -1;
    if (is_due('V'))
        return 0;
    return __real_EVP_DigestVerify(context, signature, signature_size, data, size);
}

#define VERIFY_INIT                                                                                \
    (EVP_MD_CTX * context, EVP_PKEY_CTX * *key_context, const EVP_MD *type, ENGINE *engine,        \
     EVP_PKEY *key)
FAILING('i', 0, int, EVP_DigestVerifyInit, VERIFY_INIT, (context, key_context, type, engine, key))

/* What libcrypto allocates. */
static void *crypto_malloc(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return __wrap_malloc(size);
}

static void *crypto_realloc(void *old, size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return __wrap_realloc(old, size);
}

static void crypto_free(void *old, const char *file, int line)
{
    (void)file, (void)line;
    free(old);
}

/* Before libcrypto allocates anything, which it does at the first call at the earliest. */
__attribute__((constructor)) static void take_over(void)
{
    if (CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free) != 1)
        abort();
}
