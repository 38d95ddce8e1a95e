#version 450
/* SPDX-License-Identifier: LGPL-2.1-or-later
 * 1x1 convolution or linear layer: for each pixel a product over channels, with bias, activation,
 * an optional residual, and an optional scale for each input channel.
 *
 * x:       C4 planes, in_planes of `pixels` texels
 * residual:  C4 planes of the output's shape (ADD)
 * channel_scale:    C4 planes of 1 x 1, as many as x's (CHANNEL_SCALE): squeeze-and-excite's scale
 *          or (tiled build, SQUEEZE_EXCITE) the partial sums of a mean, squeeze_excite.comp's
 *          input, which gives that scale
 * squeeze_excite: squeeze_excite.comp's weights and biases, one after the other (SQUEEZE_EXCITE)
 * weights: tiles [output group][in_plane, padded to a multiple of PLANES], see include/weights.glsl
 *          and tile.glsl
 * bias:    GROUP texels an output group
 * y:       C4 planes, out_planes of `pixels` texels
 *
 * Grid: x = workgroups of PIXELS * local size consecutive texels, the zero texel after the last pixel included;
 * y = output group, or 1 if an invocation computes all groups (CACHED).
 */
#extension GL_EXT_control_flow_attributes : require
#extension GL_GOOGLE_include_directive : require
#include "lmnet.glsl"
#include "activation.glsl"
#include "weights.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const int ACTIVATION = 0;
layout(constant_id = 2) const bool ADD = false;
layout(constant_id = 3) const bool CHANNEL_SCALE = false;
/* Pixels per invocation. LANES8: pairs of neighbours, which are stored together; a subgroup's pairs
 * are adjacent, so that they share cache lines. Else a workgroup's width apart. */
layout(constant_id = 4) const int PIXELS = 4;

/* Planes of an output group: 2, 3 or 6. */
layout(constant_id = 5) const int GROUP = 2;
/* Not 0: the number of x's planes, which are few and fetched once for all groups. */
layout(constant_id = 6) const int CACHED = 0;
/* Layer norm of the cached inputs first, as in norm.comp. */
layout(constant_id = 7) const bool NORMALISE = false;

layout(push_constant) uniform Push {
    int pixels;
    int in_planes, out_planes;
    int in_stride, out_stride; /* plane stride, texels */
    int scale_stride;
    int channels;            /* of x */
    /* SQUEEZE_EXCITE: texels in a plane of channel_scale; its planes; planes of hidden values */
    int n_partial_sums, scale_planes, hidden_planes;
};

LM_INPUT(0, x);
LM_INPUT(1, residual);
LM_INPUT(2, channel_scale);
LM_WEIGHTS(weights);
LM_BIAS(bias);
LM_OUTPUT_PAIRS(0, y);

#if TILED
#include "linear_tiled.glsl"
#else
const int OUTPUTS = GROUP * 4;
/* Planes per iteration: long loop bodies are faster on lavapipe. */
const int PLANES = CACHED > 0 ? CACHED : 2;
#include "product.glsl"

int pixel[PIXELS];
vec4 v[PLANES][PIXELS];
float sum[OUTPUTS][PIXELS];

/* Beyond the last plane the weights are zero, so any value may be read. */
int input_plane(int i)
{
    return CACHED > 0 ? i : min(i, in_planes - 1);
}

/* Loads inputs i to i + PLANES. */
void fetch_inputs(int i)
{
    [[unroll]] for (int u = 0; u < PLANES; u++) {
        int plane = input_plane(i + u);
        [[unroll]] for (int r = 0; r < PIXELS; r++)
            v[u][r] = texelFetch(x, plane * in_stride + pixel[r]);
#if !LANES8
        if (CHANNEL_SCALE)
            [[unroll]] for (int r = 0; r < PIXELS; r++)
                v[u][r] *= texelFetch(channel_scale, plane * scale_stride);
#endif
    }
}

/* Only the last plane has padding channels, which are zero. After the norm they are not, but their weights are zero. */
void normalise()
{
    vec4 tail = vec4(lessThan(ivec4(0, 1, 2, 3), ivec4(channels - (PLANES - 1) * 4)));
    [[unroll]] for (int r = 0; r < PIXELS; r++) {
        vec4 total = vec4(0.0), squares = vec4(0.0);
        [[unroll]] for (int u = 0; u < PLANES; u++)
            total += v[u][r];
        float mean = dot(total, vec4(1.0)) / float(channels);
        [[unroll]] for (int u = 0; u < PLANES; u++) {
            v[u][r] -= mean;
            squares += v[u][r] * v[u][r] * (u == PLANES - 1 ? tail : vec4(1.0));
        }
        float scale = inversesqrt(dot(squares, vec4(1.0)) / float(channels) + 1e-5);
        [[unroll]] for (int u = 0; u < PLANES; u++)
            v[u][r] *= scale;
    }
}

