/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Writes weights by stored channel; zero if no logical channel is stored there. */
#include "exec/weight-layout.h"

#include "exec/winograd.h"
#include "util/numeric.h"

static int groups(const LmKernel *kernel)
{
    return lm_ceil_div(kernel->y->planes, kernel->group);
}

static int hidden_planes(const LmOp *op)
{
    return lm_ceil_div(op->hidden, 4);
}

/* --- Weights --------------------------------------------------------------------------------- */

/* Texels of tiles of `group` output planes, `in_planes` input planes and this many taps. */
static gsize tile_texels(const LmKernel *kernel, int taps, int in_planes)
{
    return (gsize)groups(kernel) * (gsize)in_planes * (gsize)taps * (gsize)kernel->group * 4;
}

/* Products in half precision need every four texels transposed, as tile.glsl reads them. */
static void write_tiles(const LmKernel *kernel, int taps, int in_planes, float *texels)
{
    const LmTensor *x = kernel->x, *y = kernel->y;
    const float *weight = kernel->op->weight;
    const bool transposed = kernel->variant & LM_VARIANT_HALF;
    const int outputs = kernel->group * 4;
    for (int slot = 0; slot < groups(kernel) * outputs; slot++) {
        int o = lm_tensor_channel(y, slot);
        for (int plane = 0; plane < in_planes; plane++) {
            for (int t = 0; t < taps; t++) {
                gsize texel =
                    (((gsize)(slot / outputs) * (gsize)in_planes + (gsize)plane) * (gsize)taps +
                     (gsize)t) *
                        (gsize)outputs +
                    (gsize)(slot % outputs);
                for (gsize j = 0; j < 4; j++) {
                    int i = lm_tensor_channel(x, plane * 4 + (int)j);
                    texels[transposed ? (texel - texel % 4 + j) * 4 + texel % 4 : texel * 4 + j] =
                        o < 0 || i < 0
                            ? 0
                            : weight[((gsize)o * (gsize)x->channels + (gsize)i) * (gsize)taps +
                                     (gsize)t];
                }
            }
        }
    }
}

gsize lm_weight_layout_conv_texels(const LmKernel *kernel)
{
    return kernel->winograd_rows ? lm_winograd_weight_texels(kernel)
                                 : tile_texels(kernel, 9, kernel->x->planes);
}

void lm_weight_layout_conv(const LmKernel *kernel, float *texels)
{
    if (kernel->winograd_rows)
        lm_winograd_write_weights(kernel, texels);
    else
        write_tiles(kernel, 9, kernel->x->planes, texels);
}

/* Input planes as linear.comp pads them. */
static int linear_planes(const LmKernel *kernel)
{
    return kernel->cached_planes ? kernel->x->planes
                                 : lm_ceil_div(kernel->x->planes, LM_LINEAR_STEP) * LM_LINEAR_STEP;
}

gsize lm_weight_layout_linear_texels(const LmKernel *kernel)
{
    return tile_texels(kernel, 1, linear_planes(kernel));
}

void lm_weight_layout_linear(const LmKernel *kernel, float *texels)
{
    write_tiles(kernel, 1, linear_planes(kernel), texels);
}

gsize lm_weight_layout_depthwise_texels(const LmKernel *kernel)
{
    return (gsize)kernel->y->planes * 32;
}

void lm_weight_layout_depthwise(const LmKernel *kernel, float *texels)
{
    for (int slot = 0; slot < kernel->y->planes * 4; slot++) {
        int c = lm_tensor_channel(kernel->y, slot);
        for (int t = 0; t < 32; t++)
            texels[(slot / 4 * 32 + t) * 4 + slot % 4] =
                c < 0 || t >= 25 ? 0 : kernel->op->weight[c * 25 + t];
    }
}

gsize lm_weight_layout_squeeze_excite_texels(const LmKernel *kernel)
{
    return (gsize)hidden_planes(kernel->op) * (gsize)(kernel->x->planes + kernel->y->planes) * 4;
}

