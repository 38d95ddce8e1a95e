/* SPDX-License-Identifier: LGPL-2.1-or-later
 * From an operator to what is dispatched for it: shader, constants, grid. Pure functions of the graph. */
#pragma once

#include "gpu/pipeline.h"
#include "net/graph.h"

G_BEGIN_DECLS

typedef struct {
    const char *shader;
    guint32 spec[LM_MAX_SPEC];
    unsigned n_spec;
    gint32 push[LM_PUSH_BYTES / 4];
    unsigned n_push;
    guint32 groups[3];
} LmDispatch;

/** variant: LmVariant bits; with LM_VARIANT_LANES8 workgroups are small, as suits a CPU. */
void lm_dispatch_op(const LmGraph *graph, const LmOp *op, unsigned variant, LmDispatch *dispatch);
/** The softmax over the logits (shaders/mask.comp). */
void lm_dispatch_mask(const LmTensor *logits, unsigned variant, LmDispatch *dispatch);

G_END_DECLS
