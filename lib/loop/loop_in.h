/* loop_in.h - what the files of the loop share; private to the folder. */
#ifndef GREGOR_LOOP_LOOP_IN_H
#define GREGOR_LOOP_LOOP_IN_H

#include <pthread.h>
#include <stdatomic.h>

#include "loop/loop.h"
#include "loop/wheel.h"

struct event_base;

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
    int64_t alarm_us;           /* set to ring then; INT64_MAX: not set */
    int64_t now_us;             /* valid while now_fresh */
    bool now_fresh;
    struct wheel wheel;
    struct list hooks;
    pthread_t thread; /* of loop_start() */
    bool threaded;
};

/* The turn has begun: callbacks may ask for the time. */
void loop_wake_now(struct loop *loop);

#endif
