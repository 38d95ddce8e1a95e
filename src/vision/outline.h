/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Finds the outline of the endoscopic content area in a short stretch of video. */
#pragma once

#include "video/thumbnail.h"

G_BEGIN_DECLS

enum { LM_SIDE_LEFT, LM_SIDE_TOP, LM_SIDE_RIGHT, LM_SIDE_BOTTOM, LM_N_SIDES };

/** The luma range of each cell over that time: rows of width x height. */
typedef struct {
    int width, height;
    const guint8 *high, *low; /**< The highest and lowest luma. */
    const guint8 *color;      /**< The last thumbnail's color. */
} LmShown;

typedef struct {
    LmRect box;               /**< Cells; width 0: nothing found. */
    double fill;              /**< Share of the box that its rows' spans cover: 0.79 for a disc. */
    double sharp[LM_N_SIDES]; /**< Share of that side's outline with a step in luma; 1 for a side at
                                   the frame's border. */
    double alive;             /**< Share of the area's cells that move or that have color, whichever
                                   is larger. */
    int surround;             /**< Luma of the surround. */
} LmOutline;

/** The least difference of a lit cell's luma from the surround's. */
#define LM_OUTLINE_STEP 16

/** Bytes of memory that lm_outline_find() needs. */
gsize lm_outline_size(int width, int height);
/** Memory: aligned as by malloc; its contents do not matter before or after. */
LmOutline lm_outline_find(const LmShown *shown, void *memory);

G_END_DECLS
