/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Blends rows of coloured coverage into a frame's pixels, in the frame's format. */
#pragma once

#include "mask/mask.h"
#include "util/scratch.h"

G_BEGIN_DECLS

/** Full coverage. */
#define LM_BLEND_ONE 4096

/** A range of the frame's columns to blend rows in, and the classes' colours in the frame's codes.
 * One thread at a time. */
typedef struct {
    const LmFrame *frame;
    const LmFormatInfo *format;
    int x, width; /**< Columns; the range may begin before the frame and end after it. */
    bool uniform; /**< All classes have one colour. */
    guint16 colors[LM_MAX_CLASSES][3];
    struct {
        unsigned samples; /**< Of a unit. */
        bool luma_first;  /**< Of units in which luma and chroma alternate. */
        guint64 lanes[3]; /**< A 1 in each sample of the first pixel, of the second, and of
                               chroma. */
        guint64 color[LM_MAX_CLASSES]; /**< A unit of the class's colour. */
        guint16 *row;                  /**< Uniform: a whole row of the colour's samples. */
    } planes[LM_MAX_PLANES];
    guint16 *coverage, *color; /**< Of one row's samples. */
    guint16 *means;            /**< Of coverage, for chroma. */
} LmBlender;

/** Columns of a unit: a blender's x and width are multiples of it. */
int lm_blend_unit(LmFormat format);
/** Borrows the frame and memory of the scratch. colors: 0xRRGGBB of classes 1.., by index; `only`:
 * the only class that will be drawn, or 0 for any. */
void lm_blender_init(LmBlender *blender, const LmFrame *frame, int x, int width,
                     const guint32 colors[LM_MAX_CLASSES], unsigned only, LmScratch *scratch);

/** Blends the pixels of row y, which must be in the frame. coverage: 0..LM_BLEND_ONE for each of
 * `width` columns, 0 for those outside the frame; classes: the colour of each. Samples without
 * coverage, alpha and padding keep every bit. A chroma sample is covered by the mean of its pixels'
 * coverage. If it spans two rows, it is blended with the lower one (or the frame's last row); so
 * rows must come in rising order from an even one on, together with coverage and classes of the row
 * above (y - 1). Other formats do not read those. */
void lm_blender_row(LmBlender *blender, int y, guint16 *coverage, guint8 *classes,
                    guint16 *coverage_above, guint8 *classes_above);

G_END_DECLS
