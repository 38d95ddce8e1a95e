/* SPDX-License-Identifier: LGPL-2.1-or-later
 * One look for the endoscope's picture: its outline in what a short while of video has shown. */
#pragma once

#include "video/thumbnail.h"

G_BEGIN_DECLS

enum { LM_SIDE_LEFT, LM_SIDE_TOP, LM_SIDE_RIGHT, LM_SIDE_BOTTOM, LM_N_SIDES };

/** What each cell has shown: rows of width x height. */
typedef struct {
    int width, height;
    const guint8 *high, *low; /**< Luma's extremes. */
    const guint8 *color;      /**< Of the last thumbnail. */
} LmShown;

typedef struct {
    LmRect box;               /**< Cells; width 0: nothing found. */
    double fill;              /**< Share of the box that its rows' spans cover: 0.79 for a disc. */
    double sharp[LM_N_SIDES]; /**< Share of that side's outline with a step of light; a side at the
                                 frame's border is wholly sharp. */
    double alive;             /**< Share of the picture's cells that move or have color. */
    int surround;             /**< Luma of what lies around. */
} LmOutline;

/** How far from the surround a cell's luma is at least where it counts as lit. */
#define LM_OUTLINE_STEP 16

/** Bytes of memory that lm_outline_find() needs. */
gsize lm_outline_size(int width, int height);
/** Memory: aligned as by malloc; its contents do not matter before or after. */
LmOutline lm_outline_find(const LmShown *shown, void *memory);

G_END_DECLS
