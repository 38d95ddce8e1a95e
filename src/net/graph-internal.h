/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What the files that make up the graph share. */
#pragma once

#include "net/graph.h"

/** A tensor whose stored channels are its logical ones in order; returns its id. Pointers to
 * tensors die. */
LmTensorId lm_graph_add_tensor(LmGraph *graph, const char *name, int channels, int planes,
                               int height, int width);
/** Lets q|k|v, or one of them, each of heads * dim channels, lie in head layout. */
void lm_tensor_lay_out_heads(LmTensor *tensor, LmHeadLayout layout);
/** Stride 1, no residual, no channel_scale; pointers to operators die. */
LmOp *lm_graph_add_op(LmGraph *graph, LmOpKind kind, const char *name, LmTensorId input,
                      LmTensorId output);

/** The last operator, a convolution of stride 1, is one of its input upsampled: lets a linear layer
 * multiply the input, as small as it is, by each of the nine taps, and a TAP_SUM upsample and add
 * the products. */
void lm_layer_split_taps(LmGraph *graph);

/** No layer of a sane model is wider; keeps sizes far from overflow. */
#define LM_MAX_CHANNELS 16384
/** Squeeze-and-excite's hidden channels lie in a workgroup's shared memory, of which every device
 * has 16 KiB; a quarter of it is for squeeze_excite.comp's sums. */
#define LM_MAX_HIDDEN 3072

/** A batch norm's arrays, owned. */
typedef struct {
    float *weight, *bias, *mean, *var;
} LmOwnedBatchNorm;

/** Loads `name`.weight, .bias, .running_mean, .running_var; false with the sticky error. Clear in
 * either case. */
bool lm_layer_batch_norm_load(LmGraph *graph, const char *name, int channels,
                              LmOwnedBatchNorm *norm);
void lm_layer_batch_norm_clear(LmOwnedBatchNorm *norm);
