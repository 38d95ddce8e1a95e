/* SPDX-License-Identifier: LGPL-2.1-or-later
 * depthwise.comp for GPUs: a workgroup computes a tile of COLUMNS x (BANDS * ROWS) pixels of one
 * plane, whose input and taps lie in shared memory.
 *
 * Grid: x, y = tiles; z = plane. The tile at (0, 0) writes the zero texel.
 *
 * PARTIAL_SUMS: it also writes a partial mean of the plane, one texel for each workgroup, in rows
 * of tiles.
 */
layout(constant_id = 3) const int COLUMNS = 16;
layout(constant_id = 4) const int BANDS = 4;
layout(constant_id = 5) const int ROWS = 4;

layout(constant_id = 6) const bool PARTIAL_SUMS = false;

LM_OUTPUT(1, partial_sums);

const int SIZE = COLUMNS * BANDS; /* a power of two */
const int PATCH_WIDTH = COLUMNS + 4;
const int PATCH = PATCH_WIDTH * (BANDS * ROWS + 4);
const int SHARE = (PATCH + SIZE - 1) / SIZE;

shared vec4 patches[PATCH];
shared vec4 taps[25];

/* sum: of an invocation's pixels. All parts have the same weight, even if their tiles extend beyond
 * the plane. */
void store_part(int local, int plane, vec4 sum)
{
    int tiles = int(gl_NumWorkGroups.x * gl_NumWorkGroups.y);
    barrier();
    patches[local] = sum;
    [[unroll]] for (int step = SIZE / 2; step > 0; step /= 2) {
        barrier();
        if (local < step)
            patches[local] += patches[local + step];
    }
    if (local > 0)
        return;
    int tile = int(gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x);
    LM_STORE(partial_sums, plane * partial_sums_stride + tile, patches[0] * (float(tiles) / float(width * height)));
    if (tile == 0)
        LM_STORE(partial_sums, plane * partial_sums_stride + tiles, vec4(0.0));
}

void main()
{
    int local = int(gl_LocalInvocationIndex), plane = int(gl_WorkGroupID.z);
    int left = int(gl_WorkGroupID.x) * COLUMNS, top = int(gl_WorkGroupID.y) * BANDS * ROWS;
    const int zero = height * width;

    [[unroll]] for (int n = 0; n < SHARE; n++) {
        int k = local + n * SIZE, iy = top - 2 + k / PATCH_WIDTH, ix = left - 2 + k % PATCH_WIDTH;
        bool inside = iy >= 0 && iy < height && ix >= 0 && ix < width;
        if (k < PATCH)
            patches[k] = texelFetch(x, plane * stride + (inside ? iy * width + ix : zero));
    }
    for (int t = local; t < 25; t += SIZE)
        taps[t] = texelFetch(weights, plane * 32 + t);
    barrier();

    vec4 sum[ROWS];
    vec4 start = texelFetch(bias, plane);
    [[unroll]] for (int r = 0; r < ROWS; r++)
        sum[r] = start;
    int column = local % COLUMNS, row = local / COLUMNS * ROWS;
    [[unroll]] for (int kx = 0; kx < 5; kx++) {
        vec4 v[ROWS + 4];
        [[unroll]] for (int r = 0; r < ROWS + 4; r++)
            v[r] = patches[(row + r) * PATCH_WIDTH + column + kx];
        [[unroll]] for (int ky = 0; ky < 5; ky++)
            [[unroll]] for (int r = 0; r < ROWS; r++)
                sum[r] += taps[ky * 5 + kx] * v[r + ky];
    }
    vec4 total = vec4(0.0);
    [[unroll]] for (int r = 0; r < ROWS; r++)
        if (top + row + r < height && left + column < width) {
            vec4 value = activate(sum[r], ACTIVATION);
            total += value;
            LM_STORE(y, plane * stride + (top + row + r) * width + left + column, value);
        }
    if (gl_WorkGroupID.x == 0 && gl_WorkGroupID.y == 0 && local == 0)
        LM_STORE(y, plane * stride + zero, vec4(0.0));
    if (PARTIAL_SUMS)
        store_part(local, plane, total);
}
