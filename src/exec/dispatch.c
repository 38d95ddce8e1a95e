/* SPDX-License-Identifier: LGPL-2.1-or-later
 * One row of shader, constants and grid for each kind of operator. */
#include "exec/dispatch.h"

#include "exec/pack.h"
#include "exec/tile.h"

#include <string.h>

/* Rows of one invocation: ROWS in conv.comp and depthwise.comp. */
#define CONV_ROWS(group) ((group) == 3 ? 3 : 4)
#define DEPTHWISE_ROWS 4
/* Planes of one invocation: PLANES in depthwise.comp. */
#define DEPTHWISE_PLANES 3
/* Input rows and columns of one invocation: SIDE in tap_sum.comp. */
#define TAP_SUM_SIDE 2
/* Texels of a head's output that one invocation gives: BLOCK in attention.glsl. */
#define ATTENTION_BLOCK 8
/* Queries of one invocation: QUERIES in global_attention.comp, LANES8. */
#define ATTENTION_QUERIES 4
/* Texels of a turn of pool.comp's loop, where the cell's width allows. */
#define POOL_STEP 8
/* Planes of hidden values that squeeze_excite.comp has room for; a wider model's build has as many
 * as it needs. */
#define EXCITE_HIDDEN 64
/* More than any tensor has. */
#define ALL_PLANES (1 << 20)

/* Invocations of a workgroup. On a CPU a heavy shader's partly filled last workgroup costs more
 * than many small workgroups do; a light one's workgroups cost more than the filling. */
typedef struct {
    guint32 heavy, light;
} LocalSize;

static LocalSize local_size(unsigned variant)
{
    return variant & LM_VARIANT_LANES8 ? (LocalSize){8, 32} : (LocalSize){64, 64};
}

void lm_dispatch_set_spec(LmDispatch *dispatch, unsigned n, const guint32 *values)
{
    memcpy(dispatch->spec, values, n * sizeof *values);
    dispatch->n_spec = n;
}

void lm_dispatch_set_push(LmDispatch *dispatch, unsigned n, const gint32 *values)
{
    memcpy(dispatch->push, values, n * sizeof *values);
    dispatch->n_push = n;
}

#define SPEC(...) LM_DISPATCH_SPEC(dispatch, __VA_ARGS__)
#define PUSH(...) LM_DISPATCH_PUSH(dispatch, __VA_ARGS__)

void lm_dispatch_set_groups(LmDispatch *dispatch, int x, int y, int z)
{
    dispatch->groups[0] = (guint32)x;
    dispatch->groups[1] = (guint32)y;
    dispatch->groups[2] = (guint32)z;
}

/* Workgroups for `invocations`, `rows` of the second dimension. */
static void set_grid(LmDispatch *dispatch, int invocations, guint32 local, int rows)
{
    lm_dispatch_set_groups(dispatch, lm_ceil_div(invocations, (int)local), rows, 1);
}

/* Texels of an invocation of linear.comp with so many planes of inputs that it holds, or of
 * outputs: as many as code of some 800 multiply-adds allows, beyond which a CPU's instruction cache
 * misses. */
static guint32 lanes8_pixels(int held, int group)
{
    /* Two texels are summed eight outputs at a time, which a group of three planes is not a
     * multiple of: only what normalises its inputs holds any with such a group. */
    G_STATIC_ASSERT(LM_NORMALISED_PLANES <= 6);
    return held > 6 ? 2 : held > 4 || group > 3 ? 4 : 8;
}

int lm_dispatch_granularity(const LmGraph *graph, const LmOp *op, unsigned variant)
{
    switch (op->kind) {
    case LM_OP_CONV:
    case LM_OP_LINEAR:
        return lm_pack_group(graph, op, variant);
    case LM_OP_NEIGHBOURHOOD_ATTENTION:
    case LM_OP_GLOBAL_ATTENTION:
        return (int)lm_head_layout_texels(op->heads);
    case LM_OP_SQUEEZE_EXCITE:
        return ALL_PLANES; /* one workgroup gives them */
    default:
        return 1;
    }
}

int lm_dispatch_input_planes(const LmOp *op)
{
    switch (op->kind) {
    case LM_OP_CONV:
    case LM_OP_LINEAR:
    case LM_OP_NORM:
    case LM_OP_SQUEEZE_EXCITE:
        return 0;
    case LM_OP_TAP_SUM:
        return 9;
    default:
        return 1;
    }
}

