/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The table's rows: shader, constants and grid of each kind of operator. */
#include "exec/operator.h"

#include "exec/tile.h"
#include "exec/weight-layout.h"

/* Rows of one invocation: ROWS in conv.comp and depthwise.comp. */
#define CONV_ROWS(group) ((group) == 3 ? 3 : 4)
#define DEPTHWISE_ROWS 4
/* Planes of one invocation: PLANES in depthwise.comp. */
#define DEPTHWISE_PLANES 3
/* Input rows and columns of one invocation: SIDE in tap_sum.comp. */
#define TAP_SUM_SIDE 2
/* Texels of a head's output that one invocation computes: BLOCK in attention.glsl. */
#define ATTENTION_BLOCK 8
/* Queries of one invocation: QUERIES in global_attention.comp, LANES8. */
#define ATTENTION_QUERIES 4
/* Texels of an iteration of pool.comp's loop, if the cell's width is a multiple of it. */
#define POOL_STEP 8
/* Planes of hidden values that squeeze_excite.comp has room for; a wider model's pipeline gets as
 * many as it needs. */
#define SQUEEZE_EXCITE_HIDDEN 64
/* More planes than any tensor has. */
#define ALL_PLANES (1 << 20)

/* --- Rows ------------------------------------------------------------------------------------ */

typedef struct {
    void (*dispatch)(const LmKernel *kernel, LmPlanes planes, LmDispatch *dispatch);
    LmTileFunc *tile;                           /* NULL: the shader has no tiled build */
    int (*granularity)(const LmKernel *kernel); /* NULL: 1 */
    int input_planes;
    LmWeightLayout weights, biases; /* zero: none */
} Operator;

#define SPEC(...) LM_DISPATCH_SPEC(dispatch, __VA_ARGS__)
#define PUSH(...) LM_DISPATCH_PUSH(dispatch, __VA_ARGS__)

/* Invocations of a workgroup. On a CPU, a heavy shader loses more to a partly filled last workgroup
 * than to many small workgroups; a light shader loses more to the number of workgroups. */
typedef struct {
    guint32 heavy, light;
} LocalSize;

static LocalSize local_size(unsigned variant)
{
    return variant & LM_VARIANT_LANES8 ? (LocalSize){8, 32} : (LocalSize){64, 64};
}

/* Workgroups for `invocations`, and `rows` in the second dimension. */
static void set_grid(LmDispatch *dispatch, int invocations, guint32 local, int rows)
{
    lm_dispatch_set_groups(dispatch, lm_ceil_div(invocations, (int)local), rows, 1);
}

static int stride_of(const LmTensor *tensor)
{
    return (int)lm_tensor_plane_stride(tensor);
}

static int pixels_of(const LmTensor *tensor)
{
    return tensor->height * tensor->width;
}

static int group(const LmKernel *kernel)
{
    return kernel->group;
}

static int head_texels(const LmKernel *kernel)
{
    return (int)lm_head_layout_texels(kernel->op->heads);
}

static int all_planes(const LmKernel *kernel)
{
    (void)kernel; /* one workgroup computes them */
    return ALL_PLANES;
}

static void dispatch_conv(const LmKernel *kernel, LmPlanes planes, LmDispatch *dispatch)
{
    const LmTensor *x = kernel->x, *y = kernel->y;
    const LmOp *op = kernel->op;
    const guint32 local = local_size(kernel->variant).heavy;
    dispatch->shader = "conv";
    SPEC(local, (guint32)op->stride, op->activation, op->residual != LM_NO_TENSOR,
         (guint32)kernel->group);
    PUSH(y->width, y->height, x->width, x->height, x->planes, planes.n, stride_of(x), stride_of(y));
    set_grid(dispatch, y->width * lm_ceil_div(y->height, CONV_ROWS(kernel->group)) + 1, local,
             lm_ceil_div(planes.n, kernel->group));
}

