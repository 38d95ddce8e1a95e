/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What operators can do beside their own work, so that a GPU waits less often: squeeze-and-excite
 * as part of the layers before and behind it. */
#include "net/graph-internal.h"

/* More would cost every workgroup of the layer behind more than it saves. */
#define MAX_PARTS 128

/* The operator of that kind that writes `output`, or NULL. */
static LmOp *writer(LmGraph *graph, LmOpKind kind, LmTensorId output)
{
    for (guint i = 0; i < graph->ops->len; i++) {
        LmOp *op = lm_graph_op(graph, i);
        if (op->kind == kind && op->output == output)
            return op;
    }
    return NULL;
}

/* The only layer that takes its gains from `gain`, or NULL. */
static LmOp *gained(LmGraph *graph, LmTensorId gain)
{
    LmOp *found = NULL;
    for (guint i = 0; i < graph->ops->len; i++) {
        LmOp *op = lm_graph_op(graph, i);
        if (op->gain != gain)
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

/* The convolution before it gives the mean's parts, a part for each of its tiles. Returns whether
 * it does. */
static bool fuse_mean(LmGraph *graph, LmTensorId mean)
{
    LmOp *pool = writer(graph, LM_OP_POOL, mean);
    LmOp *conv = pool ? writer(graph, LM_OP_DEPTHWISE, pool->input) : NULL;
    if (!conv)
        return false;
    const LmTensor *x = lm_graph_tensor(graph, pool->input);
    LmTensor *parts = lm_graph_tensor(graph, mean);
    int width = (x->width + LM_PART_WIDTH - 1) / LM_PART_WIDTH,
        height = (x->height + LM_PART_HEIGHT - 1) / LM_PART_HEIGHT;
    if (width * height > MAX_PARTS)
        return false;
    parts->width = width;
    parts->height = height;
    conv->parts = mean;
    remove_op(graph, pool);
    return true;
}

/* The layer behind it computes the gains itself. */
static void fuse_gains(LmGraph *graph, LmOp *excite)
{
    LmOp *layer = gained(graph, excite->output);
    if (!layer || lm_graph_tensor(graph, excite->input)->planes > LM_FUSED_EXCITE_PLANES ||
        excite->hidden > 4 * LM_FUSED_EXCITE_PLANES)
        return;
    layer->gain = excite->input;
    layer->excite = g_memdup2(excite, sizeof *excite);
    *excite = (LmOp){0};
    remove_op(graph, excite);
}

void lm_graph_fuse(LmGraph *graph)
{
    for (guint i = graph->ops->len; i-- > 0;) {
        if (lm_graph_op(graph, i)->kind != LM_OP_EXCITE)
            continue;
        /* The mean, which goes, stands before its reader. */
        if (fuse_mean(graph, lm_graph_op(graph, i)->input))
            fuse_gains(graph, lm_graph_op(graph, --i));
    }
}
