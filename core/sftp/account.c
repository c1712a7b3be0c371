/* account.c: see account.h. */
#include "sftp/account.h"

#include <stdlib.h>

#include "base/hashmap.h"
#include "session/chain.h"
#include "sftp/transfer.h"

/* Connections with SFTP or scp channels on this thread. */
static _Thread_local struct hashmap accounts;

static struct sftp_account *account_new(struct session *session)
{
    const struct chain *chain = session_sftp_chain(session);
    struct sftp_account *account =
        calloc(1, sizeof *account + chain->count * sizeof account->hooks[0]);
    if (!account)
        return NULL;
    account->connection = session_connection(session)->id;
    list_init(&account->hash_turns);
    list_init(&account->transfers);
    list_init(&account->ended);
    list_init(&account->waiters);
    for (size_t i = 0; i < chain->count; i++)
        if (plugin_instance_offers(chain->instances[i], PLUGIN_SFTP_transfer))
            account->hooks[account->hooks_count++] = chain->instances[i];
    if (hashmap_add(&accounts, account->connection, account) == 0)
        return account;
    free(account);
    return NULL;
}

struct sftp_account *sftp_account_get(struct session *session)
{
    struct sftp_account *account = hashmap_get(&accounts, session_connection(session)->id);
    if (!account)
        account = account_new(session);
    if (account) {
        account->references++;
        account->channels++;
    }
    return account;
}

void sftp_account_put(struct sftp_account *account)
{
    if (--account->channels == 0)
        sftp_transfers_end(account);
    sftp_account_unref(account);
}

void sftp_account_ref(struct sftp_account *account)
{
    account->references++;
}

void sftp_account_unref(struct sftp_account *account)
{
    if (--account->references > 0)
        return;
    hashmap_remove(&accounts, account->connection);
    free(account);
    if (accounts.count == 0)
        hashmap_free(&accounts);
}
