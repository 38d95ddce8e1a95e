/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Monotonic time for waits. */
#pragma once

#include <glib.h>
#include <pthread.h>
#include <stdbool.h>

G_BEGIN_DECLS

#define LM_SECOND_NS G_GINT64_CONSTANT(1000000000)

/** The monotonic time now, ns. */
gint64 lm_clock_now(void);
/** Makes a condition for lm_clock_wait(); pthread_cond_wait() takes it, too. */
void lm_clock_cond_init(pthread_cond_t *cond);
/** Waits for the condition until `until`, ns; returns false if that time has come. */
bool lm_clock_wait(pthread_cond_t *cond, pthread_mutex_t *lock, gint64 until);

G_END_DECLS
