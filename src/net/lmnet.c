/* SPDX-License-Identifier: LGPL-2.1-or-later
 * LM-Net as a graph.
 *
 * Source: Lu, She, Wang, Huang, "LM-Net: A light-weight and multi-scale network for medical image
 * segmentation", 2025, figures 1 to 5, and the authors' published PyTorch code, whose parameter
 * names these are. The tensors' shapes give widths, classes, training or deploy form and the old
 * relative position bias.
 */
#include "net/network.h"

#include "net/layers.h"

#include <string.h>

static char *join(const char *prefix, const char *name)
{
    return g_strconcat(prefix, ".", name, NULL);
}

static bool has(LmGraph *graph, const char *prefix, const char *name)
{
    g_autofree char *full = join(prefix, name);
    return lm_weights_has(graph->weights, full);
}

/* `prefix`.`name` with the given settings. */
static LmTensorId layer(LmGraph *graph, const char *prefix, const char *name, LmTensorId x,
                        const LmLayerParams *params)
{
    g_autofree char *full = join(prefix, name);
    return lm_graph_layer(graph, full, x, params);
}

/* 3x3 of stride 2, followed by `prefix`.0 as torch.nn.Sequential numbers it. */
static LmTensorId down(LmGraph *graph, const char *prefix, LmTensorId x)
{
    return layer(graph, prefix, "0", x, &(LmLayerParams){.kernel = 3, .stride = 2});
}

/* Upsamples by two, then 3x3, adds `residual` (0: none): index 0 of the Sequential is the
 * upsampling, which holds no parameters. */
static LmTensorId up(LmGraph *graph, const char *prefix, LmTensorId x, LmTensorId residual)
{
    return layer(graph, prefix, "1", x,
                 &(LmLayerParams){.kernel = 3, .upsample = true, .residual = residual});
}

/* The four depthwise branches of training, each with its batch norm. */
static bool fold_branches(LmGraph *graph, const char *prefix, int channels, float *kernel,
                          float *bias)
{
    static const struct {
        const char *name;
        unsigned height, width;
    } shapes[] = {
        {"large_conv", 5, 5}, {"square_conv", 3, 3}, {"ver_conv", 3, 1}, {"hor_conv", 1, 3}};
    float *kernels[4] = {0};
    LmOwnedBatchNorm norms[4] = {0};
    LmDepthwiseBranch branches[4];

    for (int i = 0; i < 4 && !graph->error; i++) {
        g_autofree char *conv = g_strconcat(prefix, ".", shapes[i].name, ".conv.weight", NULL);
        g_autofree char *norm = g_strconcat(prefix, ".", shapes[i].name, ".bn", NULL);
        const gsize shape[] = {(gsize)channels, 1, shapes[i].height, shapes[i].width};
        kernels[i] = lm_weights_get(graph->weights, conv, shape, 4, &graph->error);
        if (graph->error || !lm_layer_batch_norm_load(graph, norm, channels, &norms[i]))
            break;
        branches[i] =
            (LmDepthwiseBranch){kernels[i],
                                shapes[i].height,
                                shapes[i].width,
                                {norms[i].weight, norms[i].bias, norms[i].mean, norms[i].var}};
    }
    if (!graph->error && !lm_fold_depthwise(kernel, bias, (gsize)channels, branches, 4))
        lm_graph_fail(
            graph, LM_ERROR_MODEL,
            "%s: tensor '%s.large_conv.bn.weight': the branches fold to a value that is not finite",
            lm_weights_path(graph->weights), prefix);
    for (int i = 0; i < 4; i++) {
        g_free(kernels[i]);
        lm_layer_batch_norm_clear(&norms[i]);
    }
    return !graph->error;
}

/* GELU(depthwise 5x5), in training or deploy form. A checkpoint folded by the authors' code keeps
 * the old large_conv beside fuse_conv; then fuse_conv is the one to use. */
static LmTensorId depthwise(LmGraph *graph, const char *prefix, LmTensorId x)
{
    if (graph->error)
        return LM_NO_TENSOR;
    int channels = lm_graph_tensor(graph, x)->channels;
    g_autofree char *fused = join(prefix, "fuse_conv");
    float *kernel = NULL, *bias = NULL;

    if (has(graph, prefix, "fuse_conv.weight")) {
        g_autofree char *weight_name = join(fused, "weight"), *bias_name = join(fused, "bias");
        const gsize shape[] = {(gsize)channels, 1, 5, 5};
        kernel = lm_weights_get(graph->weights, weight_name, shape, 4, &graph->error);
        if (!graph->error)
            bias = lm_weights_get(graph->weights, bias_name, shape, 1, &graph->error);
        static const char *const left_over[] = {"large_conv.", "square_conv.", "ver_conv.",
                                                "hor_conv."};
        for (gsize i = 0; i < G_N_ELEMENTS(left_over); i++) {
            g_autofree char *old = join(prefix, left_over[i]);
            lm_weights_ignore(graph->weights, old);
        }
    } else {
        kernel = g_new(float, (gsize)channels * 25);
        bias = g_new(float, (gsize)channels);
        fold_branches(graph, prefix, channels, kernel, bias);
    }
    return lm_graph_depthwise(graph, fused, x, kernel, bias);
}

