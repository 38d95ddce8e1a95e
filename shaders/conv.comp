#version 450
/* SPDX-License-Identifier: LGPL-2.1-or-later
 * 3x3 convolution, zero padding 1, stride 1 or 2, with bias, activation and an optional residual.
 *
 * x:       C4 planes, in_planes of in_height x in_width
 * residual:  C4 planes of the output's shape (ADD)
 * weights: tiles [output group][in_plane][tap y * 3 + x], see include/weights.glsl and tile.glsl
 * bias:    GROUP texels for each output group
 * y:       C4 planes, out_planes of height x width
 *
 * Grid: x = one invocation for ROWS rows of a column, columns fastest, and at least one more
 * invocation, which writes the zero texel; y = output group. Rows and columns outside the input
 * read its zero texel.
 */
#extension GL_EXT_control_flow_attributes : require
#extension GL_GOOGLE_include_directive : require
#include "lmnet.glsl"
#include "activation.glsl"
#include "weights.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const int STRIDE = 1;
layout(constant_id = 2) const int ACTIVATION = 0;
layout(constant_id = 3) const bool ADD = false;

/* Planes of an output group: 2, or 3 if the outputs fill those better. */
layout(constant_id = 4) const int GROUP = 2;

layout(push_constant) uniform Push {
    int width, height;       /* of the output */
    int in_width, in_height;
    int in_planes, out_planes;
    int in_stride, out_stride; /* plane stride, texels */
};

LM_INPUT(0, x);
LM_INPUT(1, residual);
LM_WEIGHTS(weights);
LM_BIAS(bias);
LM_OUTPUT(0, y);

#if TILED
#include "conv_tiled.glsl"
#else
const int OUTPUTS = GROUP * 4;
const int ROWS = GROUP == 3 ? 3 : 4; /* more would not fit a CPU's instruction cache */
const int IN_ROWS = (ROWS - 1) * STRIDE + 3;

void main()
{
    int band = int(gl_GlobalInvocationID.x) / width;
    int column = int(gl_GlobalInvocationID.x) - band * width;
    int group = int(gl_GlobalInvocationID.y);

    int address[IN_ROWS][3];
    [[unroll]] for (int r = 0; r < IN_ROWS; r++) {
        [[unroll]] for (int kx = 0; kx < 3; kx++) {
            int iy = band * ROWS * STRIDE + r - 1, ix = column * STRIDE + kx - 1;
            bool inside = iy >= 0 && iy < in_height && ix >= 0 && ix < in_width;
            address[r][kx] = inside ? iy * in_width + ix : in_height * in_width;
        }
    }

    float sum[OUTPUTS][ROWS];
    [[unroll]] for (int k = 0; k < GROUP; k++) {
        vec4 start = texelFetch(bias, group * GROUP + k);
        [[unroll]] for (int q = 0; q < 4; q++)
            [[unroll]] for (int r = 0; r < ROWS; r++)
                sum[k * 4 + q][r] = start[q];
    }

    int tile = group * in_planes * 9 * OUTPUTS;
    int plane = 0;
    int i = 0;
    [[dont_unroll]] do {
        vec4 v[IN_ROWS][3];
        [[unroll]] for (int r = 0; r < IN_ROWS; r++)
            [[unroll]] for (int kx = 0; kx < 3; kx++)
                v[r][kx] = texelFetch(x, plane + address[r][kx]);
#if LANES8
        vec4 w[TILE_FETCHES(9 * OUTPUTS)];
        [[unroll]] for (int k = 0; k < TILE_FETCHES(9 * OUTPUTS); k++)
            w[k] = texelFetch(weights, tile + TILE_TEXEL(k, 9 * OUTPUTS));
        [[unroll]] for (int q = 0; q < OUTPUTS; q += 2) {
            [[unroll]] for (int t = 0; t < 9; t++) {
                int texel = t * OUTPUTS + q;
                [[unroll]] for (int j = 0; j < 4; j++) {
                    float w0 = TILE_WEIGHT(w, texel, j), w1 = TILE_WEIGHT(w, texel + 1, j);
                    [[unroll]] for (int r = 0; r < ROWS; r++) {
                        sum[q][r] += w0 * v[r * STRIDE + t / 3][t % 3][j];
                        sum[q + 1][r] += w1 * v[r * STRIDE + t / 3][t % 3][j];
                    }
                }
            }
        }
#else
        [[unroll]] for (int t = 0; t < 9; t++) {
            [[unroll]] for (int q = 0; q < OUTPUTS; q++) {
                vec4 w = texelFetch(weights, tile + t * OUTPUTS + q);
                [[unroll]] for (int r = 0; r < ROWS; r++)
                    sum[q][r] += dot(w, v[r * STRIDE + t / 3][t % 3]);
            }
        }
#endif
        tile += 9 * OUTPUTS;
        plane += in_stride;
    } while (++i < in_planes);

    [[unroll]] for (int k = 0; k < GROUP; k++) {
        int out_plane = group * GROUP + k;
        if (out_plane < out_planes) {
            [[unroll]] for (int r = 0; r < ROWS; r++) {
                int oy = band * ROWS + r;
                bool inside = oy < height;
                int texel = out_plane * out_stride + (inside ? oy * width + column : height * width);
                int q = k * 4;
                vec4 value = vec4(sum[q][r], sum[q + 1][r], sum[q + 2][r], sum[q + 3][r]);
                value = activate(value, ACTIVATION);
                if (ADD)
                    value += texelFetch(residual, texel);
                LM_STORE(y, texel, inside ? value : vec4(0.0));
            }
        }
    }
}
#endif
