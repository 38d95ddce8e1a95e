#version 450
/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Preprocessing, second pass: to the network's height, normalised.
 *
 * input 0   the first pass's output: [row][x] (r, g, b, 0)
 * bias      tap table (src/exec/resize-filter.h), from texel `table` on
 * output 0  the network's input, a C4 plane: [y][x] (r, g, b, 0), then the zero texel
 */
#extension GL_GOOGLE_include_directive : require
#include "lmnet.glsl"
#include "resize.glsl"

layout(local_size_x = 32) in;

LM_INPUT(0, rows);
LM_BIAS(taps);
LM_OUTPUT(0, result);

layout(push_constant) uniform Push
{
    vec4 scale, offset; /* normalised = scale * colour + offset; offset.w: levels to round to, see
                           include/resize.glsl */
    uint width, height; /* of the output */
    uint last_row;      /* of the input */
    uint table, n_quads;
} push;

vec4 row(uint y, uint x)
{
    return texelFetch(rows, int(min(y, push.last_row) * push.width + x));
}

void main()
{
    uint x = gl_GlobalInvocationID.x, y = gl_GlobalInvocationID.y;
    if (x >= push.width)
        return;
    uint first = uint(int(texelFetch(taps, int(push.table + y)).x));
    vec4 sum = vec4(0.0);
    uint t = 0;
    do {
        vec4 weights = texelFetch(taps, int(push.table + (1 + t) * push.height + y));
        uint top = first + 4 * t;
        sum += mat4(row(top, x), row(top + 1, x), row(top + 2, x), row(top + 3, x)) * weights;
    } while (++t < push.n_quads);
    LM_STORE(result, y * push.width + x, vec4(round_as_pillow(sum.xyz, push.offset.w) * push.scale.xyz + push.offset.xyz, 0.0));
    if (x == 0 && y == 0)
        LM_STORE(result, push.width * push.height, vec4(0.0));
}
