/* SPDX-License-Identifier: LGPL-2.1-or-later
 * linear.comp for GPUs: a tile's inputs and weights lie in shared memory, so that pixels and outputs fetch them once.
 *
 * A workgroup gives COLUMNS * PIXELS consecutive pixels of GROUPS output groups. Its invocations are, fastest first:
 * columns (each PIXELS pixels, COLUMNS apart), output groups, slices. A turn takes DEPTH input planes a slice; the
 * slices' results are summed at the end, so that even a few pixels with many channels keep many invocations busy.
 *
 * Grid: x = tiles; y = GROUPS output groups. The first tile writes the zero texels.
 */
#include "tile.glsl"

layout(constant_id = 8) const int COLUMNS = 32;
layout(constant_id = 9) const int GROUPS = 1;
layout(constant_id = 10) const int SLICES = 1;
layout(constant_id = 11) const int DEPTH = 1;
/* Every workgroup computes the channel scales for itself: that takes less time than waiting for another dispatch. */
layout(constant_id = 12) const bool SQUEEZE_EXCITE = false;

LM_INPUT(3, squeeze_excite);

const int TILE = COLUMNS * PIXELS;
const int SIZE = COLUMNS * GROUPS * SLICES;
const int TURN = DEPTH * SLICES; /* input planes of one iteration; plane d * SLICES + s belongs to
                                    slice s */
const int ROW = 8 * GROUPS;      /* texels of weights for one input plane */
const int X_SHARE = (TILE * TURN + SIZE - 1) / SIZE;
const int W_SHARE = (ROW * TURN + SIZE - 1) / SIZE;
const int STAGED = (TILE + ROW) * TURN;
const int SUMMED = SLICES > 1 ? SIZE * PIXELS * 2 : SQUEEZE_EXCITE ? SIZE : 1;
const int MAX_SCALES = 128; /* planes: LM_FUSED_SQUEEZE_EXCITE_PLANES */

/* TURN planes of pixels, then their weights; at the end the slices' sums. Before all that, one texel for each
 * invocation. */
SHARED_TILES(STAGED, SUMMED);
shared vec4 channel_scales[SQUEEZE_EXCITE ? MAX_SCALES : 1], hidden[SQUEEZE_EXCITE ? MAX_SCALES : 1];

void store(int out_plane, int pixel, vec4 value)
{
    if (out_plane >= out_planes || pixel >= pixels)
        return;
    int texel = out_plane * out_stride + pixel;
    value = activate(value, ACTIVATION);
    if (ADD)
        value += texelFetch(residual, texel);
    LM_STORE(y, texel, value);
}

int local, first_pixel, first_group;
TILE_VEC inputs[X_SHARE], tiles[W_SHARE];

/* Fetches this invocation's texels for the turn whose first input plane is `first`. */
void fetch(int first)
{
    const int padded_planes = CACHED > 0 ? in_planes : (in_planes + 1) / 2 * 2, last_group = (out_planes - 1) / 2;
    [[unroll]] for (int n = 0; n < X_SHARE; n++) {
        int k = local + n * SIZE, plane = first + k / TILE;
        /* Past the last plane the weights must not count. */
        int pixel = min(first_pixel + k % TILE, pixels);
        inputs[n] = TILE_VEC(texelFetch(x, plane < in_planes ? plane * in_stride + pixel : pixels));
    }
    [[unroll]] for (int n = 0; n < W_SHARE; n++) {
        int k = local + n * SIZE, plane = min(first + k / ROW, in_planes - 1);
        int group = min(first_group + k % ROW / 8, last_group);
        vec4 texel = texelFetch(weights, (group * padded_planes + plane) * 8 + k % 8);
        if (CHANNEL_SCALE)
            texel *= WEIGHT_SCALE(texelFetch(channel_scale, plane * scale_stride), k);
        tiles[n] = TILE_VEC(texel);
    }
}

