/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The graph as a container: tensors, operators, sticky error. */
#include "net/graph.h"

#include <string.h>

#include "util/numeric.h"

unsigned lm_head_layout_per_texel(LmHeadLayout layout)
{
    return layout.dim == 1 ? 4 : layout.dim == 2 ? 2 : 1;
}

unsigned lm_head_layout_texels(LmHeadLayout layout)
{
    return (layout.dim + 3) / 4;
}

unsigned lm_head_layout_planes(LmHeadLayout layout)
{
    unsigned per_texel = lm_head_layout_per_texel(layout);
    return (layout.heads + per_texel - 1) / per_texel * lm_head_layout_texels(layout);
}

static void clear_tensor(gpointer data)
{
    LmTensor *tensor = data;
    g_free(tensor->name);
    g_free(tensor->channel);
}

static void clear_op(gpointer data)
{
    LmOp *op = data;
    if (op->squeeze_excite)
        clear_op(op->squeeze_excite);
    g_free(op->squeeze_excite);
    g_free(op->name);
    g_free(op->weight);
    g_free(op->bias);
    g_free(op->hidden_weight);
    g_free(op->hidden_bias);
}

LmGraph *lm_graph_new(LmWeights *weights)
{
    LmGraph *graph = g_new0(LmGraph, 1);
    graph->weights = weights;
    graph->tensors = g_array_new(FALSE, TRUE, sizeof(LmTensor));
    graph->ops = g_array_new(FALSE, TRUE, sizeof(LmOp));
    g_array_set_clear_func(graph->tensors, clear_tensor);
    g_array_set_clear_func(graph->ops, clear_op);
    graph->input = graph->output = LM_NO_TENSOR;
    return graph;
}

void lm_graph_free(LmGraph **graph)
{
    if (!graph || !*graph)
        return;
    g_array_unref((*graph)->tensors);
    g_array_unref((*graph)->ops);
    g_clear_error(&(*graph)->error);
    g_clear_pointer(graph, g_free);
}

LmTensorId lm_graph_find(const LmGraph *graph, const char *name)
{
    for (guint i = 0; i < graph->tensors->len; i++)
        if (g_str_equal(lm_graph_tensor(graph, (LmTensorId)i)->name, name))
            return (LmTensorId)i;
    return LM_NO_TENSOR;
}

gsize lm_tensor_plane_stride(const LmTensor *tensor)
{
    gsize texels = (gsize)tensor->height * (gsize)tensor->width + 1;
    return lm_round_up(texels, LM_PLANE_ALIGN);
}

guint64 lm_graph_op_macs(const LmGraph *graph, const LmOp *op)
{
    const LmTensor *x = lm_graph_tensor(graph, op->input), *y = lm_graph_tensor(graph, op->output);
    guint64 pixels = (guint64)y->height * (guint64)y->width;
    guint64 in = (guint64)x->channels, out = (guint64)y->channels;

    switch (op->kind) {
    case LM_OP_CONV:
        return pixels * in * out * 9;
    case LM_OP_LINEAR:
        return pixels * in * out;
    case LM_OP_DEPTHWISE:
        return pixels * out * 25;
    case LM_OP_SQUEEZE_EXCITE:
        return 2 * in * (guint64)op->hidden;
    case LM_OP_NEIGHBOURHOOD_ATTENTION:
        return pixels * out * 9 * 2;
    case LM_OP_GLOBAL_ATTENTION:
        return pixels * out * pixels * 2;
    case LM_OP_NORM:
    case LM_OP_POOL:
    case LM_OP_TAP_SUM:
        return 0;
    case LM_N_OPS:
        break;
    }
    g_assert_not_reached();
}

const char *lm_op_kind_name(LmOpKind kind)
{
    switch (kind) {
    case LM_OP_CONV:
        return "conv";
    case LM_OP_LINEAR:
        return "linear";
    case LM_OP_DEPTHWISE:
        return "depthwise";
    case LM_OP_SQUEEZE_EXCITE:
        return "squeeze-excite";
    case LM_OP_NORM:
        return "norm";
    case LM_OP_NEIGHBOURHOOD_ATTENTION:
        return "neighbourhood-attention";
    case LM_OP_GLOBAL_ATTENTION:
        return "global-attention";
    case LM_OP_POOL:
        return "pool";
    case LM_OP_TAP_SUM:
        return "tap-sum";
    case LM_N_OPS:
        break;
    }
    g_assert_not_reached();
}

