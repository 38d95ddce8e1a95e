/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Packing of weights: by stored channel, zero where no logical channel is stored. */
#include "exec/pack.h"

#include "exec/winograd.h"

#include <string.h>

int lm_pack_held(const LmGraph *graph, const LmOp *op, unsigned variant)
{
    const LmTensor *x = lm_graph_tensor(graph, op->input), *y = lm_graph_tensor(graph, op->output);
    /* Beyond 12 planes too few texels would share a fetch of weights, and so few outputs are one
     * group. Layers with a residual are few: not worth pipelines of their own. */
    bool pays = variant & LM_VARIANT_LANES8 && x->planes <= 12 && y->planes > 3 &&
                op->residual == LM_NO_TENSOR && y->width * y->height > 1;
    return op->kind == LM_OP_LINEAR && (pays || op->normalise) ? x->planes : 0;
}

int lm_pack_group(const LmGraph *graph, const LmOp *op, unsigned variant)
{
    int planes = lm_graph_tensor(graph, op->output)->planes;
    if (!(variant & LM_VARIANT_LANES8))
        return 2;
    /* Two groups of two would compute four planes. */
    if (planes == 3)
        return 3;
    /* More outputs of fewer texels fetch least, unless a tenth of them is for nothing. */
    int padded = (planes + 5) / 6 * 6;
    bool six = op->kind == LM_OP_LINEAR && !lm_pack_held(graph, op, variant) &&
               (padded - planes) * 10 <= planes;
    return six ? 6 : 2;
}

/* Groups of stored output channels. */
static int groups(const LmGraph *graph, const LmOp *op, unsigned variant)
{
    int group = lm_pack_group(graph, op, variant);
    return (lm_graph_tensor(graph, op->output)->planes + group - 1) / group;
}

/* Input planes as the shader counts them. */
static int padded_planes(const LmGraph *graph, const LmOp *op, unsigned variant)
{
    const LmTensor *x = lm_graph_tensor(graph, op->input);
    if (op->kind == LM_OP_CONV || lm_pack_held(graph, op, variant))
        return x->planes;
    return (x->planes + LM_LINEAR_STEP - 1) / LM_LINEAR_STEP * LM_LINEAR_STEP;
}

static int hidden_planes(const LmOp *op)
{
    return (op->hidden + 3) / 4;
}

/* winograd_product.comp's groups of OUTPUTS = 8, and input planes padded to its PLANES = 3. */
static int winograd_groups(const LmTensor *y)
{
    return (y->planes + 1) / 2;
}

static int winograd_planes(const LmTensor *x)
{
    return (x->planes + 2) / 3 * 3;
}

gsize lm_pack_weight_texels(const LmGraph *graph, const LmOp *op, unsigned variant, bool winograd)
{
    const LmTensor *x = lm_graph_tensor(graph, op->input), *y = lm_graph_tensor(graph, op->output);
    switch (op->kind) {
    case LM_OP_CONV:
        if (winograd)
            return LM_WINOGRAD_ELEMENTS * (gsize)winograd_groups(y) * (gsize)winograd_planes(x) * 8;
        G_GNUC_FALLTHROUGH;
    case LM_OP_LINEAR:
        return (gsize)groups(graph, op, variant) * (gsize)padded_planes(graph, op, variant) *
               (op->kind == LM_OP_CONV ? 9 : 1) * (gsize)lm_pack_group(graph, op, variant) * 4;
    case LM_OP_DEPTHWISE:
        return (gsize)y->planes * 32;
    case LM_OP_SQUEEZE_EXCITE:
        return (gsize)hidden_planes(op) * (gsize)(x->planes + y->planes) * 4;
    default:
        return 0;
    }
}

/* Units of an attention operator: see neighbourhood_attention.comp. */
static gsize units(const LmOp *op, const LmTensor *y)
{
    return (gsize)y->planes / lm_head_layout_texels(op->heads);
}

gsize lm_pack_bias_texels(const LmGraph *graph, const LmOp *op, unsigned variant)
{
    const LmTensor *y = lm_graph_tensor(graph, op->output);
    switch (op->kind) {
    case LM_OP_CONV:
    case LM_OP_LINEAR:
        return (gsize)groups(graph, op, variant) * (gsize)lm_pack_group(graph, op, variant);
    case LM_OP_DEPTHWISE:
    case LM_OP_TAP_SUM:
        return (gsize)y->planes;
    case LM_OP_SQUEEZE_EXCITE:
        return (gsize)(hidden_planes(op) + y->planes);
    case LM_OP_NEIGHBOURHOOD_ATTENTION:
        return op->weight ? units(op, y) * 25 : 0;
    default:
        return 0;
    }
}

/* The logical channel in stored slot `slot`, -1 for none or beyond the last. */
static int logical(const LmTensor *tensor, int slot)
{
    return slot < tensor->planes * 4 ? tensor->channel[slot] : -1;
}

/* group: planes of a group of outputs. transposed: each four texels, as tile.glsl has them. */
static void pack_tiles(const LmTensor *x, const LmTensor *y, int group, bool transposed,
                       const float *weight, int taps, int in_planes, float *out)
{
    const int outputs = group * 4;
    for (int slot = 0; slot < (y->planes + group - 1) / group * outputs; slot++) {
        int o = logical(y, slot);
        for (int plane = 0; plane < in_planes; plane++) {
            for (int t = 0; t < taps; t++) {
                gsize texel =
                    (((gsize)(slot / outputs) * (gsize)in_planes + (gsize)plane) * (gsize)taps +
                     (gsize)t) *
                        (gsize)outputs +
                    (gsize)(slot % outputs);
                for (gsize j = 0; j < 4; j++) {
                    int i = logical(x, plane * 4 + (int)j);
                    out[transposed ? (texel - texel % 4 + j) * 4 + texel % 4 : texel * 4 + j] =
                        o < 0 || i < 0
                            ? 0
                            : weight[((gsize)o * (gsize)x->channels + (gsize)i) * (gsize)taps +
                                     (gsize)t];
                }
            }
        }
    }
}

