/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Winograd's way of a 3x3 convolution (shaders/include/winograd.glsl): which convolutions take it,
 * what its three dispatches are, and its weights. Pure functions of the graph. */
#pragma once

#include "exec/dispatch.h"

G_BEGIN_DECLS

/** Products for each tile of 4 x 4 outputs. */
#define LM_WINOGRAD_ELEMENTS 36

typedef enum {
    LM_WINOGRAD_INPUT,   /**< From the input to its evaluated values. */
    LM_WINOGRAD_PRODUCT, /**< From those to the output's. */
    LM_WINOGRAD_OUTPUT,  /**< From those to the output. */
    LM_N_WINOGRAD_STEPS
} LmWinogradStep;

/** Whether there is that way for an operator at all, in that variant (LmVariant bits). */
bool lm_winograd_possible(const LmOp *op, unsigned variant);
/** Whether it is the faster one, by a model of what both cost. */
bool lm_winograd_faster(const LmGraph *graph, const LmOp *op);

/** A band of the output: rows of tiles. */
typedef struct {
    int first, n;
} LmWinogradBand;

/** Rows of tiles of the whole output. */
int lm_winograd_rows(const LmGraph *graph, const LmOp *op);
/** Rows of a band, at most `most`, where all bands are to be about even. */
int lm_winograd_band_rows(const LmGraph *graph, const LmOp *op, int most);
/** Texels of the evaluated values of the operator's input or output, for so many rows: what lies
 * between the steps. */
gsize lm_winograd_texels(const LmGraph *graph, const LmOp *op, LmTensorId tensor, int rows);
void lm_winograd_dispatch(const LmGraph *graph, const LmOp *op, LmWinogradStep step,
                          LmWinogradBand band, LmDispatch *dispatch);

/** A kernel of 3 x 3 at the 6 x 6 points. */
void lm_winograd_evaluate_kernel(const float kernel[9], float values[LM_WINOGRAD_ELEMENTS]);

G_END_DECLS
