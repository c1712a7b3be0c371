/*
 * hash_turn.c: one hash at a time for each connection. See hash_turn.h.
 */
#include "sftp/hash_turn.h"

#include "sftp/engine.h"

bool sftp_hash_turn_join(struct sftp_account *account, struct sftp_hash_turn *turn)
{
    list_append(&account->hash_turns, &turn->link);
    return list_first(&account->hash_turns) == &turn->link;
}

void sftp_hash_turn_leave(struct sftp_account *account, struct sftp_hash_turn *turn)
{
    bool had_it = list_first(&account->hash_turns) == &turn->link;
    list_remove(&turn->link);
    struct list *next = list_first(&account->hash_turns);
    if (had_it && next) {
        struct sftp_hash_turn *other = container_of(next, struct sftp_hash_turn, link);
        other->on_turn(other);
    }
}
