/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The network's output on the host: probabilities at network size, and the decision rule. */
#pragma once

#include "video/frame.h"

G_BEGIN_DECLS

#define LM_MAX_CLASSES 16

/** Probabilities as round(255 p), one plane of width x height per class above background, planes
 * one after another. Background's share is 255 minus their sum. Immutable once shared; counted
 * references, atomic. */
typedef struct {
    int width, height;  /**< Of the network's output. */
    unsigned n_classes; /**< With background: 2..LM_MAX_CLASSES. */
    LmRect region;      /**< Pixels of the frame that the mask covers. */
    gint refs;
    guint8 data[]; /**< (n_classes - 1) * width * height */
} LmMask;

/** One reference; data uninitialised. */
LmMask *lm_mask_new(int width, int height, unsigned n_classes, LmRect region);
LmMask *lm_mask_ref(LmMask *mask);
void lm_mask_unref(LmMask **mask);

/** The decision rule at a mask's own pixels: labels[i] = c if class c (1..) is the likeliest above
 * background and p_c / (p_c + p_background) > threshold, else 0. labels: width * height. */
void lm_mask_classify(const LmMask *mask, double threshold, guint8 *labels);

G_END_DECLS
