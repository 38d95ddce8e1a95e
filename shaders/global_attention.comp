#version 450
/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Attention over all pixels as tokens, one head at a time, softmax kept running over chunks of keys.
 *
 * x: see include/attention.glsl
 * y: C4 planes, the layout of q
 *
 * Grid: x = queries, the zero texel after the last included; y = unit * BLOCKS + block.
 */
#extension GL_EXT_control_flow_attributes : require
#extension GL_GOOGLE_include_directive : require
#include "lmnet.glsl"
#include "attention.glsl"

layout(push_constant) uniform Push {
    int pixels;
    int planes; /* of q, of k and of v */
    int stride; /* texels from plane to plane, in and out */
};

const int CHUNK = 8;

vec4 q[BLOCK];
vec4 logit[CHUNK];

/* Block b of the queries into q. */
void load_queries(int b, int q_texel)
{
    [[unroll]] for (int i = 0; i < BLOCK; i++)
        q[i] = query(q_texel, b * BLOCK + i, stride);
}

/* Adds q's products with the keys of a chunk. */
void add_products(int b, int k_plane, int first)
{
    [[unroll]] for (int i = 0; i < BLOCK; i++) {
        int plane = k_plane + min(b * BLOCK + i, TEXELS - 1) * stride;
        [[unroll]] for (int k = 0; k < CHUNK; k++)
            logit[k] += q[i] * texelFetch(x, plane + min(first + k, pixels - 1));
    }
}

void main()
{
    int pixel = min(int(gl_GlobalInvocationID.x), pixels);
    int unit = int(gl_GlobalInvocationID.y) / BLOCKS, block = int(gl_GlobalInvocationID.y) - unit * BLOCKS;
    int q_texel = unit * TEXELS * stride + pixel;
    int k_plane = (planes + unit * TEXELS) * stride, v_plane = k_plane + planes * stride;

    vec4 sum[BLOCK];
    [[unroll]] for (int i = 0; i < BLOCK; i++)
        sum[i] = vec4(0.0);
    load_queries(0, q_texel);
    vec4 largest = vec4(-3.0e38), total = vec4(0.0);
    int first = 0;
    [[dont_unroll]] do {
        [[unroll]] for (int k = 0; k < CHUNK; k++)
            logit[k] = vec4(0.0);
        if (BLOCKS == 1) {
            add_products(0, k_plane, first);
        } else {
            int b = 0;
            [[dont_unroll]] do {
                load_queries(b, q_texel);
                add_products(b, k_plane, first);
            } while (++b < BLOCKS);
        }
        vec4 peak = largest;
        [[unroll]] for (int k = 0; k < CHUNK; k++) {
            logit[k] = spread(logit[k]);
            peak = max(peak, logit[k]);
        }
        vec4 rescale = exp(largest - peak);
        largest = peak;
        total *= rescale;
        [[unroll]] for (int k = 0; k < CHUNK; k++) {
            logit[k] = first + k < pixels ? exp(logit[k] - peak) : vec4(0.0);
            total += logit[k];
        }
        [[unroll]] for (int i = 0; i < BLOCK; i++) {
            int plane = v_plane + min(block * BLOCK + i, TEXELS - 1) * stride;
            sum[i] *= rescale;
            [[unroll]] for (int k = 0; k < CHUNK; k++)
                sum[i] += logit[k] * texelFetch(x, plane + min(first + k, pixels - 1));
        }
        first += CHUNK;
    } while (first < pixels);
    vec4 scale = pixel < pixels ? 1.0 / total : vec4(0.0);
    [[unroll]] for (int i = 0; i < BLOCK; i++) {
        int t = block * BLOCK + i;
        if (t < TEXELS)
            LM_STORE(y, q_texel + t * stride, sum[i] * scale);
    }
}
