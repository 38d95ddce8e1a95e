/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Threads that nobody waits for, since a device that hangs holds them: counted, and given a little
 * time when the process ends, for a driver that is torn down under a thread crashes.
 *
 * All functions are thread-safe.
 */
#pragma once

#include <glib.h>
#include <pthread.h>
#include <stdbool.h>

G_BEGIN_DECLS

/** Takes over a thread that can be joined; by whoever lets go of it, before. */
void lm_orphans_enter(pthread_t thread);
/** The last that such a thread calls; another thread never does. */
void lm_orphans_leave(void);
/** Starts one: it runs `work`, which calls lm_orphans_leave() at its end. False where there is no
 * thread to be had. */
bool lm_orphans_start(void *(*work)(void *data), void *data);

/** How many have not left. */
unsigned lm_orphans_count(void);
/** Waits until all have ended, but no longer than that; whether they have. */
bool lm_orphans_wait(gint64 timeout_ns);

G_END_DECLS
