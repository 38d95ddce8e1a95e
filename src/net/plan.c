/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Plans the order of the operators and each tensor's place in the arena. */
#include "net/plan.h"

#include <stdlib.h>

/* A tensor that is not a slice of another, and the first and last step that need its content. */
typedef struct {
    LmTensorId id;
    gsize texels, offset;
    guint first, last;
} Block;

static LmTensorId root_of(const LmGraph *graph, LmTensorId id)
{
    while (lm_graph_tensor(graph, id)->parent != LM_NO_TENSOR)
        id = lm_graph_tensor(graph, id)->parent;
    return id;
}

static void touch(const LmGraph *graph, Block *blocks, LmTensorId id, guint when)
{
    if (id == LM_NO_TENSOR)
        return;
    Block *block = &blocks[root_of(graph, id)];
    block->first = MIN(block->first, when);
    block->last = MAX(block->last, when);
}

static int by_falling_size(const void *a, const void *b)
{
    const Block *x = *(Block *const *)a, *y = *(Block *const *)b;
    if (x->texels != y->texels)
        return x->texels < y->texels ? 1 : -1;
    return x->id - y->id;
}

static int by_offset(const void *a, const void *b)
{
    const Block *x = *(Block *const *)a, *y = *(Block *const *)b;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

/* The lowest offset at which `block` overlaps no placed block that lives at the same time. */
static gsize lowest_gap(const Block *block, Block *const *placed, guint n_placed)
{
    g_autofree Block **rivals = g_new(Block *, n_placed + 1);
    guint n = 0;
    for (guint i = 0; i < n_placed; i++)
        if (placed[i]->first <= block->last && block->first <= placed[i]->last)
            rivals[n++] = placed[i];
    qsort(rivals, n, sizeof *rivals, by_offset);
    gsize offset = 0;
    for (guint i = 0; i < n; i++) {
        if (rivals[i]->offset >= offset + block->texels)
            break;
        offset = MAX(offset, rivals[i]->offset + rivals[i]->texels);
    }
    return offset;
}

static bool is_slice_of(const LmGraph *graph, LmTensorId id, LmTensorId whole)
{
    while (id != whole && id != LM_NO_TENSOR)
        id = lm_graph_tensor(graph, id)->parent;
    return id == whole;
}

/* Returns true if `op` reads the output of `earlier`. */
static bool depends(const LmGraph *graph, const LmOp *op, const LmOp *earlier)
{
    const LmTensorId read[] = {op->input, op->residual, op->channel_scale};
    for (gsize i = 0; i < G_N_ELEMENTS(read); i++)
        if (read[i] != LM_NO_TENSOR &&
            (is_slice_of(graph, earlier->output, read[i]) ||
             is_slice_of(graph, read[i], earlier->output) || read[i] == earlier->partial_sums))
            return true;
    return false;
}

static int by_step(const void *a, const void *b)
{
    const LmOp *x = a, *y = b;
    return (x->step > y->step) - (x->step < y->step);
}

/* Tensors that are needed in the same step share no memory. */
static void place_tensors(LmGraph *graph, bool keep_all)
{
    guint n = graph->tensors->len, n_ops = graph->ops->len;
    g_autofree Block *blocks = g_new0(Block, n);
    for (guint i = 0; i < n; i++) {
        const LmTensor *tensor = lm_graph_tensor(graph, (LmTensorId)i);
        blocks[i] = (Block){.id = (LmTensorId)i,
                            .first = G_MAXUINT,
                            .texels = (gsize)tensor->planes * lm_tensor_plane_stride(tensor)};
    }
    /* The input is written before the first operator, the output read after the last. */
    touch(graph, blocks, graph->input, 0);
    touch(graph, blocks, graph->output, n_ops);
    for (guint i = 0; i < n_ops; i++) {
        const LmOp *op = lm_graph_op(graph, i);
        touch(graph, blocks, op->input, op->step);
        touch(graph, blocks, op->residual, op->step);
        touch(graph, blocks, op->channel_scale, op->step);
        touch(graph, blocks, op->output, keep_all ? n_ops : op->step);
        touch(graph, blocks, op->output, op->step);
        touch(graph, blocks, op->partial_sums, op->step);
    }
    if (keep_all)
        touch(graph, blocks, graph->input, n_ops);

    /* Largest first, each as low as it fits: within a few percent of the optimum for this kind of
     * graph. */
    g_autofree Block **order = g_new(Block *, n);
    guint n_roots = 0;
    for (guint i = 0; i < n; i++)
        if (blocks[i].first != G_MAXUINT)
            order[n_roots++] = &blocks[i];
    qsort(order, n_roots, sizeof *order, by_falling_size);
    graph->arena_texels = 0;
    for (guint i = 0; i < n_roots; i++) {
        order[i]->offset = lowest_gap(order[i], order, i);
        graph->arena_texels = MAX(graph->arena_texels, order[i]->offset + order[i]->texels);
    }
    for (guint i = 0; i < n; i++) {
        LmTensor *tensor = lm_graph_tensor(graph, (LmTensorId)i);
        gsize offset = 0;
        for (const LmTensor *t = tensor; t->parent != LM_NO_TENSOR;
             t = lm_graph_tensor(graph, t->parent))
            offset += (gsize)t->parent_plane * lm_tensor_plane_stride(t);
        tensor->offset = blocks[root_of(graph, (LmTensorId)i)].offset + offset;
    }
}

bool lm_graph_plan(LmGraph *graph, bool keep_all, GError **error)
{
    if (graph->error) {
        g_propagate_error(error, g_error_copy(graph->error));
        return false;
    }
    for (guint i = 0; i < graph->ops->len; i++)
        lm_graph_op(graph, i)->step = i;
    place_tensors(graph, keep_all);
    return true;
}

void lm_graph_plan_steps(LmGraph *graph)
{
    for (guint i = 0; i < graph->ops->len; i++) {
        LmOp *op = lm_graph_op(graph, i);
        op->step = 0;
        for (guint k = 0; k < i; k++) {
            const LmOp *earlier = lm_graph_op(graph, k);
            if (earlier->step >= op->step && depends(graph, op, earlier))
                op->step = earlier->step + 1;
        }
    }
    g_array_sort(graph->ops, by_step); /* keeps the order within a step */
    place_tensors(graph, false);
}
