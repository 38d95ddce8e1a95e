/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Blends rows of coloured coverage into a frame's pixels, in the frame's own format. */
#pragma once

#include "mask/mask.h"
#include "util/scratch.h"

G_BEGIN_DECLS

/** Full coverage. */
#define LM_BLEND_ONE 4096

/** A stretch of the frame's columns, in which rows are blended, and the classes' colours in the
 * frame's codes. One thread at a time. */
typedef struct {
    const LmFrame *frame;
    const LmFormatInfo *format;
    int x, width; /**< Columns; x may lie before the frame, the end behind it. */
    bool uniform; /**< One colour for all. */
    guint16 colors[LM_MAX_CLASSES][3];
    struct {
        unsigned samples; /**< Of a unit. */
        bool luma_first;  /**< In a unit of both luma and chroma, which alternate. */
        guint64 lanes[3]; /**< 1 in each sample of the first pixel, the second, of chroma. */
        guint64 color[LM_MAX_CLASSES]; /**< A unit of that class's colour. */
        guint16 *row;                  /**< Uniform: the colour's samples all along. */
    } planes[LM_MAX_PLANES];
    guint16 *coverage, *color; /**< Of one row's samples. */
    guint16 *means;            /**< Of coverage, for chroma. */
} LmBlender;

/** Columns that are blended together: a blender's x and width are multiples of it. */
int lm_blend_unit(LmFormat format);
/** Borrows the frame and memory of the scratch. colors: 0xRRGGBB of classes 1.., by
 * index; `only` is the one class that will be drawn, or 0 for any. */
void lm_blender_init(LmBlender *blender, const LmFrame *frame, int x, int width,
                     const guint32 colors[LM_MAX_CLASSES], unsigned only, LmScratch *scratch);

/** Blends the pixels of row y, which lies in the frame. coverage: 0..LM_BLEND_ONE for each of
 * `width` columns, 0 for those outside the frame; classes: the colour of each.
 * Samples without coverage, alpha and padding keep every bit.
 * A chroma sample is covered by the mean of its pixels' coverage; where it spans two rows it is
 * blended with the lower one (or the frame's last), so rows come in rising order from an even one
 * on, and those of the row above (y - 1) are given again; they are not read for other formats. */
void lm_blender_row(LmBlender *blender, int y, guint16 *coverage, guint8 *classes,
                    guint16 *coverage_above, guint8 *classes_above);

G_END_DECLS
