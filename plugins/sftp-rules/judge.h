/*
 * judge.h: what sftp-rules says to an operation, before it is done. Any thread.
 */
#ifndef SFTP_RULES_JUDGE_H
#define SFTP_RULES_JUDGE_H

#include "sftp-rules/opened.h"
#include "sftp-rules/rules.h"

enum judged {
    JUDGED_RIGHT,
    JUDGED_CHANGED, /* right, with other attributes */
    JUDGED_DONE,    /* nothing is left to do */
    JUDGED_UNSEEN,  /* to be spelt out like a name that nobody has */
    JUDGED_HIDDEN,
    JUDGED_WRONG,
};

struct judgement {
    enum judged outcome;
    uint32_t status; /* JUDGED_WRONG */
    struct sp_str text;
    const struct rule *rule; /* an open that is right: what it is opened under */
};

/* ret_attributes is set with JUDGED_CHANGED; what it points to is the event's. */
struct judgement judge(const struct rules *rules, struct openings *openings,
                       const struct sp_sftp_event *event, struct sp_fs_attributes *ret_attributes);
/* Where in a hidden path the name begins that hides it. */
uint64_t judge_hidden_at(const struct rules *rules, const struct sp_sftp_event *event);

#endif
