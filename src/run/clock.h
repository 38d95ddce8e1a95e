/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Monotonic time for waits. */
#pragma once

#include <glib.h>
#include <pthread.h>
#include <stdbool.h>
#include <time.h>

#define LM_SECOND_NS G_GINT64_CONSTANT(1000000000)

/** Monotonic, ns. */
static inline gint64 lm_clock_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (gint64)now.tv_sec * LM_SECOND_NS + now.tv_nsec;
}

/** A condition for lm_clock_wait(). */
static inline void lm_clock_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attributes);
    pthread_condattr_destroy(&attributes);
}

/** Waits for the condition, or until that time; false where the time has come. */
static inline bool lm_clock_wait(pthread_cond_t *cond, pthread_mutex_t *lock, gint64 until)
{
    const struct timespec time = {until / LM_SECOND_NS, until % LM_SECOND_NS};
    return pthread_cond_timedwait(cond, lock, &time) == 0;
}
