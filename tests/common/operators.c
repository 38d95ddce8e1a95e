/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The operator cases: the network's shapes, and odd ones. */
#include "operators.h"

#include <math.h>

#include "net/layers.h"
#include "net/plan.h"

#define RELU LM_ACTIVATION_RELU
#define HARDSWISH LM_ACTIVATION_HARDSWISH
#define HARDSIGMOID LM_ACTIVATION_HARDSIGMOID
#define GELU LM_ACTIVATION_GELU

const LmOperatorCase lm_operator_cases[] = {
    /* The default network at 128 x 128: each shape that takes time. */
    {.kind = LM_OP_CONV, .in = 12, .out = 24, .height = 128, .width = 128, .stride = 2},
    {.kind = LM_OP_CONV, .in = 24, .out = 12, .height = 128, .width = 128, .activation = GELU},
    {.kind = LM_OP_CONV, .in = 24, .out = 12, .height = 128, .width = 128, .add = true},
    {.kind = LM_OP_CONV, .in = 48, .out = 24, .height = 64, .width = 64, .add = true},
    {.kind = LM_OP_CONV, .in = 72, .out = 24, .height = 64, .width = 64, .activation = GELU},
    {.kind = LM_OP_CONV, .in = 144, .out = 48, .height = 32, .width = 32, .activation = GELU},
    {.kind = LM_OP_CONV, .in = 48, .out = 96, .height = 32, .width = 32, .stride = 2},
    {.kind = LM_OP_CONV, .in = 192, .out = 96, .height = 16, .width = 16, .activation = GELU},
    {.kind = LM_OP_CONV, .in = 372, .out = 372, .height = 8, .width = 8},
    {.kind = LM_OP_LINEAR,
     .in = 12,
     .out = 24,
     .height = 128,
     .width = 128,
     .activation = HARDSWISH},
    {.kind = LM_OP_LINEAR, .in = 36, .out = 12, .height = 128, .width = 128, .channel_scale = true},
    {.kind = LM_OP_LINEAR,
     .in = 96,
     .out = 192,
     .height = 16,
     .width = 16,
     .activation = HARDSWISH},
    {.kind = LM_OP_LINEAR, .in = 12, .out = 36, .height = 128, .width = 128, .normalise = true},
    {.kind = LM_OP_LINEAR, .in = 372, .out = 1116, .height = 8, .width = 8},
    {.kind = LM_OP_LINEAR, .in = 744, .out = 372, .height = 8, .width = 8, .add = true},
    {.kind = LM_OP_DEPTHWISE, .in = 24, .out = 24, .height = 128, .width = 128, .activation = GELU},
    {.kind = LM_OP_DEPTHWISE, .in = 192, .out = 192, .height = 16, .width = 16, .activation = GELU},
    {.kind = LM_OP_SQUEEZE_EXCITE, .in = 24, .out = 36, .height = 8, .width = 1, .hidden = 6},
    {.kind = LM_OP_NORM, .in = 12, .out = 12, .height = 128, .width = 128},
    {.kind = LM_OP_NORM, .in = 372, .out = 372, .height = 8, .width = 8},
    {.kind = LM_OP_NEIGHBOURHOOD_ATTENTION,
     .in = 12,
     .out = 12,
     .height = 128,
     .width = 128,
     .heads = 12},
    {.kind = LM_OP_NEIGHBOURHOOD_ATTENTION,
     .in = 96,
     .out = 96,
     .height = 16,
     .width = 16,
     .heads = 12},
    {.kind = LM_OP_GLOBAL_ATTENTION, .in = 372, .out = 372, .height = 8, .width = 8, .heads = 12},
    {.kind = LM_OP_POOL, .in = 12, .out = 12, .height = 128, .width = 128, .stride = 16},
    {.kind = LM_OP_TAP_SUM, .in = 24, .out = 12, .height = 64, .width = 64, .add = true},
    {.kind = LM_OP_TAP_SUM, .in = 96, .out = 48, .height = 16, .width = 16},
    {.kind = LM_OP_POOL,
     .in = 24,
     .out = 24,
     .height = 128,
     .width = 128,
     .stride = 16,
     .cell_width = 128},

    /* Odd ones: no channel count is a multiple of 4, no side a multiple of the tiles'. */
    {.kind = LM_OP_CONV, .in = 1, .out = 1, .height = 3, .width = 3},
    {.kind = LM_OP_CONV, .in = 1, .out = 9, .height = 1, .width = 1, .activation = RELU},
    {.kind = LM_OP_CONV,
     .in = 3,
     .out = 7,
     .height = 5,
     .width = 31,
     .activation = HARDSWISH,
     .add = true},
    {.kind = LM_OP_CONV, .in = 5, .out = 13, .height = 17, .width = 9, .activation = GELU},
    {.kind = LM_OP_CONV, .in = 2, .out = 6, .height = 2, .width = 2, .stride = 2},
    {.kind = LM_OP_CONV, .in = 13, .out = 3, .height = 22, .width = 14, .stride = 2},
    {.kind = LM_OP_CONV,
     .in = 31,
     .out = 33,
     .height = 6,
     .width = 10,
     .stride = 2,
     .activation = RELU,
     .add = true},
    {.kind = LM_OP_CONV, .in = 400, .out = 399, .height = 3, .width = 5, .activation = HARDSIGMOID},
    {.kind = LM_OP_CONV,
     .in = 49,
     .out = 50,
     .height = 37,
     .width = 62,
     .activation = GELU,
     .add = true},
    {.kind = LM_OP_CONV, .in = 101, .out = 17, .height = 13, .width = 7},
    {.kind = LM_OP_LINEAR, .in = 1, .out = 1, .height = 1, .width = 1},
    {.kind = LM_OP_LINEAR, .in = 3, .out = 5, .height = 1, .width = 1, .activation = RELU},
    {.kind = LM_OP_LINEAR, .in = 5, .out = 3, .height = 1, .width = 1, .activation = HARDSIGMOID},
    {.kind = LM_OP_LINEAR,
     .in = 7,
     .out = 21,
     .height = 9,
     .width = 11,
     .activation = GELU,
     .add = true},
    {.kind = LM_OP_LINEAR, .in = 13, .out = 14, .height = 3, .width = 11, .channel_scale = true},
    {.kind = LM_OP_LINEAR,
     .in = 399,
     .out = 400,
     .height = 5,
     .width = 5,
     .add = true,
     .channel_scale = true},
    {.kind = LM_OP_LINEAR, .in = 12, .out = 2, .height = 31, .width = 33},
    {.kind = LM_OP_LINEAR, .in = 1, .out = 3, .height = 2, .width = 3, .normalise = true},
    {.kind = LM_OP_LINEAR,
     .in = 7,
     .out = 9,
     .height = 5,
     .width = 13,
     .activation = GELU,
     .normalise = true},
    {.kind = LM_OP_LINEAR, .in = 21, .out = 63, .height = 3, .width = 7, .normalise = true},
    {.kind = LM_OP_LINEAR, .in = 10, .out = 16, .height = 8, .width = 4, .activation = HARDSWISH},
    {.kind = LM_OP_DEPTHWISE, .in = 1, .out = 1, .height = 1, .width = 1},
    {.kind = LM_OP_DEPTHWISE, .in = 3, .out = 3, .height = 2, .width = 5, .activation = GELU},
    {.kind = LM_OP_DEPTHWISE, .in = 5, .out = 5, .height = 9, .width = 17, .activation = GELU},
    {.kind = LM_OP_DEPTHWISE,
     .in = 399,
     .out = 399,
     .height = 7,
     .width = 3,
     .activation = HARDSWISH},
    {.kind = LM_OP_SQUEEZE_EXCITE, .in = 1, .out = 4, .height = 1, .width = 1, .hidden = 1},
    {.kind = LM_OP_SQUEEZE_EXCITE, .in = 192, .out = 192, .height = 4, .width = 2, .hidden = 48},
    {.kind = LM_OP_SQUEEZE_EXCITE, .in = 7, .out = 12, .height = 3, .width = 5, .hidden = 9},
    {.kind = LM_OP_SQUEEZE_EXCITE, .in = 399, .out = 1036, .height = 1, .width = 3, .hidden = 401},
    {.kind = LM_OP_SQUEEZE_EXCITE, .in = 70, .out = 72, .height = 2, .width = 1, .hidden = 3},
    {.kind = LM_OP_NORM, .in = 1, .out = 1, .height = 2, .width = 3},
    {.kind = LM_OP_NORM, .in = 7, .out = 7, .height = 5, .width = 13},
    {.kind = LM_OP_NORM, .in = 398, .out = 398, .height = 3, .width = 3},
    {.kind = LM_OP_NEIGHBOURHOOD_ATTENTION,
     .in = 3,
     .out = 3,
     .height = 3,
     .width = 3,
     .heads = 3,
     .rpb = true},
    {.kind = LM_OP_NEIGHBOURHOOD_ATTENTION, .in = 5, .out = 5, .height = 4, .width = 7, .heads = 5},
    {.kind = LM_OP_NEIGHBOURHOOD_ATTENTION,
     .in = 6,
     .out = 6,
     .height = 5,
     .width = 9,
     .heads = 3,
     .rpb = true},
    {.kind = LM_OP_NEIGHBOURHOOD_ATTENTION,
     .in = 9,
     .out = 9,
     .height = 7,
     .width = 5,
     .heads = 3,
     .rpb = true},
    {.kind = LM_OP_NEIGHBOURHOOD_ATTENTION,
     .in = 8,
     .out = 8,
     .height = 3,
     .width = 11,
     .heads = 2},
    {.kind = LM_OP_NEIGHBOURHOOD_ATTENTION,
     .in = 35,
     .out = 35,
     .height = 6,
     .width = 6,
     .heads = 5,
     .rpb = true},
    {.kind = LM_OP_NEIGHBOURHOOD_ATTENTION,
     .in = 60,
     .out = 60,
     .height = 9,
     .width = 4,
     .heads = 1},
    {.kind = LM_OP_GLOBAL_ATTENTION, .in = 3, .out = 3, .height = 2, .width = 2, .heads = 3},
    {.kind = LM_OP_GLOBAL_ATTENTION, .in = 10, .out = 10, .height = 3, .width = 3, .heads = 5},
    {.kind = LM_OP_GLOBAL_ATTENTION, .in = 9, .out = 9, .height = 1, .width = 1, .heads = 3},
    {.kind = LM_OP_GLOBAL_ATTENTION, .in = 35, .out = 35, .height = 5, .width = 7, .heads = 1},
    {.kind = LM_OP_GLOBAL_ATTENTION, .in = 400, .out = 400, .height = 3, .width = 5, .heads = 4},
    {.kind = LM_OP_GLOBAL_ATTENTION, .in = 372, .out = 372, .height = 4, .width = 5, .heads = 1},
    {.kind = LM_OP_NEIGHBOURHOOD_ATTENTION,
     .in = 390,
     .out = 390,
     .height = 4,
     .width = 5,
     .rpb = true,
     .heads = 2},
    {.kind = LM_OP_POOL, .in = 5, .out = 5, .height = 12, .width = 6, .stride = 2},
    {.kind = LM_OP_POOL, .in = 1, .out = 1, .height = 16, .width = 48, .stride = 16},
    {.kind = LM_OP_POOL, .in = 9, .out = 9, .height = 3, .width = 5},
    {.kind = LM_OP_TAP_SUM, .in = 1, .out = 1, .height = 1, .width = 1},
    {.kind = LM_OP_TAP_SUM, .in = 3, .out = 5, .height = 2, .width = 13, .activation = GELU},
    {.kind = LM_OP_TAP_SUM, .in = 5, .out = 6, .height = 1, .width = 5, .add = true},
    {.kind = LM_OP_TAP_SUM,
     .in = 10,
     .out = 7,
     .height = 7,
     .width = 3,
     .activation = HARDSIGMOID,
     .add = true},
    {.kind = LM_OP_TAP_SUM, .in = 31, .out = 399, .height = 5, .width = 4, .activation = RELU},
    {.kind = LM_OP_POOL,
     .in = 7,
     .out = 7,
     .height = 9,
     .width = 15,
     .stride = 9,
     .cell_width = 15},
    {.kind = LM_OP_POOL,
     .in = 399,
     .out = 399,
     .height = 10,
     .width = 24,
     .stride = 5,
     .cell_width = 24},
    /* Large enough for the large tiles in src/exec/tile.c's tables. */
    {.kind = LM_OP_CONV, .in = 3, .out = 9, .height = 259, .width = 250, .add = true},
    {.kind = LM_OP_CONV, .in = 5, .out = 21, .height = 100, .width = 130, .activation = GELU},
    {.kind = LM_OP_CONV, .in = 6, .out = 17, .height = 250, .width = 260, .stride = 2},
    {.kind = LM_OP_LINEAR, .in = 14, .out = 19, .height = 199, .width = 251, .channel_scale = true},
};
const unsigned lm_n_operator_cases = G_N_ELEMENTS(lm_operator_cases);

