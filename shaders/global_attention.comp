#version 450
/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Attention over all pixels as tokens, one head at a time, with a running softmax over chunks of
 * keys.
 *
 * x: see include/attention.glsl
 * y: C4 planes, the layout of q
 *
 * Grid: x = QUERIES queries for each invocation, a subgroup's width apart, including the zero texel
 * after the last; y = unit * BLOCKS + block.
 */
#extension GL_EXT_control_flow_attributes : require
#extension GL_GOOGLE_include_directive : require
#include "lmnet.glsl"
#include "attention.glsl"

layout(push_constant) uniform Push {
    int pixels;
    int planes; /* of q, of k and of v */
    int stride; /* plane strides of input and output, texels */
};

#if TILED
#include "global_attention_tiled.glsl"
#else
#if LANES8
/* A chunk of keys or values is fetched once for all queries of a subgroup, one key by each lane,
 * and shared like weights, see include/weights.glsl. */
const int QUERIES = 4;
const int CHUNK = 8;
#define LANE int(gl_SubgroupInvocationID)

vec4 held[BLOCK];

void hold(int plane, int b, int first)
{
    int token = min(first + LANE, pixels - 1);
    [[unroll]] for (int i = 0; i < BLOCK; i++)
        held[i] = texelFetch(x, plane + min(b * BLOCK + i, TEXELS - 1) * stride + token);
}

vec4 item(int i, int k)
{
    return subgroupShuffle(held[i], k);
}
#else
const int QUERIES = 1;
const int CHUNK = 8;
#define LANE 0

int held_plane, held_last, held_first;

void hold(int plane, int b, int first)
{
    held_plane = plane + b * BLOCK * stride;
    held_last = TEXELS - 1 - b * BLOCK;
    held_first = first;
}

vec4 item(int i, int k)
{
    return texelFetch(x, held_plane + min(i, held_last) * stride + min(held_first + k, pixels - 1));
}
#endif

vec4 q[BLOCK][QUERIES];
vec4 logit[CHUNK][QUERIES];

/* Loads block b of the queries into q. */
void load_queries(int b, int q_texel[QUERIES])
{
    [[unroll]] for (int i = 0; i < BLOCK; i++)
        [[unroll]] for (int r = 0; r < QUERIES; r++)
            q[i][r] = query(q_texel[r], b * BLOCK + i, stride);
}

/* Adds q's products with the keys of a chunk. */
void add_products(int b, int k_plane, int first)
{
    hold(k_plane, b, first);
    [[unroll]] for (int k = 0; k < CHUNK; k++) {
        [[unroll]] for (int i = 0; i < BLOCK; i++) {
            vec4 key = item(i, k);
            [[unroll]] for (int r = 0; r < QUERIES; r++) {
                if (HEADS_PER_TEXEL == 1)
                    logit[k][r].x += dot(q[i][r], key);
                else
                    logit[k][r] += q[i][r] * key;
            }
        }
    }
}

void main()
{
    int unit = int(gl_GlobalInvocationID.y) / BLOCKS, block = int(gl_GlobalInvocationID.y) - unit * BLOCKS;
    int k_plane = (planes + unit * TEXELS) * stride, v_plane = k_plane + planes * stride;
    int pixel[QUERIES], q_texel[QUERIES];
    [[unroll]] for (int r = 0; r < QUERIES; r++) {
        pixel[r] = min((int(gl_GlobalInvocationID.x) - LANE) * QUERIES + r * 8 + LANE, pixels);
        q_texel[r] = unit * TEXELS * stride + pixel[r];
    }

    vec4 sum[BLOCK][QUERIES];
    vec4 largest[QUERIES], total[QUERIES];
    [[unroll]] for (int r = 0; r < QUERIES; r++) {
        [[unroll]] for (int i = 0; i < BLOCK; i++)
            sum[i][r] = vec4(0.0);
        largest[r] = vec4(-3.0e38);
        total[r] = vec4(0.0);
    }
    load_queries(0, q_texel);
    int first = 0;
    [[dont_unroll]] do {
        [[unroll]] for (int k = 0; k < CHUNK; k++)
            [[unroll]] for (int r = 0; r < QUERIES; r++)
                logit[k][r] = vec4(0.0);
        if (BLOCKS == 1) {
            add_products(0, k_plane, first);
        } else {
            int b = 0;
            [[dont_unroll]] do {
                load_queries(b, q_texel);
                add_products(b, k_plane, first);
            } while (++b < BLOCKS);
        }
        vec4 rescale[QUERIES];
        [[unroll]] for (int r = 0; r < QUERIES; r++) {
            vec4 peak = largest[r];
            [[unroll]] for (int k = 0; k < CHUNK; k++) {
                logit[k][r] = spread(logit[k][r]);
                peak = max(peak, logit[k][r]);
            }
            rescale[r] = exp(largest[r] - peak);
            largest[r] = peak;
            total[r] *= rescale[r];
            [[unroll]] for (int k = 0; k < CHUNK; k++) {
                logit[k][r] = first + k < pixels ? exp(logit[k][r] - peak) : vec4(0.0);
                total[r] += logit[k][r];
            }
        }
        hold(v_plane, block, first);
        [[unroll]] for (int i = 0; i < BLOCK; i++) {
            [[unroll]] for (int r = 0; r < QUERIES; r++)
                sum[i][r] *= rescale[r];
            [[unroll]] for (int k = 0; k < CHUNK; k++) {
                vec4 value = item(i, k);
                [[unroll]] for (int r = 0; r < QUERIES; r++)
                    sum[i][r] += logit[k][r] * value;
            }
        }
        first += CHUNK;
    } while (first < pixels);
    [[unroll]] for (int r = 0; r < QUERIES; r++) {
        vec4 scale = pixel[r] < pixels ? 1.0 / total[r] : vec4(0.0);
        [[unroll]] for (int i = 0; i < BLOCK; i++) {
            int t = block * BLOCK + i;
            if (t < TEXELS)
                LM_STORE(y, q_texel[r] + t * stride, sum[i][r] * scale);
        }
    }
}
#endif
