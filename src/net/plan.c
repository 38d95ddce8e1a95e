/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Where each tensor lies in the arena. */
#include "net/graph-internal.h"

#include <stdlib.h>

/* One tensor that is no slice of another, and the operators, by index, between which it must keep
 * its content. */
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

/* Lowest offset at which `block` meets none of the placed blocks that live at the same time. */
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

bool lm_graph_plan(LmGraph *graph, bool keep_all, GError **error)
{
    if (graph->error) {
        g_propagate_error(error, g_error_copy(graph->error));
        return false;
    }
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
        touch(graph, blocks, op->input, i);
        touch(graph, blocks, op->addend, i);
        touch(graph, blocks, op->gain, i);
        touch(graph, blocks, op->output, keep_all ? n_ops : i);
        touch(graph, blocks, op->output, i);
    }
    if (keep_all)
        touch(graph, blocks, graph->input, n_ops);

    /* Largest first, each as low as it fits: within a few percent of the peak on this kind of
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
    return true;
}
