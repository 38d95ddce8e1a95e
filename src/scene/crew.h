/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Threads that do one piece of work together, each its share of it. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct LmCrew LmCrew;

/** Does share number `share` of `shares`. */
typedef void (*LmCrewFunc)(gpointer work, guint share, guint shares);

/** A crew of `threads` (at least 1), of which the caller's is one. Threads that the system does not
 * grant are done without. */
LmCrew *lm_crew_create(guint threads);

/** Ends the threads. NULL and a pointer to NULL are allowed. */
void lm_crew_free(LmCrew **crew);

/** How many shares lm_crew_run() makes. */
guint lm_crew_shares(const LmCrew *crew);

/** Calls func once for each share, all at the same time, and returns when all have returned. Not to
 * be called by two threads at once. */
void lm_crew_run(LmCrew *crew, LmCrewFunc func, gpointer work);

G_END_DECLS
