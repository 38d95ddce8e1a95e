#version 450
/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Depthwise 5x5 convolution, zero padding 2, with bias and activation.
 *
 * x, y:    C4 planes of height x width
 * weights: 32 texels a plane, of which the first 25 are the taps [y * 5 + x] of 4 channels
 * bias:    one texel a plane
 * partial_sums: texels whose mean is the plane's, one a tile (tiled build, PARTIAL_SUMS)
 *
 * Grid: x = one invocation for ROWS rows of COLUMNS columns, columns fastest, and at least one more
 * invocation, which writes the zero texel; y = PLANES planes.
 */
#extension GL_EXT_control_flow_attributes : require
#extension GL_GOOGLE_include_directive : require
#include "lmnet.glsl"
#include "activation.glsl"
#include "weights.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const int ACTIVATION = 0;

layout(push_constant) uniform Push {
    int width, height;
    int stride; /* plane stride, texels */
    int planes;
    int partial_sums_stride; /* the same of partial_sums */
};

LM_INPUT(0, x);
LM_WEIGHTS(weights);
LM_BIAS(bias);
LM_OUTPUT_PAIRS(0, y);

#if TILED
#include "depthwise_tiled.glsl"
#else
layout(constant_id = 2) const int COLUMNS = 1; /* 2 if the width is even: neighbours share taps and a store */
const int ROWS = 4;

/* Planes that an invocation does one after another: on lavapipe its start costs a tenth of a
 * plane's work. */
const int PLANES = 3;

void main()
{
    int across = width / COLUMNS;
    int band = int(gl_GlobalInvocationID.x) / across;
    int column = (int(gl_GlobalInvocationID.x) - band * across) * COLUMNS;

    /* If a row or a column lies outside, its part of the address is at least the zero texel's. */
    const int zero = height * width;
    int row[ROWS + 4];
    [[unroll]] for (int r = 0; r < ROWS + 4; r++) {
        int iy = band * ROWS + r - 2;
        row[r] = iy >= 0 && iy < height ? iy * width : zero;
    }
    int plane = int(gl_GlobalInvocationID.y) * PLANES, end = min(plane + PLANES, planes);
    [[dont_unroll]] do {
        vec4 sum[COLUMNS][ROWS];
        vec4 start = texelFetch(bias, plane);
        [[unroll]] for (int c = 0; c < COLUMNS; c++)
            [[unroll]] for (int r = 0; r < ROWS; r++)
                sum[c][r] = start;
#if LANES8
        vec4 taps[4];
        [[unroll]] for (int t = 0; t < 4; t++)
            taps[t] = texelFetch(weights, plane * 32 + t * 8 + TILE_LANE);
#endif
        [[unroll]] for (int x_tap = 0; x_tap < COLUMNS + 4; x_tap++) {
            int ix = column + x_tap - 2;
            ix = ix >= 0 && ix < width ? ix : zero;
            vec4 v[ROWS + 4];
            [[unroll]] for (int r = 0; r < ROWS + 4; r++)
                v[r] = texelFetch(x, plane * stride + min(row[r] + ix, zero));
            [[unroll]] for (int c = 0; c < COLUMNS; c++) {
                int kx = x_tap - c;
                if (kx < 0 || kx > 4)
                    continue;
                [[unroll]] for (int ky = 0; ky < 5; ky++) {
                    int t = ky * 5 + kx;
#if LANES8
                    vec4 w;
                    [[unroll]] for (int j = 0; j < 4; j++)
                        w[j] = subgroupShuffle(taps[t / 8][j], t % 8);
#else
                    vec4 w = texelFetch(weights, plane * 32 + t);
#endif
                    [[unroll]] for (int r = 0; r < ROWS; r++)
                        sum[c][r] += w * v[r + ky];
                }
            }
        }
        [[unroll]] for (int r = 0; r < ROWS; r++) {
            int oy = band * ROWS + r;
            bool inside = oy < height;
            int texel = plane * stride + (inside ? oy * width + column : zero);
            vec4 value[COLUMNS];
            [[unroll]] for (int c = 0; c < COLUMNS; c++)
                value[c] = inside ? activate(sum[c][r], ACTIVATION) : vec4(0.0);
            if (COLUMNS == 2) {
                LM_STORE_PAIR(y, texel, value[0], value[COLUMNS - 1]);
            } else {
                LM_STORE(y, texel, value[0]);
            }
        }
    } while (++plane < end);
}
#endif
