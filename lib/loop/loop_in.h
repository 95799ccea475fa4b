/* loop_in.h - what the files of the loop share; private to the folder. */
#ifndef GREGOR_LOOP_LOOP_IN_H
#define GREGOR_LOOP_LOOP_IN_H

#include <pthread.h>
#include <stdatomic.h>

#include "loop/loop.h"
#include "loop/wheel.h"

struct event_base;

/* Descriptors that may be told of late; its members are set when the first one
 * comes. */
struct unhurried {
    struct loop_io io;       /* an epoll set of them; -1: there was none yet */
    struct loop_timer timer; /* the next look, while `io` is not waited for */
    int64_t looked_us;       /* when it was waited for and showed something */
    int n_lone;              /* times in a row that it showed one alone, each
                                soon after the one before */
    struct list shown;       /* not told yet; empty between two looks */
};

struct loop {
    struct event_base *base;
    char name[16];   /* of the thread; the kernel's limit */
    pthread_t owner; /* valid while running */
    _Atomic bool running;
    _Atomic bool stopping;
    _Atomic bool asleep;        /* the owner waits, or is about to look once
                                   more before it does: posts must wake it */
    _Atomic(struct job *) mail; /* newest first */
    _Atomic uint32_t posters;   /* threads inside loop_post() */
    struct loop_io wake;        /* eventfd */
    struct loop_io alarm;       /* timerfd */
    struct unhurried unhurried;
    int64_t alarm_us; /* set to ring then; INT64_MAX: not set */
    int64_t now_us;   /* valid while now_fresh */
    bool now_fresh;
    struct wheel wheel;
    struct list hooks;
    pthread_t thread; /* of loop_start() */
    bool threaded;
};

/* The turn has begun: callbacks may ask for the time. */
void loop_wake_now(struct loop *loop);

/* -- unhurried.c ----------------------------------------------------------- */

/* An empty set; takes no descriptor yet. */
void unhurried_init(struct unhurried *set);
/* `io`, of the set's loop and not in the set, is told of from here on, also of
 * what has arrived already. False: the kernel has no room for it there, wait
 * for it as for any other. */
bool unhurried_add(struct unhurried *set, struct loop_io *io);
/* It is not told of any more, not even of what a look has shown. */
void unhurried_remove(struct unhurried *set, struct loop_io *io);
/* The loop does not run, and the set is empty. */
void unhurried_fini(struct unhurried *set);

#endif
