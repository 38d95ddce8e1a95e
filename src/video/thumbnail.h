/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A frame's thumbnail: what is looked at on every frame, and handed to other threads, in place of
 * its pixels. */
#pragma once

#include "video/frame.h"

G_BEGIN_DECLS

/** At most so many cells: 240 x 135 of 1920 x 1080 pixels. */
#define LM_THUMBNAIL_CELLS 32400

/** A grid over the whole frame, of cells as nearly square as its size allows. */
typedef struct {
    int frame_width, frame_height; /**< Pixels; 0: of no frame. */
    int width, height;             /**< Cells; no more than pixels. */
} LmGrid;

/** Each cell is the one pixel in its middle: a mean would cost a pass over the frame. Plain data,
 * which may be copied. */
typedef struct {
    LmGrid grid;                      /**< Rows of cells have no padding. */
    guint8 luma[LM_THUMBNAIL_CELLS];  /**< Black is 0, white 255, whatever the frame's range. */
    guint8 color[LM_THUMBNAIL_CELLS]; /**< 255 (|Cb| + |Cr|), which are -0.5..0.5: 0 is grey. */
} LmThumbnail;

/** Takes the thumbnail of a frame whose info lm_frame_info_check() accepts. Luma and chroma of
 * Y'CbCr formats are the frame's own, by their upper 8 bits; those of RGB formats are BT.601's. */
void lm_thumbnail_take(LmThumbnail *thumbnail, const LmFrame *frame);

/** Whether they are over frames of one size, and so have the same cells. */
bool lm_grid_equal(const LmGrid *a, const LmGrid *b);

/** The cells whose pixels lie in a rectangle of the frame, which is clipped to it; and the
 * rectangle of pixels that cells stand for. Cells count as pixels do: [x, x + width). */
LmRect lm_grid_cells(const LmGrid *grid, LmRect pixels);
LmRect lm_grid_pixels(const LmGrid *grid, LmRect cells);

/** For a frame whose time is not known. */
#define LM_NO_TIME G_MAXUINT64

/** ns that pass from a frame to the next one that is looked at: at most a second, and 1/30 s where
 * time goes back, stands still or is not known. */
guint64 lm_frame_step(guint64 last, guint64 time);

G_END_DECLS