/* Texels of an invocation of linear.comp with this many planes of cached inputs, or of outputs: as
 * many as fit into code of some 800 multiply-adds, beyond which a CPU's instruction cache
 * misses. */
static guint32 lanes8_pixels(const LmKernel *kernel)
{
    const int cached = kernel->cached_planes;
    /* Two texels are summed eight outputs at a time, and a group of three planes is no multiple of
     * that: with such a group only layers that normalise their inputs cache any. */
    G_STATIC_ASSERT(LM_NORMALISED_PLANES <= 6);
    return cached > 6 ? 2 : cached > 4 || kernel->group > 3 ? 4 : 8;
}

static void dispatch_linear(const LmKernel *kernel, LmPlanes planes, LmDispatch *dispatch)
{
    const LmTensor *x = kernel->x, *y = kernel->y;
    const LmOp *op = kernel->op;
    const bool scaled = op->channel_scale != LM_NO_TENSOR;
    const LmTensor *scales = scaled ? lm_graph_tensor(kernel->graph, op->channel_scale) : NULL;
    const guint32 local = local_size(kernel->variant).light;
    const guint32 each = kernel->variant & LM_VARIANT_LANES8 ? lanes8_pixels(kernel) : 4;
    dispatch->shader = "linear";
    SPEC(local, op->activation, op->residual != LM_NO_TENSOR, scaled && !op->squeeze_excite, each,
         (guint32)kernel->group, (guint32)kernel->cached_planes, op->normalise);
    PUSH(pixels_of(y), x->planes, planes.n, stride_of(x), stride_of(y),
         scaled ? stride_of(scales) : 0, x->channels, scaled ? pixels_of(scales) : 0,
         scaled ? scales->planes : 0,
         op->squeeze_excite ? lm_ceil_div(op->squeeze_excite->hidden, 4) : 0);
    set_grid(dispatch, pixels_of(y) + 1, local * each,
             kernel->cached_planes ? 1 : lm_ceil_div(planes.n, kernel->group));
}

static void dispatch_depthwise(const LmKernel *kernel, LmPlanes planes, LmDispatch *dispatch)
{
    const LmTensor *y = kernel->y;
    const LmTensorId sums = kernel->op->partial_sums;
    const guint32 local = local_size(kernel->variant).heavy;
    const int columns = y->width % 2 == 0 ? 2 : 1;
    dispatch->shader = "depthwise";
    SPEC(local, kernel->op->activation, (guint32)columns);
    PUSH(y->width, y->height, stride_of(y), planes.n,
         sums == LM_NO_TENSOR ? 0 : stride_of(lm_graph_tensor(kernel->graph, sums)));
    set_grid(dispatch, y->width / columns * lm_ceil_div(y->height, DEPTHWISE_ROWS) + 1, local,
             lm_ceil_div(planes.n, DEPTHWISE_PLANES));
}

static void dispatch_squeeze_excite(const LmKernel *kernel, LmPlanes planes, LmDispatch *dispatch)
{
    const LmTensor *x = kernel->x;
    const int hidden = lm_ceil_div(kernel->op->hidden, 4);
    dispatch->shader = "squeeze_excite";
    SPEC(local_size(kernel->variant).light, (guint32)MAX(hidden, SQUEEZE_EXCITE_HIDDEN));
    PUSH(pixels_of(x), x->planes, hidden, planes.n, stride_of(x), stride_of(kernel->y));
    set_grid(dispatch, 1, 1, 1);
}

static void dispatch_norm(const LmKernel *kernel, LmPlanes planes, LmDispatch *dispatch)
{
    const LmTensor *y = kernel->y;
    const guint32 local = local_size(kernel->variant).light;
    dispatch->shader = "norm";
    SPEC(local);
    PUSH(pixels_of(y), y->planes, y->channels, stride_of(y), planes.first, planes.n);
    set_grid(dispatch, pixels_of(y) + 1, local, 1);
}

