/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Finds the endoscope's picture inside a captured screen, and holds it. */
#pragma once

#include "video/thumbnail.h"

G_BEGIN_DECLS

/** Looks at thumbnails of one video in order. What it takes for the picture is the large area,
 * round or nearly so or straight, that stands out of the screen's surround (black, or flat and the
 * same at most of the frame's border): text is too thin, other pictures are smaller or do not move.
 * One thread at a time; about 0.4 MB. */
typedef struct LmRegionFinder LmRegionFinder;

typedef struct {
    /** Bounding box of the picture in pixels of the frame, inside it; all of it where none is found
     * or the picture fills it; all zero before the first thumbnail. */
    LmRect rect;
    /** 0: nothing found, and never before. Else how well the picture's outline is seen, up to 1; of
     * no weight for what is done with rect, which holds until something better is seen. */
    double confidence;
} LmRegion;

LmRegionFinder *lm_region_finder_create(void);
/** Clears the pointer; takes NULL and a pointer to NULL. */
void lm_region_finder_free(LmRegionFinder **finder);
/** As it was when made: for another video. Seeks within one need none. */
void lm_region_finder_reset(LmRegionFinder *finder);

/** Takes the next thumbnail (any may be left out; ten a second do) and says whether rect is another
 * one now. `time`: of the frame, in ns, from any origin, or LM_NO_TIME: see lm_frame_step(). A
 * change of the frame's size resets.
 *
 * A clear outline is taken at once while there is none, else within some 0.4 s. Once held, the box
 * ignores changes below 1 % of the frame and follows a larger one, by a new zoom or scope, when it
 * has lasted 0.4 s, so within about a second. A side moves inwards only to a sharp edge with
 * nothing left behind it: when the picture darkens, or parts of it, the box stays. */
bool lm_region_finder_feed(LmRegionFinder *finder, const LmThumbnail *thumbnail, guint64 time);

LmRegion lm_region_finder_get(const LmRegionFinder *finder);

G_END_DECLS
