/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The inner part of a product over channels, LANES8: adds what texels v[plane][texel] (PLANES, PIXELS) give to
 * sum[output][texel] (OUTPUTS), the weights w[] having been brought as include/weights.glsl says, [plane][output].
 *
 * A macro, since arrays whose sizes are specialisation constants cannot be handed to functions.
 */
#define ADD_PRODUCTS(sum, w, v)                                                                       \
    [[unroll]] for (int q = 0; q < OUTPUTS; q += 2) {                                                 \
        [[unroll]] for (int u = 0; u < PLANES; u++) {                                                 \
            [[unroll]] for (int j = 0; j < 4; j++) {                                                  \
                float w0 = TILE_WEIGHT(w, u * OUTPUTS + q, j), w1 = TILE_WEIGHT(w, u * OUTPUTS + q + 1, j); \
                [[unroll]] for (int r = 0; r < PIXELS; r++) {                                         \
                    sum[q][r] += w0 * v[u][r][j];                                                     \
                    sum[q + 1][r] += w1 * v[u][r][j];                                                 \
                }                                                                                     \
            }                                                                                         \
        }                                                                                             \
    }
