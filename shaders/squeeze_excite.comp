#version 450
/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Squeeze-and-excite's channel scales: two small layers on a mean, hardsigmoid(W2 relu(W1 mean +
 * b1) + b2).
 *
 * x:       C4 planes of `n_partial_sums` texels; the input is their mean over the texels
 * weights: [hidden plane][in_plane][4 outputs], then [out_plane][hidden plane][4 outputs]
 * bias:    a texel for each hidden plane, then one for each out_plane
 * y:       C4 planes of 1 x 1
 *
 * Grid: one workgroup, of LANES invocations.
 */
#extension GL_EXT_control_flow_attributes : require
#extension GL_GOOGLE_include_directive : require
#include "lmnet.glsl"
#include "activation.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const int LANES = 64;
layout(constant_id = 1) const int HIDDEN = 64; /* at least hidden_planes */

layout(push_constant) uniform Push {
    int n_partial_sums;
    int in_planes, hidden_planes, out_planes;
    int in_stride, out_stride; /* plane stride, texels */
};

LM_INPUT(0, x);
LM_WEIGHTS(weights);
LM_BIAS(bias);
LM_OUTPUT(0, y);

shared vec4 hidden[HIDDEN];
shared vec4 partial[LANES];

vec4 mean(int plane)
{
    vec4 sum = vec4(0.0);
    int i = 0;
    [[dont_unroll]] do
        sum += texelFetch(x, plane * in_stride + i);
    while (++i < n_partial_sums);
    return sum / float(n_partial_sums);
}

/* The part of an output plane's product with its inputs that every `sharers`-th input from `i` on gives. */
vec4 share(bool second, int plane, int i, int sharers)
{
    int n = second ? hidden_planes : in_planes;
    int tile = ((second ? hidden_planes * in_planes : 0) + plane * n) * 4;
    vec4 sum = vec4(0.0);
    [[dont_unroll]] do {
        vec4 v;
        if (second)
            v = hidden[i];
        else
            v = mean(i);
        [[unroll]] for (int q = 0; q < 4; q++)
            sum[q] += dot(texelFetch(weights, tile + i * 4 + q), v);
        i += sharers;
    } while (i < n);
    return sum;
}

void finish(bool second, int plane, vec4 sum)
{
    sum += texelFetch(bias, (second ? hidden_planes : 0) + plane);
    if (second) {
        LM_STORE(y, plane * out_stride, hardsigmoid(sum));
        LM_STORE(y, plane * out_stride + 1, vec4(0.0));
    } else {
        hidden[plane] = max(sum, 0.0);
    }
}

/* If there are more invocations than output planes, several share a plane. */
void layer(bool second, int n_in, int n_out)
{
    int lane = int(gl_LocalInvocationID.x), sharers = clamp(LANES / n_out, 1, n_in);
    if (sharers == 1) {
        int plane = lane;
        if (plane < n_out) {
            [[dont_unroll]] do {
                finish(second, plane, share(second, plane, 0, 1));
                plane += LANES;
            } while (plane < n_out);
        }
        return;
    }
    if (lane < n_out * sharers)
        partial[lane] = share(second, lane % n_out, lane / n_out, sharers);
    barrier();
    if (lane < n_out) {
        vec4 sum = vec4(0.0);
        int i = 0;
        [[dont_unroll]] do
            sum += partial[i * n_out + lane];
        while (++i < sharers);
        finish(second, lane, sum);
    }
}

void main()
{
    layer(false, in_planes, hidden_planes);
    barrier(); /* the hidden values are written, and `partial` is free again */
    layer(true, hidden_planes, out_planes);
}
