#version 450
/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Layer norm over the channels of each pixel, eps 1e-5, without its affine part, which is in the
 * next layer's weights.
 *
 * x, y: C4 planes of `pixels` texels; only the last plane has padding channels, which are zero and
 * stay so
 * Grid: x = texels, including the zero texel after the last pixel.
 */
#extension GL_EXT_control_flow_attributes : require
#extension GL_GOOGLE_include_directive : require
#include "lmnet.glsl"

layout(local_size_x_id = 0) in;

layout(push_constant) uniform Push {
    int pixels;
    int planes, channels;
    int stride; /* plane stride, texels */
    int first, n; /* the planes to write; y begins at the first */
};

LM_INPUT(0, x);
LM_OUTPUT(0, y);

#if TILED
#include "norm_tiled.glsl"
#else
void main()
{
    int pixel = min(int(gl_GlobalInvocationID.x), pixels);
    /* 1 for the last plane's real channels, 0 for its padding. */
    vec4 tail = vec4(lessThan(ivec4(0, 1, 2, 3), ivec4(channels - (planes - 1) * 4)));

    vec4 sum = vec4(0.0);
    int i = 0;
    [[dont_unroll]] do
        sum += texelFetch(x, i * stride + pixel);
    while (++i < planes);
    float mean = dot(sum, vec4(1.0)) / float(channels);

    float squares = 0.0;
    i = 0;
    [[dont_unroll]] do {
        vec4 d = (texelFetch(x, i * stride + pixel) - mean) * (i == planes - 1 ? tail : vec4(1.0));
        squares += dot(d, d);
    } while (++i < planes);
    float scale = pixel < pixels ? inversesqrt(squares / float(channels) + 1e-5) : 0.0;

    i = first;
    [[dont_unroll]] do {
        vec4 d = (texelFetch(x, i * stride + pixel) - mean) * (i == planes - 1 ? tail : vec4(1.0));
        LM_STORE(y, (i - first) * stride + pixel, d * scale);
    } while (++i < first + n);
}
#endif
