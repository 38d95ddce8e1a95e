/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Paints small bitmaps of one colour, such as text, on a frame in the frame's format. */
#pragma once

#include "overlay/overlay.h"

G_BEGIN_DECLS

/** The coverage of each pixel; the data are borrowed. */
typedef struct {
    int width, height;
    gsize stride;       /**< Bytes from row to row. */
    const guint8 *data; /**< 0..255 */
} LmAlphaBitmap;

/** Blends 0xRRGGBB `color` into the frame through the bitmap, whose upper left pixel is at (x, y)
 * of the frame, or outside; it is clipped to the frame. Only covered pixels change, and chroma
 * samples by the mean coverage of their pixels; alpha and padding never change. Resets the
 * scratch. */
void lm_alpha_bitmap_paint(const LmAlphaBitmap *bitmap, const LmFrame *frame, int x, int y,
                           guint32 color, LmScratch *scratch);

G_END_DECLS
