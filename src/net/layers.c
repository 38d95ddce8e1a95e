/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Adds operators for a network file: looks up, checks and folds their weights. */
#include "net/layers.h"

#include <math.h>
#include <string.h>

/* `name`.`suffix` as floats of the given shape, or NULL with the sticky error. */
static float *get(LmGraph *graph, const char *name, const char *suffix, const gsize *shape,
                  unsigned n_dims)
{
    if (graph->error)
        return NULL;
    g_autofree char *full = g_strconcat(name, suffix, NULL);
    return lm_weights_get(graph->weights, full, shape, n_dims, &graph->error);
}

static float *get_vector(LmGraph *graph, const char *name, const char *suffix, int length)
{
    const gsize shape[] = {(gsize)length};
    return get(graph, name, suffix, shape, 1);
}

bool lm_layer_batch_norm_load(LmGraph *graph, const char *name, int channels,
                              LmOwnedBatchNorm *norm)
{
    norm->weight = get_vector(graph, name, ".weight", channels);
    norm->bias = get_vector(graph, name, ".bias", channels);
    norm->mean = get_vector(graph, name, ".running_mean", channels);
    norm->var = get_vector(graph, name, ".running_var", channels);
    for (int i = 0; !graph->error && i < channels; i++)
        if (norm->var[i] < 0)
            lm_graph_fail(
                graph, LM_ERROR_MODEL,
                "%s: tensor '%s.running_var': element %d is %g, expected a variance of 0 or more",
                lm_weights_path(graph->weights), name, i, (double)norm->var[i]);
    return !graph->error;
}

void lm_layer_batch_norm_clear(LmOwnedBatchNorm *norm)
{
    g_clear_pointer(&norm->weight, g_free);
    g_clear_pointer(&norm->bias, g_free);
    g_clear_pointer(&norm->mean, g_free);
    g_clear_pointer(&norm->var, g_free);
}

static void fold_norm(LmGraph *graph, const char *name, LmOp *op, int outputs, gsize per_output)
{
    LmOwnedBatchNorm norm = {0};
    if (lm_layer_batch_norm_load(graph, name, outputs, &norm) &&
        !lm_fold_batch_norm(op->weight, op->bias, (gsize)outputs, per_output,
                            &(LmBatchNorm){norm.weight, norm.bias, norm.mean, norm.var}))
        lm_graph_fail(graph, LM_ERROR_MODEL,
                      "%s: tensor '%s.weight': folded into the layer before it, it gives a value "
                      "that is not finite",
                      lm_weights_path(graph->weights), name);
    lm_layer_batch_norm_clear(&norm);
}

/* y = W (gamma x + beta) + b = (W gamma) x + (W beta + b): x here is already centred and scaled. */
static void fold_layer_norm(LmGraph *graph, const char *name, LmOp *op, int outputs, int inputs)
{
    g_autofree float *gamma = get_vector(graph, name, ".weight", inputs);
    g_autofree float *beta = get_vector(graph, name, ".bias", inputs);
    if (graph->error)
        return;
    for (int o = 0; o < outputs; o++) {
        float *row = op->weight + (gsize)o * (gsize)inputs;
        double bias = op->bias[o];
        for (int i = 0; i < inputs; i++) {
            bias += (double)row[i] * beta[i];
            row[i] = (float)((double)row[i] * gamma[i]);
        }
        op->bias[o] = (float)bias;
    }
}

/* Folds the query's scale dim^-0.5 into the rows of q, the first third. */
static void scale_query(LmOp *op, LmHeadLayout heads, int inputs)
{
    gsize rows = (gsize)heads.heads * heads.dim;
    double scale = 1.0 / sqrt(heads.dim);
    for (gsize i = 0; i < rows * (gsize)inputs; i++)
        op->weight[i] = (float)(op->weight[i] * scale);
    for (gsize i = 0; i < rows; i++)
        op->bias[i] = (float)(op->bias[i] * scale);
}

