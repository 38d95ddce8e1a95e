/* SPDX-License-Identifier: LGPL-2.1-or-later
 * global_attention.comp for GPUs: keys and values go through shared memory, and SLICES invocations, a power of two,
 * share a query: each takes every SLICES-th chunk of keys, and their results are merged at the end. A workgroup gives
 * COLUMNS queries; columns are the fastest of its invocations. */
layout(constant_id = 3) const int COLUMNS = 32;
layout(constant_id = 4) const int SLICES = 1;

const int CHUNK = 8;
const int SIZE = COLUMNS * SLICES;
const int STAGED = CHUNK * BLOCK * SLICES; /* texels of all slices' chunks: a block of them */
const int SHARE = (STAGED + SIZE - 1) / SIZE;
const int MERGED = SIZE / 2 * (BLOCK + 2) + 1;

/* [slice][t][key]; at the end the results of half of the slices. */
shared vec4 memory[STAGED > MERGED ? STAGED : MERGED];

int local, slice;
vec4 q[BLOCK];
vec4 logit[CHUNK];

/* Loads block b of the queries into q. */
void load_queries(int b, int q_texel)
{
    [[unroll]] for (int i = 0; i < BLOCK; i++)
        q[i] = query(q_texel, b * BLOCK + i, stride);
}

/* Loads block b of the planes from `plane` on, keys or values, for all slices' chunks from `first`
 * on. */
void stage(int plane, int b, int first)
{
    barrier();
    [[unroll]] for (int n = 0; n < SHARE; n++) {
        int k = local + n * SIZE, t = min(b * BLOCK + k / CHUNK % BLOCK, TEXELS - 1);
        int key = min(first + k / (CHUNK * BLOCK) * CHUNK + k % CHUNK, pixels - 1);
        if (k < STAGED)
            memory[k] = texelFetch(x, plane + t * stride + key);
    }
    barrier();
}

void main()
{
    local = int(gl_LocalInvocationIndex);
    slice = local / COLUMNS;
    int wanted = int(gl_WorkGroupID.x) * COLUMNS + local % COLUMNS, pixel = min(wanted, pixels);
    int unit = int(gl_WorkGroupID.y) / BLOCKS, block = int(gl_WorkGroupID.y) - unit * BLOCKS;
    int q_texel = unit * TEXELS * stride + pixel;
    int k_plane = (planes + unit * TEXELS) * stride, v_plane = k_plane + planes * stride;

    vec4 sum[BLOCK];
    [[unroll]] for (int i = 0; i < BLOCK; i++)
        sum[i] = vec4(0.0);
    load_queries(0, q_texel);
    vec4 largest = vec4(-3.0e38), total = vec4(0.0);
    int first = 0;
    [[dont_unroll]] do {
        [[unroll]] for (int k = 0; k < CHUNK; k++)
            logit[k] = vec4(0.0);
        [[dont_unroll]] for (int b = 0; b < BLOCKS; b++) {
            if (BLOCKS > 1)
                load_queries(b, q_texel);
            stage(k_plane, b, first);
            [[unroll]] for (int i = 0; i < BLOCK; i++)
                [[unroll]] for (int k = 0; k < CHUNK; k++)
                    logit[k] += q[i] * memory[(slice * BLOCK + i) * CHUNK + k];
        }
        int own = first + slice * CHUNK;
        vec4 peak = largest;
        [[unroll]] for (int k = 0; k < CHUNK; k++) {
            logit[k] = spread(logit[k]);
            if (own + k < pixels)
                peak = max(peak, logit[k]);
        }
        vec4 rescale = exp(largest - peak);
        largest = peak;
        total *= rescale;
        [[unroll]] for (int k = 0; k < CHUNK; k++) {
            logit[k] = own + k < pixels ? exp(logit[k] - peak) : vec4(0.0);
            total += logit[k];
        }
        stage(v_plane, block, first);
        [[unroll]] for (int i = 0; i < BLOCK; i++) {
            sum[i] *= rescale;
            [[unroll]] for (int k = 0; k < CHUNK; k++)
                sum[i] += logit[k] * memory[(slice * BLOCK + i) * CHUNK + k];
        }
        first += CHUNK * SLICES;
    } while (first < pixels);

    /* The upper half of the slices hands over its results, until one slice is left. */
    [[unroll]] for (int half_way = SLICES / 2; half_way > 0; half_way /= 2) {
        const int n = half_way * COLUMNS;
        barrier();
        if (slice >= half_way && slice < 2 * half_way) {
            memory[local - n] = largest;
            memory[local] = total;
            [[unroll]] for (int i = 0; i < BLOCK; i++)
                memory[local + (i + 1) * n] = sum[i];
        }
        barrier();
        if (slice < half_way) {
            vec4 theirs = memory[local], peak = max(largest, theirs);
            vec4 rescale = exp(largest - peak), rescale_theirs = exp(theirs - peak);
            largest = peak;
            total = total * rescale + memory[local + n] * rescale_theirs;
            [[unroll]] for (int i = 0; i < BLOCK; i++)
                sum[i] = sum[i] * rescale + memory[local + (i + 2) * n] * rescale_theirs;
        }
    }
    vec4 scale = pixel < pixels ? 1.0 / total : vec4(0.0);
    if (slice == 0 && wanted <= pixels) {
        [[unroll]] for (int i = 0; i < BLOCK; i++) {
            int t = block * BLOCK + i;
            if (t < TEXELS)
                LM_STORE(y, q_texel + t * stride, sum[i] * scale);
        }
    }
}
