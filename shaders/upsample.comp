#version 450
/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Bilinear upsampling to twice the size, corners aligned: output i reads position i * (n - 1) / (2 n - 1).
 *
 * x: C4 planes of in_height x in_width; y: C4 planes of twice that
 * Grid: x = texels of the output, the zero texel after the last pixel included; y = plane.
 */
#extension GL_GOOGLE_include_directive : require
#include "lmnet.glsl"

layout(local_size_x_id = 0) in;

layout(push_constant) uniform Push {
    int in_width, in_height;
    int in_stride, out_stride; /* texels from plane to plane */
};

LM_INPUT(0, x);
LM_OUTPUT(0, y);

void main()
{
    int width = 2 * in_width, pixels = width * 2 * in_height;
    int pixel = min(int(gl_GlobalInvocationID.x), pixels), plane = int(gl_GlobalInvocationID.y);
    int row = min(pixel, pixels - 1) / width, column = min(pixel, pixels - 1) - row * width;

    /* Whole and fractional part apart and exact: position = n / d, its whole part by a product that half a step
     * keeps clear of rounding. */
    ivec2 n = ivec2(column, row) * ivec2(in_width - 1, in_height - 1), d = ivec2(2 * in_width - 1, 2 * in_height - 1);
    ivec2 whole = ivec2((vec2(n) + 0.5) / vec2(d));
    vec2 part = vec2(n - whole * d) / vec2(d);
    int x0 = whole.x, y0 = whole.y;
    int down = y0 < in_height - 1 ? in_width : 0, right = x0 < in_width - 1 ? 1 : 0;
    int texel = plane * in_stride + y0 * in_width + x0;
    vec4 top = mix(texelFetch(x, texel), texelFetch(x, texel + right), part.x);
    vec4 bottom = mix(texelFetch(x, texel + down), texelFetch(x, texel + down + right), part.x);
    LM_STORE(y, plane * out_stride + pixel, pixel < pixels ? mix(top, bottom, part.y) : vec4(0.0));
}
