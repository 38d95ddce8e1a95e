/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Weights from the graph's order to the shaders': see the headers of shaders/conv.comp,
 * linear.comp, winograd_product.comp, depthwise.comp, neighbourhood_attention.comp. */
#pragma once

#include "gpu/pipeline.h"
#include "net/graph.h"

G_BEGIN_DECLS

/** Input planes that linear.comp takes at once where it holds none (PLANES there); its weights are
 * padded to a multiple. */
#define LM_LINEAR_STEP 2

/** Output planes that an invocation of conv.comp or linear.comp computes together (GROUP there). */
int lm_pack_group(const LmGraph *graph, const LmOp *op, unsigned variant);
/** Input planes that an invocation of linear.comp keeps while it goes through all outputs (HELD
 * there); 0: it goes through all inputs for one group of outputs. */
int lm_pack_held(const LmGraph *graph, const LmOp *op, unsigned variant);
/** Texels of an operator's packed weights and biases; 0 for none. variant: LmVariant bits;
 * winograd: for winograd_product.comp instead of conv.comp. */
gsize lm_pack_weight_texels(const LmGraph *graph, const LmOp *op, unsigned variant, bool winograd);
gsize lm_pack_bias_texels(const LmGraph *graph, const LmOp *op, unsigned variant);
/** Write them, four floats a texel. */
void lm_pack_weights(const LmGraph *graph, const LmOp *op, unsigned variant, bool winograd,
                     float *texels);
void lm_pack_biases(const LmGraph *graph, const LmOp *op, unsigned variant, float *texels);

G_END_DECLS