/* Output channels of a layer's weight, and the shape that it must have. */
static bool layer_shape(LmGraph *graph, const char *name, int inputs, int kernel, int expected,
                        int *outputs, gsize shape[4], unsigned *n_dims)
{
    if (graph->error)
        return false;
    g_autofree char *full = g_strconcat(name, ".weight", NULL);
    const LmTensorView *view = lm_weights_find(graph->weights, full, &graph->error);
    if (!view)
        return false;
    *n_dims = view->n_dims == 2 && kernel == 1 ? 2 : 4;
    gsize found = view->n_dims > 0 && view->shape[0] > 0 && view->shape[0] <= LM_MAX_CHANNELS
                      ? view->shape[0]
                      : 1;
    *outputs = expected ? expected : (int)found;
    const gsize wanted[4] = {(gsize)*outputs, (gsize)inputs, (gsize)kernel, (gsize)kernel};
    memcpy(shape, wanted, sizeof wanted);
    return true;
}

/* A new tensor of x's channels and stored layout. */
static LmTensorId add_like(LmGraph *graph, const char *name, LmTensorId x, int height, int width)
{
    int channels = lm_graph_tensor(graph, x)->channels, planes = lm_graph_tensor(graph, x)->planes;
    LmTensorId y = lm_graph_add_tensor(graph, name, channels, planes, height, width);
    memcpy(lm_graph_tensor(graph, y)->channel, lm_graph_tensor(graph, x)->channel,
           sizeof(int) * 4 * (gsize)planes);
    return y;
}

static LmTensorId add_simple(LmGraph *graph, LmOpKind kind, const char *name, LmTensorId x,
                             int height, int width)
{
    if (graph->error)
        return LM_NO_TENSOR;
    LmTensorId y = add_like(graph, name, x, height, width);
    lm_graph_add_op(graph, kind, name, x, y);
    return y;
}

void lm_layer_split_taps(LmGraph *graph)
{
    LmOp *op = lm_graph_op(graph, graph->ops->len - 1);
    const LmOp conv = *op;
    LmTensor in = *lm_graph_tensor(graph, conv.input), out = *lm_graph_tensor(graph, conv.output);
    char *name = g_strconcat(conv.name, ".taps", NULL);
    LmTensorId taps =
        lm_graph_add_tensor(graph, name, out.channels * 9, out.planes * 9, in.height, in.width);
    LmTensor *tensor = lm_graph_tensor(graph, taps);
    for (int slot = 0; slot < tensor->planes * 4; slot++) {
        int o = out.channel[slot / 36 * 4 + slot % 4];
        tensor->channel[slot] = o < 0 ? -1 : o * 9 + slot / 4 % 9;
    }

    op->kind = LM_OP_LINEAR;
    op->name = name;
    op->output = taps;
    op->activation = LM_ACTIVATION_NONE;
    op->residual = LM_NO_TENSOR;
    op->weight = g_new(float, (gsize)tensor->channels *(gsize)in.channels);
    op->bias = g_new0(float, (gsize)tensor->channels);
    gsize inputs = (gsize)in.channels;
    for (gsize o = 0; o < (gsize)out.channels; o++)
        for (gsize i = 0; i < inputs; i++)
            for (gsize t = 0; t < 9; t++)
                op->weight[(o * 9 + t) * inputs + i] = conv.weight[(o * inputs + i) * 9 + t];
    g_free(conv.weight);

    op = lm_graph_add_op(graph, LM_OP_TAP_SUM, conv.name, taps, conv.output);
    op->activation = conv.activation;
    op->residual = conv.residual;
    op->bias = conv.bias;
    g_free(conv.name);
}

