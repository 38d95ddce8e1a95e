/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Draws findings on a frame in place, on the CPU, in the frame's format, only inside their
 * boxes. */
#pragma once

#include "mask/findings.h"
#include "util/scratch.h"

G_BEGIN_DECLS

typedef enum {
    LM_OVERLAY_FILL = 1 << 0,
    LM_OVERLAY_CONTOUR = 1 << 1,
} LmOverlayFlags;

typedef struct {
    unsigned flags;       /**< LmOverlayFlags; 0 draws nothing. */
    guint32 color;        /**< 0xRRGGBB of the first class; the others get well-separated hues. */
    double opacity;       /**< Of the fill, 0..1. The contour is opaque. */
    double contour_width; /**< Frame pixels, up to 64; 0: height / 360, at least 1.5. */
    double threshold;     /**< 0..1: the same as the findings were made with. */
} LmOverlayParams;

/** Marks the frame's pixels in place. A pixel is marked as class c if it lies in the mask's region,
 * the decision rule gives c for the probabilities resampled there (bilinear, half-pixel centres,
 * edges clamped), and at least one of the up to four mask pixels that they are resampled from has
 * class c in a finding that was kept.
 *
 * Only marked pixels change, each once, even if it lies in several boxes. A chroma sample changes
 * only if one of its pixels is marked, by their mean coverage; alpha and padding never change. The
 * contour runs just inside the marks' boundary, and along the region's edge where it cuts them off.
 * Interlaced frames are drawn as progressive ones. The findings must be those of this mask. Resets
 * the scratch. */
void lm_overlay_draw(const LmFrame *frame, const LmMask *mask, const LmFindings *findings,
                     const LmOverlayParams *params, LmScratch *scratch);

G_END_DECLS
