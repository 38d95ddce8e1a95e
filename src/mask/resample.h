/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A mask at the frame's pixels: probabilities resampled bilinearly, and what they mark. */
#pragma once

#include "mask/mask.h"
#include "util/scratch.h"

G_BEGIN_DECLS

/** Between which two of the mask's columns (or rows) a pixel lies. */
typedef struct {
    int first, second; /**< Equal where the pixel lies on one of them, or beyond the last. */
    float fraction;    /**< Of the way to `second`. */
} LmTap;

/** The tap of the i-th of `n_out` pixels over `n_in`: half-pixel centres, edges held. */
LmTap lm_tap(int i, int n_out, int n_in);

/** Rows of a mask over some rectangle of the frame, which may reach beyond the mask's region: there
 * all is 0. Cheapest row after row. One thread at a time. */
typedef struct {
    const LmMask *mask;
    const guint8 *kept;
    LmRect rect;
    int begin, end; /**< Columns of rect inside the region, counted from rect.x. */
    LmTap *taps;    /**< Of columns begin..end - 1. */
    struct {
        int row;          /**< Of the mask; -1: none yet. */
        float *values;    /**< A plane of rect.width per class above background. */
        guint16 *classes; /**< A bit for each class kept at either of the column's taps. */
    } rows[2];
    float *sums, *winners; /**< One row each, for more than two classes. */
} LmResampler;

/** Borrows the mask, `kept` (as in LmFindings; NULL if only probabilities are asked for) and memory
 * of the scratch. */
void lm_resampler_init(LmResampler *resampler, const LmMask *mask, const guint8 *kept, LmRect rect,
                       LmScratch *scratch);

/** Row y of the frame: round(255 p) of one class (1..) at each of rect.width pixels. */
void lm_resampler_probabilities(LmResampler *resampler, int y, unsigned class_index, guint8 *out);

/** Row y of the frame: the class that each of rect.width pixels is marked as, or 0. A pixel is
 * marked where the decision rule holds for its probabilities and one of the mask's pixels that they
 * are resampled from is kept as the same class. `limit` is lm_classify_limit()'s. margins:
 * lm_classify_margin() at each pixel, 0 outside the region. leads: by how much the likeliest class
 * exceeds the next; not written for masks of two classes. */
void lm_resampler_classes(LmResampler *resampler, int y, float limit, guint8 *classes,
                          float *margins, float *leads);

/** Which class each pixel of `rect` is marked as, by the rule above, or 0. rect is in frame pixels
 * and may reach beyond the region, where all is 0; out: rect.height rows of rect.width bytes,
 * `stride` bytes apart. Resets the scratch; NULL: takes memory of its own. */
void lm_resample_classes(const LmMask *mask, const guint8 *kept, double threshold, LmRect rect,
                         guint8 *out, gsize stride, LmScratch *scratch);
/** round(255 p) of one class (1..) over `rect`, laid out as above; if region and mask have one
 * size, the mask's own bytes. The scratch likewise. */
void lm_resample_probabilities(const LmMask *mask, unsigned class_index, LmRect rect, guint8 *out,
                               gsize stride, LmScratch *scratch);

G_END_DECLS
