/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Winograd's convolution: when to use it, its grids and its transformed kernels. */
#include "exec/winograd.h"

#include <string.h>

/* The same values as in shaders/include/winograd.glsl. */
#define OUTPUTS 4
#define POINTS 6
G_STATIC_ASSERT(LM_WINOGRAD_ELEMENTS == POINTS * POINTS);

/* Invocations of a workgroup, and groups of 8 output channels of one of the product's: GROUPS in
 * winograd_product.comp. */
#define LOCAL 8
#define PRODUCT_GROUPS 3

/* Pairs of tiles in a row of them. */
static int pairs_across(const LmTensor *y)
{
    return lm_ceil_div(y->width, 2 * OUTPUTS);
}

static int rows_of(const LmTensor *y)
{
    return lm_ceil_div(y->height, OUTPUTS);
}

bool lm_winograd_possible(const LmKernel *kernel)
{
    return kernel->op->kind == LM_OP_CONV && kernel->op->stride == 1 &&
           kernel->variant == LM_VARIANT_LANES8;
}

/* Costs of the parts of both algorithms, in ns of one thread as measured; only the ratios matter. A
 * plane has four channels. */
enum {
    DIRECT_NS = 106,        /* conv.comp, for 16 pixels of an input and an output plane */
    INPUT_NS = 180,         /* a tile of an input plane: mostly storing 36 texels */
    OUTPUT_NS = 120,        /* a tile of an output plane */
    PRODUCT_NS = 32,        /* a tile of an input and an output plane */
    PRODUCT_STORE_NS = 125, /* a tile of an output plane */
    DISPATCHES_NS = 26000,  /* the two additional dispatches */
};

bool lm_winograd_faster(const LmKernel *kernel)
{
    const LmTensor *x = kernel->x, *y = kernel->y;
    /* Tiles of whole workgroups. */
    double tiles = 2 * LOCAL * lm_ceil_div(pairs_across(y) * rows_of(y), LOCAL);
    double in = x->planes, out = lm_ceil_div(y->planes, 2) * 2,
           pixels = (double)y->height * y->width;

    double direct = pixels / 16 * in * out * DIRECT_NS;
    double winograd = tiles * (in * INPUT_NS + out * OUTPUT_NS) +
                      tiles * out * (in * PRODUCT_NS + PRODUCT_STORE_NS) + DISPATCHES_NS;
    /* A tie is not worth the memory. */
    return winograd * 1.1 < direct;
}

int lm_winograd_rows(const LmKernel *kernel)
{
    return rows_of(kernel->y);
}

int lm_winograd_band_rows(const LmKernel *kernel, int most)
{
    return lm_ceil_div(rows_of(kernel->y), lm_ceil_div(rows_of(kernel->y), most));
}

gsize lm_winograd_texels(const LmKernel *kernel, const LmTensor *tensor, int rows)
{
    gsize pairs = (gsize)pairs_across(kernel->y) * (gsize)rows;
    return LM_WINOGRAD_ELEMENTS * (gsize)tensor->planes * pairs * 2;
}

void lm_winograd_dispatch(const LmKernel *kernel, LmWinogradStep step, LmWinogradBand band,
                          LmDispatch *dispatch)
{
    const LmOp *op = kernel->op;
    const LmTensor *x = kernel->x, *y = kernel->y;
    const int across = pairs_across(y), pairs = across * band.n;

    *dispatch = (LmDispatch){.variant = LM_VARIANT_LANES8};
    switch (step) {
    case LM_WINOGRAD_INPUT:
        dispatch->shader = "winograd_input";
        LM_DISPATCH_SPEC(dispatch, LOCAL);
        LM_DISPATCH_PUSH(dispatch, x->width, x->height, x->planes, (int)lm_tensor_plane_stride(x),
                         across, pairs, band.first);
        lm_dispatch_set_groups(dispatch, lm_ceil_div(pairs, LOCAL), x->planes, 1);
        break;
    case LM_WINOGRAD_PRODUCT:
        dispatch->shader = "winograd_product";
        LM_DISPATCH_SPEC(dispatch, LOCAL);
        LM_DISPATCH_PUSH(dispatch, x->planes, y->planes, pairs);
        lm_dispatch_set_groups(dispatch, lm_ceil_div(pairs, LOCAL),
                               lm_ceil_div(y->planes, PRODUCT_GROUPS * 2), LM_WINOGRAD_ELEMENTS);
        break;
    case LM_WINOGRAD_OUTPUT:
        dispatch->shader = "winograd_output";
        LM_DISPATCH_SPEC(dispatch, LOCAL, (guint32)op->activation, op->residual != LM_NO_TENSOR,
                         y->width % 2 == 0);
        LM_DISPATCH_PUSH(dispatch, y->width, y->height, y->planes, (int)lm_tensor_plane_stride(y),
                         across * 2, pairs * 2, band.first);
        lm_dispatch_set_groups(dispatch, lm_ceil_div(pairs * 2 + 1, LOCAL), y->planes, 1);
        break;
    case LM_N_WINOGRAD_STEPS:
        g_assert_not_reached();
    }
}

