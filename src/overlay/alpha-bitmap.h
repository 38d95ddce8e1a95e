/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Paints small pictures of one colour, such as text, on a frame in its own format. */
#pragma once

#include "overlay/overlay.h"

G_BEGIN_DECLS

/** How much of each pixel is covered; the data are borrowed. */
typedef struct {
    int width, height;
    gsize stride;       /**< Bytes from row to row. */
    const guint8 *data; /**< 0..255 */
} LmAlphaBitmap;

/** Blends 0xRRGGBB `color` into the frame through the bitmap, whose upper left pixel lies at (x,
 * y) of it and may lie outside; what reaches beyond the frame is cut off. Only covered pixels
 * change; a chroma sample by the mean coverage of its pixels; alpha and padding never. Resets the
 * scratch. */
void lm_alpha_bitmap_paint(const LmAlphaBitmap *bitmap, const LmFrame *frame, int x, int y,
                           guint32 color, LmScratch *scratch);

G_END_DECLS