/* Layer norm of the pixels in shared memory, as in norm.comp. One turn holds all their planes. The last plane's padding
 * channels become nonzero, but their weights are zero. */
void normalise()
{
    vec4 tail = vec4(lessThan(ivec4(0, 1, 2, 3), ivec4(channels - (TURN - 1) * 4)));
    for (int k = local; k < TILE; k += SIZE) {
        vec4 v[TURN], total = vec4(0.0), squares = vec4(0.0);
        [[unroll]] for (int u = 0; u < TURN; u++) {
            v[u] = vec4(memory[u * TILE + k]);
            total += v[u];
        }
        float mean = dot(total, vec4(1.0)) / float(channels);
        [[unroll]] for (int u = 0; u < TURN; u++) {
            v[u] -= mean;
            squares += v[u] * v[u] * (u == TURN - 1 ? tail : vec4(1.0));
        }
        float scale = inversesqrt(dot(squares, vec4(1.0)) / float(channels) + 1e-5);
        [[unroll]] for (int u = 0; u < TURN; u++)
            memory[u * TILE + k] = TILE_VEC(v[u] * scale);
    }
    barrier();
}

/* Invocations that share each of n sums; 1 if there are more sums than invocations. */
int sharers_of(int n, int most)
{
    return clamp(SIZE / n, 1, most);
}

/* The n-th sum, of the parts that its sharers have left in sums[]. */
vec4 sum_of_shares(int n, int sharers)
{
    vec4 sum = vec4(0.0);
    for (int s = 0; s < sharers; s++)
        sum += sums[n * sharers + s];
    return sum;
}

/* channel_scales[] := the means of the partial sums */
void compute_means()
{
    int sharers = sharers_of(scale_planes, n_partial_sums), at_once = SIZE / sharers;
    for (int first = 0; first < scale_planes; first += at_once) {
        int own = local / sharers, plane = first + own;
        vec4 sum = vec4(0.0);
        if (own < at_once && plane < scale_planes)
            for (int i = local % sharers; i < n_partial_sums; i += sharers)
                sum += texelFetch(channel_scale, plane * scale_stride + i);
        sums[local] = sum;
        barrier();
        if (local < at_once && first + local < scale_planes)
            channel_scales[first + local] = sum_of_shares(local, sharers) / float(n_partial_sums);
        barrier();
    }
}

/* hidden[] := relu of a product with channel_scales[]; second: channel_scales[] := hardsigmoid of a
 * product with hidden[] */
void compute_layer(bool second, int n_in, int n_out)
{
    int weights_at = second ? hidden_planes * scale_planes * 4 : 0;
    int biases_at = hidden_planes * (scale_planes + in_planes) * 4 + (second ? hidden_planes : 0);
    int sharers = sharers_of(n_out, n_in), at_once = SIZE / sharers;
    for (int first = 0; first < n_out; first += at_once) {
        int own = local / sharers, plane = first + own;
        vec4 sum = vec4(0.0);
        if (own < at_once && plane < n_out)
            for (int i = local % sharers; i < n_in; i += sharers) {
                vec4 v = second ? hidden[i] : channel_scales[i];
                [[unroll]] for (int q = 0; q < 4; q++)
                    sum[q] += dot(texelFetch(squeeze_excite, weights_at + (plane * n_in + i) * 4 + q), v);
            }
        sums[local] = sum;
        barrier();
        plane = first + local;
        if (local < at_once && plane < n_out) {
            sum = texelFetch(squeeze_excite, biases_at + plane) + sum_of_shares(local, sharers);
            if (second)
                channel_scales[plane] = hardsigmoid(sum);
            else
                hidden[plane] = max(sum, 0.0);
        }
        barrier();
    }
}

