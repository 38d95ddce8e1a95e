/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Shared by both kinds of attention. x: C4 planes q|k|v in head layout (net/graph.h), the query scale already in q.
 *
 * A unit is the HEADS_PER_TEXEL heads that share a texel, or one head of TEXELS texels. Logits are
 * vec4s, each head's value spread over its channels' lanes. An invocation computes BLOCK texels of
 * a unit's output; wider heads take several invocations.
 */
layout(local_size_x_id = 0) in;
layout(constant_id = 1) const int HEADS_PER_TEXEL = 1;
layout(constant_id = 2) const int TEXELS = 1;

/* The code is unrolled over this many texels: ATTENTION_BLOCK in src/exec. */
const int BLOCK = TEXELS < 8 ? TEXELS : 8;
const int BLOCKS = (TEXELS + BLOCK - 1) / BLOCK;

LM_INPUT(0, x);
LM_OUTPUT(0, y);

/* Sums the lanes of each head. */
vec4 spread(vec4 v)
{
    if (HEADS_PER_TEXEL == 4)
        return v;
    if (HEADS_PER_TEXEL == 2)
        return v + v.yxwz;
    return vec4(dot(v, vec4(1.0)));
}

/* A texel of a query, zero beyond the last of its head; `texel` is the query's first. */
vec4 query(int texel, int t, int stride)
{
    return t < TEXELS ? texelFetch(x, texel + t * stride) : vec4(0.0);
}
