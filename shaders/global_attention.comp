#version 450
/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Attention over all pixels as tokens, one head at a time, softmax kept running over chunks of keys.
 *
 * x: C4 planes q|k|v in head layout (net/graph.h), the query scale already in q
 * y: C4 planes, the layout of q
 *
 * A unit is the HEADS_PER_TEXEL heads that share a texel, or one head of TEXELS texels; logits are vec4s, each head's
 * value spread over its channels' lanes.
 *
 * Grid: x = queries, the zero texel after the last included; y = unit.
 */
#extension GL_EXT_control_flow_attributes : require
#extension GL_GOOGLE_include_directive : require
#include "lmnet.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const int HEADS_PER_TEXEL = 1;
layout(constant_id = 2) const int TEXELS = 1;

layout(push_constant) uniform Push {
    int pixels;
    int planes; /* of q, of k and of v */
    int stride; /* texels from plane to plane, in and out */
};

LM_INPUT(0, x);
LM_OUTPUT(0, y);

const int CHUNK = 8;

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
    int pixel = min(int(gl_GlobalInvocationID.x), pixels);
    int unit = int(gl_GlobalInvocationID.y);
    int q_texel = unit * TEXELS * stride + pixel;
    int k_plane = (planes + unit * TEXELS) * stride, v_plane = k_plane + planes * stride;

    vec4 q[TEXELS], sum[TEXELS];
    [[unroll]] for (int t = 0; t < TEXELS; t++) {
        q[t] = texelFetch(x, q_texel + t * stride);
        sum[t] = vec4(0.0);
    }
    vec4 largest = vec4(-3.0e38), total = vec4(0.0);
    [[dont_unroll]] for (int first = 0; first < pixels; first += CHUNK) {
        vec4 logit[CHUNK];
        vec4 peak = largest;
        [[unroll]] for (int k = 0; k < CHUNK; k++) {
            int key = min(first + k, pixels - 1);
            vec4 product = vec4(0.0);
            [[unroll]] for (int t = 0; t < TEXELS; t++)
                product += q[t] * texelFetch(x, k_plane + t * stride + key);
            logit[k] = spread(product);
            peak = max(peak, logit[k]);
        }
        vec4 rescale = exp(largest - peak);
        largest = peak;
        total *= rescale;
        [[unroll]] for (int k = 0; k < CHUNK; k++) {
            logit[k] = first + k < pixels ? exp(logit[k] - peak) : vec4(0.0);
            total += logit[k];
        }
        [[unroll]] for (int t = 0; t < TEXELS; t++) {
            sum[t] *= rescale;
            [[unroll]] for (int k = 0; k < CHUNK; k++)
                sum[t] += logit[k] * texelFetch(x, v_plane + t * stride + min(first + k, pixels - 1));
        }
    }
    vec4 scale = pixel < pixels ? 1.0 / total : vec4(0.0);
    [[unroll]] for (int t = 0; t < TEXELS; t++)
        LM_STORE(y, q_texel + t * stride, sum[t] * scale);
}
