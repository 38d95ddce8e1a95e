/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Computes the resize's weight tables, in double precision. */
#include "exec/resize-filter.h"

#include <math.h>

/** The input samples of one output, as Pillow's precompute_coeffs() defines them: [begin, end),
 * clipped to the existing samples. */
typedef struct {
    double center, scale; /**< The output's centre, and the filter's half width, in input
                               samples. */
    unsigned begin, end;
} Run;

static double weight(const Run *run, unsigned sample)
{
    return fmax(0, 1 - fabs(sample + 0.5 - run->center) / run->scale);
}

static Run find_run(unsigned n_in, unsigned n_out, unsigned out)
{
    double ratio = (double)n_in / n_out;
    Run run = {.center = (out + 0.5) * ratio, .scale = fmax(ratio, 1)};
    run.begin = (unsigned)fmax(0, run.center - run.scale + 0.5);
    run.end = (unsigned)fmin(n_in, run.center + run.scale + 0.5);
    /* Drops samples of weight 0: with equal sizes one sample remains. */
    while (weight(&run, run.begin) <= 0)
        run.begin++;
    while (weight(&run, run.end - 1) <= 0)
        run.end--;
    g_assert(run.begin < run.end);
    return run;
}

void lm_resize_filter_init(LmResizeFilter *filter, unsigned first, unsigned n_in, unsigned n_out,
                           unsigned align)
{
    g_assert(n_in > 0 && n_out > 0 && (align == 1 || align == 4));
    unsigned n_quads = 1;
    for (unsigned i = 0; i < n_out; i++) {
        Run run = find_run(n_in, n_out, i);
        unsigned begin = (first + run.begin) / align * align;
        n_quads = MAX(n_quads, (first + run.end - begin + 3) / 4);
    }
    *filter = (LmResizeFilter){.n_out = n_out, .n_quads = n_quads};
    filter->n_texels = (gsize)n_out * (1 + n_quads);
    filter->texels = g_new0(float, 4 * filter->n_texels);
    unsigned last_begin = (first + n_in + 3) / 4 * 4 - 4 * n_quads;
    for (unsigned i = 0; i < n_out; i++) {
        Run run = find_run(n_in, n_out, i);
        unsigned begin = MIN((first + run.begin) / align * align, last_begin);
        double sum = 0;
        for (unsigned s = run.begin; s < run.end; s++)
            sum += weight(&run, s);
        filter->texels[4 * i] = begin / align;
        for (unsigned s = run.begin; s < run.end; s++) {
            unsigned tap = first + s - begin;
            gsize texel = (gsize)n_out * (1 + tap / 4) + i;
            filter->texels[4 * texel + tap % 4] = (float)(weight(&run, s) / sum);
        }
    }
}

void lm_resize_filter_finish(LmResizeFilter *filter)
{
    g_free(filter->texels);
    *filter = (LmResizeFilter){0};
}
