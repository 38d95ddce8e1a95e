/* SPDX-License-Identifier: LGPL-2.1-or-later
 * norm.comp for GPUs: SLICES invocations share a pixel, each takes every SLICES-th plane, so that a
 * few pixels with many channels do not wait for one long loop. A workgroup computes COLUMNS pixels;
 * its invocations count columns fastest.
 */
layout(constant_id = 1) const int COLUMNS = 64;
layout(constant_id = 2) const int SLICES = 1;

const int STEP = 4; /* texels that are fetched at once */

shared float partial[COLUMNS * SLICES];

int column, slice;

float sum_of_slices(float value)
{
    if (SLICES == 1)
        return value;
    barrier();
    partial[slice * COLUMNS + column] = value;
    barrier();
    float sum = 0.0;
    [[dont_unroll]] for (int s = 0; s < SLICES; s++)
        sum += partial[s * COLUMNS + column];
    return sum;
}

void main()
{
    column = int(gl_LocalInvocationIndex) % COLUMNS;
    slice = int(gl_LocalInvocationIndex) / COLUMNS;
    int wanted = int(gl_WorkGroupID.x) * COLUMNS + column, pixel = min(wanted, pixels);
    /* 1 for the last plane's real channels, 0 for its padding. */
    vec4 tail = vec4(lessThan(ivec4(0, 1, 2, 3), ivec4(channels - (planes - 1) * 4)));

    vec4 sum = vec4(0.0);
    for (int i = slice; i < planes; i += SLICES * STEP)
        [[unroll]] for (int u = 0; u < STEP; u++) {
            int plane = i + u * SLICES;
            sum += texelFetch(x, plane < planes ? plane * stride + pixel : pixels);
        }
    float mean = sum_of_slices(dot(sum, vec4(1.0))) / float(channels);

    float squares = 0.0;
    for (int i = slice; i < planes; i += SLICES * STEP)
        [[unroll]] for (int u = 0; u < STEP; u++) {
            int plane = min(i + u * SLICES, planes - 1);
            vec4 d = (texelFetch(x, plane * stride + pixel) - mean) * (plane == planes - 1 ? tail : vec4(1.0));
            squares += i + u * SLICES < planes ? dot(d, d) : 0.0;
        }
    squares = sum_of_slices(squares);
    float scale = pixel < pixels ? inversesqrt(squares / float(channels) + 1e-5) : 0.0;

    for (int i = first + slice; i < first + n; i += SLICES) {
        vec4 d = (texelFetch(x, i * stride + pixel) - mean) * (i == planes - 1 ? tail : vec4(1.0));
        if (wanted <= pixels)
            LM_STORE(y, (i - first) * stride + pixel, d * scale);
    }
}