char *lm_operator_case_name(const LmOperatorCase *c)
{
    static const char *const activations[] = {"", " relu", " hardswish", " hardsigmoid", " gelu"};
    g_autofree char *heads = c->heads ? g_strdup_printf(" heads %d", c->heads) : g_strdup("");
    g_autofree char *stride = c->stride > 1 ? g_strdup_printf("/%d", c->stride) : g_strdup("");
    return g_strdup_printf("%s%s %d->%d %dx%d%s%s%s%s%s%s", lm_op_kind_name(c->kind), stride, c->in,
                           c->out, c->height, c->width, activations[c->activation],
                           c->add ? " +residual" : "", c->channel_scale ? " *channel_scale" : "",
                           c->rpb ? " rpb" : "", c->normalise ? " normalised" : "", heads);
}

static float *random_values(GRand *random, gsize n, double scale)
{
    float *values = g_new(float, n);
    for (gsize i = 0; i < n; i++)
        values[i] = (float)(g_rand_double_range(random, -1, 1) * scale);
    return values;
}

float *lm_operator_case_values(const LmTensor *tensor, GRand *random)
{
    return random_values(random,
                         (gsize)tensor->channels * (gsize)tensor->height * (gsize)tensor->width, 2);
}

static int planes_of(int channels)
{
    return (channels + 3) / 4;
}

