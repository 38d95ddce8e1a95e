/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Folding of batch norms and of depthwise branches into one convolution: pure functions, in double. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** A batch norm at inference: y = (x - mean) / sqrt(var + eps) * weight + bias; arrays of one value a channel. */
typedef struct {
    const float *weight, *bias, *mean, *var;
} LmBatchNorm;

#define LM_BATCH_NORM_EPS 1e-5

/** Folds `norm`, applied after a convolution, into it. kernel: outputs x per_output, bias: outputs; in place. */
void lm_fold_batch_norm(float *kernel, float *bias, gsize outputs, gsize per_output, const LmBatchNorm *norm);

/** One depthwise branch without bias and its norm; height and width odd, at most 5. kernel: channels x height x width. */
typedef struct {
    const float *kernel;
    unsigned height, width;
    LmBatchNorm norm;
} LmDepthwiseBranch;

/** Sum of the branches as one depthwise 5x5. kernel: channels x 25, bias: channels; both written. */
void lm_fold_depthwise(float *kernel, float *bias, gsize channels, const LmDepthwiseBranch *branches, gsize n_branches);

G_END_DECLS
