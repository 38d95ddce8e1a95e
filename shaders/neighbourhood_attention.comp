#version 450
/* SPDX-License-Identifier: LGPL-2.1-or-later
 * 3x3 neighbourhood attention with NATTEN's rule at borders: the window moves inside the plane.
 *
 * x: see include/attention.glsl; height and width 3 or more
 * y: C4 planes, the layout of q
 * bias: relative position bias (RPB): [unit][y * 5 + x] of key minus query plus 2, spread like the
 * logits
 *
 * Grid: x = texels, including the zero texel after the last pixel; y = unit * BLOCKS + block.
 */
#extension GL_EXT_control_flow_attributes : require
#extension GL_GOOGLE_include_directive : require
#include "lmnet.glsl"
#include "attention.glsl"

layout(constant_id = 3) const bool RPB = false;

layout(push_constant) uniform Push {
    int width, height;
    int planes; /* of q, of k and of v */
    int stride; /* plane strides of input and output, texels */
};

LM_BIAS(bias);

vec4 logit[9];

/* Adds the products of block b of the query with the window's keys. */
void add_products(int b, int q_texel, int k_texel)
{
    [[unroll]] for (int i = 0; i < BLOCK; i++) {
        int t = b * BLOCK + i, k_plane = k_texel + min(t, TEXELS - 1) * stride;
        vec4 q = query(q_texel, t, stride);
        [[unroll]] for (int k = 0; k < 9; k++)
            logit[k] += q * texelFetch(x, k_plane + k / 3 * width + k % 3);
    }
}

void main()
{
    int pixels = width * height;
    int pixel = min(int(gl_GlobalInvocationID.x), pixels);
    int unit = int(gl_GlobalInvocationID.y) / BLOCKS, block = int(gl_GlobalInvocationID.y) - unit * BLOCKS;
    int row = min(pixel, pixels - 1) / width, column = min(pixel, pixels - 1) - row * width;
    int top = clamp(row - 1, 0, height - 3), left = clamp(column - 1, 0, width - 3);

    int q_texel = unit * TEXELS * stride + pixel;
    int k_texel = (planes + unit * TEXELS) * stride + top * width + left;
    int v_texel = k_texel + planes * stride;

    [[unroll]] for (int k = 0; k < 9; k++)
        logit[k] = vec4(0.0);
    if (BLOCKS == 1) {
        add_products(0, q_texel, k_texel);
    } else {
        int b = 0;
        [[dont_unroll]] do
            add_products(b, q_texel, k_texel);
        while (++b < BLOCKS);
    }
    [[unroll]] for (int k = 0; k < 9; k++) {
        logit[k] = spread(logit[k]);
        if (RPB)
            logit[k] += texelFetch(bias, unit * 25 + (top + k / 3 - row + 2) * 5 + left + k % 3 - column + 2);
    }

    vec4 largest = logit[0];
    [[unroll]] for (int k = 1; k < 9; k++)
        largest = max(largest, logit[k]);
    vec4 total = vec4(0.0);
    [[unroll]] for (int k = 0; k < 9; k++) {
        logit[k] = exp(logit[k] - largest);
        total += logit[k];
    }
    total = pixel < pixels ? 1.0 / total : vec4(0.0);

    [[unroll]] for (int i = 0; i < BLOCK; i++) {
        int t = block * BLOCK + i;
        if (t < TEXELS) {
            vec4 sum = vec4(0.0);
            [[unroll]] for (int k = 0; k < 9; k++)
                sum += logit[k] * texelFetch(x, v_texel + t * stride + k / 3 * width + k % 3);
            LM_STORE(y, q_texel + t * stride, sum * total);
        }
    }
}
