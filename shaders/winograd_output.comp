#version 450
/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Last step of a convolution by include/winograd.glsl: interpolates each tile's outputs; bias,
 * activation and an optional residual as in conv.comp.
 *
 * x:      [element][out_plane][tile]
 * residual: C4 planes of the output's shape (ADD)
 * bias:   one texel for each output plane
 * y:      C4 planes of height x width; EVEN: the width is even, and texels are stored in pairs
 *
 * Grid: x = tiles of the band, and at least one more invocation, which writes the zero texel; y =
 * output planes.
 */
#extension GL_EXT_control_flow_attributes : require
#extension GL_GOOGLE_include_directive : require
#include "lmnet.glsl"
#include "activation.glsl"
#include "winograd.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const int ACTIVATION = 0;
layout(constant_id = 2) const bool ADD = false;
layout(constant_id = 3) const bool EVEN = false;

layout(push_constant) uniform Push {
    int width, height;
    int out_planes;
    int out_stride;    /* plane stride, texels */
    int across, tiles; /* tiles of a row, and of the interpolated band */
    int first_row;     /* of the band, in tiles */
};

LM_INPUT(0, x);
LM_INPUT(1, residual);
LM_BIAS(bias);
LM_OUTPUT_PAIRS(0, y);

void interpolate(vec4 value[POINTS], out vec4 d[OUTPUTS])
{
    vec4 even_a = value[1] + value[2], odd_a = value[1] - value[2];
    vec4 even_b = value[3] + value[4], odd_b = value[3] - value[4];
    d[0] = value[0] + even_a + even_b;
    d[1] = A * odd_a + B * odd_b;
    d[2] = A2 * even_a + B2 * even_b;
    d[3] = A2 * A * odd_a + B2 * B * odd_b + value[5];
}

vec4 finish(vec4 value, int texel)
{
    value = activate(value, ACTIVATION);
    if (ADD)
        value += texelFetch(residual, texel);
    return value;
}

void main()
{
    int index = int(gl_GlobalInvocationID.x), plane = int(gl_GlobalInvocationID.y);
    int tile = min(index, tiles - 1);
    int row = tile / across;
    int top = index < tiles ? (first_row + row) * OUTPUTS : height, left = (tile - row * across) * OUTPUTS;

    vec4 column[POINTS][OUTPUTS];
    [[unroll]] for (int c = 0; c < POINTS; c++) {
        vec4 value[POINTS];
        [[unroll]] for (int r = 0; r < POINTS; r++)
            value[r] = texelFetch(x, ((r * POINTS + c) * out_planes + plane) * tiles + tile);
        interpolate(value, column[c]);
    }

    vec4 start = texelFetch(bias, plane);
    [[unroll]] for (int r = 0; r < OUTPUTS; r++) {
        vec4 value[POINTS], d[OUTPUTS];
        [[unroll]] for (int c = 0; c < POINTS; c++)
            value[c] = column[c][r];
        interpolate(value, d);
        [[unroll]] for (int c = 0; c < OUTPUTS; c += EVEN ? 2 : 1) {
            bool inside = top + r < height && left + c < width;
            int texel = plane * out_stride + (inside ? (top + r) * width + left + c : height * width);
            vec4 first = inside ? finish(start + d[c], texel) : vec4(0.0);
            if (EVEN) {
                LM_STORE_PAIR(y, texel, first, inside ? finish(start + d[c + 1], texel + 1) : vec4(0.0));
            } else {
                LM_STORE(y, texel, first);
            }
        }
    }
}
