/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Threads that do one piece of work together, each its share of it. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct LmThreadPool LmThreadPool;

/** Does share number `share` of `shares`. */
typedef void (*LmThreadPoolFunc)(gpointer work, guint share, guint shares);

/** A pool of `threads` (at least 1), including the caller's. It has fewer if the system does not
 * grant them. */
LmThreadPool *lm_thread_pool_create(guint threads);

/** Ends the threads. NULL and a pointer to NULL are allowed. */
void lm_thread_pool_free(LmThreadPool **pool);

/** The number of shares that lm_thread_pool_run() makes. */
guint lm_thread_pool_shares(const LmThreadPool *pool);

/** Calls func once for each share, all at the same time, and returns when all have returned. Two
 * threads must not call it at once. */
void lm_thread_pool_run(LmThreadPool *pool, LmThreadPoolFunc func, gpointer work);

G_END_DECLS
