/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The tiles of a product over channels, and how they are multiplied, TILED.
 *
 * HALF: of half floats, which many GPUs multiply and add two at a time. So that both of a pair belong to sums of their
 * own, a texel of weights holds those of 4 output channels for one input channel: include/weights.glsl's, each four
 * transposed. Only runs of some twelve products are summed in half precision; the runs' sums are added in single
 * precision. */

#if HALF
#define TILE_VEC f16vec4
/* Declares memory[] for tiles, and sums[]. */
#define SHARED_TILES(n_tiles, n_sums) \
    shared f16vec4 memory[n_tiles]; \
    shared vec4 sums[n_sums]
/* A run's initial value, and the sum after it. */
#define RUN_BEGIN(sum) f16vec4(0.0)
#define RUN_END(sum, run) ((sum) + vec4(run))
/* The factor of the k-th texel of an input plane's weights, given the plane's channel scales. */
#define WEIGHT_SCALE(channel_scale, k) (channel_scale)[(k) & 3]
/* Adds the products of texels of inputs with w, the k-th of four texels of their weights, to n runs; `run` and `inputs`
 * of the r-th of them may depend on r. */
#define ADD_PRODUCTS(n, run, k, w, inputs) \
    [[unroll]] for (int r = 0; r < n; r++) \
        run += w * inputs[k]
#else
#define TILE_VEC vec4
/* sums[] take the place of the tiles. */
#define SHARED_TILES(n_tiles, n_sums) shared vec4 memory[(n_tiles) > (n_sums) ? (n_tiles) : (n_sums)]
#define sums memory
#define RUN_BEGIN(sum) (sum)
#define RUN_END(sum, run) (run)
#define WEIGHT_SCALE(channel_scale, k) (channel_scale)
/* Not dot(): these are four multiply-adds; it would be five instructions. */
#define ADD_PRODUCTS(n, run, k, w, inputs) \
    [[unroll]] for (int j = 0; j < 4; j++) \
        [[unroll]] for (int r = 0; r < n; r++) \
            run[k] += w[j] * inputs[j]
#endif
