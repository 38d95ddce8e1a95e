/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Folding of batch norms and of depthwise branches into one convolution: pure functions, in double.
 */
#include "model/fold.h"

#include <math.h>

#define AREA (LM_DEPTHWISE_SIDE * LM_DEPTHWISE_SIDE)

/* A norm of one channel as y = x * scale + shift. */
static void norm_to_affine(const LmBatchNorm *norm, gsize channel, double *scale, double *shift)
{
    *scale = norm->weight[channel] / sqrt(norm->var[channel] + LM_BATCH_NORM_EPS);
    *shift = norm->bias[channel] - norm->mean[channel] * *scale;
}

static bool store(float *to, double value)
{
    *to = (float)value;
    return isfinite(*to);
}

bool lm_fold_batch_norm(float *kernel, float *bias, gsize outputs, gsize per_output,
                        const LmBatchNorm *norm)
{
    bool finite = true;
    for (gsize o = 0; o < outputs; o++) {
        double scale, shift;
        norm_to_affine(norm, o, &scale, &shift);
        for (gsize i = o * per_output; i < (o + 1) * per_output; i++)
            finite &= store(&kernel[i], kernel[i] * scale);
        finite &= store(&bias[o], bias[o] * scale + shift);
    }
    return finite;
}

static void add_branch(double sum[AREA], const LmDepthwiseBranch *branch, gsize channel,
                       double scale)
{
    unsigned top = (LM_DEPTHWISE_SIDE - branch->height) / 2;
    unsigned left = (LM_DEPTHWISE_SIDE - branch->width) / 2;
    const float *kernel = branch->kernel + channel * branch->height * branch->width;
    for (unsigned y = 0; y < branch->height; y++)
        for (unsigned x = 0; x < branch->width; x++)
            sum[(top + y) * LM_DEPTHWISE_SIDE + left + x] += kernel[y * branch->width + x] * scale;
}

bool lm_fold_depthwise(float *kernel, float *bias, gsize channels,
                       const LmDepthwiseBranch *branches, gsize n_branches)
{
    for (gsize b = 0; b < n_branches; b++) {
        g_assert(branches[b].height % 2 == 1 && branches[b].height <= LM_DEPTHWISE_SIDE);
        g_assert(branches[b].width % 2 == 1 && branches[b].width <= LM_DEPTHWISE_SIDE);
    }

    bool finite = true;
    for (gsize c = 0; c < channels; c++) {
        double sum[AREA] = {0}, shifts = 0;
        for (gsize b = 0; b < n_branches; b++) {
            double scale, shift;
            norm_to_affine(&branches[b].norm, c, &scale, &shift);
            add_branch(sum, &branches[b], c, scale);
            shifts += shift;
        }
        for (gsize i = 0; i < AREA; i++)
            finite &= store(&kernel[c * AREA + i], sum[i]);
        finite &= store(&bias[c], shifts);
    }
    return finite;
}
