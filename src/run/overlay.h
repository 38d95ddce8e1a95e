/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Draws findings on a frame in place, on the CPU, in the frame's own format, inside their boxes only. */
#pragma once

#include "run/findings.h"

G_BEGIN_DECLS

typedef enum {
    LM_OVERLAY_FILL = 1 << 0,
    LM_OVERLAY_CONTOUR = 1 << 1,
} LmOverlayFlags;

typedef struct {
    unsigned flags;       /**< LmOverlayFlags; 0 draws nothing. */
    guint32 color;        /**< 0xRRGGBB of the first class; the others get well-separated hues. */
    double opacity;       /**< Of the fill, 0..1. */
    double contour_width; /**< Frame pixels; 0: height / 360, at least 1.5. */
    double threshold;     /**< As in LmFindingsParams. */
} LmOverlayParams;

/** Scratch memory for drawing, kept between frames; grows, never shrinks. Zeroed: ready. One thread at a time. */
typedef struct {
    void *memory;
    gsize size;
} LmOverlayScratch;

void lm_overlay_scratch_finish(LmOverlayScratch *scratch);

/** A pixel is marked where it lies in the mask's region, the decision rule holds for the probabilities resampled there
 * (bilinear, half-pixel centres) and it belongs to a kept finding. Only marked pixels change (a chroma sample only where one of
 * its pixels is marked); alpha and padding never. */
void lm_overlay_draw(const LmFrame *frame, const LmMask *mask, const LmFindings *findings, const LmOverlayParams *params,
                     LmOverlayScratch *scratch);

/** Which class each pixel of `rect` (frame pixels) is marked as: by the same rule as lm_overlay_draw. out: rect.width * rect.height
 * with the given stride; 0 elsewhere. */
void lm_overlay_classes(const LmMask *mask, const LmFindings *findings, double threshold, LmRect rect, guint8 *out, gsize stride);
/** round(255 p) of one class (1..) over `rect`, resampled as above; 0 outside the region. */
void lm_overlay_probabilities(const LmMask *mask, unsigned class_index, LmRect rect, guint8 *out, gsize stride);

G_END_DECLS
