/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A region finder on a thread of its own, so that the thread that the video runs on never waits. */
#pragma once

#include "vision/region.h"

G_BEGIN_DECLS

/** Any thread may call its functions. */
typedef struct LmRegionThread LmRegionThread;

/** Starts the thread; NULL with LM_ERROR_MEMORY where there can be none. */
LmRegionThread *lm_region_thread_create(GError **error);
/** Ends the thread, after what it looks at, and clears the pointer; takes NULL and a pointer to
 * NULL. */
void lm_region_thread_free(LmRegionThread **region_thread);

/** Hands a copy of the next thumbnail over, as for lm_region_finder_feed(), in place of one that
 * the thread has not begun with. One of another size of frame makes all of the frame the region at
 * once, until more is known. Takes the time of the copy. */
void lm_region_thread_post(LmRegionThread *region_thread, const LmThumbnail *thumbnail,
                           guint64 time);
/** What is known by now: of the size of frame that was posted last. */
LmRegion lm_region_thread_get(LmRegionThread *region_thread);
/** Forgets all, as lm_region_finder_reset(), and at once. */
void lm_region_thread_reset(LmRegionThread *region_thread);
/** Waits until all that was posted has been looked at: where results must not depend on time. */
void lm_region_thread_wait(LmRegionThread *region_thread);

G_END_DECLS
