/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The parts of a training step that PyTorch is slowest at on a CPU; kernels.py compiles and calls
 * them. Pictures are N x H x W x C, of float or bfloat16 (`half`). A task takes a few channels of
 * one picture, spreads them out into planes of float, which vectors like, and writes only what no
 * other task writes. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS = 9, SIDE = 5, TAPS = SIDE * SIDE, LANES = 16, BLOCK = 8 };

typedef float Vector __attribute__((vector_size(4 * LANES), aligned(4)));

static float widen(uint16_t half)
{
    const uint32_t bits = (uint32_t)half << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint16_t narrow(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* The values of n channels, from `at`, of every pixel of a picture with `channels` into planes;
 * rows are `pitch` floats apart, planes `plane`. */
static void spread(const void *picture, int half, size_t at, int channels, int n, int height,
                   int width, float *out, int pitch, size_t plane)
{
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            const size_t from = at + ((size_t)y * width + x) * channels;
            float *to = out + (size_t)y * pitch + x;
            if (half)
                for (int c = 0; c < n; c++)
                    to[c * plane] = widen(((const uint16_t *)picture)[from + c]);
            else
                for (int c = 0; c < n; c++)
                    to[c * plane] = ((const float *)picture)[from + c];
        }
    }
}

/* And back, from planes without gaps. */
static void gather(const float *planes, size_t plane, int n, int height, int width, void *picture,
                   int half, size_t at, int channels)
{
    for (size_t i = 0; i < (size_t)height * width; i++) {
        const size_t to = at + i * channels;
        if (half)
            for (int c = 0; c < n; c++)
                ((uint16_t *)picture)[to + c] = narrow(planes[c * plane + i]);
        else
            for (int c = 0; c < n; c++)
                ((float *)picture)[to + c] = planes[c * plane + i];
    }
}

/* ---- neighbourhood attention, of 3 x 3 keys ---- */

/* Keys of the query at `at` of n begin at this row or column: windows shift inside at the border.
 */
static int window(int at, int n)
{
    return at == 0 ? 0 : at == n - 1 ? n - 3 : at - 1;
}

/* out[x] += a[x] b[key of x]. */
static void add_keyed(float *restrict out, const float *restrict a, const float *restrict b,
                      int width)
{
    out[0] += a[0] * b[0];
#pragma omp simd
    for (int x = 1; x < width - 1; x++)
        out[x] += a[x] * b[x - 1];
    out[width - 1] += a[width - 1] * b[width - 3];
}

/* out[key of x] += a[x] b[x]. */
static void add_to_keys(float *restrict out, const float *restrict a, const float *restrict b,
                        int width)
{
    out[0] += a[0] * b[0];
#pragma omp simd
    for (int x = 1; x < width - 1; x++)
        out[x - 1] += a[x] * b[x];
    out[width - 3] += a[width - 1] * b[width - 1];
}

