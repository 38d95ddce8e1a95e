/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Products of activation texels (4 input channels) with tiles of weights.
 *
 * A texel of weights holds one output channel's weights of 4 input channels, consecutive texels
 * those of consecutive output channels of a group, for each input plane and tap.
 * LANES8: each of a subgroup's 8 lanes fetches one texel, and scalars are shared by subgroupShuffle
 * with a constant lane. On lavapipe this is a single instruction, while a fetch costs 18 cycles.
 * Otherwise: every lane fetches the same texels.
 */

#if LANES8
#define TILE_LANE int(gl_SubgroupInvocationID)
/* For `texels` consecutive texels: the number of fetches, the texel that a lane fetches by fetch
 * `k` (lanes beyond the last repeat it), and component j of the fetched texel t in w[]. */
#define TILE_FETCHES(texels) (((texels) + 7) / 8)
#define TILE_TEXEL(k, texels) min((k) * 8 + TILE_LANE, (texels) - 1)
#define TILE_WEIGHT(w, t, j) subgroupShuffle(w[(t) / 8][j], (t) % 8)
#endif
