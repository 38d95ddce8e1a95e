/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Chooses an operator's group and cached planes. */
#include "exec/kernel.h"

static int choose_cached_planes(const LmKernel *kernel)
{
    const LmTensor *x = kernel->x, *y = kernel->y;
    const LmOp *op = kernel->op;
    /* With more than 12 planes too few texels would share a fetch of weights; and such small
     * outputs are a single group. Layers with a residual are too few to be worth their own
     * pipelines. */
    bool pays = kernel->variant & LM_VARIANT_LANES8 && x->planes <= 12 && y->planes > 3 &&
                op->residual == LM_NO_TENSOR && y->width * y->height > 1;
    return op->kind == LM_OP_LINEAR && (pays || op->normalise) ? x->planes : 0;
}

static int choose_group(const LmKernel *kernel)
{
    int planes = kernel->y->planes;
    if (!(kernel->variant & LM_VARIANT_LANES8))
        return 2;
    /* Two groups of two would compute four planes. */
    if (planes == 3)
        return 3;
    /* More outputs of fewer texels need the fewest fetches, unless more than a tenth of them is
     * padding. */
    int padded = (planes + 5) / 6 * 6;
    bool six = kernel->op->kind == LM_OP_LINEAR && !kernel->cached_planes &&
               (padded - planes) * 10 <= planes;
    return six ? 6 : 2;
}

LmKernel lm_kernel_choose(const LmGraph *graph, const LmOp *op, unsigned variant)
{
    LmKernel kernel = {
        .op = op,
        .graph = graph,
        .x = lm_graph_tensor(graph, op->input),
        .y = lm_graph_tensor(graph, op->output),
        .variant = variant,
    };
    kernel.cached_planes = choose_cached_planes(&kernel);
    kernel.group = choose_group(&kernel);
    return kernel;
}