/* The kernel as a polynomial at each point, divided by the product of the point's distances from
 * the other finite ones. */
static void weigh(const double kernel[3], double values[POINTS])
{
    const double a = 0.75, b = 1.5;
    const double at_0 = 1 / (a * a * b * b), at_a = 0.5 / (a * a * (a * a - b * b)),
                 at_b = 0.5 / (b * b * (b * b - a * a));
    const double even_a = at_a * (kernel[0] + a * a * kernel[2]), odd_a = at_a * a * kernel[1];
    const double even_b = at_b * (kernel[0] + b * b * kernel[2]), odd_b = at_b * b * kernel[1];
    values[0] = at_0 * kernel[0];
    values[1] = even_a + odd_a;
    values[2] = even_a - odd_a;
    values[3] = even_b + odd_b;
    values[4] = even_b - odd_b;
    values[5] = kernel[2];
}

/* Evaluates a 3 x 3 kernel at the 6 x 6 points. */
static void evaluate(const float kernel[9], float values[LM_WINOGRAD_ELEMENTS])
{
    double columns[3][POINTS];
    for (int c = 0; c < 3; c++)
        weigh((const double[]){(double)kernel[c], (double)kernel[3 + c], (double)kernel[6 + c]},
              columns[c]);
    for (int r = 0; r < POINTS; r++) {
        double row[POINTS];
        weigh((const double[]){columns[0][r], columns[1][r], columns[2][r]}, row);
        for (int c = 0; c < POINTS; c++)
            values[r * POINTS + c] = (float)row[c];
    }
}

/* winograd_product.comp's groups of OUTPUTS = 8, and input planes padded to its PLANES = 3. */
static int weight_groups(const LmTensor *y)
{
    return lm_ceil_div(y->planes, 2);
}

static int weight_planes(const LmTensor *x)
{
    return lm_ceil_div(x->planes, 3) * 3;
}

gsize lm_winograd_weight_texels(const LmKernel *kernel)
{
    return LM_WINOGRAD_ELEMENTS * (gsize)weight_groups(kernel->y) *
           (gsize)weight_planes(kernel->x) * 8;
}

/* Each element's weights lie as conv.comp's do; one tile of all elements at a time, since writing
 * single values to so many places is slow. */
void lm_winograd_write_weights(const LmKernel *kernel, float *texels)
{
    const LmTensor *x = kernel->x, *y = kernel->y;
    const int planes = weight_planes(x);
    const gsize n = (gsize)weight_groups(y) * (gsize)planes;
    for (gsize t = 0; t < n; t++) {
        float tile[LM_WINOGRAD_ELEMENTS][32] = {0};
        for (int k = 0; k < 32; k++) {
            int o = lm_tensor_channel(y, (int)t / planes * 8 + k / 4),
                i = lm_tensor_channel(x, (int)t % planes * 4 + k % 4);
            float values[LM_WINOGRAD_ELEMENTS];
            if (o < 0 || i < 0)
                continue;
            evaluate(kernel->op->weight + ((gsize)o * (gsize)x->channels + (gsize)i) * 9, values);
            for (int e = 0; e < LM_WINOGRAD_ELEMENTS; e++)
                tile[e][k] = values[e];
        }
        for (gsize e = 0; e < LM_WINOGRAD_ELEMENTS; e++)
            memcpy(texels + (e * n + t) * 32, tile[e], sizeof tile[e]);
    }
}