void lm_dispatch_op(const LmGraph *graph, const LmOp *op, unsigned variant, LmPlanes planes,
                    LmDispatch *dispatch)
{
    const LmTensor *x = lm_graph_tensor(graph, op->input), *y = lm_graph_tensor(graph, op->output);
    const LocalSize local = local_size(variant);
    const int in_stride = (int)lm_tensor_plane_stride(x),
              out_stride = (int)lm_tensor_plane_stride(y);
    const int pixels = y->height * y->width;
    const guint32 activation = (guint32)op->activation;
    const guint32 add = op->residual != LM_NO_TENSOR,
                  channel_scale = op->channel_scale != LM_NO_TENSOR;
    const guint32 per_texel = lm_head_layout_per_texel(op->heads),
                  texels = lm_head_layout_texels(op->heads);

    const int columns = y->width % 2 == 0 ? 2 : 1;
    const int group = lm_pack_group(graph, op, variant), groups = lm_ceil_div(planes.n, group);
    const int blocks = lm_ceil_div((int)texels, ATTENTION_BLOCK);

    *dispatch = (LmDispatch){.variant = variant};
    switch (op->kind) {
    case LM_OP_CONV:
        dispatch->shader = "conv";
        SPEC(local.heavy, (guint32)op->stride, activation, add, (guint32)group);
        PUSH(y->width, y->height, x->width, x->height, x->planes, planes.n, in_stride, out_stride);
        set_grid(dispatch, y->width * lm_ceil_div(y->height, CONV_ROWS(group)) + 1, local.heavy,
                 groups);
        break;
    case LM_OP_LINEAR: {
        const int held = lm_pack_held(graph, op, variant);
        const guint32 each = variant & LM_VARIANT_LANES8 ? lanes8_pixels(held, group) : 4;
        dispatch->shader = "linear";
        SPEC(local.light, activation, add, channel_scale && !op->squeeze_excite, each,
             (guint32)group, (guint32)held, op->normalise);
        const LmTensor *channel_scales =
            channel_scale ? lm_graph_tensor(graph, op->channel_scale) : NULL;
        PUSH(pixels, x->planes, planes.n, in_stride, out_stride,
             channel_scale ? (int)lm_tensor_plane_stride(channel_scales) : 0, x->channels,
             channel_scale ? channel_scales->height * channel_scales->width : 0,
             channel_scale ? channel_scales->planes : 0,
             op->squeeze_excite ? (op->squeeze_excite->hidden + 3) / 4 : 0);
        set_grid(dispatch, pixels + 1, local.light * each, held ? 1 : groups);
        break;
    }
    case LM_OP_DEPTHWISE:
        dispatch->shader = "depthwise";
        SPEC(local.heavy, activation, columns);
        PUSH(y->width, y->height, out_stride, planes.n,
             op->partial_sums == LM_NO_TENSOR
                 ? 0
                 : (int)lm_tensor_plane_stride(lm_graph_tensor(graph, op->partial_sums)));
        set_grid(dispatch, y->width / columns * lm_ceil_div(y->height, DEPTHWISE_ROWS) + 1,
                 local.heavy, lm_ceil_div(planes.n, DEPTHWISE_PLANES));
        break;
    case LM_OP_SQUEEZE_EXCITE:
        dispatch->shader = "squeeze_excite";
        SPEC(local.light, MAX((guint32)(op->hidden + 3) / 4, EXCITE_HIDDEN));
        PUSH(x->height * x->width, x->planes, (op->hidden + 3) / 4, planes.n, in_stride,
             out_stride);
        set_grid(dispatch, 1, 1, 1);
        break;
    case LM_OP_NORM:
        dispatch->shader = "norm";
        SPEC(local.light);
        PUSH(pixels, y->planes, y->channels, out_stride, planes.first, planes.n);
        set_grid(dispatch, pixels + 1, local.light, 1);
        break;
    case LM_OP_NEIGHBOURHOOD_ATTENTION:
        dispatch->shader = "neighbourhood_attention";
        SPEC(local.light, per_texel, texels, op->weight != NULL);
        PUSH(y->width, y->height, y->planes, out_stride);
        set_grid(dispatch, pixels + 1, local.light, planes.n / (int)texels * blocks);
        break;
    case LM_OP_GLOBAL_ATTENTION:
        dispatch->shader = "global_attention";
        SPEC(local.heavy, per_texel, texels);
        PUSH(pixels, y->planes, out_stride);
        set_grid(dispatch, pixels + 1,
                 local.heavy * (variant & LM_VARIANT_LANES8 ? ATTENTION_QUERIES : 1),
                 planes.n / (int)texels * blocks);
        break;
    case LM_OP_POOL:
        dispatch->shader = "pool";
        SPEC(local.heavy, x->width / y->width % POOL_STEP ? 1 : POOL_STEP);
        PUSH(y->width, y->height, x->width / y->width, x->height / y->height, in_stride,
             out_stride);
        set_grid(dispatch, pixels, local.heavy, planes.n);
        break;
    case LM_OP_TAP_SUM:
        dispatch->shader = "tap_sum";
        SPEC(local.heavy, activation, add);
        PUSH(x->width, x->height, in_stride, out_stride);
        set_grid(dispatch,
                 lm_ceil_div(x->width, TAP_SUM_SIDE) * lm_ceil_div(x->height, TAP_SUM_SIDE) + 1,
                 local.heavy, planes.n);
        break;
    case LM_N_OPS:
        g_assert_not_reached();
    }
    if (dispatch->variant & LM_VARIANT_TILED)
        lm_tile_op(graph, op, planes, dispatch);
}

void lm_dispatch_mask(const LmTensor *logits, unsigned variant, LmDispatch *dispatch)
{
    const LocalSize local = local_size(variant);
    int pixels = logits->height * logits->width;

    *dispatch = (LmDispatch){.variant = variant};
    dispatch->shader = "mask";
    SPEC(local.light);
    PUSH(pixels, logits->channels, (int)lm_tensor_plane_stride(logits));
    set_grid(dispatch, pixels / 4, local.light, logits->channels - 1);
}
