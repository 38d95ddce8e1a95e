/* SPDX-License-Identifier: LGPL-2.1-or-later
 * pool.comp for GPUs: SHARERS invocations, a power of two, share a cell, so that neighbours read
 * neighbouring texels. A workgroup computes CELLS texels of the output.
 */
layout(constant_id = 2) const int CELLS = 64;
layout(constant_id = 3) const int SHARERS = 1;

const int UNDER_WAY = 4; /* texels fetched at once */

shared vec4 partial[CELLS * SHARERS];

void main()
{
    int local = int(gl_LocalInvocationIndex), sharer = local % SHARERS;
    int cell = int(gl_WorkGroupID.x) * CELLS + local / SHARERS, plane = int(gl_WorkGroupID.y), pixels = width * height;
    int row = min(cell, pixels - 1) / width, column = min(cell, pixels - 1) - row * width;
    int in_width = width * cell_width, cell_texels = cell_width * cell_height;
    int texel = plane * in_stride + row * cell_height * in_width + column * cell_width;

    vec4 sum = vec4(0.0);
    for (int first = sharer; first < cell_texels; first += SHARERS * UNDER_WAY)
        [[unroll]] for (int u = 0; u < UNDER_WAY; u++) {
            int k = first + u * SHARERS;
            vec4 v = texelFetch(x, texel + min(k, cell_texels - 1) / cell_width * in_width +
                                       min(k, cell_texels - 1) % cell_width);
            sum += k < cell_texels ? v : vec4(0.0);
        }
    partial[local] = sum;
    [[unroll]] for (int step = SHARERS / 2; step > 0; step /= 2) {
        barrier();
        if (sharer < step)
            partial[local] += partial[local + step];
    }
    if (sharer == 0 && cell < pixels)
        LM_STORE(y, plane * out_stride + cell, partial[local] / float(cell_texels));
    if (sharer == 0 && cell == 0)
        LM_STORE(y, plane * out_stride + pixels, vec4(0.0));
}
