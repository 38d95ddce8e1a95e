#version 450
/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The second half of a 3x3 convolution (zero padding 1) of an input upsampled to twice its size,
 * bilinearly with corners aligned. Upsampling and the products with a kernel commute: linear.comp
 * has multiplied the small input by each of the nine taps; this shader upsamples the nine products,
 * moves them to their taps' positions and sums them, with bias, activation and an optional
 * residual.
 *
 * x:      C4 planes [output plane][tap y * 3 + x] of in_height x in_width
 * residual: C4 planes of the output's shape (ADD)
 * bias:   one texel a plane
 * y:      C4 planes of twice the input's height and width
 *
 * Grid: x = one invocation for the output texels of SIDE x SIDE input texels, columns fastest, and
 * at least one more invocation, which writes the zero texel; y = plane.
 */
#extension GL_EXT_control_flow_attributes : require
#extension GL_GOOGLE_include_directive : require
#include "lmnet.glsl"
#include "activation.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const int ACTIVATION = 0;
layout(constant_id = 2) const bool ADD = false;

layout(push_constant) uniform Push {
    int in_width, in_height;
    int in_stride, out_stride; /* plane stride, texels */
};

LM_INPUT(0, x);
LM_INPUT(1, residual);
LM_BIAS(bias);
LM_OUTPUT_PAIRS(0, y);

const int SIDE = 2, OUT_SIDE = 2 * SIDE;

/* Shares of the two of n input texels that output texel i lies between; 0 if there is no such output texel. It lies at
 * i (n - 1) / (2 n - 1), after input texel (i + 1) / 2 - 1: exact except for the division, and so at corners. */
vec2 shares(int i, int n)
{
    int d = 2 * n - 1;
    float second = float(i * (n - 1) - ((i + 1) / 2 - 1) * d) / float(d);
    return i >= 0 && i < 2 * n ? vec2(1.0 - second, second) : vec2(0.0);
}

void main()
{
    int tiles = (in_width + SIDE - 1) / SIDE, tile = int(gl_GlobalInvocationID.x);
    int top = tile / tiles * SIDE, left = tile % tiles * SIDE;
    int plane = int(gl_GlobalInvocationID.y);

    /* Of the output texels that the taps reach, one more at each end, number s lies between the input texels s / 2
     * and s / 2 + 1, counted from the one before the tile. Texels outside have no share, whatever is read. */
    vec2 down[OUT_SIDE + 2], across[OUT_SIDE + 2];
    int row[SIDE + 2], column[SIDE + 2];
    [[unroll]] for (int s = 0; s < OUT_SIDE + 2; s++) {
        down[s] = shares(2 * top - 1 + s, in_height);
        across[s] = shares(2 * left - 1 + s, in_width);
    }
    [[unroll]] for (int r = 0; r < SIDE + 2; r++) {
        row[r] = clamp(top - 1 + r, 0, in_height - 1) * in_width;
        column[r] = clamp(left - 1 + r, 0, in_width - 1);
    }

    vec4 sum[OUT_SIDE][OUT_SIDE];
    [[unroll]] for (int oy = 0; oy < OUT_SIDE; oy++)
        [[unroll]] for (int ox = 0; ox < OUT_SIDE; ox++)
            sum[oy][ox] = texelFetch(bias, plane);

    /* Along each row first, as the taps of a kernel's row then go down together. The compiler leaves out the fetches of
     * texels that no output needs; it would not unroll loops with narrower bounds. */
    [[unroll]] for (int ky = 0; ky < 3; ky++) {
        [[unroll]] for (int r = 0; r < SIDE + 2; r++) {
            vec4 value[OUT_SIDE];
            [[unroll]] for (int ox = 0; ox < OUT_SIDE; ox++)
                value[ox] = vec4(0.0);
            [[unroll]] for (int kx = 0; kx < 3; kx++) {
                [[unroll]] for (int c = 0; c < SIDE + 2; c++) {
                    vec4 v = texelFetch(x, (plane * 9 + ky * 3 + kx) * in_stride + row[r] + column[c]);
                    [[unroll]] for (int ox = 0; ox < OUT_SIDE; ox++) {
                        int which = c - (ox + kx) / 2;
                        if (which == 0 || which == 1)
                            value[ox] += across[ox + kx][which] * v;
                    }
                }
            }
            [[unroll]] for (int oy = 0; oy < OUT_SIDE; oy++) {
                int which = r - (oy + ky) / 2;
                if (which == 0 || which == 1)
                    [[unroll]] for (int ox = 0; ox < OUT_SIDE; ox++)
                        sum[oy][ox] += down[oy + ky][which] * value[ox];
            }
        }
    }

    /* Neighbours are in the same row, since the output's width is even. */
    int height = 2 * in_height, width = 2 * in_width;
    [[unroll]] for (int oy = 0; oy < OUT_SIDE; oy++) {
        [[unroll]] for (int pair = 0; pair < SIDE; pair++) {
            int iy = 2 * top + oy, ix = 2 * (left + pair);
            bool inside = iy < height && ix < width;
            int texel = plane * out_stride + (inside ? iy * width + ix : height * width);
            vec4 value[2];
            [[unroll]] for (int k = 0; k < 2; k++) {
                value[k] = activate(sum[oy][2 * pair + k], ACTIVATION);
                if (ADD)
                    value[k] += texelFetch(residual, texel + k);
                value[k] = inside ? value[k] : vec4(0.0);
            }
            LM_STORE_PAIR(y, texel, value[0], value[1]);
        }
    }
}