void lm_graph_fail(LmGraph *graph, LmErrorCode code, const char *format, ...)
{
    if (graph->error)
        return;
    va_list args;
    va_start(args, format);
    graph->error = g_error_new_valist(LM_ERROR, (gint)code, format, args);
    va_end(args);
}

LmTensorId lm_graph_add_tensor(LmGraph *graph, const char *name, int channels, int planes,
                               int height, int width)
{
    LmTensor tensor = {
        .name = g_strdup(name),
        .channels = channels,
        .height = height,
        .width = width,
        .planes = planes,
        .channel = g_new(int, (gsize)planes * 4),
        .parent = LM_NO_TENSOR,
    };
    for (int i = 0; i < planes * 4; i++)
        tensor.channel[i] = i < channels ? i : -1;
    g_array_append_val(graph->tensors, tensor);
    return (LmTensorId)graph->tensors->len - 1;
}

void lm_tensor_lay_out_heads(LmTensor *tensor, LmHeadLayout layout)
{
    unsigned per_texel = lm_head_layout_per_texel(layout), texels = lm_head_layout_texels(layout);
    unsigned part_channels = layout.heads * layout.dim, part_planes = lm_head_layout_planes(layout);

    for (int i = 0; i < tensor->planes * 4; i++)
        tensor->channel[i] = -1;
    for (unsigned c = 0; c < (unsigned)tensor->channels; c++) {
        unsigned part = c / part_channels, head = c % part_channels / layout.dim,
                 k = c % layout.dim;
        unsigned slot = per_texel > 1 ? head * layout.dim + k : head * texels * 4 + k;
        tensor->channel[part * part_planes * 4 + slot] = (int)c;
    }
}

LmOp *lm_graph_add_op(LmGraph *graph, LmOpKind kind, const char *name, LmTensorId input,
                      LmTensorId output)
{
    LmOp op = {
        .kind = kind,
        .name = g_strdup(name),
        .input = input,
        .output = output,
        .residual = LM_NO_TENSOR,
        .channel_scale = LM_NO_TENSOR,
        .partial_sums = LM_NO_TENSOR,
        .stride = 1,
    };
    g_array_append_val(graph->ops, op);
    return lm_graph_op(graph, graph->ops->len - 1);
}

LmTensorId lm_graph_input(LmGraph *graph, const char *name, int channels, int height, int width)
{
    g_assert(graph->input == LM_NO_TENSOR && graph->tensors->len == 0);
    graph->input = lm_graph_add_tensor(graph, name, channels, (channels + 3) / 4, height, width);
    return graph->input;
}

LmTensorId lm_graph_name(LmGraph *graph, const char *name, LmTensorId id)
{
    if (graph->error)
        return LM_NO_TENSOR;
    LmTensor *tensor = lm_graph_tensor(graph, id);
    g_free(tensor->name);
    tensor->name = g_strdup(name);
    return id;
}

LmTensorId lm_graph_concat(LmGraph *graph, const char *name, const LmTensorId *parts, int n_parts)
{
    if (graph->error)
        return LM_NO_TENSOR;
    int channels = 0, planes = 0;
    const LmTensor *first = lm_graph_tensor(graph, parts[0]);
    for (int i = 0; i < n_parts; i++) {
        const LmTensor *part = lm_graph_tensor(graph, parts[i]);
        g_assert(part->height == first->height && part->width == first->width);
        g_assert(part->parent == LM_NO_TENSOR);
        channels += part->channels;
        planes += part->planes;
    }
    LmTensorId id = lm_graph_add_tensor(graph, name, channels, planes, first->height, first->width);
    LmTensor *whole = lm_graph_tensor(graph, id);
    int plane = 0, channel = 0;
    for (int i = 0; i < n_parts; i++) {
        LmTensor *part = lm_graph_tensor(graph, parts[i]);
        for (int k = 0; k < part->planes * 4; k++)
            whole->channel[plane * 4 + k] = part->channel[k] < 0 ? -1 : channel + part->channel[k];
        part->parent = id;
        part->parent_plane = plane;
        plane += part->planes;
        channel += part->channels;
    }
    return id;
}
