/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Bilinear resampling of masks, one frame row at a time: each of the mask's rows is stretched to
 * the frame's columns once, and frame rows are blended from two of those. */
#include "mask/resample.h"

#include <string.h>

#include "mask/classify.h"

LmInterpolation lm_interpolation(int i, int n_out, int n_in)
{
    double position = (i + 0.5) * n_in / n_out - 0.5;
    if (position <= 0)
        return (LmInterpolation){0, 0, 0};
    int first = (int)position;
    if (first >= n_in - 1)
        return (LmInterpolation){n_in - 1, n_in - 1, 0};
    float fraction = (float)(position - first);
    return (LmInterpolation){first, fraction > 0 ? first + 1 : first, fraction};
}

void lm_resampler_init(LmResampler *resampler, const LmMask *mask, const guint8 *kept, LmRect rect,
                       LmScratch *scratch)
{
    LmRect inside = lm_rect_clip(rect, mask->region);
    const gsize planes = mask->n_classes - 1, width = (gsize)rect.width;
    *resampler = (LmResampler){.mask = mask, .kept = kept, .rect = rect};
    resampler->begin = inside.width > 0 ? inside.x - rect.x : 0;
    resampler->end = resampler->begin + inside.width;

    resampler->columns = lm_scratch_take(scratch, width * sizeof(LmInterpolation));
    for (int i = 0; i < 2; i++) {
        resampler->rows[i].row = -1;
        resampler->rows[i].values = lm_scratch_take(scratch, planes * width * sizeof(float));
        resampler->rows[i].classes = lm_scratch_take(scratch, width * sizeof(guint16));
    }
    resampler->sums = lm_scratch_take(scratch, width * sizeof(float));
    resampler->winners = lm_scratch_take(scratch, width * sizeof(float));
    for (int x = resampler->begin; x < resampler->end; x++)
        resampler->columns[x] =
            lm_interpolation(rect.x + x - mask->region.x, mask->region.width, mask->width);
}

/* Stretches a row of the mask into rows[slot]. */
static void stretch(LmResampler *r, int slot, int row)
{
    gsize plane = (gsize)r->mask->width * r->mask->height, offset = (gsize)row * r->mask->width;
    for (unsigned c = 0; c + 1 < r->mask->n_classes; c++) {
        const guint8 *in = r->mask->data + c * plane + offset;
        float *out = r->rows[slot].values + (gsize)c * r->rect.width;
        for (int x = r->begin; x < r->end; x++)
            out[x] =
                lm_lerp(in[r->columns[x].first], in[r->columns[x].second], r->columns[x].fraction);
    }
    if (r->kept)
        for (int x = r->begin; x < r->end; x++)
            r->rows[slot].classes[x] = 1 << r->kept[offset + r->columns[x].first] |
                                       1 << r->kept[offset + r->columns[x].second];
    r->rows[slot].row = row;
}

/* Stretches the two rows that frame row y lies between, unless they are there; the first is in
 * rows[0]. */
static LmInterpolation seek(LmResampler *r, int y)
{
    LmInterpolation between =
        lm_interpolation(y - r->mask->region.y, r->mask->region.height, r->mask->height);
    if (r->rows[0].row != between.first &&
        (r->rows[1].row == between.first || r->rows[0].row == between.second)) {
        G_STATIC_ASSERT(G_N_ELEMENTS(r->rows) == 2);
        typeof(r->rows[0]) first = r->rows[1];
        r->rows[1] = r->rows[0];
        r->rows[0] = first;
    }
    if (r->rows[0].row != between.first)
        stretch(r, 0, between.first);
    if (between.second != between.first && r->rows[1].row != between.second)
        stretch(r, 1, between.second);
    return between;
}

static bool outside(const LmResampler *r, int y)
{
    return r->begin == r->end || y < r->mask->region.y ||
           y - r->mask->region.y >= r->mask->region.height;
}

void lm_resampler_probabilities(LmResampler *r, int y, unsigned class_index, guint8 *out)
{
    memset(out, 0, r->rect.width);
    if (outside(r, y))
        return;
    LmInterpolation between = seek(r, y);
    gsize plane = (gsize)(class_index - 1) * r->rect.width;
    const float *first = r->rows[0].values + plane;
    const float *second = r->rows[between.second != between.first].values + plane;
    for (int x = r->begin, end = r->end; x < end; x++)
        out[x] = (guint8)(lm_lerp(first[x], second[x], between.fraction) + 0.5f);
}

/* The margins of masks of two classes, in which the best probability is also the sum. */
static void find_margins(const LmResampler *r, const float *first, const float *second, float t,
                         float limit, float *margins)
{
    for (int x = r->begin; x < r->end; x++) {
        float p = lm_lerp(first[x], second[x], t);
        margins[x] = lm_classify_margin(p, p, limit);
    }
}

