/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The inner part of a product over channels, LANES8: adds the products of texels v[plane][texel]
 * (PLANES, PIXELS) with the weights w[], [plane][output], fetched as in include/weights.glsl, to
 * sum[output][texel] (OUTPUTS).
 *
 * As many outputs are summed at a time as make 16 sums, which stay in registers. A macro, since
 * functions do not take arrays whose sizes are specialisation constants. */
const int AT_ONCE = 16 / PIXELS;

#define ADD_PRODUCTS(sum, w, v)                                                                  \
    [[unroll]] for (int n = 0; n < OUTPUTS / AT_ONCE; n++) {                                     \
        [[unroll]] for (int u = 0; u < PLANES; u++) {                                            \
            [[unroll]] for (int j = 0; j < 4; j++) {                                             \
                [[unroll]] for (int k = 0; k < AT_ONCE; k++) {                                   \
                    float weight = TILE_WEIGHT(w, u * OUTPUTS + n * AT_ONCE + k, j);             \
                    [[unroll]] for (int r = 0; r < PIXELS; r++)                                  \
                        sum[n * AT_ONCE + k][r] += weight * v[u][r][j];                          \
                }                                                                                \
            }                                                                                    \
        }                                                                                        \
    }
