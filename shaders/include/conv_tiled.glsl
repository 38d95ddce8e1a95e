/* SPDX-License-Identifier: LGPL-2.1-or-later
 * conv.comp for GPUs: a tile's inputs and weights lie in shared memory, so that neighbours and output planes fetch them
 * once.
 *
 * A workgroup gives a tile of COLUMNS x (BANDS * ROWS) pixels of PLANES output planes. Its invocations are, fastest
 * first: columns, bands of ROWS rows, output planes, slices. A slice takes every SLICES-th input plane; the slices'
 * results are summed at the end, so that even a few pixels with many channels keep many invocations busy.
 *
 * Grid: x, y = tiles; z = PLANES output planes. The tile at (0, 0) writes the zero texels.
 */
#include "tile.glsl"

layout(constant_id = 5) const int COLUMNS = 16;
layout(constant_id = 6) const int BANDS = 2;
layout(constant_id = 7) const int ROWS = 4;
layout(constant_id = 8) const int PLANES = 1;
layout(constant_id = 9) const int SLICES = 1;

const int LANES = COLUMNS * BANDS;
const int SIZE = LANES * PLANES * SLICES;
const int IN_ROWS = (ROWS - 1) * STRIDE + 3;
const int PATCH_WIDTH = (COLUMNS - 1) * STRIDE + 3;
const int PATCH = PATCH_WIDTH * ((BANDS * ROWS - 1) * STRIDE + 3);
const int TAPS = 36 * PLANES; /* texels of weights for one input plane */
/* The texels that an invocation fetches for one turn of all slices. */
const int PATCH_SHARE = (PATCH * SLICES + SIZE - 1) / SIZE;
const int TAPS_SHARE = (TAPS * SLICES + SIZE - 1) / SIZE;
const int STAGED = (PATCH + TAPS) * SLICES;
const int SUMMED = SLICES > 1 ? SIZE * ROWS : 1;

/* SLICES patches, then as many sets of weights; at the end the slices' sums. */
SHARED_TILES(STAGED, SUMMED);

void store(int out_plane, int row, int column, vec4 value)
{
    if (out_plane >= out_planes || row >= height || column >= width)
        return;
    int texel = out_plane * out_stride + row * width + column;
    value = activate(value, ACTIVATION);
    if (ADD)
        value += texelFetch(residual, texel);
    LM_STORE(y, texel, value);
}

int local;
/* The place, within its plane and within its set of weights, of each texel that this invocation fetches. */
int patch_at[PATCH_SHARE], taps_at[TAPS_SHARE];
TILE_VEC patches[PATCH_SHARE], taps[TAPS_SHARE];

/* Fetches this invocation's texels for the turn whose first input plane is `first`. */
void fetch(int first)
{
    [[unroll]] for (int n = 0; n < PATCH_SHARE; n++) {
        int plane = first + (local + n * SIZE) / PATCH;
        /* Past the last plane the weights must not count. */
        patches[n] =
            TILE_VEC(texelFetch(x, plane < in_planes ? plane * in_stride + patch_at[n] : in_height * in_width));
    }
    [[unroll]] for (int n = 0; n < TAPS_SHARE; n++)
        taps[n] = TILE_VEC(
            texelFetch(weights, taps_at[n] + min(first + (local + n * SIZE) / TAPS, in_planes - 1) * 72));
}

void main()
{
    local = int(gl_LocalInvocationIndex);
    int lane = local % LANES, part = local / LANES, slice = part / PLANES, side = part % PLANES;
    int left = int(gl_WorkGroupID.x) * COLUMNS, top = int(gl_WorkGroupID.y) * BANDS * ROWS;
    int first_plane = int(gl_WorkGroupID.z) * PLANES;

    [[unroll]] for (int n = 0; n < PATCH_SHARE; n++) {
        int k = (local + n * SIZE) % PATCH;
        int iy = top * STRIDE - 1 + k / PATCH_WIDTH, ix = left * STRIDE - 1 + k % PATCH_WIDTH;
        patch_at[n] = iy >= 0 && iy < in_height && ix >= 0 && ix < in_width ? iy * in_width + ix : in_height * in_width;
    }
    [[unroll]] for (int n = 0; n < TAPS_SHARE; n++) {
        int k = (local + n * SIZE) % TAPS, plane = min(first_plane + k / 36, out_planes - 1);
        taps_at[n] = plane / 2 * in_planes * 72 + k % 36 / 4 * 8 + plane % 2 * 4 + k % 4;
    }

    vec4 sum[ROWS];
    [[unroll]] for (int r = 0; r < ROWS; r++)
        sum[r] = vec4(0.0);
    const int patch_base = slice * PATCH + lane / COLUMNS * ROWS * STRIDE * PATCH_WIDTH + lane % COLUMNS * STRIDE;
    const int taps_base = SLICES * PATCH + slice * TAPS + side * 36;
    int first = 0;
    fetch(first);
    [[dont_unroll]] do {
        barrier(); /* after all invocations have read the iteration before */
        [[unroll]] for (int n = 0; n < PATCH_SHARE; n++)
            if (local + n * SIZE < PATCH * SLICES)
                memory[local + n * SIZE] = patches[n];
        [[unroll]] for (int n = 0; n < TAPS_SHARE; n++)
            if (local + n * SIZE < TAPS * SLICES)
                memory[PATCH * SLICES + local + n * SIZE] = taps[n];
        barrier();
        first += SLICES;
        /* The next turn's texels are fetched meanwhile. */
        if (first < in_planes)
            fetch(first);
        [[unroll]] for (int kx = 0; kx < 3; kx++) {
            TILE_VEC run[ROWS], v[IN_ROWS];
            [[unroll]] for (int r = 0; r < ROWS; r++)
                run[r] = RUN_BEGIN(sum[r]);
            [[unroll]] for (int r = 0; r < IN_ROWS; r++)
                v[r] = memory[patch_base + r * PATCH_WIDTH + kx];
            [[unroll]] for (int ky = 0; ky < 3; ky++) {
                [[unroll]] for (int k = 0; k < 4; k++) {
                    TILE_VEC w = memory[taps_base + (ky * 3 + kx) * 4 + k];
                    ADD_PRODUCTS(ROWS, run[r], k, w, v[r * STRIDE + ky]);
                }
            }
            [[unroll]] for (int r = 0; r < ROWS; r++)
                sum[r] = RUN_END(sum[r], run[r]);
        }
    } while (first < in_planes);

    int out_plane = first_plane + side, row = top + lane / COLUMNS * ROWS, column = left + lane % COLUMNS;
    vec4 start = texelFetch(bias, min(out_plane, out_planes - 1));
    if (SLICES == 1) {
        [[unroll]] for (int r = 0; r < ROWS; r++)
            store(out_plane, row + r, column, start + sum[r]);
    } else {
        barrier();
        [[unroll]] for (int r = 0; r < ROWS; r++)
            sums[r * SIZE + local] = sum[r];
        barrier();
        for (int r = slice; r < ROWS; r += SLICES) {
            vec4 total = start;
            [[unroll]] for (int s = 0; s < SLICES; s++)
                total += sums[r * SIZE + (s * PLANES + side) * LANES + lane];
            store(out_plane, row + r, column, total);
        }
    }
    if (gl_WorkGroupID.x == 0 && gl_WorkGroupID.y == 0 && lane == 0 && slice == 0 && out_plane < out_planes)
        LM_STORE(y, out_plane * out_stride + height * width, vec4(0.0));
}
