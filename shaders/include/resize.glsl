/* SPDX-License-Identifier: LGPL-2.1-or-later
 * How Pillow rounds: each pass of a resize gives 8-bit values, ties upwards. Networks are trained
 * on pictures resized so, and are sensitive to the difference: without it, 0.65 % of a trained
 * model's probabilities moved by more than 4 of 255 levels. */

/* color: 0..1; levels: 255, or 0 if the pass resizes nothing and so keeps the values. Rounding of a
 * tie at 0.5 must not depend on single precision's last bits. */
vec3 round_as_pillow(vec3 color, float levels)
{
    const float tie = 0.5 + 1.0 / 4096.0;
    return levels > 0.0 ? floor(color * levels + tie) / levels : color;
}