/* A row's weights[KEYS][width]: softmax over the keys of scale q k. Two more rows are scratch. */
static void weigh(const float *q, const float *k, float scale, int y, int d, int height, int width,
                  float *weights)
{
    const int plane = height * width, top = window(y, height);
    float *most = weights + KEYS * width, *sum = most + width;
    memset(weights, 0, KEYS * width * sizeof *weights);
    for (int i = 0; i < KEYS; i++) {
        float *w = weights + i * width;
        for (int j = 0; j < d; j++)
            add_keyed(w, q + j * plane + y * width, k + j * plane + (top + i / 3) * width + i % 3,
                      width);
#pragma omp simd
        for (int x = 0; x < width; x++)
            most[x] = i == 0 || w[x] > most[x] ? w[x] : most[x];
    }
    memset(sum, 0, width * sizeof *sum);
    for (int i = 0; i < KEYS; i++) {
        float *w = weights + i * width;
#pragma omp simd
        for (int x = 0; x < width; x++) {
            w[x] = expf(scale * (w[x] - most[x]));
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

/* qkv: N x H x W x 3 x heads x d; out: N x H x W x heads x d. Not 0 if memory is short. */
int lm_attention(const void *qkv, void *out, float scale, int half, int n, int heads, int d,
                 int height, int width)
{
    const int plane = height * width, channels = heads * d;
    int failed = 0;
#pragma omp parallel for reduction(| : failed)
    for (int task = 0; task < n * heads; task++) {
        float *planes = malloc((4 * (size_t)d * plane + (KEYS + 2) * width) * sizeof *planes);
        if (!planes) {
            failed = 1;
            continue;
        }
        float *parts[4], *weights = planes + 4 * (size_t)d * plane;
        const size_t picture = (size_t)(task / heads) * plane;
        const int first = task % heads * d;
        for (int i = 0; i < 4; i++)
            parts[i] = planes + (size_t)i * d * plane;
        for (int i = 0; i < 3; i++)
            spread(qkv, half, (picture * 3 + i) * channels + first, 3 * channels, d, height, width,
                   parts[i], width, plane);
        memset(parts[3], 0, (size_t)d * plane * sizeof *planes);
        for (int y = 0; y < height; y++) {
            weigh(parts[0], parts[1], scale, y, d, height, width, weights);
            const int top = window(y, height);
            for (int j = 0; j < d; j++)
                for (int i = 0; i < KEYS; i++)
                    add_keyed(parts[3] + j * plane + y * width, weights + i * width,
                              parts[2] + j * plane + (top + i / 3) * width + i % 3, width);
        }
        gather(parts[3], plane, d, height, width, out, half, picture * channels + first, channels);
        free(planes);
    }
    return failed;
}

/* Row y's part of the gradients by q, k and v; parts: q, k, v, the gradient by out, and those. */
static void attention_row(float *parts[7], float scale, int y, int d, int height, int width,
                          float *weights)
{
    const int plane = height * width, top = window(y, height);
    float *sum = weights + KEYS * width, *slopes = weights + (KEYS + 2) * width;
    weigh(parts[0], parts[1], scale, y, d, height, width, weights);
    memset(sum, 0, width * sizeof *sum);
    memset(slopes, 0, KEYS * width * sizeof *slopes);
    for (int i = 0; i < KEYS; i++) {
        float *s = slopes + i * width, *w = weights + i * width;
        for (int j = 0; j < d; j++)
            add_keyed(s, parts[3] + j * plane + y * width,
                      parts[2] + j * plane + (top + i / 3) * width + i % 3, width);
#pragma omp simd
        for (int x = 0; x < width; x++)
            sum[x] += w[x] * s[x];
    }
    for (int i = 0; i < KEYS; i++) {
        float *s = slopes + i * width, *w = weights + i * width;
#pragma omp simd
        for (int x = 0; x < width; x++)
            s[x] = scale * w[x] * (s[x] - sum[x]);
        for (int j = 0; j < d; j++) {
            const int here = j * plane + y * width;
            const int there = j * plane + (top + i / 3) * width + i % 3;
            add_keyed(parts[4] + here, s, parts[1] + there, width);
            add_to_keys(parts[5] + there, s, parts[0] + here, width);
            add_to_keys(parts[6] + there, w, parts[3] + here, width);
        }
    }
}

/* The gradient by qkv from that by out. */
int lm_attention_gradient(const void *qkv, const void *grad, void *gqkv, float scale, int half,
                          int n, int heads, int d, int height, int width)
{
    const int plane = height * width, channels = heads * d;
    int failed = 0;
#pragma omp parallel for reduction(| : failed)
    for (int task = 0; task < n * heads; task++) {
        float *planes = malloc((7 * (size_t)d * plane + (2 * KEYS + 2) * width) * sizeof *planes);
        if (!planes) {
            failed = 1;
            continue;
        }
        float *parts[7], *weights = planes + 7 * (size_t)d * plane;
        const size_t picture = (size_t)(task / heads) * plane;
        const int first = task % heads * d;
        for (int i = 0; i < 7; i++)
            parts[i] = planes + (size_t)i * d * plane;
        for (int i = 0; i < 3; i++)
            spread(qkv, half, (picture * 3 + i) * channels + first, 3 * channels, d, height, width,
                   parts[i], width, plane);
        spread(grad, half, picture * channels + first, channels, d, height, width, parts[3], width,
               plane);
        memset(parts[4], 0, 3 * (size_t)d * plane * sizeof *planes);
        for (int y = 0; y < height; y++)
            attention_row(parts, scale, y, d, height, width, weights);
        for (int i = 0; i < 3; i++)
            gather(parts[4 + i], plane, d, height, width, gqkv, half,
                   (picture * 3 + i) * channels + first, 3 * channels);
        free(planes);
    }
    return failed;
}

/* ---- depthwise convolution, 5 x 5, zeros outside; widths in LANES ---- */

static void convolve(const float *restrict padded, const float *restrict taps, float bias,
                     int height, int width, float *restrict out)
{
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x += LANES) {
            const float *from = padded + y * (width + 4) + x;
            Vector sum = (Vector){0} + bias;
#pragma GCC unroll 25
            for (int i = 0; i < TAPS; i++)
                sum += *(const Vector *)(from + i / SIDE * (width + 4) + i % SIDE) * taps[i];
            *(Vector *)(out + y * width + x) = sum;
        }
    }
}

/* One channel's gradients by its kernel and bias. */
static void correlate(const float *restrict padded, const float *restrict grad, int height,
                      int width, float *gkernel, float *gbias)
{
    Vector sums[TAPS] = {0}, bias = {0};
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x += LANES) {
            const Vector g = *(const Vector *)(grad + y * width + x);
            const float *from = padded + y * (width + 4) + x;
            bias += g;
#pragma GCC unroll 25
            for (int i = 0; i < TAPS; i++)
                sums[i] += g * *(const Vector *)(from + i / SIDE * (width + 4) + i % SIDE);
        }
    }
    *gbias = 0;
    for (int lane = 0; lane < LANES; lane++)
        *gbias += bias[lane];
    for (int i = 0; i < TAPS; i++) {
        gkernel[i] = 0;
        for (int lane = 0; lane < LANES; lane++)
            gkernel[i] += sums[i][lane];
    }
}

