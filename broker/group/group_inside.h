/* group_inside.h - what the files of the machine share (private to them). */
#ifndef GREGOR_GROUP_INSIDE_H
#define GREGOR_GROUP_INSIDE_H

#include "group/group_state.h"

/* The one place where the phase changes. */
void group_move(struct group *group, enum group_phase to,
                struct group_env *env);

/* Wake me no later than this. */
static inline void group_due(struct group *group, int64_t at_us)
{
    if (at_us < group->due_us)
        group->due_us = at_us;
}

static inline int64_t group_after(const struct group_env *env, int64_t ms)
{
    return env->now_us + ms * 1000;
}

/* The member lives: expect the next sign within its session timeout. */
static inline void group_expect(struct group *group,
                                struct group_member *member,
                                const struct group_env *env)
{
    member->deadline_us = group_after(env, member->session_ms);
    group_due(group, member->deadline_us);
}

/* Owned copies of small names; null stays null. */
struct bytes group_own(struct bytes b);
/* Free it and leave null. */
void group_disown(struct bytes *b);

/* -- members (group_member.c) --------------------------------------------- */

/* Count a member's protocols in, or out; a name it has twice counts once. They
 * must not change in between. */
void group_tally_add(struct group *group, const struct group_member *member);
void group_tally_remove(struct group *group, const struct group_member *member);
/* Do all members have one of these in common with them? */
bool group_supports(const struct group *group, struct bytes protocol_type,
                    const struct group_protocols *protocols);
/* The protocol all have that most like best. */
struct bytes group_choose(struct group *group);
/* Exchange the protocols (they pass to the member) and timeouts. */
void group_member_update(struct group *group, struct group_member *member,
                         struct group_member *fresh);

/* It passes to the group, leads if nobody does, and its id is pending no more.
 * Neither id may be there yet. */
void group_member_add(struct group *group, struct group_member *member);
/* Take it out; nobody waits for it any more. It is the caller's then. */
void group_member_remove(struct group *group, struct group_member *member);
/* Another id for it (KIP-345: a static member came back); copied. */
void group_member_rename(struct group *group, struct group_member *member,
                         struct bytes id);

/* Copied; forgotten at `at_us` unless it joins. It must not be there yet. */
void group_pending_add(struct group *group, struct bytes id, int64_t at_us);
/* False when there is none of that id. */
bool group_pending_remove(struct group *group, struct bytes id);

/* Who it says it is: NONE, UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID. */
int16_t group_member_check(const struct group *group, struct bytes member_id,
                           struct bytes instance_id,
                           struct group_member **member);

/* -- answers (group_state.c) ---------------------------------------------- */

/* Let the member wait; whoever waited in its name before is told to come again.
 */
void group_wait_join(struct group *group, struct group_member *member,
                     void *waiter, struct group_env *env);
/* The same for its part. */
void group_wait_sync(struct group_member *member, void *waiter,
                     struct group_env *env);
/* Answer whoever waits in the member's name, if anybody does. */
void group_answer_join(struct group *group, struct group_member *member,
                       const struct group_join_answer *answer,
                       struct group_env *env);
/* True: somebody waited and was answered. */
bool group_answer_sync(struct group_member *member,
                       const struct group_sync_answer *answer,
                       struct group_env *env);
/* Tell a waiter an error; nothing of the group changes. */
void group_refuse_join(void *waiter, struct bytes member_id, int16_t error,
                       struct group_env *env);
void group_refuse_sync(void *waiter, int16_t error, struct group_env *env);
/* What a member of the running round is told. */
struct group_join_answer group_round(const struct group *group,
                                     const struct group_member *member);

/* -- rounds (group_round.c) ----------------------------------------------- */

/* Begin a round, unless one is being prepared. */
void group_rebalance(struct group *group, struct bytes member,
                     const char *reason, struct group_env *env);
/* Go on if all are there. */
void group_try_complete(struct group *group, struct group_env *env);
/* The time for joining is up. */
void group_join_over(struct group *group, struct group_env *env);
/* It has asked for its part: nobody waits for it to do so any more. */
void group_sync_arrived(struct group *group, struct group_member *member);
/* All get their part, or the error. */
void group_hand_out(struct group *group, const struct group_store *store,
                    int16_t error, struct group_env *env);
/* A member goes; the others may have to share anew. */
void group_lose(struct group *group, struct group_member *member,
                const char *reason, struct group_env *env);

#endif
