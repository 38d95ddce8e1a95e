/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Pillow's rounding: each pass of a resize gives 8-bit values, ties upwards. Networks are trained
 * on images resized this way, and the difference matters: without it, 0.65 % of a trained model's
 * probabilities moved by more than 4 of 255 levels.
 */

/* color: 0..1; levels: 255, or 0 if the pass resizes nothing and so leaves values unchanged. A tie
 * at 0.5 must not depend on the last bits of single precision. */
vec3 round_as_pillow(vec3 color, float levels)
{
    const float tie = 0.5 + 1.0 / 4096.0;
    return levels > 0.0 ? floor(color * levels + tie) / levels : color;
}