/* x, out: N x H x W x C; kernel: C x 25; bias: C. */
int lm_depthwise(const void *x, const float *kernel, const float *bias, void *out, int half, int n,
                 int channels, int height, int width)
{
    const size_t plane = (size_t)height * width, padded = (size_t)(height + 4) * (width + 4);
    const int blocks = (channels + BLOCK - 1) / BLOCK;
    int failed = 0;
#pragma omp parallel for reduction(| : failed)
    for (int task = 0; task < n * blocks; task++) {
        const int first = task % blocks * BLOCK;
        const int some = channels - first < BLOCK ? channels - first : BLOCK;
        const size_t at = (size_t)(task / blocks) * plane * channels + first;
        float *in = calloc(BLOCK * (padded + plane), sizeof *in), *result = in + BLOCK * padded;
        if (!in) {
            failed = 1;
            continue;
        }
        spread(x, half, at, channels, some, height, width, in + 2 * (width + 4) + 2, width + 4,
               padded);
        for (int c = 0; c < some; c++)
            convolve(in + c * padded, kernel + (first + c) * TAPS, bias[first + c], height, width,
                     result + c * plane);
        gather(result, plane, some, height, width, out, half, at, channels);
        free(in);
    }
    return failed;
}

/* The gradient by x; those by kernel and bias for each picture: N x C x 25 and N x C. */
int lm_depthwise_gradient(const void *x, const float *kernel, const void *grad, void *gx,
                          float *gkernel, float *gbias, int half, int n, int channels, int height,
                          int width)
{
    const size_t plane = (size_t)height * width, padded = (size_t)(height + 4) * (width + 4);
    const int blocks = (channels + BLOCK - 1) / BLOCK;
    int failed = 0;
#pragma omp parallel for reduction(| : failed)
    for (int task = 0; task < n * blocks; task++) {
        const int first = task % blocks * BLOCK, inside = 2 * (width + 4) + 2;
        const int some = channels - first < BLOCK ? channels - first : BLOCK;
        const size_t at = (size_t)(task / blocks) * plane * channels + first;
        float *in = calloc(BLOCK * (padded + plane), sizeof *in), *slopes = in + BLOCK * padded;
        if (!in) {
            failed = 1;
            continue;
        }
        spread(x, half, at, channels, some, height, width, in + inside, width + 4, padded);
        spread(grad, half, at, channels, some, height, width, slopes, width, plane);
        for (int c = 0; c < some; c++) {
            const int channel = first + c, row = task / blocks * channels + channel;
            float flipped[TAPS], *own = in + c * padded, *slope = slopes + c * plane;
            for (int i = 0; i < TAPS; i++)
                flipped[i] = kernel[channel * TAPS + TAPS - 1 - i];
            correlate(own, slope, height, width, gkernel + row * TAPS, gbias + row);
            for (int y = 0; y < height; y++)
                memcpy(own + inside + y * (width + 4), slope + y * width, width * sizeof *own);
            convolve(own, flipped, 0, height, width, slope);
        }
        gather(slopes, plane, some, height, width, gx, half, at, channels);
        free(in);
    }
    return failed;
}

/* ---- element by element ---- */

enum { CHUNK = 1024 };

