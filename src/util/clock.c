/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Conditions that wait by the monotonic clock. */
#include "util/clock.h"

#include <time.h>

gint64 lm_clock_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (gint64)now.tv_sec * LM_SECOND_NS + now.tv_nsec;
}

void lm_clock_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attributes);
    pthread_condattr_destroy(&attributes);
}

bool lm_clock_wait(pthread_cond_t *cond, pthread_mutex_t *lock, gint64 until)
{
    const struct timespec time = {until / LM_SECOND_NS, until % LM_SECOND_NS};
    return pthread_cond_timedwait(cond, lock, &time) == 0;
}
