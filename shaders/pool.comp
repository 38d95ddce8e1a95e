#version 450
/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Mean over cells of cell_height x cell_width input pixels: adaptive average pooling if sizes divide, and the partial
 * sums of a mean over all pixels.
 *
 * x: C4 planes of (height * cell_height) x (width * cell_width); y: C4 planes of height x width
 * Grid: x = texels of the output; y = plane. The first of each plane's invocations writes the zero
 * texel.
 */
#extension GL_EXT_control_flow_attributes : require
#extension GL_GOOGLE_include_directive : require
#include "lmnet.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const int STEP = 1; /* texels per iteration, divides cell_width; short loop
                                               bodies are slow */

layout(push_constant) uniform Push {
    int width, height; /* of the output */
    int cell_width, cell_height;
    int in_stride, out_stride; /* plane stride, texels */
};

LM_INPUT(0, x);
LM_OUTPUT(0, y);

#if TILED
#include "pool_tiled.glsl"
#else
void main()
{
    int pixels = width * height;
    int pixel = int(gl_GlobalInvocationID.x), plane = int(gl_GlobalInvocationID.y);
    int row = min(pixel, pixels - 1) / width, column = min(pixel, pixels - 1) - row * width;
    int in_width = width * cell_width;
    int texel = plane * in_stride + row * cell_height * in_width + column * cell_width;

    vec4 sum = vec4(0.0);
    int cy = 0;
    [[dont_unroll]] do {
        int cx = 0;
        [[dont_unroll]] do {
            [[unroll]] for (int k = 0; k < STEP; k++)
                sum += texelFetch(x, texel + cy * in_width + cx + k);
            cx += STEP;
        } while (cx < cell_width);
    } while (++cy < cell_height);
    if (pixel < pixels)
        LM_STORE(y, plane * out_stride + pixel, sum / float(cell_width * cell_height));
    if (pixel == 0)
        LM_STORE(y, plane * out_stride + pixels, vec4(0.0));
}
#endif
