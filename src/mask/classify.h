/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The decision rule of mask.h, for probabilities as bytes and for resampled ones. */
#pragma once

#include <glib.h>

/** Converts a threshold of 0..1 for lm_classify_margin(). */
static inline float lm_classify_limit(double threshold)
{
    g_assert(threshold >= 0 && threshold <= 1);
    return (float)(255 * threshold);
}

/** How clearly a pixel is marked: above 0 if it is. `best` is the largest p_c above background,
 * `sum` the sum of all of them, both 0..255. Exact for whole numbers. */
static inline float lm_classify_margin(float best, float sum, float limit)
{
    float background = 255 - sum; /* Rounded shares may add up to a little more than 255. */
    return 255 * best - limit * (best + (background > 0 ? background : 0));
}

/** The likeliest class above background, found by adding one class after another. Zeroed: none. */
typedef struct {
    float best, sum;
    unsigned class_index; /**< 0: every probability is 0. */
} LmLikeliest;

static inline void lm_likeliest_add(LmLikeliest *likeliest, unsigned class_index, float p)
{
    likeliest->sum += p;
    if (p > likeliest->best) {
        likeliest->best = p;
        likeliest->class_index = class_index;
    }
}

/** The class that a pixel is marked as, or 0. */
static inline unsigned lm_likeliest_class(const LmLikeliest *likeliest, float limit)
{
    return lm_classify_margin(likeliest->best, likeliest->sum, limit) > 0 ? likeliest->class_index
                                                                          : 0;
}

/** Interpolates between a (at t = 0) and b. All resampling uses this expression, so that results
 * agree to the bit. */
static inline float lm_lerp(float a, float b, float t)
{
    return a + (b - a) * t;
}
