/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The parts of a training step that PyTorch is slowest at on a CPU; kernels.py compiles and calls
 * them. All arrays are contiguous floats, N x C x H x W. Planes go to threads, so that no two
 * threads write to one. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS = 9, SIDE = 5, TAPS = SIDE * SIDE, LANES = 16 };

typedef float Vector __attribute__((vector_size(4 * LANES), aligned(4)));

/* Keys of the query at `at` of n begin at this row or column: windows shift inside at the border.
 */
static int window(int at, int n)
{
    return at == 0 ? 0 : at == n - 1 ? n - 3 : at - 1;
}

/* A row of weights[KEYS][width]: softmax over the keys of q k. */
static void weigh(const float *q, const float *k, int y, int d, int height, int width,
                  float *weights)
{
    const int plane = height * width, top = window(y, height);
    float *most = weights + KEYS * width, *sum = most + width;
    for (int i = 0; i < KEYS; i++) {
        float *w = weights + i * width;
        memset(w, 0, width * sizeof *w);
        for (int j = 0; j < d; j++) {
            const float *query = q + j * plane + y * width;
            const float *key = k + j * plane + (top + i / 3) * width + i % 3;
            w[0] += query[0] * key[0];
#pragma omp simd
            for (int x = 1; x < width - 1; x++)
                w[x] += query[x] * key[x - 1];
            w[width - 1] += query[width - 1] * key[width - 3];
        }
#pragma omp simd
        for (int x = 0; x < width; x++)
            most[x] = i == 0 || w[x] > most[x] ? w[x] : most[x];
    }
    memset(sum, 0, width * sizeof *sum);
    for (int i = 0; i < KEYS; i++) {
        float *w = weights + i * width;
#pragma omp simd
        for (int x = 0; x < width; x++) {
            w[x] = expf(w[x] - most[x]);
            sum[x] += w[x];
        }
    }
    for (int i = 0; i < KEYS; i++) {
        float *w = weights + i * width;
#pragma omp simd
        for (int x = 0; x < width; x++)
            w[x] /= sum[x];
    }
}

/* Neighbourhood attention of 3 x 3 keys; q, k, v, out: planes x d x height x width. */
int lm_attention(const float *q, const float *k, const float *v, float *out, int planes, int d,
                 int height, int width)
{
    const int plane = height * width;
    int failed = 0;
#pragma omp parallel for reduction(| : failed)
    for (int p = 0; p < planes; p++) {
        float *weights = malloc((KEYS + 2) * width * sizeof *weights);
        failed |= !weights;
        const size_t at = (size_t)p * d * plane;
        for (int y = 0; weights && y < height; y++) {
            weigh(q + at, k + at, y, d, height, width, weights);
            const int top = window(y, height);
            for (int j = 0; j < d; j++) {
                float *o = out + at + j * plane + y * width;
                memset(o, 0, width * sizeof *o);
                for (int i = 0; i < KEYS; i++) {
                    const float *w = weights + i * width;
                    const float *value = v + at + j * plane + (top + i / 3) * width + i % 3;
                    o[0] += w[0] * value[0];
#pragma omp simd
                    for (int x = 1; x < width - 1; x++)
                        o[x] += w[x] * value[x - 1];
                    o[width - 1] += w[width - 1] * value[width - 3];
                }
            }
        }
        free(weights);
    }
    return failed;
}

/* The gradients by q, k and v, which must be zero before, from that by out. */
int lm_attention_gradient(const float *q, const float *k, const float *v, const float *grad,
                          float *gq, float *gk, float *gv, int planes, int d, int height, int width)
{
    const int plane = height * width;
    int failed = 0;
#pragma omp parallel for reduction(| : failed)
    for (int p = 0; p < planes; p++) {
        float *weights = malloc((2 * KEYS + 2) * width * sizeof *weights);
        failed |= !weights;
        const size_t at = (size_t)p * d * plane;
        for (int y = 0; weights && y < height; y++) {
            float *sum = weights + KEYS * width, *slopes = weights + (KEYS + 2) * width;
            weigh(q + at, k + at, y, d, height, width, weights);
            const int top = window(y, height);
            memset(sum, 0, width * sizeof *sum);
            for (int i = 0; i < KEYS; i++) {
                float *s = slopes + i * width, *w = weights + i * width;
                memset(s, 0, width * sizeof *s);
                for (int j = 0; j < d; j++) {
                    const float *g = grad + at + j * plane + y * width;
                    const float *value = v + at + j * plane + (top + i / 3) * width + i % 3;
                    s[0] += g[0] * value[0];
#pragma omp simd
                    for (int x = 1; x < width - 1; x++)
                        s[x] += g[x] * value[x - 1];
                    s[width - 1] += g[width - 1] * value[width - 3];
                }
#pragma omp simd
                for (int x = 0; x < width; x++)
                    sum[x] += w[x] * s[x];
            }
            for (int i = 0; i < KEYS; i++) {
                float *s = slopes + i * width, *w = weights + i * width;
#pragma omp simd
                for (int x = 0; x < width; x++)
                    s[x] = w[x] * (s[x] - sum[x]);
                for (int j = 0; j < d; j++) {
                    const size_t here = at + j * plane + y * width;
                    const size_t there = at + j * plane + (top + i / 3) * width + i % 3;
                    const float *g = grad + here, *query = q + here, *key = k + there;
                    float *to_q = gq + here, *to_k = gk + there, *to_v = gv + there;
                    to_q[0] += s[0] * key[0];
                    to_k[0] += s[0] * query[0];
                    to_v[0] += w[0] * g[0];
#pragma omp simd
                    for (int x = 1; x < width - 1; x++) {
                        to_q[x] += s[x] * key[x - 1];
                        to_k[x - 1] += s[x] * query[x];
                        to_v[x - 1] += w[x] * g[x];
                    }
                    to_q[width - 1] += s[width - 1] * key[width - 3];
                    to_k[width - 3] += s[width - 1] * query[width - 1];
                    to_v[width - 3] += w[width - 1] * g[width - 1];
                }
            }
        }
        free(weights);
    }
    return failed;
}