/* See squeeze_excite.comp. Hidden channels are stored in order. */
static void pack_squeeze_excite(const LmOp *op, const LmTensor *x, const LmTensor *y, float *out)
{
    for (int slot = 0; slot < hidden_planes(op) * 4; slot++)
        for (int plane = 0; plane < x->planes; plane++)
            for (int j = 0; j < 4; j++) {
                int i = logical(x, plane * 4 + j);
                out[((slot / 4 * x->planes + plane) * 4 + slot % 4) * 4 + j] =
                    slot >= op->hidden || i < 0 ? 0 : op->hidden_weight[slot * x->channels + i];
            }
    out += hidden_planes(op) * x->planes * 16;
    for (int slot = 0; slot < y->planes * 4; slot++)
        for (int i = 0; i < hidden_planes(op) * 4; i++) {
            int o = logical(y, slot);
            out[((slot / 4 * hidden_planes(op) + i / 4) * 4 + slot % 4) * 4 + i % 4] =
                o < 0 || o >= x->channels || i >= op->hidden ? 0 : op->weight[o * op->hidden + i];
        }
}

/* Each element's weights as pack_tiles() has them; a tile of all elements at a time, since writing
 * single values to as many places at once is slow. */
static void pack_winograd(const LmTensor *x, const LmTensor *y, const float *weight, float *out)
{
    const int planes = winograd_planes(x);
    const gsize n = (gsize)winograd_groups(y) * (gsize)planes;
    for (gsize t = 0; t < n; t++) {
        float tile[LM_WINOGRAD_ELEMENTS][32] = {0};
        for (int k = 0; k < 32; k++) {
            int o = logical(y, (int)t / planes * 8 + k / 4),
                i = logical(x, (int)t % planes * 4 + k % 4);
            float values[LM_WINOGRAD_ELEMENTS];
            if (o < 0 || i < 0)
                continue;
            lm_winograd_evaluate_kernel(weight + ((gsize)o * (gsize)x->channels + (gsize)i) * 9,
                                        values);
            for (int e = 0; e < LM_WINOGRAD_ELEMENTS; e++)
                tile[e][k] = values[e];
        }
        for (gsize e = 0; e < LM_WINOGRAD_ELEMENTS; e++)
            memcpy(out + (e * n + t) * 32, tile[e], sizeof tile[e]);
    }
}

void lm_pack_weights(const LmGraph *graph, const LmOp *op, unsigned variant, bool winograd,
                     float *texels)
{
    const LmTensor *x = lm_graph_tensor(graph, op->input), *y = lm_graph_tensor(graph, op->output);
    if (op->kind == LM_OP_CONV && winograd) {
        pack_winograd(x, y, op->weight, texels);
    } else if (op->kind == LM_OP_CONV || op->kind == LM_OP_LINEAR) {
        pack_tiles(x, y, lm_pack_group(graph, op, variant), variant & LM_VARIANT_HALF, op->weight,
                   op->kind == LM_OP_CONV ? 9 : 1, padded_planes(graph, op, variant), texels);
    } else if (op->kind == LM_OP_SQUEEZE_EXCITE) {
        pack_squeeze_excite(op, x, y, texels);
    } else if (op->kind == LM_OP_DEPTHWISE) {
        for (int slot = 0; slot < y->planes * 4; slot++) {
            int c = logical(y, slot);
            for (int t = 0; t < 32; t++)
                texels[(slot / 4 * 32 + t) * 4 + slot % 4] =
                    c < 0 || t >= 25 ? 0 : op->weight[c * 25 + t];
        }
    }
}

void lm_pack_biases(const LmGraph *graph, const LmOp *op, unsigned variant, float *texels)
{
    const LmTensor *y = lm_graph_tensor(graph, op->output);
    gsize n = lm_pack_bias_texels(graph, op, variant) * 4;
    if (op->kind == LM_OP_NEIGHBOURHOOD_ATTENTION) {
        gsize unit_slots = 4 * lm_head_layout_texels(op->heads);
        for (gsize i = 0; i < n; i++) {
            /* The head whose channels this lane of the unit holds; a padding lane's value is never
             * used. */
            gsize unit = i / 100, k = i / 4 % 25, lane = i % 4;
            int c = y->channel[unit * unit_slots +
                               (lm_head_layout_per_texel(op->heads) > 1 ? lane : 0)];
            texels[i] = c < 0 ? 0 : op->weight[(unsigned)c / op->heads.dim * 25 + k];
        }
        return;
    }
    if (op->kind == LM_OP_SQUEEZE_EXCITE) {
        for (int slot = 0; slot < hidden_planes(op) * 4; slot++)
            *texels++ = slot < op->hidden ? op->hidden_bias[slot] : 0;
        /* Hardsigmoid makes 1 of 3. */
        for (int slot = 0; slot < y->planes * 4; slot++) {
            int c = logical(y, slot);
            *texels++ = c >= 0 && c < lm_graph_tensor(graph, op->input)->channels ? op->bias[c] : 3;
        }
        return;
    }
    /* What no logical channel fills is to come out as 0, which hardsigmoid makes of -3, the others
     * of 0. */
    float nothing = op->activation == LM_ACTIVATION_HARDSIGMOID ? -3 : 0;
    for (gsize slot = 0; slot < n; slot++) {
        int c = logical(y, (int)slot);
        texels[slot] = c >= 0 ? op->bias[c] : nothing;
    }
}
