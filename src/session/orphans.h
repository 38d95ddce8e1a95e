/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Orphaned threads: nobody waits for them, since a device that hangs holds them. They are counted,
 * and get a little time when the process ends: a driver that is unloaded under a running thread
 * crashes.
 *
 * All functions are thread-safe.
 */
#pragma once

#include <glib.h>
#include <pthread.h>
#include <stdbool.h>

G_BEGIN_DECLS

/** Takes over a joinable thread. Its owner calls this before it lets go of the thread. */
void lm_orphans_enter(pthread_t thread);
/** Such a thread calls this last. No other thread may call it. */
void lm_orphans_leave(void);
/** Starts an orphaned thread that runs `work`, which must call lm_orphans_leave() at its end.
 * Returns false if the system grants no thread. */
bool lm_orphans_start(void *(*work)(void *data), void *data);

/** The number of threads that have not left. */
unsigned lm_orphans_count(void);
/** Waits until all have ended, at most timeout_ns. Returns true if they have. */
bool lm_orphans_wait(gint64 timeout_ns);

G_END_DECLS
