/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Converts weights from the graph's order to the shaders': see the headers of shaders/conv.comp,
 * linear.comp, depthwise.comp, squeeze_excite.comp, neighbourhood_attention.comp. */
#pragma once

#include "exec/kernel.h"

G_BEGIN_DECLS

/** Input planes that linear.comp reads at once if it caches none (PLANES there); its weights are
 * padded to a multiple of it. */
#define LM_LINEAR_STEP 2

/** How many texels a kernel's weights (or biases) take, and how to write them, four floats a texel.
 */
typedef gsize LmWeightTexelsFunc(const LmKernel *kernel);
typedef void LmWriteWeightsFunc(const LmKernel *kernel, float *texels);

typedef struct {
    LmWeightTexelsFunc *texels;
    LmWriteWeightsFunc *write;
} LmWeightLayout;

/* Weights. CONV's are Winograd's if the kernel uses Winograd's algorithm. */
LmWeightTexelsFunc lm_weight_layout_conv_texels, lm_weight_layout_linear_texels,
    lm_weight_layout_depthwise_texels, lm_weight_layout_squeeze_excite_texels;
LmWriteWeightsFunc lm_weight_layout_conv, lm_weight_layout_linear, lm_weight_layout_depthwise,
    lm_weight_layout_squeeze_excite;

/* Biases: one for each stored channel, of whole groups or of the output's planes alone;
 * squeeze-and-excite's two layers'; the relative positions' of neighbourhood attention. */
LmWeightTexelsFunc lm_weight_layout_group_bias_texels, lm_weight_layout_bias_texels,
    lm_weight_layout_squeeze_excite_bias_texels, lm_weight_layout_position_bias_texels;
LmWriteWeightsFunc lm_weight_layout_group_biases, lm_weight_layout_biases,
    lm_weight_layout_squeeze_excite_biases, lm_weight_layout_position_biases;

G_END_DECLS
