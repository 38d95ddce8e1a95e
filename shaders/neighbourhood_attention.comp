#version 450
/* SPDX-License-Identifier: LGPL-2.1-or-later
 * 3x3 neighbourhood attention, NATTEN's rule at borders: the window moves inside the picture.
 *
 * x: C4 planes q|k|v in head layout (net/graph.h), the query scale already in q; height, width 3 or more
 * y: C4 planes, the layout of q
 * bias: relative position bias (RPB): [unit][y * 5 + x] of key minus query plus 2, spread like the logits
 *
 * A unit is what one invocation handles: the HEADS_PER_TEXEL heads that share a texel, or one head of TEXELS texels.
 * Logits are vec4s, each head's value spread over its channels' lanes.
 *
 * Grid: x = texels, the zero texel after the last pixel included; y = unit.
 */
#extension GL_EXT_control_flow_attributes : require
#extension GL_GOOGLE_include_directive : require
#include "lmnet.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const int HEADS_PER_TEXEL = 1;
layout(constant_id = 2) const int TEXELS = 1;
layout(constant_id = 3) const bool RPB = false;

layout(push_constant) uniform Push {
    int width, height;
    int planes; /* of q, of k and of v */
    int stride; /* texels from plane to plane, in and out */
};

LM_INPUT(0, x);
LM_BIAS(bias);
LM_OUTPUT(0, y);

/* Sums the lanes of each head. */
vec4 spread(vec4 v)
{
    if (HEADS_PER_TEXEL == 4)
        return v;
    if (HEADS_PER_TEXEL == 2)
        return v + v.yxwz;
    return vec4(dot(v, vec4(1.0)));
}

void main()
{
    int pixels = width * height;
    int pixel = min(int(gl_GlobalInvocationID.x), pixels);
    int unit = int(gl_GlobalInvocationID.y);
    int row = min(pixel, pixels - 1) / width, column = min(pixel, pixels - 1) - row * width;
    int top = clamp(row - 1, 0, height - 3), left = clamp(column - 1, 0, width - 3);

    int q_texel = unit * TEXELS * stride + pixel;
    int k_texel = (planes + unit * TEXELS) * stride + top * width + left;
    int v_texel = k_texel + planes * stride;

    vec4 logit[9];
    [[unroll]] for (int k = 0; k < 9; k++) {
        vec4 product = vec4(0.0);
        [[unroll]] for (int t = 0; t < TEXELS; t++)
            product += texelFetch(x, q_texel + t * stride) *
                       texelFetch(x, k_texel + t * stride + k / 3 * width + k % 3);
        logit[k] = spread(product);
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

    [[unroll]] for (int t = 0; t < TEXELS; t++) {
        vec4 sum = vec4(0.0);
        [[unroll]] for (int k = 0; k < 9; k++)
            sum += logit[k] * texelFetch(x, v_texel + t * stride + k / 3 * width + k % 3);
        LM_STORE(y, q_texel + t * stride, sum * total);
    }
}