/* Multi-branch block: expand, depthwise, squeeze-and-excite, then pointwise and shortcut as one
 * product over [g*s, x]. */
static LmTensorId multi_branch(LmGraph *graph, const char *prefix, LmTensorId x)
{
    g_autofree char *norm = join(prefix, "expand_conv.1"), *se = join(prefix, "se"),
                    *both = join(prefix, "gated");
    g_autofree char *pointwise = join(prefix, "pointwise_conv.0"),
                    *shortcut = join(prefix, "shortcut.0");

    LmTensorId y = layer(graph, prefix, "expand_conv.0", x,
                         &(LmLayerParams){.norm = norm, .activation = LM_ACTIVATION_HARDSWISH});
    LmTensorId g = depthwise(graph, prefix, y);
    LmTensorId gx = lm_graph_concat(graph, both, (LmTensorId[]){g, x}, 2);
    LmTensorId s = lm_graph_squeeze_excite(graph, se, g, gx);
    return lm_graph_gated_sum(graph, pointwise, shortcut, gx, s);
}

static LmTensorId stage(LmGraph *graph, const char *name, LmTensorId x)
{
    g_autofree char *first = join(name, "0"), *second = join(name, "1");
    return multi_branch(graph, second, multi_branch(graph, first, x));
}

static LmTensorId fuse(LmGraph *graph, const char *name, const LmTensorId *parts, int n_parts)
{
    g_autofree char *whole = join(name, "concat"), *norm = join(name, "fuse_conv.1");
    return layer(graph, name, "fuse_conv.0", lm_graph_concat(graph, whole, parts, n_parts),
                 &(LmLayerParams){.kernel = 3, .norm = norm, .activation = LM_ACTIVATION_GELU});
}

static LmTensorId skip_bottom(LmGraph *graph, const char *name, LmTensorId large, LmTensorId small)
{
    LmTensorId l = layer(graph, name, "convl.0", large, &(LmLayerParams){.kernel = 3, .stride = 2});
    LmTensorId s = layer(graph, name, "convs.0", small, &(LmLayerParams){.kernel = 3});
    return fuse(graph, name, (LmTensorId[]){l, s}, 2);
}

static LmTensorId skip_top(LmGraph *graph, const char *name, LmTensorId large, LmTensorId small)
{
    g_autofree char *convs = join(name, "convs");
    LmTensorId l = layer(graph, name, "convl.0", large, &(LmLayerParams){.kernel = 3});
    LmTensorId s = up(graph, convs, small, 0);
    return fuse(graph, name, (LmTensorId[]){l, s}, 2);
}

static LmTensorId skip_middle(LmGraph *graph, const char *name, LmTensorId large, LmTensorId middle,
                              LmTensorId small)
{
    g_autofree char *convs = join(name, "convs");
    LmTensorId l = layer(graph, name, "convl.0", large, &(LmLayerParams){.kernel = 3, .stride = 2});
    LmTensorId m = layer(graph, name, "convm.0", middle, &(LmLayerParams){.kernel = 3});
    LmTensorId s = up(graph, convs, small, 0);
    return fuse(graph, name, (LmTensorId[]){l, m, s}, 3);
}

/* Heads over `x`'s channels, or the sticky error. */
static LmHeadLayout heads_of(LmGraph *graph, const char *name, LmTensorId x)
{
    unsigned heads = lm_weights_info(graph->weights)->heads;
    if (graph->error)
        return (LmHeadLayout){1, 1};
    unsigned channels = (unsigned)lm_graph_tensor(graph, x)->channels;
    if (channels % heads)
        lm_graph_fail(graph, LM_ERROR_MODEL,
                      "%s: tensor '%s.patchembedding.patch_embeddings.weight': width %u does not "
                      "divide by lmnet.heads = %u",
                      lm_weights_path(graph->weights), name, channels, heads);
    return (LmHeadLayout){heads, MAX(channels / heads, 1)};
}

/* e = conv3(x); a = attention(LN(e)) + e; fc2(GELU(fc1(LN(a)))) + a. `attention`: its name under
 * `name`. */
