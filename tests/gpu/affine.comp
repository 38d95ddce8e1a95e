#version 450
// SPDX-License-Identifier: LGPL-2.1-or-later
// out[i] = in[i] * weights[i % 2] * SCALE + bias[0] + shift, with lanes8 the weights by shuffle; one texel per invocation,
// 64 in a workgroup.
#include "lmnet.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const float SCALE = 0.0;
layout(constant_id = 1) const uint UNUSED_OUTPUT_TEXELS = 0;

LM_INPUT(0, activations);
LM_WEIGHTS(weights);
LM_BIAS(bias);
LM_OUTPUT(0, result);

layout(push_constant) uniform Push {
    uint count;
    float shift;
};

void main()
{
    uint i = gl_GlobalInvocationID.x;
#if LANES8
    vec4 lane = texelFetch(weights, int(gl_SubgroupInvocationID % 2));
    vec4 even = subgroupShuffle(lane, 0), odd = subgroupShuffle(lane, 1);
    vec4 weight = i % 2 == 0 ? even : odd;
#else
    vec4 weight = texelFetch(weights, int(i % 2));
#endif
    if (i < count)
        LM_STORE(result, i + UNUSED_OUTPUT_TEXELS,
                 texelFetch(activations, int(i)) * weight * SCALE + texelFetch(bias, 0) + shift);
}