/* A plane with a border of two zeros; `padded` has (height + 4) * (width + 4) floats, all zero but
 * for what an earlier plane of this size left inside. */
static void pad(const float *x, int height, int width, float *padded)
{
    for (int y = 0; y < height; y++)
        memcpy(padded + (y + 2) * (width + 4) + 2, x + y * width, width * sizeof *x);
}

static void convolve(const float *padded, const float *kernel, float bias, int height, int width,
                     float *out)
{
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x += LANES) {
            Vector sum = (Vector){0} + bias;
            for (int i = 0; i < TAPS; i++)
                sum += *(const Vector *)(padded + (y + i / SIDE) * (width + 4) + x + i % SIDE) *
                       kernel[i];
            *(Vector *)(out + y * width + x) = sum;
        }
    }
}

/* 5 x 5 depthwise convolution with zeros outside; width in LANES. kernel: channels x 25; bias: or
 * NULL; with `flip`, the kernel is turned by 180 degrees, which gives the gradient by x. */
int lm_depthwise(const float *x, const float *kernel, const float *bias, float *out, int n,
                 int channels, int height, int width, int flip)
{
    const size_t plane = (size_t)height * width;
    int failed = 0;
#pragma omp parallel for reduction(| : failed)
    for (int c = 0; c < channels; c++) {
        float taps[TAPS], *padded = calloc((height + 4) * (width + 4), sizeof *padded);
        failed |= !padded;
        for (int i = 0; i < TAPS; i++)
            taps[i] = kernel[c * TAPS + (flip ? TAPS - 1 - i : i)];
        for (int b = 0; padded && b < n; b++) {
            const size_t at = ((size_t)b * channels + c) * plane;
            pad(x + at, height, width, padded);
            convolve(padded, taps, bias ? bias[c] : 0, height, width, out + at);
        }
        free(padded);
    }
    return failed;
}

/* The gradients by kernel and bias: channels x 25 and channels. */
int lm_depthwise_gradient(const float *x, const float *grad, float *gkernel, float *gbias, int n,
                          int channels, int height, int width)
{
    const size_t plane = (size_t)height * width;
    int failed = 0;
#pragma omp parallel for reduction(| : failed)
    for (int c = 0; c < channels; c++) {
        float *padded = calloc((height + 4) * (width + 4), sizeof *padded);
        failed |= !padded;
        Vector sums[TAPS] = {0}, bias = {0};
        for (int b = 0; padded && b < n; b++) {
            const size_t at = ((size_t)b * channels + c) * plane;
            pad(x + at, height, width, padded);
            for (int y = 0; y < height; y++) {
                for (int column = 0; column < width; column += LANES) {
                    const Vector g = *(const Vector *)(grad + at + y * width + column);
                    const float *from = padded + y * (width + 4) + column;
                    bias += g;
#pragma GCC unroll 25
                    for (int i = 0; i < TAPS; i++)
                        sums[i] += g * *(const Vector *)(from + i / SIDE * (width + 4) + i % SIDE);
                }
            }
        }
        gbias[c] = 0;
        for (int lane = 0; lane < LANES; lane++)
            gbias[c] += bias[lane];
        for (int i = 0; i < TAPS; i++) {
            gkernel[c * TAPS + i] = 0;
            for (int lane = 0; lane < LANES; lane++)
                gkernel[c * TAPS + i] += sums[i][lane];
        }
        free(padded);
    }
    return failed;
}
