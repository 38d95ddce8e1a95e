/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Products of activation texels (4 input channels) with tiles of weights.
 *
 * A texel of weights holds one output channel's weights of 4 input channels; consecutive texels
 * hold those of consecutive output channels of a group, for each input plane and tap.
 * LANES8: each of a subgroup's 8 lanes fetches one texel, and subgroupShuffle with a constant lane
 * hands scalars round. On lavapipe that is a single instruction; a fetch costs 18 cycles.
 * Otherwise: every lane fetches the same texels.
 */

#if LANES8
#define TILE_LANE int(gl_SubgroupInvocationID)
/* Of `texels` consecutive texels: the number of fetches, the texel that a lane fetches in fetch `k`
 * (lanes beyond the last repeat the last), and component j of texel t of those fetched into w[]. */
#define TILE_FETCHES(texels) (((texels) + 7) / 8)
#define TILE_TEXEL(k, texels) min((k) * 8 + TILE_LANE, (texels) - 1)
#define TILE_WEIGHT(w, t, j) subgroupShuffle(w[(t) / 8][j], (t) % 8)
#endif