static void load(const void *x, int half, size_t at, int n, float *restrict out)
{
    if (half) {
        const uint16_t *from = (const uint16_t *)x + at;
#pragma omp simd
        for (int i = 0; i < n; i++)
            out[i] = widen(from[i]);
    } else {
        memcpy(out, (const float *)x + at, n * sizeof *out);
    }
}

static void store(const float *restrict values, void *x, int half, size_t at, int n)
{
    if (half) {
        uint16_t *to = (uint16_t *)x + at;
#pragma omp simd
        for (int i = 0; i < n; i++)
            to[i] = narrow(values[i]);
    } else {
        memcpy((float *)x + at, values, n * sizeof *values);
    }
}

/* The normal distribution's integral up to x, to 1e-7 (Abramowitz and Stegun, 7.1.26); `bell` is
 * exp(-x^2 / 2). */
static float cumulate(float x, float bell)
{
    const float t = 1 / (1 + 0.3275911f * 0.70710678f * fabsf(x));
    const float tail =
        0.5f * bell * t *
        (0.254829592f +
         t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f))));
    return x < 0 ? tail : 1 - tail;
}

/* out = gelu(x), or, if there is one, grad times its derivative; n values each. */
int lm_gelu(const void *x, const void *grad, void *out, int half, long n)
{
#pragma omp parallel for
    for (long at = 0; at < n; at += CHUNK) {
        float a[CHUNK], g[CHUNK];
        const int some = n - at < CHUNK ? (int)(n - at) : CHUNK;
        load(x, half, at, some, a);
        if (grad) {
            load(grad, half, at, some, g);
#pragma omp simd
            for (int i = 0; i < some; i++) {
                const float bell = expf(-0.5f * a[i] * a[i]);
                a[i] = g[i] * (cumulate(a[i], bell) + 0.39894228f * a[i] * bell);
            }
        } else {
#pragma omp simd
            for (int i = 0; i < some; i++)
                a[i] *= cumulate(a[i], expf(-0.5f * a[i] * a[i]));
        }
        store(a, out, half, at, some);
    }
    return 0;
}

static void find_moments(const float *x, int n, float eps, float *mean, float *scale)
{
    float sum = 0, squares = 0;
    for (int i = 0; i < n; i++)
        sum += x[i];
    *mean = sum / n;
    for (int i = 0; i < n; i++)
        squares += (x[i] - *mean) * (x[i] - *mean);
    *scale = 1 / sqrtf(squares / n + eps);
}

/* Layer norm of rows of n values, at most CHUNK. */
int lm_layer_norm(const void *x, const float *weight, const float *bias, void *out, float eps,
                  int half, long rows, int n)
{
#pragma omp parallel for
    for (long row = 0; row < rows; row++) {
        float a[CHUNK], mean, scale;
        load(x, half, row * n, n, a);
        find_moments(a, n, eps, &mean, &scale);
        for (int i = 0; i < n; i++)
            a[i] = (a[i] - mean) * scale * weight[i] + bias[i];
        store(a, out, half, row * n, n);
    }
    return 0;
}

/* Its gradient by x; those by weight and bias, parts x n each, one for each of `parts` equal shares
 * of the rows. */
int lm_layer_norm_gradient(const void *x, const float *weight, const void *grad, void *gx,
                           float *gweight, float *gbias, float eps, int half, long rows, int n,
                           int parts)
{
#pragma omp parallel for
    for (int part = 0; part < parts; part++) {
        float a[CHUNK], g[CHUNK], by_weight[CHUNK] = {0}, by_bias[CHUNK] = {0};
        for (long row = rows * part / parts; row < rows * (part + 1) / parts; row++) {
            float mean, scale, sum = 0, along = 0;
            load(x, half, row * n, n, a);
            load(grad, half, row * n, n, g);
            find_moments(a, n, eps, &mean, &scale);
            for (int i = 0; i < n; i++) {
                a[i] = (a[i] - mean) * scale;
                by_bias[i] += g[i];
                by_weight[i] += g[i] * a[i];
                g[i] *= weight[i];
                sum += g[i];
                along += g[i] * a[i];
            }
            for (int i = 0; i < n; i++)
                g[i] = scale * (g[i] - sum / n - a[i] * along / n);
            store(g, gx, half, row * n, n);
        }
        memcpy(gweight + (size_t)part * n, by_weight, n * sizeof *gweight);
        memcpy(gbias + (size_t)part * n, by_bias, n * sizeof *gbias);
    }
    return 0;
}
