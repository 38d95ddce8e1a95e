/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A region finder on its own thread, so that the streaming thread never waits for it. */
#pragma once

#include "vision/region.h"

G_BEGIN_DECLS

/** Any thread may call its functions. */
typedef struct LmRegionThread LmRegionThread;

/** Starts the thread. Returns NULL with LM_ERROR_MEMORY if the system grants no thread. */
LmRegionThread *lm_region_thread_create(GError **error);
/** Ends the thread after its current thumbnail and clears the pointer; takes NULL and a pointer to
 * NULL. */
void lm_region_thread_free(LmRegionThread **region_thread);

/** Hands over a copy of the next thumbnail, as for lm_region_finder_feed(). It replaces one that
 * the thread has not begun with. If the frame's size changes, the region is at once the whole
 * frame, until the thread finds one. Takes the time of the copy. */
void lm_region_thread_post(LmRegionThread *region_thread, const LmThumbnail *thumbnail,
                           guint64 time);
/** The latest region, for the frame size that was posted last. */
LmRegion lm_region_thread_get(LmRegionThread *region_thread);
/** Forgets everything at once, as lm_region_finder_reset() does. */
void lm_region_thread_reset(LmRegionThread *region_thread);
/** Waits until the posted thumbnails have been inspected, for results that do not depend on
 * timing. */
void lm_region_thread_wait(LmRegionThread *region_thread);

G_END_DECLS
