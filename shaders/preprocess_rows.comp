#version 450
/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Preprocessing, first pass: converts a region's rows, in the frame's format, to RGB of the
 * network's width.
 *
 * input 0   the region's planes, packed: 32-bit words
 * bias      tap table (src/exec/resize-filter.h): runs begin at quads, that is, groups of four pixels
 * output 0  fp32 in every build: [row][x] (r, g, b, 0), in the network's channel order
 *
 * Pixel 0 is the upload's first. It is even if chroma is subsampled, so that pairs of pixels that share a chroma sample
 * never straddle quads. A quad may reach past a row's end: the pixels there have a weight of 0. */
#extension GL_GOOGLE_include_directive : require
#include "lmnet.glsl"
#include "resize.glsl"

layout(local_size_x = 32) in;

/* The layout of pixels; as `enum family` in src/exec/preprocess.c. */
layout(constant_id = 0) const uint FAMILY = 0;
const uint SEMI_PLANAR_8 = 0, PLANAR_8 = 1, PACKED_422 = 2, V210 = 3, SEMI_PLANAR_10 = 4, RGB_32 = 5,
           RGB_24 = 6;

/* One fetch of weights serves this many rows. src/exec/preprocess.c has the same number. */
const uint ROWS = 4;

LM_INPUT_WORDS(0, words);
LM_BIAS(taps);
LM_OUTPUT(0, result);

/* rgb = clamp(scale * (y, y, y) + from_u * u + from_v * v + offset), of codes; or clamp(scale * rgb
 * + offset). */
layout(push_constant) uniform Push
{
    vec4 scale, from_u, from_v, offset; /* offset.w: levels to round to, see include/resize.glsl */
    uvec3 base;   /* begin of the components' planes, words */
    uint width;   /* of the output */
    uvec3 stride; /* of the components' rows: words */
    uint rows;    /* of the output */
    uvec3 shift;  /* of the components in a packed pixel or pair: bits */
    uint n_quads;
    uint chroma_shift, chroma_phase; /* chroma's row = (row + phase) >> shift */
} push;

uint word(uint index)
{
    return texelFetch(words, int(index)).x;
}

/* Through int: a processor without AVX-512 takes several steps to convert from unsigned. */
vec4 codes(uvec4 values, uint mask)
{
    return vec4(ivec4(values & mask));
}

vec2 codes(uvec2 values, uint mask)
{
    return vec2(ivec2(values & mask));
}

/* Copies of push constants, read once: drivers may not move these reads out of the loop. */
vec3 scale, from_u, from_v, offset;

mat4x3 from_yuv(vec4 y, vec2 u, vec2 v)
{
    vec3 left = from_u * u.x + from_v * v.x + offset;
    vec3 right = from_u * u.y + from_v * v.y + offset;
    return mat4x3(clamp(scale * y.x + left, 0.0, 1.0), clamp(scale * y.y + left, 0.0, 1.0),
                  clamp(scale * y.z + right, 0.0, 1.0), clamp(scale * y.w + right, 0.0, 1.0));
}

vec3 from_rgb(uint pixel)
{
    uvec3 values = uvec3(pixel) >> push.shift;
    return clamp(scale * vec3(ivec3(values & 0xff)) + offset, 0.0, 1.0);
}

/* The codes of two pairs in order U Y V Y, U Y V Y, gathered from the 10-bit slots of four words. */
mat4x3 load_v210(uint quad, uvec3 line)
{
    uint slot = quad * 8;
    uint first = (slot * 43691) >> 17; /* slot / 3, for any slot below 98304 */
    uint skip = (slot - first * 3) * 10;
    uvec4 w = uvec4(word(line.x + first), word(line.x + first + 1), word(line.x + first + 2), word(line.x + first + 3)) &
              0x3fffffff;
    uvec3 s = (w.xyz >> skip) | (w.yzw << (30 - skip));
    return from_yuv(codes(uvec4(s.x >> 10, s.y, s.y >> 20, s.z >> 10), 0x3ff),
                    codes(uvec2(s.x, s.y >> 10), 0x3ff), codes(uvec2(s.x >> 20, s.z), 0x3ff));
}

