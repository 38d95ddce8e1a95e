/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The table of operators: how each kind is dispatched, and how its shader stores weights and
 * biases. Pure functions of a kernel; thread-safe. */
#pragma once

#include "exec/dispatch.h"
#include "exec/kernel.h"

G_BEGIN_DECLS

/** Output planes that one dispatch must write together: `planes.first` is a multiple of it, and so
 * is `planes.n`, except in the last dispatch. */
int lm_operator_granularity(const LmKernel *kernel);
/** Input planes that go with each output plane; 0: every output plane needs all of them. */
int lm_operator_input_planes(const LmKernel *kernel);

/** Sets up the operator's direct algorithm (Winograd's: exec/winograd.h). Workgroups are small with
 * LM_VARIANT_LANES8, for CPUs; with LM_VARIANT_TILED exec/tile.c sets them. Indices in the shaders
 * count from planes.first: output, weights and biases are bound from there, and so is the input if
 * its planes go with the output's (lm_operator_input_planes()). */
void lm_operator_dispatch(const LmKernel *kernel, LmPlanes planes, LmDispatch *dispatch);
/** Sets up the softmax over the logits (shaders/mask.comp). */
void lm_operator_dispatch_softmax(const LmTensor *logits, unsigned variant, LmDispatch *dispatch);

/** Texels of the weights and biases as the shader reads them; 0: none. */
gsize lm_operator_weight_texels(const LmKernel *kernel);
gsize lm_operator_bias_texels(const LmKernel *kernel);
/** Write them, four floats a texel. */
void lm_operator_write_weights(const LmKernel *kernel, float *texels);
void lm_operator_write_biases(const LmKernel *kernel, float *texels);

G_END_DECLS