LmTensorId lm_graph_layer(LmGraph *graph, const char *name, LmTensorId x,
                          const LmLayerParams *params)
{
    static const LmLayerParams none = {0};
    if (!params)
        params = &none;
    if (graph->error)
        return LM_NO_TENSOR;

    bool normalise =
        params->layer_norm && lm_graph_tensor(graph, x)->planes <= LM_NORMALISED_PLANES;
    if (params->layer_norm && !normalise)
        x = add_simple(graph, LM_OP_NORM, params->layer_norm, x, lm_graph_tensor(graph, x)->height,
                       lm_graph_tensor(graph, x)->width);
    LmTensor in = *lm_graph_tensor(graph, x);
    int outputs, kernel = params->kernel ? params->kernel : 1,
                 stride = params->stride ? params->stride : 1, scale = params->upsample ? 2 : 1;
    g_assert(!params->upsample || (kernel == 3 && stride == 1));
    int expected =
        params->residual ? lm_graph_tensor(graph, params->residual)->channels : params->outputs;
    unsigned n_dims;
    gsize shape[4];
    if (!layer_shape(graph, name, in.channels, kernel, expected, &outputs, shape, &n_dims))
        return LM_NO_TENSOR;

    bool heads = params->qkv.heads > 0;
    int planes = heads ? 3 * (int)lm_head_layout_planes(params->qkv) : (outputs + 3) / 4;
    LmTensorId y = lm_graph_add_tensor(graph, name, outputs, planes, in.height * scale / stride,
                                       in.width * scale / stride);
    LmOp *op = lm_graph_add_op(graph, kernel == 3 ? LM_OP_CONV : LM_OP_LINEAR, name, x, y);
    op->stride = stride;
    op->normalise = normalise;
    op->activation = params->activation;
    op->residual = params->residual ? params->residual : LM_NO_TENSOR;
    op->weight = get(graph, name, ".weight", shape, n_dims);
    op->bias = get_vector(graph, name, ".bias", outputs);
    if (!graph->error && params->norm)
        fold_norm(graph, params->norm, op, outputs, (gsize)in.channels * (gsize)(kernel * kernel));
    if (!graph->error && params->layer_norm)
        fold_layer_norm(graph, params->layer_norm, op, outputs, in.channels);
    if (!graph->error && heads) {
        lm_tensor_lay_out_heads(lm_graph_tensor(graph, y), params->qkv);
        scale_query(op, params->qkv, in.channels);
    }
    if (!graph->error && params->upsample)
        lm_layer_split_taps(graph);
    return graph->error ? LM_NO_TENSOR : y;
}

LmTensorId lm_graph_depthwise(LmGraph *graph, const char *name, LmTensorId x, float *kernel,
                              float *bias)
{
    LmTensorId y = LM_NO_TENSOR;
    if (!graph->error) {
        const LmTensor in = *lm_graph_tensor(graph, x);
        y = add_like(graph, name, x, in.height, in.width);
        LmOp *op = lm_graph_add_op(graph, LM_OP_DEPTHWISE, name, x, y);
        op->activation = LM_ACTIVATION_GELU;
        op->weight = g_steal_pointer(&kernel);
        op->bias = g_steal_pointer(&bias);
    }
    g_free(kernel);
    g_free(bias);
    return y;
}

/* The largest power of two up to `most` that divides `n`. */
static int common_power(int n, int most)
{
    int power = most;
    while (n % power)
        power /= 2;
    return power;
}

LmTensorId lm_graph_squeeze_excite(LmGraph *graph, const char *name, LmTensorId of, LmTensorId x)
{
    /* The mean's partial sums: a CPU's lanes share a plane, and so do several workgroups of a GPU.
     */
    enum { PARTIAL_SUMS = 8 };
    if (graph->error)
        return LM_NO_TENSOR;
    g_autofree char *mean_name = g_strconcat(name, ".mean", NULL);
    g_autofree char *fc1 = g_strconcat(name, ".fc1", NULL), *fc2 = g_strconcat(name, ".fc2", NULL);
    const LmTensor in = *lm_graph_tensor(graph, of);
    int rows = common_power(in.height, PARTIAL_SUMS),
        columns = common_power(in.width, PARTIAL_SUMS / rows);
    LmTensorId mean = lm_graph_pool(graph, mean_name, of, rows, columns);

    int hidden, outputs;
    unsigned n_dims;
    gsize shape[4];
    if (!layer_shape(graph, fc1, in.channels, 1, 0, &hidden, shape, &n_dims))
        return LM_NO_TENSOR;
    if (hidden > LM_MAX_HIDDEN) {
        lm_graph_fail(graph, LM_ERROR_MODEL,
                      "%s: tensor '%s.weight': %d channels, expected at most %d",
                      lm_weights_path(graph->weights), fc1, hidden, LM_MAX_HIDDEN);
        return LM_NO_TENSOR;
    }
    LmTensorId channel_scale =
        lm_graph_add_tensor(graph, name, in.channels, lm_graph_tensor(graph, x)->planes, 1, 1);
    LmOp *op = lm_graph_add_op(graph, LM_OP_SQUEEZE_EXCITE, name, mean, channel_scale);
    op->hidden = hidden;
    op->hidden_weight = get(graph, fc1, ".weight", shape, n_dims);
    op->hidden_bias = get_vector(graph, fc1, ".bias", hidden);
    if (!layer_shape(graph, fc2, hidden, 1, in.channels, &outputs, shape, &n_dims))
        return LM_NO_TENSOR;
    op->weight = get(graph, fc2, ".weight", shape, n_dims);
    op->bias = get_vector(graph, fc2, ".bias", outputs);
    return graph->error ? LM_NO_TENSOR : channel_scale;
}