/* Adds one class of several: updates the best and its class, the second best, and the sum. */
static void add_class(int n, const float *restrict first, const float *restrict second, float t,
                      unsigned c, float *restrict winners, float *restrict best,
                      float *restrict runner_up, float *restrict sums)
{
    /* Three loops: in a single one, the compiler would turn the shared comparison into a branch. */
    for (int x = 0; x < n; x++) {
        float p = lm_lerp(first[x], second[x], t);
        sums[x] += p;
        winners[x] = p > best[x] ? (float)c : winners[x];
    }
    for (int x = 0; x < n; x++) {
        float p = lm_lerp(first[x], second[x], t), loser = p < best[x] ? p : best[x];
        runner_up[x] = loser > runner_up[x] ? loser : runner_up[x];
    }
    for (int x = 0; x < n; x++) {
        float p = lm_lerp(first[x], second[x], t);
        best[x] = p > best[x] ? p : best[x];
    }
}

/* After all classes: turns the best into margins and the second best into leads, and finds the
 * classes of pixels that are marked and kept. */
static void classify_many(int n, const guint16 *restrict kept_first,
                          const guint16 *restrict kept_second, float limit,
                          const float *restrict sums, const float *restrict winners,
                          guint8 *restrict classes, float *restrict best, float *restrict runner_up)
{
    for (int x = 0; x < n; x++) {
        runner_up[x] = best[x] - runner_up[x];
        best[x] = lm_classify_margin(best[x], sums[x], limit);
    }
    for (int x = 0; x < n; x++) {
        int winner = (int)winners[x];
        bool kept = (kept_first[x] | kept_second[x]) >> winner & 1;
        classes[x] = kept & (best[x] > 0) ? winner : 0;
    }
}

/* Class 1 if the margin is above 0 and either of the blended rows is kept. */
static void classify_two(int n, const float *restrict margins, const guint16 *restrict kept_first,
                         const guint16 *restrict kept_second, guint8 *restrict classes)
{
    for (int x = 0; x < n; x++) {
        guint8 kept = (kept_first[x] | kept_second[x]) >> 1 & 1;
        classes[x] = margins[x] > 0 ? kept : 0;
    }
}

void lm_resampler_classes(LmResampler *r, int y, float limit, guint8 *classes, float *margins,
                          float *leads)
{
    gsize width = r->rect.width;
    bool many = r->mask->n_classes > 2;
    memset(classes, 0, width);
    memset(margins, 0, width * sizeof *margins);
    if (many)
        memset(leads, 0, width * sizeof *leads);
    if (outside(r, y))
        return;
    LmInterpolation between = seek(r, y);
    const float *first = r->rows[0].values,
                *second = r->rows[between.second != between.first].values;
    const guint16 *kept_first = r->rows[0].classes;
    const guint16 *kept_second = r->rows[between.second != between.first].classes;
    if (!many) {
        find_margins(r, first, second, between.fraction, limit, margins);
        classify_two(r->end - r->begin, margins + r->begin, kept_first + r->begin,
                     kept_second + r->begin, classes + r->begin);
        return;
    }
    const int n = r->end - r->begin;
    memset(r->sums, 0, width * sizeof *r->sums);
    memset(r->winners, 0, width * sizeof *r->winners);
    for (unsigned c = 1; c < r->mask->n_classes; c++)
        add_class(n, first + (c - 1) * width + r->begin, second + (c - 1) * width + r->begin,
                  between.fraction, c, r->winners + r->begin, margins + r->begin, leads + r->begin,
                  r->sums + r->begin);
    classify_many(n, kept_first + r->begin, kept_second + r->begin, limit, r->sums + r->begin,
                  r->winners + r->begin, classes + r->begin, margins + r->begin, leads + r->begin);
}

void lm_resample_classes(const LmMask *mask, const guint8 *kept, double threshold, LmRect rect,
                         guint8 *out, gsize stride, LmScratch *scratch)
{
    LmScratch own = {0}, *memory = scratch ? scratch : &own;
    if (rect.width <= 0)
        return;
    lm_scratch_reset(memory);
    float *margins = lm_scratch_take(memory, sizeof(float) * (gsize)rect.width);
    float *leads = lm_scratch_take(memory, sizeof(float) * (gsize)rect.width);
    LmResampler resampler;
    lm_resampler_init(&resampler, mask, kept, rect, memory);
    for (int y = 0; y < rect.height; y++)
        lm_resampler_classes(&resampler, rect.y + y, lm_classify_limit(threshold),
                             out + (gsize)y * stride, margins, leads);
    lm_scratch_finish(&own);
}

void lm_resample_probabilities(const LmMask *mask, unsigned class_index, LmRect rect, guint8 *out,
                               gsize stride, LmScratch *scratch)
{
    LmScratch own = {0}, *memory = scratch ? scratch : &own;
    g_assert(class_index >= 1 && class_index < mask->n_classes);
    if (rect.width <= 0)
        return;
    lm_scratch_reset(memory);
    LmResampler resampler;
    lm_resampler_init(&resampler, mask, NULL, rect, memory);
    for (int y = 0; y < rect.height; y++)
        lm_resampler_probabilities(&resampler, rect.y + y, class_index, out + (gsize)y * stride);
    lm_scratch_finish(&own);
}
