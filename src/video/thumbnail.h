/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A frame's thumbnail, which stands for its pixels: it is inspected for every frame and copied to
 * other threads. */
#pragma once

#include "video/frame.h"

G_BEGIN_DECLS

/** Most cells; a frame of 1920 x 1080 pixels has 240 x 135. */
#define LM_THUMBNAIL_CELLS 32400

/** A grid over the whole frame; its cells are as nearly square as the frame's size allows. */
typedef struct {
    int frame_width, frame_height; /**< Pixels; 0: no frame. */
    int width, height;             /**< Cells; no more than pixels. */
} LmGrid;

/** Each cell has the value of the pixel at its centre: a mean would cost a pass over the frame.
 * Plain data, which may be copied. */
typedef struct {
    LmGrid grid;                      /**< Rows of cells have no padding. */
    guint8 luma[LM_THUMBNAIL_CELLS];  /**< Black is 0, white 255, whatever the frame's range. */
    guint8 color[LM_THUMBNAIL_CELLS]; /**< 255 (|Cb| + |Cr|), which are -0.5..0.5: 0 is grey. */
} LmThumbnail;

/** Takes the thumbnail of a frame whose info lm_frame_info_check() accepts. Y'CbCr formats give the
 * upper 8 bits of their own luma and chroma; RGB formats are converted by BT.601. */
void lm_thumbnail_take(LmThumbnail *thumbnail, const LmFrame *frame);

/** Returns true if both grids are of frames of the same size, and so have the same cells. */
bool lm_grid_equal(const LmGrid *a, const LmGrid *b);

/** The cells whose pixels lie in a rectangle of the frame, which is clipped to the frame; and the
 * rectangle of pixels that these cells cover. Rectangles of cells are half-open, too: [x, x +
 * width). */
LmRect lm_grid_cells(const LmGrid *grid, LmRect pixels);
LmRect lm_grid_pixels(const LmGrid *grid, LmRect cells);

/** For a frame whose time is not known. */
#define LM_NO_TIME G_MAXUINT64

/** ns from the last inspected frame to this one: at most a second; 1/30 s if time goes back, stands
 * still or is not known. */
guint64 lm_frame_step(guint64 last, guint64 time);

G_END_DECLS
