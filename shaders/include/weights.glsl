/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Products of one activation texel (4 input channels) with a tile of weights (8 output channels).
 *
 * A weight tile is 8 consecutive texels: texel q holds output channel q's weights of the 4 input channels.
 * LANES8: each of a subgroup's 8 lanes fetches one texel, and scalars are handed round by subgroupShuffle with a
 * constant lane, which on lavapipe is a single instruction, where a fetch costs 18 cycles.
 * Otherwise: every lane fetches the same texels.
 */

#if LANES8
#define TILE_LANE int(gl_SubgroupInvocationID)
#else
#define TILE_LANE 0
#endif
