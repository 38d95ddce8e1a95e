#version 450
/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Softmax over classes, filtered over time: round(255 p) of every class above background, as bytes.
 *
 * x: logits as C4 planes of `pixels` texels
 * y: [class - 1][pixel / 4] words of four pixels' bytes, the first pixel lowest; `pixels` is a multiple of 4
 *   If a logit is not finite, as after sums too large for half floats, p is 0: nothing is marked there, and
 *   no trace of it stays in the history.
 * smoothing: one texel; x: the weight of history; 0: none, and the history is left alone; below 0: this is the
 *   first of its scene
 * history, future: p of the frame before and of this one, as y; texels of four pixels, fp32 in every build. The same
 *   memory: an invocation reads the words that it will write.
 *
 * Grid: x = words; y = class - 1.
 */
#extension GL_EXT_control_flow_attributes : require
#extension GL_GOOGLE_include_directive : require
#include "lmnet.glsl"

layout(local_size_x_id = 0) in;

layout(push_constant) uniform Push {
    int pixels;
    int classes;
    int stride; /* plane stride, texels */
};

LM_INPUT(0, x);
LM_INPUT(1, smoothing);
LM_INPUT(2, history);
layout(binding = 6, std430) writeonly buffer Y { uint y[]; };
layout(binding = 7, std430) writeonly buffer Future { vec4 future[]; };

void main()
{
    int word = int(gl_GlobalInvocationID.x), wanted = int(gl_GlobalInvocationID.y) + 1;
    if (word * 4 >= pixels)
        return;
    vec4 p;
    [[unroll]] for (int i = 0; i < 4; i++) {
        int pixel = word * 4 + i;
        float largest = -3.0e38;
        uint magnitude = 0;
        int c = 0;
        [[dont_unroll]] do {
            float logit = texelFetch(x, c / 4 * stride + pixel)[c & 3];
            largest = max(largest, logit);
            magnitude = max(magnitude, floatBitsToUint(logit) & 0x7fffffffu);
        } while (++c < classes);
        float total = 0.0, mine = 0.0;
        c = 0;
        [[dont_unroll]] do {
            float e = exp(texelFetch(x, c / 4 * stride + pixel)[c & 3] - largest);
            total += e;
            mine = c == wanted ? e : mine;
        } while (++c < classes);
        /* Infinities and NaNs are found by their bits, since compilers may assume that there are none. */
        p[i] = magnitude < 0x7f800000u ? mine / total : 0.0;
    }

    int at = int(gl_GlobalInvocationID.y) * (pixels / 4) + word;
    float weight = texelFetch(smoothing, 0).x;
    if (weight != 0.0) {
        p = weight > 0.0 ? mix(p, texelFetch(history, at), weight) : p;
        future[at] = p;
    }
    uvec4 bytes = uvec4(p * 255.0 + 0.5) & 0xffu;
    y[at] = bytes.x | bytes.y << 8 | bytes.z << 16 | bytes.w << 24;
}
