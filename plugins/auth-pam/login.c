/*
 * login.c: transactions that have said yes, by connection, from the answer to the end of the
 * connection. Any number of threads.
 */
#include "auth_pam.h"

#include <pthread.h>
#include <stdlib.h>

struct login {
    struct login *next;
    sp_id connection;
    struct transaction *transaction;
};

struct logins {
    pthread_mutex_t lock; /* over all below */
    struct login *first;
    unsigned count;
    unsigned most;
};

struct logins *logins_new(unsigned most)
{
    struct logins *logins = calloc(1, sizeof *logins);
    if (!logins)
        return NULL;
    pthread_mutex_init(&logins->lock, NULL);
    logins->most = most;
    return logins;
}

void logins_free(struct logins *logins)
{
    if (!logins)
        return;
    while (logins->first)
        transaction_free(logins_take(logins, logins->first->connection));
    pthread_mutex_destroy(&logins->lock);
    free(logins);
}

struct transaction *logins_take(struct logins *logins, sp_id connection)
{
    struct transaction *transaction = NULL;
    pthread_mutex_lock(&logins->lock);
    struct login **link = &logins->first;
    while (*link && (*link)->connection != connection)
        link = &(*link)->next;
    struct login *login = *link;
    if (login) {
        *link = login->next;
        transaction = login->transaction;
        logins->count--;
    }
    pthread_mutex_unlock(&logins->lock);
    free(login);
    return transaction;
}

bool logins_put(struct logins *logins, sp_id connection, struct transaction *transaction)
{
    transaction_free(logins_take(logins, connection));
    struct login *login = calloc(1, sizeof *login);
    if (!login)
        return false;
    pthread_mutex_lock(&logins->lock);
    bool has_room = logins->count < logins->most;
    if (has_room) {
        *login = (struct login){logins->first, connection, transaction};
        logins->first = login;
        logins->count++;
    }
    pthread_mutex_unlock(&logins->lock);
    if (!has_room)
        free(login);
    return has_room;
}
