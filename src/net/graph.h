/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A network as operators on tensors. A network file builds it, the executor runs it.
 *
 * A tensor lies in one arena as "C4 planes": channels in groups of four, each group one plane of
 * height x width texels of four channels, row by row, then one texel of zeros, which stands for all
 * pixels outside the plane, and padding to LM_PLANE_ALIGN texels. The writer of a plane also writes
 * its zero texel, and zeros in the channels that pad the last group.
 *
 * Errors are sticky: the first one is kept, and everything after returns LM_NO_TENSOR, so that a
 * network file reads like the network's figure. Weights are looked up by name, checked, folded and
 * owned here.
 */
#pragma once

#include "model/fold.h"
#include "model/weights.h"
#include "util/error.h"

G_BEGIN_DECLS

/** Texels; 32 texels are 256 bytes in half precision, the largest offset alignment that Vulkan
 * allows. */
#define LM_PLANE_ALIGN 32

/** Most input planes that a linear layer can normalise itself: an invocation holds all channels of
 * a pixel.
 */
#define LM_NORMALISED_PLANES 6

/** Pixels of one partial mean that a depthwise convolution writes beside its output. */
#define LM_PARTIAL_WIDTH 32
#define LM_PARTIAL_HEIGHT 16

/** Most planes of input, and of hidden channels, of a squeeze-and-excite that a linear layer can
 * compute itself. */
#define LM_FUSED_SQUEEZE_EXCITE_PLANES 128

typedef int LmTensorId;
#define LM_NO_TENSOR (-1)

typedef enum {
    LM_ACTIVATION_NONE,
    LM_ACTIVATION_RELU,
    LM_ACTIVATION_HARDSWISH,
    LM_ACTIVATION_HARDSIGMOID,
    LM_ACTIVATION_GELU, /**< Exact erf form. */
} LmActivation;

typedef enum {
    LM_OP_CONV,      /**< 3x3, stride 1 or 2, zero padding 1. */
    LM_OP_LINEAR,    /**< 1x1 convolution, or a linear layer over the channels of each pixel. */
    LM_OP_DEPTHWISE, /**< 5x5, stride 1, zero padding 2. */
    LM_OP_SQUEEZE_EXCITE, /**< Channel scales, 1 x 1, from the mean over all pixels: two linear
                             layers with RELU between them and hardsigmoid after. */
    LM_OP_NORM,           /**< Layer norm over channels without its affine part, eps 1e-5. */
    LM_OP_NEIGHBOURHOOD_ATTENTION, /**< 3x3, input q|k|v in head layout, query scale already in q.
                                    */
    LM_OP_GLOBAL_ATTENTION,        /**< Over all pixels as tokens; input as above. */
    LM_OP_POOL,                    /**< Mean over whole cells of input / output pixels. */
    LM_OP_TAP_SUM, /**< Sum of a 3x3 convolution's nine tap products, each upsampled (bilinear,
                      twice the size, corners aligned) and moved to its tap's position, zero
                      outside the plane. Input planes: [output plane][tap y * 3 + x]. */
    LM_N_OPS
} LmOpKind;

/** "conv", "squeeze-excite", ...: static. */
const char *lm_op_kind_name(LmOpKind kind);

/** How the channels of heads fill texels, so that no texel holds parts of two different rows of a
 * dot product: dimension 1: four heads a texel; 2: two heads; else each head ceil(dim / 4) texels
 * of its own. */
typedef struct {
    unsigned heads, dim;
} LmHeadLayout;

/** Heads in one texel (4, 2 or 1), texels of one head (1 unless dim > 4), and planes of all heads
 * together. */
unsigned lm_head_layout_per_texel(LmHeadLayout layout);
unsigned lm_head_layout_texels(LmHeadLayout layout);
unsigned lm_head_layout_planes(LmHeadLayout layout);

typedef struct {
    char *name;
    int channels, height, width; /**< Logical. */
    int planes;                  /**< Groups of four stored channels. */
    int *channel;      /**< planes * 4: which logical channel is stored there; -1: none, zero. */
    LmTensorId parent; /**< The concatenation that this one is a slice of, or LM_NO_TENSOR. */
    int parent_plane;  /**< Offset in it, in planes. */
    gsize offset;      /**< Texels from the arena's start; after lm_graph_plan(). */
} LmTensor;

