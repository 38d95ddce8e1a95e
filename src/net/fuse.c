/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Merges squeeze-and-excite into the layers before and after it, so that a GPU waits less often. */
#include "net/fuse.h"

#include "util/numeric.h"

/* More would cost every workgroup of the next layer more than it saves. */
#define MAX_PARTS 128

/* The operator of this kind that writes `output`, or NULL. */
static LmOp *writer(LmGraph *graph, LmOpKind kind, LmTensorId output)
{
    for (guint i = 0; i < graph->ops->len; i++) {
        LmOp *op = lm_graph_op(graph, i);
        if (op->kind == kind && op->output == output)
            return op;
    }
    return NULL;
}

/* The only layer that takes its scales from `channel_scale`, or NULL. */
static LmOp *scaled_layer(LmGraph *graph, LmTensorId channel_scale)
{
    LmOp *found = NULL;
    for (guint i = 0; i < graph->ops->len; i++) {
        LmOp *op = lm_graph_op(graph, i);
        if (op->channel_scale != channel_scale)
            continue;
        if (found)
            return NULL;
        found = op;
    }
    return found;
}

static void remove_op(LmGraph *graph, const LmOp *op)
{
    g_array_remove_index(graph->ops, (guint)(op - lm_graph_op(graph, 0)));
}

/* Lets the convolution before it write the mean's partial sums, one for each of its tiles. Returns
 * false if it cannot. */
static bool fuse_mean(LmGraph *graph, LmTensorId mean)
{
    LmOp *pool = writer(graph, LM_OP_POOL, mean);
    LmOp *conv = pool ? writer(graph, LM_OP_DEPTHWISE, pool->input) : NULL;
    if (!conv)
        return false;
    const LmTensor *x = lm_graph_tensor(graph, pool->input);
    LmTensor *partial_sums = lm_graph_tensor(graph, mean);
    int width = lm_ceil_div(x->width, LM_PARTIAL_WIDTH),
        height = lm_ceil_div(x->height, LM_PARTIAL_HEIGHT);
    if (width * height > MAX_PARTS)
        return false;
    partial_sums->width = width;
    partial_sums->height = height;
    conv->partial_sums = mean;
    remove_op(graph, pool);
    return true;
}

/* Lets the layer after it compute the scales itself. */
static void fuse_channel_scales(LmGraph *graph, LmOp *excite)
{
    LmOp *layer = scaled_layer(graph, excite->output);
    if (!layer || lm_graph_tensor(graph, excite->input)->planes > LM_FUSED_SQUEEZE_EXCITE_PLANES ||
        excite->hidden > 4 * LM_FUSED_SQUEEZE_EXCITE_PLANES)
        return;
    layer->channel_scale = excite->input;
    layer->squeeze_excite = g_memdup2(excite, sizeof *excite);
    *excite = (LmOp){0};
    remove_op(graph, excite);
}

void lm_graph_fuse(LmGraph *graph)
{
    for (guint i = graph->ops->len; i-- > 0;) {
        if (lm_graph_op(graph, i)->kind != LM_OP_SQUEEZE_EXCITE)
            continue;
        /* The mean, which is removed, stands before its reader. */
        if (fuse_mean(graph, lm_graph_op(graph, i)->input))
            fuse_channel_scales(graph, lm_graph_op(graph, --i));
    }
}