/* Rows of an attention operator's grid: one for each block of a head's texels. */
static int attention_rows(const LmKernel *kernel, LmPlanes planes)
{
    const int texels = head_texels(kernel);
    return planes.n / texels * lm_ceil_div(texels, ATTENTION_BLOCK);
}

static void dispatch_neighbourhood_attention(const LmKernel *kernel, LmPlanes planes,
                                             LmDispatch *dispatch)
{
    const LmTensor *y = kernel->y;
    const guint32 local = local_size(kernel->variant).light;
    dispatch->shader = "neighbourhood_attention";
    SPEC(local, lm_head_layout_per_texel(kernel->op->heads), (guint32)head_texels(kernel),
         kernel->op->weight != NULL);
    PUSH(y->width, y->height, y->planes, stride_of(y));
    set_grid(dispatch, pixels_of(y) + 1, local, attention_rows(kernel, planes));
}

static void dispatch_global_attention(const LmKernel *kernel, LmPlanes planes, LmDispatch *dispatch)
{
    const LmTensor *y = kernel->y;
    const guint32 local = local_size(kernel->variant).heavy;
    const guint32 queries = kernel->variant & LM_VARIANT_LANES8 ? ATTENTION_QUERIES : 1;
    dispatch->shader = "global_attention";
    SPEC(local, lm_head_layout_per_texel(kernel->op->heads), (guint32)head_texels(kernel));
    PUSH(pixels_of(y), y->planes, stride_of(y));
    set_grid(dispatch, pixels_of(y) + 1, local * queries, attention_rows(kernel, planes));
}

static void dispatch_pool(const LmKernel *kernel, LmPlanes planes, LmDispatch *dispatch)
{
    const LmTensor *x = kernel->x, *y = kernel->y;
    const guint32 local = local_size(kernel->variant).heavy;
    const int cell_width = x->width / y->width;
    dispatch->shader = "pool";
    SPEC(local, cell_width % POOL_STEP ? 1 : POOL_STEP);
    PUSH(y->width, y->height, cell_width, x->height / y->height, stride_of(x), stride_of(y));
    set_grid(dispatch, pixels_of(y), local, planes.n);
}

static void dispatch_tap_sum(const LmKernel *kernel, LmPlanes planes, LmDispatch *dispatch)
{
    const LmTensor *x = kernel->x;
    const guint32 local = local_size(kernel->variant).heavy;
    dispatch->shader = "tap_sum";
    SPEC(local, kernel->op->activation, kernel->op->residual != LM_NO_TENSOR);
    PUSH(x->width, x->height, stride_of(x), stride_of(kernel->y));
    set_grid(dispatch,
             lm_ceil_div(x->width, TAP_SUM_SIDE) * lm_ceil_div(x->height, TAP_SUM_SIDE) + 1, local,
             planes.n);
}

static const Operator conv = {
    .dispatch = dispatch_conv,
    .tile = lm_tile_conv,
    .granularity = group,
    .weights = {lm_weight_layout_conv_texels, lm_weight_layout_conv},
    .biases = {lm_weight_layout_group_bias_texels, lm_weight_layout_group_biases},
};
static const Operator linear = {
    .dispatch = dispatch_linear,
    .tile = lm_tile_linear,
    .granularity = group,
    .weights = {lm_weight_layout_linear_texels, lm_weight_layout_linear},
    .biases = {lm_weight_layout_group_bias_texels, lm_weight_layout_group_biases},
};
static const Operator depthwise = {
    .dispatch = dispatch_depthwise,
    .tile = lm_tile_depthwise,
    .input_planes = 1,
    .weights = {lm_weight_layout_depthwise_texels, lm_weight_layout_depthwise},
    .biases = {lm_weight_layout_bias_texels, lm_weight_layout_biases},
};
static const Operator squeeze_excite = {
    .dispatch = dispatch_squeeze_excite,
    .tile = lm_tile_squeeze_excite,
    .granularity = all_planes,
    .weights = {lm_weight_layout_squeeze_excite_texels, lm_weight_layout_squeeze_excite},
    .biases = {lm_weight_layout_squeeze_excite_bias_texels, lm_weight_layout_squeeze_excite_biases},
};
static const Operator norm = {
    .dispatch = dispatch_norm,
    .tile = lm_tile_norm,
};
static const Operator neighbourhood_attention = {
    .dispatch = dispatch_neighbourhood_attention,
    .granularity = head_texels,
    .input_planes = 1,
    .biases = {lm_weight_layout_position_bias_texels, lm_weight_layout_position_biases},
};
static const Operator global_attention = {
    .dispatch = dispatch_global_attention,
    .tile = lm_tile_global_attention,
    .granularity = head_texels,
    .input_planes = 1,
};
static const Operator pool = {
    .dispatch = dispatch_pool,
    .tile = lm_tile_pool,
    .input_planes = 1,
};
static const Operator tap_sum = {
    .dispatch = dispatch_tap_sum,
    .input_planes = 9,
    .biases = {lm_weight_layout_bias_texels, lm_weight_layout_biases},
};

