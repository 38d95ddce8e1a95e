#version 450
/* SPDX-License-Identifier: LGPL-2.1-or-later
 * First step of a convolution by include/winograd.glsl: evaluates each pair of tiles of a band of a
 * plane.
 *
 * x: C4 planes, in_planes of height x width
 * y: evaluated values [element][in_plane][tile]
 *
 * Grid: x = pairs of the band; y = input planes. Rows and columns outside the input read its zero
 * texel.
 */
#extension GL_EXT_control_flow_attributes : require
#extension GL_GOOGLE_include_directive : require
#include "lmnet.glsl"
#include "winograd.glsl"

layout(local_size_x_id = 0) in;

layout(push_constant) uniform Push {
    int width, height;
    int in_planes;
    int in_stride;     /* plane stride, texels */
    int across, pairs; /* pairs of a row, and of the evaluated band */
    int first_row;     /* of the band, in tiles */
};

LM_INPUT(0, x);
LM_OUTPUT_PAIRS(0, y);

const int COLUMNS = OUTPUTS + POINTS; /* of a pair */

/* The polynomial with the coefficients d, evaluated at the points, except for factors that the weights hold. */
void evaluate(vec4 d[POINTS], out vec4 value[POINTS])
{
    vec4 even_a = d[4] - B2 * d[2], odd_a = A * (d[3] - B2 * d[1]);
    vec4 even_b = d[4] - A2 * d[2], odd_b = B * (d[3] - A2 * d[1]);
    value[0] = A2 * B2 * d[0] - (A2 + B2) * d[2] + d[4];
    value[1] = even_a + odd_a;
    value[2] = even_a - odd_a;
    value[3] = even_b + odd_b;
    value[4] = even_b - odd_b;
    value[5] = A2 * B2 * d[1] - (A2 + B2) * d[3] + d[5];
}

void main()
{
    /* Lanes beyond the last pair repeat it. */
    int pair = min(int(gl_GlobalInvocationID.x), pairs - 1);
    int plane = int(gl_GlobalInvocationID.y);
    int row = pair / across;
    int top = (first_row + row) * OUTPUTS - 1, left = (pair - row * across) * 2 * OUTPUTS - 1;

    vec4 value[COLUMNS][POINTS];
    [[unroll]] for (int c = 0; c < COLUMNS; c++) {
        vec4 d[POINTS];
        [[unroll]] for (int r = 0; r < POINTS; r++) {
            bool inside = top + r >= 0 && top + r < height && left + c >= 0 && left + c < width;
            d[r] = texelFetch(x, plane * in_stride + (inside ? (top + r) * width + left + c : height * width));
        }
        evaluate(d, value[c]);
    }
    [[unroll]] for (int r = 0; r < POINTS; r++) {
        vec4 left_d[POINTS], right_d[POINTS], left_value[POINTS], right_value[POINTS];
        [[unroll]] for (int c = 0; c < POINTS; c++) {
            left_d[c] = value[c][r];
            right_d[c] = value[c + OUTPUTS][r];
        }
        evaluate(left_d, left_value);
        evaluate(right_d, right_value);
        [[unroll]] for (int c = 0; c < POINTS; c++)
            LM_STORE_PAIR(y, (((r * POINTS + c) * in_planes + plane) * pairs + pair) * 2, left_value[c], right_value[c]);
    }
}
