/* SPDX-License-Identifier: LGPL-2.1-or-later
 * From an operator to what is dispatched for it: shader, constants, grid. Pure functions of the
 * graph. */
#pragma once

#include "gpu/pipeline.h"
#include "net/graph.h"

G_BEGIN_DECLS

typedef struct {
    const char *shader;
    unsigned variant; /**< Of the shader: the network's, but for what it has no build for. */
    guint32 spec[LM_MAX_SPEC];
    unsigned n_spec;
    gint32 push[LM_PUSH_BYTES / 4];
    unsigned n_push;
    guint32 groups[3];
} LmDispatch;

/** Sets specialisation constants; push constants. */
#define LM_DISPATCH_SPEC(dispatch, ...)                                                            \
    lm_dispatch_set_spec(dispatch, sizeof((guint32[]){__VA_ARGS__}) / 4, (guint32[]){__VA_ARGS__})
#define LM_DISPATCH_PUSH(dispatch, ...)                                                            \
    lm_dispatch_set_push(dispatch, sizeof((gint32[]){__VA_ARGS__}) / 4, (gint32[]){__VA_ARGS__})
void lm_dispatch_set_spec(LmDispatch *dispatch, unsigned n, const guint32 *values);
void lm_dispatch_set_push(LmDispatch *dispatch, unsigned n, const gint32 *values);

/** The planes of an operator's output that one dispatch writes. */
typedef struct {
    int first, n;
} LmPlanes;

void lm_dispatch_set_groups(LmDispatch *dispatch, int x, int y, int z);

/** How many parts of size b cover a. */
static inline int lm_ceil_div(int a, int b)
{
    return (a + b - 1) / b;
}

/** Output planes that only one dispatch can write together: `planes.first` and, but for the last,
 * `planes.n` are multiples. */
int lm_dispatch_granularity(const LmGraph *graph, const LmOp *op, unsigned variant);
/** variant: LmVariant bits; with LM_VARIANT_LANES8 workgroups are small, as suits a CPU, with
 * LM_VARIANT_TILED as src/exec/tile.c has them. Indices in the shaders count from planes.first:
 * output, weights and biases are bound from there, and so is the input where an operator's input
 * planes go with its output's (lm_dispatch_input_planes()). */
void lm_dispatch_op(const LmGraph *graph, const LmOp *op, unsigned variant, LmPlanes planes,
                    LmDispatch *dispatch);
/** Planes of the input that go with each one of the output; 0: all of them with every one. */
int lm_dispatch_input_planes(const LmOp *op);
/** The softmax over the logits (shaders/mask.comp). */
void lm_dispatch_mask(const LmTensor *logits, unsigned variant, LmDispatch *dispatch);

G_END_DECLS
