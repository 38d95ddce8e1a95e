/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Threads that do one piece of work together, each its share of it. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct LmThreadPool LmThreadPool;

/** Does share number `share` of `shares`. */
typedef void (*LmThreadPoolFunc)(gpointer work, guint share, guint shares);

/** A pool of `threads` (at least 1), of which the caller's is one. Threads that the system does not
 * grant are done without. */
LmThreadPool *lm_thread_pool_create(guint threads);

/** Ends the threads. NULL and a pointer to NULL are allowed. */
void lm_thread_pool_free(LmThreadPool **pool);

/** How many shares lm_thread_pool_run() makes. */
guint lm_thread_pool_shares(const LmThreadPool *pool);

/** Calls func once for each share, all at the same time, and returns when all have returned. Not to
 * be called by two threads at once. */
void lm_thread_pool_run(LmThreadPool *pool, LmThreadPoolFunc func, gpointer work);

G_END_DECLS
