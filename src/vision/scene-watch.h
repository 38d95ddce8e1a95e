/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Detects cuts, frozen video and missing video. */
#pragma once

#include "video/thumbnail.h"

G_BEGIN_DECLS

/** One thread at a time; about 0.1 MB. */
typedef struct LmSceneWatch LmSceneWatch;

typedef struct {
    /** The frame repeats the one before. Each is compared with the first frame of the run, so slow
     * changes do not add up: that frame's mask still holds, and is as current as this frame. */
    bool same;
    /** This frame begins another shot. Motion and changes of brightness are no cuts. */
    bool cut;
    /** This frame is empty: it is black, or the state is no_signal. No mask holds for it. */
    bool blank;
    /** The state: the same frame, not blank, for 0.2 s and at least four frames. */
    bool frozen;
    /** The state: blank for as long, or a frozen card of one colour, which may bear a little
     * text. */
    bool no_signal;
} LmSceneReport;

LmSceneWatch *lm_scene_watch_create(void);
/** Clears the pointer; takes NULL and a pointer to NULL. */
void lm_scene_watch_free(LmSceneWatch **watch);
/** Resets the watch to its initial state: the next frame is the first. */
void lm_scene_watch_reset(LmSceneWatch *watch);

/** Inspects the next frame's thumbnail, only inside `region`, which is clipped to the frame and
 * must contain at least one cell's pixel (else nothing is reported). `time` as for lm_frame_step().
 * No allocation.
 *
 * Same: luma differs by at most 1, in at most one cell in 64, and color by at most 2. The noise of
 * a live camera, and even of a lossy codec, is larger; so a still captured from an analog signal is
 * not detected. A frame with another region than the one before is never the same. If every frame
 * comes twice, as at half the capture's rate, every second frame is the same and nothing is frozen.
 * For cuts and black, an eighth of the region at each side does not count: the content area's shape
 * ends there, and there may be text. In regions of fewer than 20 cells either way, only changes to
 * and from blank frames are cuts. */
LmSceneReport lm_scene_watch_frame(LmSceneWatch *watch, const LmThumbnail *thumbnail, LmRect region,
                                   guint64 time);

G_END_DECLS
