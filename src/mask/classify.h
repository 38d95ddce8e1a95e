/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The decision rule of mask.h, for probabilities as bytes and for those resampled between them. */
#pragma once

#include <glib.h>

/** A threshold of 0..1 as lm_classify_margin() takes it. */
static inline float lm_classify_limit(double threshold)
{
    g_assert(threshold >= 0 && threshold <= 1);
    return (float)(255 * threshold);
}

/** How clearly a pixel is marked: above 0 where it is. `best` is the largest p_c above background,
 * `sum` all of those together, both 0..255. Exact for whole numbers. */
static inline float lm_classify_margin(float best, float sum, float limit)
{
    float background = 255 - sum; /* Rounded shares may add up to a little more than 255. */
    return 255 * best - limit * (best + (background > 0 ? background : 0));
}

/** Between a and b; at 0 it is a. The one expression, so that all who resample agree to the bit. */
static inline float lm_lerp(float a, float b, float t)
{
    return a + (b - a) * t;
}
