/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Winograd's algorithm for a 3x3 convolution (shaders/include/winograd.glsl): which convolutions
 * use it, its three dispatches, and its weights. Pure functions of a kernel. */
#pragma once

#include "exec/dispatch.h"
#include "exec/kernel.h"

G_BEGIN_DECLS

/** Products for each tile of 4 x 4 outputs. */
#define LM_WINOGRAD_ELEMENTS 36

typedef enum {
    LM_WINOGRAD_INPUT,   /**< From the input to its evaluated values. */
    LM_WINOGRAD_PRODUCT, /**< From these to the output's evaluated values. */
    LM_WINOGRAD_OUTPUT,  /**< From these to the output. */
    LM_N_WINOGRAD_STEPS
} LmWinogradStep;

/** Returns true if the shaders can compute this operator with it. */
bool lm_winograd_possible(const LmKernel *kernel);
/** Returns true if it is faster than the direct algorithm, by a model of both costs. */
bool lm_winograd_faster(const LmKernel *kernel);

/** A band of the output: rows of tiles. */
typedef struct {
    int first, n;
} LmWinogradBand;

/** Rows of tiles of the whole output. */
int lm_winograd_rows(const LmKernel *kernel);
/** Rows of a band, at most `most`, chosen so that all bands have about the same size. */
int lm_winograd_band_rows(const LmKernel *kernel, int most);
/** Texels of the evaluated values, which lie between the steps, of the kernel's input (x) or output
 * (y) for this many rows. */
gsize lm_winograd_texels(const LmKernel *kernel, const LmTensor *tensor, int rows);
void lm_winograd_dispatch(const LmKernel *kernel, LmWinogradStep step, LmWinogradBand band,
                          LmDispatch *dispatch);

/** Texels of the weights for winograd_product.comp: the kernels evaluated at the 6 x 6 points. */
gsize lm_winograd_weight_texels(const LmKernel *kernel);
/** Writes them, four floats a texel. */
void lm_winograd_write_weights(const LmKernel *kernel, float *texels);

G_END_DECLS