LmTensorId lm_graph_gated_sum(LmGraph *graph, const char *first, const char *second, LmTensorId x,
                              LmTensorId channel_scale)
{
    if (graph->error)
        return LM_NO_TENSOR;
    LmTensor in = *lm_graph_tensor(graph, x);
    int split = 0; /* x's channels that belong to the first part */
    for (guint i = 0; i < graph->tensors->len; i++) {
        const LmTensor *part = lm_graph_tensor(graph, (LmTensorId)i);
        if (part->parent == x && part->parent_plane == 0)
            split = part->channels;
    }
    g_assert(split > 0);
    const int n[2] = {split, in.channels - split};
    const char *names[2] = {first, second};

    int outputs = 0;
    unsigned n_dims;
    gsize shape[4];
    float *weight = NULL, *bias = NULL;
    for (int part = 0; part < 2; part++) {
        if (!layer_shape(graph, names[part], n[part], 1, outputs, &outputs, shape, &n_dims))
            break;
        g_autofree float *w = get(graph, names[part], ".weight", shape, n_dims);
        g_autofree float *b = get_vector(graph, names[part], ".bias", outputs);
        if (graph->error)
            break;
        if (!weight) {
            weight = g_new0(float, (gsize)outputs *(gsize)in.channels);
            bias = g_new0(float, (gsize)outputs);
        }
        for (int o = 0; o < outputs; o++) {
            memcpy(weight + (gsize)o * (gsize)in.channels + (part ? n[0] : 0),
                   w + (gsize)o * (gsize)n[part], sizeof(float) * (gsize)n[part]);
            bias[o] += b[o];
        }
    }
    if (graph->error) {
        g_free(weight);
        g_free(bias);
        return LM_NO_TENSOR;
    }
    LmTensorId y =
        lm_graph_add_tensor(graph, first, outputs, (outputs + 3) / 4, in.height, in.width);
    LmOp *op = lm_graph_add_op(graph, LM_OP_LINEAR, first, x, y);
    op->channel_scale = channel_scale;
    op->weight = weight;
    op->bias = bias;
    return y;
}

/* The output of attention has the layout of q alone. */
static LmTensorId attention(LmGraph *graph, LmOpKind kind, const char *name, LmTensorId x,
                            LmHeadLayout heads)
{
    if (graph->error)
        return LM_NO_TENSOR;
    LmTensor in = *lm_graph_tensor(graph, x);
    LmTensorId y = lm_graph_add_tensor(graph, name, (int)(heads.heads * heads.dim),
                                       (int)lm_head_layout_planes(heads), in.height, in.width);
    LmTensor *out = lm_graph_tensor(graph, y);
    memcpy(out->channel, in.channel, sizeof(int) * 4 * (gsize)out->planes);
    lm_graph_add_op(graph, kind, name, x, y)->heads = heads;
    return y;
}

LmTensorId lm_graph_neighbourhood_attention(LmGraph *graph, const char *name, LmTensorId x,
                                            LmHeadLayout heads, const char *rpb)
{
    LmTensorId y = attention(graph, LM_OP_NEIGHBOURHOOD_ATTENTION, name, x, heads);
    if (y != LM_NO_TENSOR && rpb) {
        const gsize shape[] = {heads.heads, 5, 5};
        lm_graph_op(graph, graph->ops->len - 1)->weight = get(graph, rpb, "", shape, 3);
    }
    return graph->error ? LM_NO_TENSOR : y;
}

LmTensorId lm_graph_global_attention(LmGraph *graph, const char *name, LmTensorId x,
                                     LmHeadLayout heads)
{
    return attention(graph, LM_OP_GLOBAL_ATTENTION, name, x, heads);
}

LmTensorId lm_graph_pool(LmGraph *graph, const char *name, LmTensorId x, int height, int width)
{
    return add_simple(graph, LM_OP_POOL, name, x, height, width);
}
