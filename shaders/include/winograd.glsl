/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Winograd's F(4x4, 3x3): a 3x3 convolution of stride 1 as products at ELEMENTS points, 36 multiplications instead of
 * 144 for 4 x 4 outputs. winograd_input.comp evaluates the picture's tiles of 6 x 6, overlapping by two, at the points;
 * winograd_product.comp sums over the input channels, for each point separately; winograd_output.comp interpolates
 * 4 x 4 outputs. The weights are evaluated when they are packed (src/exec/winograd.c).
 *
 * The points are 0, +-A, +-B and infinity, in that order, in both directions. With 3/4 and 3/2,
 * which floats and their powers hold exactly, results are four times as exact as with 1 and 2,
 * since the evaluated values have more even magnitudes.
 *
 * Tiles are numbered row by row, an even number in each row, so that two neighbours make a pair,
 * whose texels a lane stores at once. Evaluated values are stored as [element, vertical point * 6 +
 * horizontal point][plane][tile].
 */

const float A = 0.75, B = 1.5;
const float A2 = A * A, B2 = B * B;
const int POINTS = 6, OUTPUTS = 4;
const int ELEMENTS = POINTS * POINTS;