/* A kind without a row does not compile (-Werror=switch). */
static const Operator *row(const LmKernel *kernel)
{
    switch (kernel->op->kind) {
    case LM_OP_CONV:
        return &conv;
    case LM_OP_LINEAR:
        return &linear;
    case LM_OP_DEPTHWISE:
        return &depthwise;
    case LM_OP_SQUEEZE_EXCITE:
        return &squeeze_excite;
    case LM_OP_NORM:
        return &norm;
    case LM_OP_NEIGHBOURHOOD_ATTENTION:
        return &neighbourhood_attention;
    case LM_OP_GLOBAL_ATTENTION:
        return &global_attention;
    case LM_OP_POOL:
        return &pool;
    case LM_OP_TAP_SUM:
        return &tap_sum;
    case LM_N_OPS:
        break;
    }
    g_assert_not_reached();
}

/* --- Reading a row --------------------------------------------------------------------------- */

int lm_operator_granularity(const LmKernel *kernel)
{
    const Operator *entry = row(kernel);
    return entry->granularity ? entry->granularity(kernel) : 1;
}

int lm_operator_input_planes(const LmKernel *kernel)
{
    return row(kernel)->input_planes;
}

void lm_operator_dispatch(const LmKernel *kernel, LmPlanes planes, LmDispatch *dispatch)
{
    const Operator *entry = row(kernel);
    *dispatch = (LmDispatch){.variant = kernel->variant};
    entry->dispatch(kernel, planes, dispatch);
    if (kernel->variant & LM_VARIANT_TILED && entry->tile)
        entry->tile(kernel, planes, dispatch);
}

void lm_operator_dispatch_softmax(const LmTensor *logits, unsigned variant, LmDispatch *dispatch)
{
    const guint32 local = local_size(variant).light;
    *dispatch = (LmDispatch){.shader = "mask", .variant = variant};
    SPEC(local);
    PUSH(pixels_of(logits), logits->channels, stride_of(logits));
    set_grid(dispatch, pixels_of(logits) / 4, local, logits->channels - 1);
}

static gsize texels(const LmWeightLayout *layout, const LmKernel *kernel)
{
    return layout->texels ? layout->texels(kernel) : 0;
}

gsize lm_operator_weight_texels(const LmKernel *kernel)
{
    return texels(&row(kernel)->weights, kernel);
}

gsize lm_operator_bias_texels(const LmKernel *kernel)
{
    return texels(&row(kernel)->biases, kernel);
}

void lm_operator_write_weights(const LmKernel *kernel, float *to)
{
    if (lm_operator_weight_texels(kernel))
        row(kernel)->weights.write(kernel, to);
}

void lm_operator_write_biases(const LmKernel *kernel, float *to)
{
    if (lm_operator_bias_texels(kernel))
        row(kernel)->biases.write(kernel, to);
}
