#version 450
/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Second step of a convolution by include/winograd.glsl: for each element a product over channels,
 * as in linear.comp.
 *
 * x:       evaluated values [element][in_plane][tile]
 * weights: tiles [element][output group of 8][in_plane, padded to a multiple of PLANES], see
 * include/weights.glsl
 * y:       [element][out_plane][tile]
 *
 * Grid: x = pairs; y = GROUPS output groups; z = elements.
 */
#extension GL_EXT_control_flow_attributes : require
#extension GL_GOOGLE_include_directive : require
#include "lmnet.glsl"
#include "weights.glsl"

layout(local_size_x_id = 0) in;

layout(push_constant) uniform Push {
    int in_planes, out_planes;
    int pairs;
};

LM_INPUT(0, x);
LM_WEIGHTS(weights);
LM_OUTPUT_PAIRS(0, y);

/* Of an invocation: a pair of tiles, and output groups. Four tiles are 5 % faster if there are many, and half idle if
 * there are only 16. */
const int PIXELS = 2, GROUPS = 3, OUTPUTS = 8;
const int PLANES = 3; /* per iteration, as in linear.comp */
#include "product.glsl"

void main()
{
    int element = int(gl_WorkGroupID.z), first_group = int(gl_WorkGroupID.y) * GROUPS;
    int n_groups = (out_planes + 1) / 2, padded_planes = (in_planes + PLANES - 1) / PLANES * PLANES;

    /* Lanes beyond the last pair, and groups beyond the last, repeat it. */
    int pair = min(int(gl_GlobalInvocationID.x), pairs - 1);
    int tile[GROUPS];
    [[unroll]] for (int g = 0; g < GROUPS; g++)
        tile[g] = (element * n_groups + min(first_group + g, n_groups - 1)) * padded_planes * OUTPUTS + TILE_LANE;

    float sum[GROUPS][OUTPUTS][PIXELS];
    [[unroll]] for (int g = 0; g < GROUPS; g++)
        [[unroll]] for (int q = 0; q < OUTPUTS; q++)
            [[unroll]] for (int r = 0; r < PIXELS; r++)
                sum[g][q][r] = 0.0;

    int i = 0;
    [[dont_unroll]] do {
        vec4 v[PLANES][PIXELS];
        [[unroll]] for (int u = 0; u < PLANES; u++) {
            /* Beyond the last plane the weights are zero, so any value may be read. */
            int plane = (element * in_planes + min(i + u, in_planes - 1)) * pairs;
            [[unroll]] for (int r = 0; r < PIXELS; r++)
                v[u][r] = texelFetch(x, (plane + pair) * 2 + r);
        }
        [[unroll]] for (int g = 0; g < GROUPS; g++) {
            vec4 w[PLANES];
            [[unroll]] for (int u = 0; u < PLANES; u++)
                w[u] = texelFetch(weights, tile[g] + (i + u) * OUTPUTS);
            ADD_PRODUCTS(sum[g], w, v)
        }
        i += PLANES;
    } while (i < in_planes);

    [[unroll]] for (int half_group = 0; half_group < GROUPS * 2; half_group++) {
        int out_plane = first_group * 2 + half_group;
        if (out_plane < out_planes) {
            vec4 value[PIXELS];
            [[unroll]] for (int r = 0; r < PIXELS; r++)
                [[unroll]] for (int q = 0; q < 4; q++)
                    value[r][q] = sum[half_group / 2][half_group % 2 * 4 + q][r];
            LM_STORE_PAIR(y, ((element * out_planes + out_plane) * pairs + pair) * 2, value[0], value[1]);
        }
    }
}
