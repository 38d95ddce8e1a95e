/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Weight tables of the antialiased resize: a triangle filter whose support grows with the ratio. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** For each output sample a run of input samples and their weights, which add up to 1: the same
 * samples and weights as Pillow's BILINEAR. Runs are padded with weights of 0 to n_quads groups of
 * four, the same for all outputs. */
typedef struct {
    unsigned n_out, n_quads;
    /** Texels of four floats: n_out texels whose first value is the begin of each run, in units of
     * `align` input samples; then n_quads * n_out texels of weights, [quad][output]. */
    float *texels;
    gsize n_texels;
} LmResizeFilter;

/** Computes the filter from n_in input samples, of which the first is sample `first` of a row, to
 * n_out. All are at least 1, `first` at least 0. Runs begin at multiples of `align` (1 or 4) of the
 * row and end before first + n_in rounded up to four. */
void lm_resize_filter_init(LmResizeFilter *filter, unsigned first, unsigned n_in, unsigned n_out,
                           unsigned align);
void lm_resize_filter_finish(LmResizeFilter *filter);

G_END_DECLS
