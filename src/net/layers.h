/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Builders of layers: they look up weights, check and fold them, and add operators to a graph. */
#pragma once

#include "net/graph.h"

G_BEGIN_DECLS

/** No layer of a sane model is wider; keeps sizes far from overflow. */
#define LM_MAX_CHANNELS 16384
/** Squeeze-and-excite's hidden channels lie in a workgroup's shared memory, of which every device
 * has 16 KiB; a quarter of it is for squeeze_excite.comp's sums. */
#define LM_MAX_HIDDEN 3072

/** Settings of a convolution or linear layer; zero: stride 1, all else off. Names are of the model
 * file's tensors without `.weight`, `.bias`. */
typedef struct {
    int stride;       /**< 0 means 1. */
    int kernel;       /**< Expected side of the kernel, 1 or 3; 0 means 1. */
    bool upsample;    /**< 3x3, stride 1: applied to x upsampled (bilinear, twice the size, corners
                           aligned).
                            */
    int outputs;      /**< Expected output channels; 0: as the tensor's shape gives. */
    const char *norm; /**< A batch norm that follows, folded in. */
    const char *layer_norm; /**< A layer norm before it, whose affine part is folded in. */
    LmActivation activation;
    LmTensorId residual; /**< 0: none (the input, tensor 0, is never a residual). */
    LmHeadLayout qkv;    /**< Output is q|k|v in head layout; query scale folded in. */
} LmLayerParams;

/** The weight's shape is [out][in][k][k]; or [out][in] if k is 1. */
LmTensorId lm_graph_layer(LmGraph *graph, const char *name, LmTensorId x,
                          const LmLayerParams *params);
/** Depthwise 5x5 with GELU. kernel: channels x 25, bias: channels; both taken over. */
LmTensorId lm_graph_depthwise(LmGraph *graph, const char *name, LmTensorId x, float *kernel,
                              float *bias);
/** Squeeze-and-excite: channel scales for `x` (1 x 1) by `name`.fc1 and `name`.fc2 from the mean of
 * `of`, which is x's first part; x's other parts get scale 1. */
LmTensorId lm_graph_squeeze_excite(LmGraph *graph, const char *name, LmTensorId of, LmTensorId x);
/** channel_scale * x through one product whose columns are those of `first` and `second` side by
 * side, biases added: x is the concatenation of their two inputs. */
LmTensorId lm_graph_gated_sum(LmGraph *graph, const char *first, const char *second, LmTensorId x,
                              LmTensorId channel_scale);
/** x: q|k|v in head layout. rpb: name of the relative position bias, or NULL. */
LmTensorId lm_graph_neighbourhood_attention(LmGraph *graph, const char *name, LmTensorId x,
                                            LmHeadLayout heads, const char *rpb);
LmTensorId lm_graph_global_attention(LmGraph *graph, const char *name, LmTensorId x,
                                     LmHeadLayout heads);
LmTensorId lm_graph_pool(LmGraph *graph, const char *name, LmTensorId x, int height, int width);

/** Replaces the last operator, a convolution of stride 1 on its upsampled input: a linear layer
 * multiplies the small input by each of the nine taps, and a TAP_SUM upsamples and adds the
 * products. */
void lm_layer_split_taps(LmGraph *graph);

/** A batch norm's arrays, owned. */
typedef struct {
    float *weight, *bias, *mean, *var;
} LmOwnedBatchNorm;

/** Loads `name`.weight, .bias, .running_mean, .running_var; false with the sticky error. Call clear
 * in either case. */
bool lm_layer_batch_norm_load(LmGraph *graph, const char *name, int channels,
                              LmOwnedBatchNorm *norm);
void lm_layer_batch_norm_clear(LmOwnedBatchNorm *norm);

G_END_DECLS