void main()
{
    local = int(gl_LocalInvocationIndex);
    int column = local % COLUMNS, part = local / COLUMNS, slice = part / GROUPS, side = part % GROUPS;
    first_pixel = int(gl_WorkGroupID.x) * TILE;
    first_group = int(gl_WorkGroupID.y) * GROUPS;
    const int last_group = (out_planes - 1) / 2;

    vec4 sum[PIXELS][2];
    [[unroll]] for (int r = 0; r < PIXELS; r++)
        sum[r][0] = sum[r][1] = vec4(0.0);
    int first = 0;
    fetch(first);
    if (SQUEEZE_EXCITE) {
        compute_means();
        compute_layer(false, scale_planes, hidden_planes);
        compute_layer(true, hidden_planes, scale_planes);
    }
    [[dont_unroll]] do {
        barrier(); /* after all invocations have read the iteration before */
        [[unroll]] for (int n = 0; n < X_SHARE; n++)
            if (local + n * SIZE < TILE * TURN)
                memory[local + n * SIZE] = inputs[n];
        [[unroll]] for (int n = 0; n < W_SHARE; n++)
            if (local + n * SIZE < ROW * TURN) {
                int plane = first + (local + n * SIZE) / ROW;
                if (SQUEEZE_EXCITE && plane < scale_planes) /* planes without a scale have 1 */
                    tiles[n] = TILE_VEC(vec4(tiles[n]) * WEIGHT_SCALE(channel_scales[plane], local + n * SIZE));
                memory[TILE * TURN + local + n * SIZE] = tiles[n];
            }
        barrier();
        if (NORMALISE)
            normalise();
        first += TURN;
        /* The next turn's texels are fetched meanwhile. */
        if (first < in_planes)
            fetch(first);
        TILE_VEC run[PIXELS][2];
        [[unroll]] for (int r = 0; r < PIXELS; r++)
            [[unroll]] for (int h = 0; h < 2; h++)
                run[r][h] = RUN_BEGIN(sum[r][h]);
        [[unroll]] for (int d = 0; d < DEPTH; d++) {
            int plane = d * SLICES + slice;
            TILE_VEC a[PIXELS];
            [[unroll]] for (int r = 0; r < PIXELS; r++)
                a[r] = memory[plane * TILE + r * COLUMNS + column];
            [[unroll]] for (int k = 0; k < 8; k++) {
                TILE_VEC b = memory[TILE * TURN + plane * ROW + side * 8 + k];
                ADD_PRODUCTS(PIXELS, run[r][k / 4], k & 3, b, a[r]);
            }
        }
        [[unroll]] for (int r = 0; r < PIXELS; r++)
            [[unroll]] for (int h = 0; h < 2; h++)
                sum[r][h] = RUN_END(sum[r][h], run[r][h]);
    } while (first < in_planes);

    int group = first_group + side, pixel = first_pixel + column;
    vec4 start[2];
    [[unroll]] for (int h = 0; h < 2; h++)
        start[h] = texelFetch(bias, min(group, last_group) * 2 + h);
    if (SLICES == 1) {
        [[unroll]] for (int h = 0; h < 2; h++)
            [[unroll]] for (int r = 0; r < PIXELS; r++)
                store(group * 2 + h, pixel + r * COLUMNS, start[h] + sum[r][h]);
    } else {
        barrier();
        [[unroll]] for (int h = 0; h < 2; h++)
            [[unroll]] for (int r = 0; r < PIXELS; r++)
                sums[(r * 2 + h) * SIZE + local] = sum[r][h];
        barrier();
        for (int k = slice; k < PIXELS * 2; k += SLICES) {
            vec4 total = (k & 1) == 0 ? start[0] : start[1];
            [[unroll]] for (int s = 0; s < SLICES; s++)
                total += sums[k * SIZE + (s * GROUPS + side) * COLUMNS + column];
            store(group * 2 + (k & 1), pixel + k / 2 * COLUMNS, total);
        }
    }
    if (gl_WorkGroupID.x == 0 && column < 2 && slice == 0 && group * 2 + column < out_planes)
        LM_STORE(y, (group * 2 + column) * out_stride + pixels, vec4(0.0));
}
