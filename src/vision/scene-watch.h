/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Watches a video for cuts, for a picture that stands still and for one that is missing. */
#pragma once

#include "video/thumbnail.h"

G_BEGIN_DECLS

/** One thread at a time; about 0.1 MB. */
typedef struct LmSceneWatch LmSceneWatch;

typedef struct {
    /** The picture is the one before's, and since that is said against the first of them, it does
     * not creep: its mask still holds, and is as old as this frame. */
    bool same;
    /** This frame begins another scene: not by motion, nor by the light going up or down. */
    bool cut;
    /** There is nothing to see in this frame: it is black, or the state is no_signal. No mask holds
     * for it. */
    bool blank;
    /** The state: the same picture, not blank, for 0.2 s and at least four frames. */
    bool frozen;
    /** The state: blank as long, or a card of one colour, with a little text, frozen. */
    bool no_signal;
} LmSceneReport;

LmSceneWatch *lm_scene_watch_create(void);
/** Clears the pointer; takes NULL and a pointer to NULL. */
void lm_scene_watch_free(LmSceneWatch **watch);
/** As it was when made. After a flush, the next frame is the first. */
void lm_scene_watch_reset(LmSceneWatch *watch);

/** Looks at the next frame's thumbnail: at no pixels outside `region`, which is clipped to the
 * frame and of which at least one cell's pixel must be inside (else nothing is reported). `time` as
 * for lm_frame_step(). No allocation.
 *
 * The same: luma of no cell differs by more than 1, that of one cell in 64 at most, and color by
 * no more than 2. A live camera's noise, and even a lossy codec's, is more; so a still that was
 * captured from an analog signal is not found. In another region than the frame before's no frame
 * is the same. Where frames come twice, as at half the capture's rate, every second one is the same
 * and nothing frozen.
 * For cuts and black, an eighth of the region at each side does not count: there the picture's
 * shape ends and text may stand. Regions of less than 20 cells either way have no cuts, but to and
 * from blank frames. */
LmSceneReport lm_scene_watch_frame(LmSceneWatch *watch, const LmThumbnail *thumbnail, LmRect region,
                                   guint64 time);

G_END_DECLS
