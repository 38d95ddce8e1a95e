/* SPDX-License-Identifier: LGPL-2.1-or-later
 * How an operator of a graph is computed on a device: chosen once, and used by all code that
 * dispatches the operator or lays out its weights. */
#pragma once

#include "gpu/pipeline.h"
#include "net/graph.h"

G_BEGIN_DECLS

/** Borrows from the graph, which must be planned and must not change. */
typedef struct {
    const LmOp *op;
    const LmGraph *graph;
    const LmTensor *x, *y; /**< Input and output. */
    unsigned variant;      /**< The network's LmVariant bits. */
    int group;         /**< CONV, LINEAR: output planes of one invocation (GROUP in the shaders). */
    int cached_planes; /**< LINEAR: input planes that an invocation keeps while it computes all
                            outputs (CACHED there); 0: it reads all inputs for each group. */
    int winograd_rows; /**< CONV: rows of tiles in a band of Winograd's algorithm; 0: direct. The
                          executor sets it. */
} LmKernel;

/** Chooses the direct algorithm, not Winograd's. */
LmKernel lm_kernel_choose(const LmGraph *graph, const LmOp *op, unsigned variant);

G_END_DECLS
