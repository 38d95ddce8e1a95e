/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Folding of batch norms and of depthwise branches into one convolution: pure functions, in double.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

/** A batch norm at inference: y = (x - mean) / sqrt(var + eps) * weight + bias; arrays of one value
 * a channel. */
typedef struct {
    const float *weight, *bias, *mean, *var;
} LmBatchNorm;

#define LM_BATCH_NORM_EPS 1e-5

/** Folds `norm`, applied after a convolution, into it. kernel: outputs x per_output, bias: outputs;
 * in place. Returns false if a result is not finite: a variance below -eps, or values too large for
 * a float. */
bool lm_fold_batch_norm(float *kernel, float *bias, gsize outputs, gsize per_output,
                        const LmBatchNorm *norm);

/** Side of the kernel that the depthwise branches become. */
#define LM_DEPTHWISE_SIDE 5

/** One depthwise branch without bias and its norm; height and width odd, at most LM_DEPTHWISE_SIDE.
 * kernel: channels x height x width. */
typedef struct {
    const float *kernel;
    unsigned height, width;
    LmBatchNorm norm;
} LmDepthwiseBranch;

/** Sum of the branches as one depthwise 5x5: each kernel in the middle, biases added. kernel:
 * channels x 25, bias: channels; both written. Returns false as lm_fold_batch_norm() does. */
bool lm_fold_depthwise(float *kernel, float *bias, gsize channels,
                       const LmDepthwiseBranch *branches, gsize n_branches);

G_END_DECLS