/* Hidden channels are stored in order. */
void lm_weight_layout_squeeze_excite(const LmKernel *kernel, float *texels)
{
    const LmOp *op = kernel->op;
    const LmTensor *x = kernel->x, *y = kernel->y;
    const int hidden = hidden_planes(op);
    for (int slot = 0; slot < hidden * 4; slot++)
        for (int plane = 0; plane < x->planes; plane++)
            for (int j = 0; j < 4; j++) {
                int i = lm_tensor_channel(x, plane * 4 + j);
                texels[((slot / 4 * x->planes + plane) * 4 + slot % 4) * 4 + j] =
                    slot >= op->hidden || i < 0 ? 0 : op->hidden_weight[slot * x->channels + i];
            }
    texels += hidden * x->planes * 16;
    for (int slot = 0; slot < y->planes * 4; slot++)
        for (int i = 0; i < hidden * 4; i++) {
            int o = lm_tensor_channel(y, slot);
            texels[((slot / 4 * hidden + i / 4) * 4 + slot % 4) * 4 + i % 4] =
                o < 0 || o >= x->channels || i >= op->hidden ? 0 : op->weight[o * op->hidden + i];
        }
}

/* --- Biases ---------------------------------------------------------------------------------- */

gsize lm_weight_layout_group_bias_texels(const LmKernel *kernel)
{
    return (gsize)groups(kernel) * (gsize)kernel->group;
}

gsize lm_weight_layout_bias_texels(const LmKernel *kernel)
{
    return (gsize)kernel->y->planes;
}

static void write_biases(const LmKernel *kernel, gsize n_texels, float *texels)
{
    const LmOp *op = kernel->op;
    /* A stored channel without a logical one must become 0: hardsigmoid maps -3 to 0, the other
     * activations map 0 to 0. */
    const float nothing = op->activation == LM_ACTIVATION_HARDSIGMOID ? -3 : 0;
    for (gsize slot = 0; slot < n_texels * 4; slot++) {
        int c = lm_tensor_channel(kernel->y, (int)slot);
        texels[slot] = c >= 0 ? op->bias[c] : nothing;
    }
}

void lm_weight_layout_group_biases(const LmKernel *kernel, float *texels)
{
    write_biases(kernel, lm_weight_layout_group_bias_texels(kernel), texels);
}

void lm_weight_layout_biases(const LmKernel *kernel, float *texels)
{
    write_biases(kernel, lm_weight_layout_bias_texels(kernel), texels);
}

gsize lm_weight_layout_squeeze_excite_bias_texels(const LmKernel *kernel)
{
    return (gsize)(hidden_planes(kernel->op) + kernel->y->planes);
}

void lm_weight_layout_squeeze_excite_biases(const LmKernel *kernel, float *texels)
{
    const LmOp *op = kernel->op;
    for (int slot = 0; slot < hidden_planes(op) * 4; slot++)
        *texels++ = slot < op->hidden ? op->hidden_bias[slot] : 0;
    /* Hardsigmoid maps 3 to 1. */
    for (int slot = 0; slot < kernel->y->planes * 4; slot++) {
        int c = lm_tensor_channel(kernel->y, slot);
        *texels++ = c >= 0 && c < kernel->x->channels ? op->bias[c] : 3;
    }
}

/* Units of an attention operator: see neighbourhood_attention.comp. */
static gsize units(const LmKernel *kernel)
{
    return (gsize)kernel->y->planes / lm_head_layout_texels(kernel->op->heads);
}

gsize lm_weight_layout_position_bias_texels(const LmKernel *kernel)
{
    return kernel->op->weight ? units(kernel) * 25 : 0;
}

void lm_weight_layout_position_biases(const LmKernel *kernel, float *texels)
{
    const LmOp *op = kernel->op;
    const gsize unit_slots = 4 * lm_head_layout_texels(op->heads);
    const gsize n = lm_weight_layout_position_bias_texels(kernel) * 4;
    for (gsize i = 0; i < n; i++) {
        /* The head whose channels this lane of the unit holds; a padding lane's value is never
         * used. */
        gsize unit = i / 100, k = i / 4 % 25, lane = i % 4;
        int c =
            kernel->y
                ->channel[unit * unit_slots + (lm_head_layout_per_texel(op->heads) > 1 ? lane : 0)];
        texels[i] = c < 0 ? 0 : op->weight[(unsigned)c / op->heads.dim * 25 + k];
    }
}