void begin(int group)
{
    [[unroll]] for (int k = 0; k < GROUP; k++) {
        vec4 start = texelFetch(bias, group * GROUP + k);
        [[unroll]] for (int q = 0; q < 4; q++)
            [[unroll]] for (int r = 0; r < PIXELS; r++)
                sum[k * 4 + q][r] = start[q];
    }
}

/* Adds the products of inputs i to i + PLANES with the weights from texel `tile` on. */
void multiply(int i, int tile)
{
#if LANES8
    vec4 w[TILE_FETCHES(PLANES * OUTPUTS)];
    [[unroll]] for (int k = 0; k < TILE_FETCHES(PLANES * OUTPUTS); k++) {
        int texel = TILE_TEXEL(k, PLANES * OUTPUTS);
        w[k] = texelFetch(weights, tile + texel);
        if (CHANNEL_SCALE)
            w[k] *= texelFetch(channel_scale, input_plane(i + texel / OUTPUTS) * scale_stride);
    }
    ADD_PRODUCTS(sum, w, v)
#else
    [[unroll]] for (int u = 0; u < PLANES; u++) {
        [[unroll]] for (int q = 0; q < OUTPUTS; q++) {
            vec4 w = texelFetch(weights, tile + u * OUTPUTS + q);
            [[unroll]] for (int r = 0; r < PIXELS; r++)
                sum[q][r] += dot(w, v[u][r]);
        }
    }
#endif
}

void finish(int group)
{
    [[unroll]] for (int k = 0; k < GROUP; k++) {
        int out_plane = group * GROUP + k;
        if (out_plane < out_planes) {
            int plane = out_plane * out_stride;
            vec4 value[PIXELS];
            [[unroll]] for (int r = 0; r < PIXELS; r++) {
                int q = k * 4;
                value[r] = activate(vec4(sum[q][r], sum[q + 1][r], sum[q + 2][r], sum[q + 3][r]), ACTIVATION);
                if (ADD)
                    value[r] += texelFetch(residual, plane + pixel[r]);
                if (pixel[r] >= pixels)
                    value[r] = vec4(0.0);
            }
#if LANES8
            [[unroll]] for (int pair = 0; pair < PIXELS / 2; pair++)
                LM_STORE_PAIR(y, plane + pixel[pair * 2], value[pair * 2], value[pair * 2 + 1]);
#else
            [[unroll]] for (int r = 0; r < PIXELS; r++)
                LM_STORE(y, plane + pixel[r], value[r]);
#endif
        }
    }
}

void main()
{
    int size = int(gl_WorkGroupSize.x), local = int(gl_LocalInvocationID.x);
#if LANES8
    int first = (int(gl_WorkGroupID.x) * size + local - TILE_LANE) * PIXELS;
    /* Invocations beyond the zero texel's pair store that pair again, with the same values. */
    [[unroll]] for (int r = 0; r < PIXELS; r++)
        pixel[r] = min(first + (r / 2 * 8 + TILE_LANE) * 2, pixels & ~1) + r % 2;
#else
    int first = int(gl_WorkGroupID.x) * size * PIXELS;
    [[unroll]] for (int r = 0; r < PIXELS; r++)
        pixel[r] = min(first + r * size + local, pixels);
#endif

    if (CACHED > 0) {
        fetch_inputs(0);
        if (NORMALISE)
            normalise();
        int group = 0;
        [[dont_unroll]] do {
            begin(group);
            multiply(0, group * CACHED * OUTPUTS);
            finish(group);
        } while (++group * GROUP < out_planes);
    } else {
        /* Without pixels, for the zero texel alone, one turn of the loop is enough; but a pair may hold both. */
        int n_planes = first < pixels || pixels % 2 == 1 ? in_planes : 1;
        int group = int(gl_WorkGroupID.y), tile = group * ((in_planes + PLANES - 1) / PLANES * PLANES) * OUTPUTS;
        begin(group);
        int i = 0;
        [[dont_unroll]] do {
            fetch_inputs(i);
            multiply(i, tile);
            tile += PLANES * OUTPUTS;
            i += PLANES;
        } while (i < n_planes);
        finish(group);
    }
}
#endif
