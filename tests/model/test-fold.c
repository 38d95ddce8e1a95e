/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Folded convolutions against the unfolded formulas, computed directly in double. */
#include "model/fold.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "temp.h"

enum { CHANNELS = 7, SIDE = 9 };

static void fill(GRand *rand, float *values, gsize n, double low, double high)
{
    for (gsize i = 0; i < n; i++)
        values[i] = (float)g_rand_double_range(rand, low, high);
}

typedef struct {
    float weight[CHANNELS], bias[CHANNELS], mean[CHANNELS], var[CHANNELS];
} Norm;

static LmBatchNorm random_norm(GRand *rand, Norm *norm)
{
    fill(rand, norm->weight, CHANNELS, -2, 2);
    fill(rand, norm->bias, CHANNELS, -1, 1);
    fill(rand, norm->mean, CHANNELS, -1, 1);
    fill(rand, norm->var, CHANNELS, 0, 2);
    norm->var[0] = 0; /* A dead channel: only eps keeps it finite. */
    return (LmBatchNorm){norm->weight, norm->bias, norm->mean, norm->var};
}

static double apply_norm(const Norm *norm, unsigned c, double x)
{
    return (x - norm->mean[c]) / sqrt(norm->var[c] + 1e-5) * norm->weight[c] + norm->bias[c];
}

/* One output of a zero-padded depthwise convolution over a SIDE x SIDE plane. */
static double convolve(const float *plane, const float *kernel, int height, int width, int y, int x)
{
    double sum = 0;
    for (int ky = 0; ky < height; ky++) {
        for (int kx = 0; kx < width; kx++) {
            int sy = y + ky - height / 2, sx = x + kx - width / 2;
            if (sy >= 0 && sy < SIDE && sx >= 0 && sx < SIDE)
                sum += (double)plane[sy * SIDE + sx] * kernel[ky * width + kx];
        }
    }
    return sum;
}

/* The folded values are floats: results may differ by their rounding, times their factors. */
static void assert_near(double value, double expected, double scale)
{
    ck_assert_double_le(fabs(value - expected), 1e-6 * (1 + scale));
}

static void check_branches(const unsigned (*shapes)[2], gsize n)
{
    GRand *rand = g_rand_new_with_seed(7);
    float kernels[4][CHANNELS * 25], planes[CHANNELS][SIDE * SIDE];
    float kernel[CHANNELS * 25], bias[CHANNELS];
    Norm norms[4];
    LmDepthwiseBranch branches[4];
    memset(kernel, 0xff, sizeof kernel); /* Both must be overwritten, not added to. */
    memset(bias, 0xff, sizeof bias);
    for (gsize b = 0; b < n; b++) {
        fill(rand, kernels[b], CHANNELS * 25, -1, 1);
        branches[b] = (LmDepthwiseBranch){kernels[b], shapes[b][0], shapes[b][1],
                                          random_norm(rand, &norms[b])};
    }
    fill(rand, planes[0], CHANNELS * SIDE * SIDE, -3, 3);
    ck_assert(lm_fold_depthwise(kernel, bias, CHANNELS, branches, n));

    for (unsigned c = 0; c < CHANNELS; c++) {
        for (int i = 0; i < SIDE * SIDE; i++) {
            double expected = 0, magnitude = fabs(bias[c]);
            for (gsize b = 0; b < n; b++) {
                int height = (int)shapes[b][0], width = (int)shapes[b][1];
                const float *own = kernels[b] + c * (unsigned)(height * width);
                double y = convolve(planes[c], own, height, width, i / SIDE, i % SIDE);
                expected += apply_norm(&norms[b], c, y);
            }
            for (int k = 0; k < 25; k++)
                magnitude += 3 * fabs(kernel[c * 25 + k]);
            double folded = convolve(planes[c], kernel + c * 25, 5, 5, i / SIDE, i % SIDE);
            assert_near(folded + bias[c], expected, magnitude);
        }
    }
    g_rand_free(rand);
}

START_TEST(test_depthwise)
{
    static const unsigned shapes[][2] = {{5, 5}, {3, 3}, {3, 1}, {1, 3}};
    check_branches(shapes, 4);
    for (gsize i = 0; i < 4; i++)
        check_branches(&shapes[i], 1);
}
END_TEST

START_TEST(test_batch_norm)
{
    enum { PER_OUTPUT = 3 * 9 };
    GRand *rand = g_rand_new_with_seed(8);
    float kernel[CHANNELS * PER_OUTPUT], bias[CHANNELS], x[PER_OUTPUT];
    float folded[CHANNELS * PER_OUTPUT], folded_bias[CHANNELS];
    Norm norm;
    LmBatchNorm view = random_norm(rand, &norm);
    fill(rand, kernel, G_N_ELEMENTS(kernel), -1, 1);
    fill(rand, bias, CHANNELS, -1, 1);
    fill(rand, x, PER_OUTPUT, -3, 3);
    memcpy(folded, kernel, sizeof kernel);
    memcpy(folded_bias, bias, sizeof bias);
    ck_assert(lm_fold_batch_norm(folded, folded_bias, CHANNELS, PER_OUTPUT, &view));

    for (unsigned o = 0; o < CHANNELS; o++) {
        double plain = bias[o], sum = folded_bias[o], magnitude = fabs(folded_bias[o]);
        for (unsigned i = 0; i < PER_OUTPUT; i++) {
            plain += (double)kernel[o * PER_OUTPUT + i] * x[i];
            sum += (double)folded[o * PER_OUTPUT + i] * x[i];
            magnitude += 3 * fabs(folded[o * PER_OUTPUT + i]);
        }
        assert_near(sum, apply_norm(&norm, o, plain), magnitude);
    }
    g_rand_free(rand);
}
END_TEST

START_TEST(test_not_finite)
{
    const float one = 1, zero = 0, negative = -1, huge = FLT_MAX;
    const LmBatchNorm good = {&one, &zero, &zero, &one}, broken = {&one, &zero, &zero, &negative},
                      large = {&huge, &zero, &zero, &zero};
    float kernel[25] = {1}, bias = 0;
    ck_assert(lm_fold_batch_norm(kernel, &bias, 1, 1, &good));
    ck_assert(!lm_fold_batch_norm(kernel, &bias, 1, 1, &broken));
    kernel[0] = 1;
    bias = 0;
    ck_assert(!lm_fold_batch_norm(kernel, &bias, 1, 1, &large));
    LmDepthwiseBranch branches[] = {{&one, 1, 1, good}, {&one, 1, 1, broken}};
    ck_assert(lm_fold_depthwise(kernel, &bias, 1, branches, 1));
    ck_assert(!lm_fold_depthwise(kernel, &bias, 1, branches, 2));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {test_depthwise, test_batch_norm, test_not_finite};
    return temp_run("fold", tests, G_N_ELEMENTS(tests));
}
