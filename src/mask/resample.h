/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A mask at the frame's pixels: bilinearly resampled probabilities, and the classes that they
 * mark. */
#pragma once

#include "mask/mask.h"
#include "util/scratch.h"

G_BEGIN_DECLS

/** The two columns (or rows) of the mask that a pixel is interpolated between. */
typedef struct {
    int first, second; /**< Equal if the pixel lies on a column, or beyond the outermost ones. */
    float fraction;    /**< The weight of `second`, 0..1. */
} LmInterpolation;

/** For the i-th of `n_out` pixels, over `n_in` of the mask: half-pixel centres, edges clamped. */
LmInterpolation lm_interpolation(int i, int n_out, int n_in);

/** Resamples rows of a mask over a rectangle of the frame, which may extend beyond the mask's
 * region: all is 0 there. Cheapest for rows in order. One thread at a time. */
typedef struct {
    const LmMask *mask;
    const guint8 *kept;
    LmRect rect;
    int begin, end;           /**< Columns of rect inside the region, counted from rect.x. */
    LmInterpolation *columns; /**< For columns begin..end - 1. */
    struct {
        int row;          /**< Of the mask; -1: none yet. */
        float *values;    /**< rect.width values for each class above background. */
        guint16 *classes; /**< A bit for each class kept at either of the mask's columns. */
    } rows[2];
    float *sums, *winners; /**< One row each, for more than two classes. */
} LmResampler;

/** Borrows the mask, `kept` (as in LmFindings; NULL if only probabilities are needed) and memory of
 * the scratch. */
void lm_resampler_init(LmResampler *resampler, const LmMask *mask, const guint8 *kept, LmRect rect,
                       LmScratch *scratch);

/** Row y of the frame: round(255 p) of one class (1..) at each of rect.width pixels. */
void lm_resampler_probabilities(LmResampler *resampler, int y, unsigned class_index, guint8 *out);

/** Row y of the frame: the class that each of rect.width pixels is marked as, or 0. A pixel is
 * marked if the decision rule holds for its probabilities and at least one of the mask's pixels
 * that they are resampled from is kept with the same class. `limit` comes from lm_classify_limit().
 * margins: lm_classify_margin() at each pixel, 0 outside the region. leads: the difference between
 * the likeliest class and the next; not written for masks of two classes. */
void lm_resampler_classes(LmResampler *resampler, int y, float limit, guint8 *classes,
                          float *margins, float *leads);

/** The class that each pixel of `rect` is marked as, by the rule above, or 0. rect is in frame
 * pixels and may extend beyond the region; all is 0 there. out: rect.height rows of rect.width
 * bytes, `stride` bytes apart. Resets the scratch; NULL: uses its own memory. */
void lm_resample_classes(const LmMask *mask, const guint8 *kept, double threshold, LmRect rect,
                         guint8 *out, gsize stride, LmScratch *scratch);
/** round(255 p) of one class (1..) over `rect`, laid out as above; if region and mask have one
 * size, the mask's own bytes. scratch: as above. */
void lm_resample_probabilities(const LmMask *mask, unsigned class_index, LmRect rect, guint8 *out,
                               gsize stride, LmScratch *scratch);

G_END_DECLS
