/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Finds and follows the endoscopic content area inside a captured screen. */
#pragma once

#include "video/thumbnail.h"

G_BEGIN_DECLS

/** Inspects thumbnails of one video in order. The content area is the large area, round, nearly
 * round or with straight edges, that differs from the screen's surround (black, or one flat colour
 * at most of the frame's border): text is too thin, other pictures are smaller or do not move. One
 * thread at a time; about 0.4 MB. */
typedef struct LmRegionFinder LmRegionFinder;

typedef struct {
    /** Bounding box of the content area in the frame's pixels, inside the frame. The whole frame if
     * none is found or the area fills it; all zero before the first thumbnail. */
    LmRect rect;
    /** 0: none has been found so far. Else how clear the area's outline is, up to 1. rect stays
     * valid at any confidence, until a better one replaces it. */
    double confidence;
} LmRegion;

LmRegionFinder *lm_region_finder_create(void);
/** Clears the pointer; takes NULL and a pointer to NULL. */
void lm_region_finder_free(LmRegionFinder **finder);
/** Resets the finder to its initial state, for another video. A seek within a video needs no
 * reset. */
void lm_region_finder_reset(LmRegionFinder *finder);

/** Takes the next thumbnail (any may be left out; ten a second suffice) and returns true if rect
 * has changed. `time`: of the frame, in ns, from any origin, or LM_NO_TIME: see lm_frame_step(). A
 * change of the frame's size resets the finder.
 *
 * While there is no box, a clear outline is taken at once, any other within some 0.4 s. Then the
 * box ignores changes below 1 % of the frame and follows a larger one, by a new zoom or scope, when
 * it has lasted 0.4 s, so within about a second. A side moves inwards only to a sharp edge that
 * leaves none of the content area outside: when the content area or a part of it darkens, the box
 * stays. */
bool lm_region_finder_feed(LmRegionFinder *finder, const LmThumbnail *thumbnail, guint64 time);

LmRegion lm_region_finder_get(const LmRegionFinder *finder);

G_END_DECLS