static LmTensorId transformer(LmGraph *graph, const char *name, const char *attention, bool global,
                              LmTensorId x)
{
    g_autofree char *prefix = join(name, attention), *rpb = join(prefix, "rpb");
    g_autofree char *norm1 = join(name, "norm1"), *norm2 = join(name, "norm2");

    LmTensorId e =
        layer(graph, name, "patchembedding.patch_embeddings", x, &(LmLayerParams){.kernel = 3});
    LmHeadLayout heads = heads_of(graph, name, e);
    int width = graph->error ? 0 : lm_graph_tensor(graph, e)->channels;
    LmTensorId qkv =
        layer(graph, prefix, "qkv", e,
              &(LmLayerParams){.outputs = 3 * width, .layer_norm = norm1, .qkv = heads});
    LmTensorId weighted =
        global ? lm_graph_global_attention(graph, prefix, qkv, heads)
               : lm_graph_neighbourhood_attention(graph, prefix, qkv, heads,
                                                  lm_weights_has(graph->weights, rpb) ? rpb : NULL);
    LmTensorId a = layer(graph, prefix, "proj", weighted, &(LmLayerParams){.residual = e});
    LmTensorId hidden =
        layer(graph, name, "mlp.fc1", a,
              &(LmLayerParams){.layer_norm = norm2, .activation = LM_ACTIVATION_GELU});
    return layer(graph, name, "mlp.fc2", hidden, &(LmLayerParams){.residual = a});
}

static LmTensorId lft(LmGraph *graph, const char *name, LmTensorId x)
{
    return transformer(graph, name, "att1", false, x);
}

static LmTensorId gft(LmGraph *graph, const char *name, LmTensorId x)
{
    return layer(graph, name, "conv.0", transformer(graph, name, "attention", true, x), NULL);
}

static LmTensorId pyramid_pool(LmGraph *graph, const LmTensorId scales[4], LmTensorId bottom)
{
    if (graph->error)
        return LM_NO_TENSOR;
    static const char *const names[] = {"pyramidpool.1", "pyramidpool.2", "pyramidpool.3",
                                        "pyramidpool.4"};
    int height = lm_graph_tensor(graph, bottom)->height,
        width = lm_graph_tensor(graph, bottom)->width;
    LmTensorId parts[5];
    for (int i = 0; i < 4; i++)
        parts[i] = lm_graph_pool(graph, names[i], scales[i], height, width);
    parts[4] = bottom;
    return lm_graph_concat(graph, "pyramidpool", parts, 5);
}

static bool matches(const LmWeights *weights)
{
    return lm_weights_has(weights, "conv1.0.expand_conv.0.weight");
}

/* One line for each stage of the network; named outputs have the names of the golden files. */
static void build(LmGraph *graph, int width, int height)
{
#define TAP(name, tensor) lm_graph_name(graph, name, tensor)
    LmTensorId image = lm_graph_input(graph, "image", 3, height, width);

    LmTensorId x1 = TAP("x1", stage(graph, "conv1", image));
    LmTensorId x2 = TAP("x2", stage(graph, "conv2", down(graph, "down1", x1)));
    LmTensorId x3 = TAP("x3", stage(graph, "conv3", down(graph, "down2", x2)));
    LmTensorId x4 = TAP("x4", stage(graph, "conv4", down(graph, "down3", x3)));
    LmTensorId down4 = TAP("down4", down(graph, "down4", x4));

    LmTensorId pyramid = TAP("pyramid", pyramid_pool(graph, (LmTensorId[]){x1, x2, x3, x4}, down4));
    LmTensorId x5 = TAP("gft", gft(graph, "gft", pyramid));

    LmTensorId skip1 = TAP("skip1", skip_bottom(graph, "skip1", x3, x4));
    LmTensorId skip2 = TAP("skip2", skip_middle(graph, "skip2", x2, x3, x4));
    LmTensorId skip3 = TAP("skip3", skip_middle(graph, "skip3", x1, x2, x3));
    LmTensorId skip4 = TAP("skip4", skip_top(graph, "skip4", x1, x2));
    LmTensorId lft1 = TAP("lft1", lft(graph, "natt1", skip1));
    LmTensorId lft2 = TAP("lft2", lft(graph, "natt2", skip2));
    LmTensorId lft3 = TAP("lft3", lft(graph, "natt3", skip3));
    LmTensorId lft4 = TAP("lft4", lft(graph, "natt4", skip4));

    LmTensorId x6 = TAP("x6", stage(graph, "dconv1", up(graph, "up1", x5, lft1)));
    LmTensorId x7 = TAP("x7", stage(graph, "dconv2", up(graph, "up2", x6, lft2)));
    LmTensorId x8 = TAP("x8", stage(graph, "dconv3", up(graph, "up3", x7, lft3)));
    LmTensorId x9 = TAP("x9", stage(graph, "dconv4", up(graph, "up4", x8, lft4)));
    graph->output = TAP("logits", lm_graph_layer(graph, "output_layer", x9, NULL));
#undef TAP

    if (graph->error)
        return;
    int classes = lm_graph_tensor(graph, graph->output)->channels;
    if (classes < 2 || classes > 16)
        lm_graph_fail(graph, LM_ERROR_MODEL,
                      "%s: tensor 'output_layer.weight': %d classes, expected 2 to 16",
                      lm_weights_path(graph->weights), classes);
}

const LmNetwork lm_network_lmnet = {
    .name = "LM-Net",
    .matches = matches,
    .build = build,
};