/* The colours of pixels 4 * quad .. 4 * quad + 3 as columns. line: the word at which each
 * component's row begins. */
mat4x3 load(uint quad, uvec3 line)
{
    if (FAMILY == SEMI_PLANAR_8) {
        uint y = word(line.x + quad), uv = word(line.y + quad);
        return from_yuv(codes(uvec4(y, y >> 8, y >> 16, y >> 24), 0xff),
                        codes(uvec2(uv, uv >> 16), 0xff),
                        codes(uvec2(uv >> 8, uv >> 24), 0xff));
    }
    if (FAMILY == PLANAR_8) {
        uint y = word(line.x + quad), half_word = (quad & 1) * 16;
        uint u = word(line.y + (quad >> 1)) >> half_word, v = word(line.z + (quad >> 1)) >> half_word;
        return from_yuv(codes(uvec4(y, y >> 8, y >> 16, y >> 24), 0xff), codes(uvec2(u, u >> 8), 0xff),
                        codes(uvec2(v, v >> 8), 0xff));
    }
    if (FAMILY == PACKED_422) {
        uvec2 w = uvec2(word(line.x + 2 * quad), word(line.x + 2 * quad + 1));
        uvec2 y = w >> push.shift.x;
        return from_yuv(codes(uvec4(y.x, y.x >> 16, y.y, y.y >> 16), 0xff), codes(w >> push.shift.y, 0xff),
                        codes(w >> push.shift.z, 0xff));
    }
    if (FAMILY == V210)
        return load_v210(quad, line);
    if (FAMILY == SEMI_PLANAR_10) {
        uvec2 y = uvec2(word(line.x + 2 * quad), word(line.x + 2 * quad + 1));
        uvec2 uv = uvec2(word(line.y + 2 * quad), word(line.y + 2 * quad + 1));
        return from_yuv(codes(uvec4(y.x >> 6, y.x >> 22, y.y >> 6, y.y >> 22), 0x3ff), codes(uv >> 6, 0x3ff),
                        codes(uv >> 22, 0x3ff));
    }
    if (FAMILY == RGB_32)
        return mat4x3(from_rgb(word(line.x + 4 * quad)), from_rgb(word(line.x + 4 * quad + 1)),
                      from_rgb(word(line.x + 4 * quad + 2)), from_rgb(word(line.x + 4 * quad + 3)));
    uvec3 w = uvec3(word(line.x + 3 * quad), word(line.x + 3 * quad + 1), word(line.x + 3 * quad + 2));
    return mat4x3(from_rgb(w.x), from_rgb(w.x >> 24 | w.y << 8), from_rgb(w.y >> 16 | w.z << 16), from_rgb(w.z >> 8));
}

void main()
{
    uint x = gl_GlobalInvocationID.x, top = gl_GlobalInvocationID.y * ROWS;
    if (x >= push.width)
        return;
    scale = push.scale.xyz;
    from_u = push.from_u.xyz;
    from_v = push.from_v.xyz;
    offset = push.offset.xyz;
    uint first = uint(int(texelFetch(taps, int(x)).x));
    vec3 sum[ROWS];
    uvec3 lines[ROWS];
    for (uint i = 0; i < ROWS; i++) {
        sum[i] = vec3(0.0);
        uint row = min(top + i, push.rows - 1), chroma_row = (row + push.chroma_phase) >> push.chroma_shift;
        lines[i] = push.base + uvec3(row, chroma_row, chroma_row) * push.stride;
    }
    uint t = 0;
    do {
        vec4 weights = texelFetch(taps, int((1 + t) * push.width + x));
        for (uint i = 0; i < ROWS; i++)
            sum[i] += load(first + t, lines[i]) * weights;
    } while (++t < push.n_quads);
    for (uint i = 0; i < ROWS; i++)
        if (top + i < push.rows)
            LM_STORE(result, (top + i) * push.width + x, vec4(round_as_pillow(sum[i], push.offset.w), 0.0));
}
