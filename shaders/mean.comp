#version 450
/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Mean over all pixels.
 *
 * x: C4 planes of `pixels` texels; y: C4 planes of 1 x 1
 * Grid: y = plane; one workgroup of LANES invocations each.
 */
#extension GL_EXT_control_flow_attributes : require
#extension GL_GOOGLE_include_directive : require
#include "lmnet.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const int LANES = 64;

layout(push_constant) uniform Push {
    int pixels;
    int in_stride, out_stride; /* texels from plane to plane */
};

LM_INPUT(0, x);
LM_OUTPUT(0, y);

const int STEP = 8; /* texels per turn of the loop; short bodies are slow on lavapipe */

shared vec4 partial[LANES];

void main()
{
    int plane = int(gl_GlobalInvocationID.y), lane = int(gl_LocalInvocationID.x);
    vec4 sum = vec4(0.0);
    /* Lanes that run out read the zero texel. */
    int pixel = lane;
    [[dont_unroll]] do {
        [[unroll]] for (int k = 0; k < STEP; k++)
            sum += texelFetch(x, plane * in_stride + min(pixel + k * LANES, pixels));
        pixel += STEP * LANES;
    } while (pixel < pixels);
    partial[lane] = sum;
    barrier();
    if (lane == 0) {
        int i = 1;
        [[dont_unroll]] do
            sum += partial[i];
        while (++i < LANES);
        LM_STORE(y, plane * out_stride, sum / float(pixels));
        LM_STORE(y, plane * out_stride + 1, vec4(0.0));
    }
}