typedef struct LmOp LmOp;
struct LmOp {
    LmOpKind kind;
    char *name;
    LmTensorId input, output;
    LmTensorId residual; /**< CONV, LINEAR, TAP_SUM: added after the activation; or LM_NO_TENSOR. */
    LmTensorId channel_scale; /**< LINEAR: 1 x 1, of the input's layout, multiplies the input; or
                                 LM_NO_TENSOR. */
    LmActivation activation;
    int stride;
    bool normalise; /**< LINEAR: its input goes through NORM first; at most LM_NORMALISED_PLANES. */
    LmHeadLayout heads;
    /** Operators of one step do not wait for each other; after lm_graph_plan() each has its own
     * step. */
    unsigned step;
    /** CONV, LINEAR: out x in x (3 x 3 or 1); DEPTHWISE: channels x 5 x 5; NEIGHBOURHOOD_ATTENTION:
     * heads x 5 x 5 relative position bias, or NULL; SQUEEZE_EXCITE: in x hidden. By logical
     * channel. */
    float *weight;
    /** By logical channel of the output. SQUEEZE_EXCITE: of the input; all other stored channels of
     * the output are 1, so that they scale nothing. */
    float *bias;
    int hidden;                         /**< SQUEEZE_EXCITE: hidden channels. */
    float *hidden_weight, *hidden_bias; /**< SQUEEZE_EXCITE: hidden x in, and by hidden channel. */
    /** DEPTHWISE: receives partial means, one for each LM_PARTIAL_WIDTH x LM_PARTIAL_HEIGHT pixels,
     * whose mean is that of the output over all pixels; or LM_NO_TENSOR. */
    LmTensorId partial_sums;
    /** LINEAR: the SQUEEZE_EXCITE that it computes itself; `channel_scale` is then that operator's
     * input. Owned; or NULL. */
    LmOp *squeeze_excite;
};

typedef struct {
    LmWeights *weights; /**< Not owned; used while building. */
    GArray *tensors;    /**< LmTensor */
    GArray *ops;        /**< LmOp, in an order in which they can run. */
    LmTensorId input, output;
    gsize arena_texels; /**< After lm_graph_plan(). */
    GError *error;      /**< The first one. */
} LmGraph;

LmGraph *lm_graph_new(LmWeights *weights);
void lm_graph_free(LmGraph **graph);

static inline LmTensor *lm_graph_tensor(const LmGraph *graph, LmTensorId id)
{
    return &g_array_index(graph->tensors, LmTensor, id);
}

static inline LmOp *lm_graph_op(const LmGraph *graph, unsigned index)
{
    return &g_array_index(graph->ops, LmOp, index);
}

/** The tensor of that name, or LM_NO_TENSOR. Names are those of the operators, or set by
 * lm_graph_name(). */
LmTensorId lm_graph_find(const LmGraph *graph, const char *name);

/** The logical channel that is stored in `slot`; -1: none, or beyond the last plane. */
static inline int lm_tensor_channel(const LmTensor *tensor, int slot)
{
    return slot < tensor->planes * 4 ? tensor->channel[slot] : -1;
}

/** Texels from one plane of a tensor to the next. */
gsize lm_tensor_plane_stride(const LmTensor *tensor);
/** Multiply-adds of an operator. */
guint64 lm_graph_op_macs(const LmGraph *graph, const LmOp *op);

/** Records an error unless there is one already. */
void lm_graph_fail(LmGraph *graph, LmErrorCode code, const char *format, ...) G_GNUC_PRINTF(3, 4);

/** The network's input: written from outside. */
LmTensorId lm_graph_input(LmGraph *graph, const char *name, int channels, int height, int width);
/** Gives a tensor its public name; returns the tensor. */
LmTensorId lm_graph_name(LmGraph *graph, const char *name, LmTensorId tensor);

/** Concatenates without a copy: the parts become slices of the whole, so each can be part of one
 * concatenation only. */
LmTensorId lm_graph_concat(LmGraph *graph, const char *name, const LmTensorId *parts, int n_parts);

/* For net/layers.c and for tests. */

/** A tensor whose stored channels are its logical ones in order; returns its id. Pointers to
 * tensors become invalid. */
LmTensorId lm_graph_add_tensor(LmGraph *graph, const char *name, int channels, int planes,
                               int height, int width);
/** Stores q|k|v, or one of them, each of heads * dim channels, in head layout. */
void lm_tensor_lay_out_heads(LmTensor *tensor, LmHeadLayout layout);
/** Stride 1, no residual, no channel_scale; pointers to operators become invalid. */
LmOp *lm_graph_add_op(LmGraph *graph, LmOpKind kind, const char *name, LmTensorId input,
                      LmTensorId output);

G_END_DECLS