LmGraph *lm_operator_case_graph(const LmOperatorCase *c, GRand *random)
{
    LmGraph *graph = lm_graph_new(NULL);
    bool attention = c->kind == LM_OP_NEIGHBOURHOOD_ATTENTION || c->kind == LM_OP_GLOBAL_ATTENTION;
    LmHeadLayout heads = {(unsigned)c->heads, attention ? (unsigned)(c->in / c->heads) : 0};
    int stride = MAX(c->stride, 1), height = c->height, width = c->width;
    LmOpKind kind = c->kind == LM_OP_TAP_SUM ? LM_OP_CONV : c->kind;

    if (c->kind == LM_OP_CONV || c->kind == LM_OP_POOL) {
        height /= stride;
        width /= c->cell_width ? c->cell_width : stride;
    } else if (c->kind == LM_OP_SQUEEZE_EXCITE) {
        height = width = 1;
    } else if (c->kind == LM_OP_TAP_SUM) {
        height *= 2;
        width *= 2;
    }

    LmTensorId x = lm_graph_input(graph, "x", attention ? 3 * c->in : c->in, c->height, c->width);
    int planes = planes_of(c->out);
    if (attention) {
        LmTensor *tensor = lm_graph_tensor(graph, x);
        planes = (int)lm_head_layout_planes(heads);
        tensor->planes = 3 * planes;
        tensor->channel = g_renew(int, tensor->channel, (gsize)tensor->planes * 4);
        lm_tensor_lay_out_heads(tensor, heads);
    }
    LmTensorId residual =
        c->add ? lm_graph_add_tensor(graph, "residual", c->out, planes, height, width)
               : LM_NO_TENSOR;
    LmTensorId channel_scale = c->channel_scale ? lm_graph_add_tensor(graph, "channel_scale", c->in,
                                                                      planes_of(c->in), 1, 1)
                                                : LM_NO_TENSOR;
    LmTensorId y = lm_graph_add_tensor(graph, "y", c->out, planes, height, width);
    if (attention)
        lm_tensor_lay_out_heads(lm_graph_tensor(graph, y), heads);

    LmOp *op = lm_graph_add_op(graph, kind, "operator", x, y);
    op->stride = kind == LM_OP_CONV ? stride : 1;
    op->activation = c->activation;
    op->residual = residual;
    op->channel_scale = channel_scale;
    op->normalise = c->normalise;
    op->heads = heads;
    gsize in = (gsize)c->in, out = (gsize)c->out;
    if (kind == LM_OP_CONV)
        op->weight = random_values(random, in * out * 9, 1 / sqrt(9.0 * c->in));
    else if (kind == LM_OP_LINEAR)
        op->weight = random_values(random, in * out, 1 / sqrt((double)c->in));
    else if (kind == LM_OP_DEPTHWISE)
        op->weight = random_values(random, out * 25, 0.2);
    else if (c->kind == LM_OP_SQUEEZE_EXCITE) {
        op->hidden = c->hidden;
        op->hidden_weight = random_values(random, in * (gsize)c->hidden, 1 / sqrt(c->in));
        op->hidden_bias = random_values(random, (gsize)c->hidden, 0.5);
        op->weight = random_values(random, in * (gsize)c->hidden, 4 / sqrt(c->hidden));
        op->bias = random_values(random, in, 2);
    } else if (c->rpb)
        op->weight = random_values(random, (gsize)c->heads * 25, 1);
    if (kind == LM_OP_CONV || kind == LM_OP_LINEAR || kind == LM_OP_DEPTHWISE)
        op->bias = random_values(random, out, 0.5);
    if (c->kind == LM_OP_TAP_SUM)
        lm_layer_split_taps(graph);
    graph->output = y;
    g_assert_true(lm_graph_plan(graph, true, NULL));
    return graph;
}
