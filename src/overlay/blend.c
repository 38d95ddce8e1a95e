/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Blending by format. A plane's row is a run of units (one or two pixels, up to four samples);
 * coverage and colour are interleaved in the order of its samples, four lanes of 16 bits at a time,
 * and then one flat loop for each kind of storage blends them. */
#include "overlay/blend.h"

#include <math.h>
#include <string.h>

/* A 1 in every lane of a unit: multiplying by a number below 65536 copies it to all lanes. */
typedef union {
    guint16 lane[4];
    guint64 all;
} Unit;

int lm_blend_unit(LmFormat format)
{
    return format == LM_FORMAT_V210 ? 6 : 2;
}

/* Samples of a row of `width` columns, with room for the last unit's store and v210's last word. */
static gsize row_samples(int width)
{
    return (gsize)width * 4 + 16;
}

/* The frame's codes for a colour: lm_frame_to_rgb()'s matrix, solved by Cramer's rule. */
static void encode(const LmFrameInfo *info, guint32 color, guint16 codes[3])
{
    double m[3][4], rhs[3], full = (1 << lm_format_info(info->format)->bits) - 1;
    lm_frame_to_rgb(info, m);
    for (int i = 0; i < 3; i++)
        rhs[i] = (color >> (16 - 8 * i) & 0xff) / 255.0 - m[i][3];
    double det = 0;
    for (int i = 0; i < 3; i++)
        det += m[0][i] *
               (m[1][(i + 1) % 3] * m[2][(i + 2) % 3] - m[1][(i + 2) % 3] * m[2][(i + 1) % 3]);
    for (int j = 0; j < 3; j++) {
        double sum = 0;
        for (int i = 0; i < 3; i++) {
            const double *p = m[(i + 1) % 3], *q = m[(i + 2) % 3];
            int k = (j + 1) % 3, l = (j + 2) % 3;
            sum += rhs[i] * (p[k] * q[l] - p[l] * q[k]);
        }
        codes[j] = (guint16)CLAMP(floor(sum / det + 0.5), 0, full);
    }
}

/* Finds the component of each sample in plane p's units. */
static void init_plane(LmBlender *b, unsigned p)
{
    /* v210 has the order of UYVY, in words of its own. */
    const bool v210 = b->frame->info.format == LM_FORMAT_V210;
    const LmFormatInfo *format = v210 ? lm_format_info(LM_FORMAT_UYVY) : b->format;
    const unsigned bytes = !v210 && format->bits > 8 ? 2 : 1;
    Unit lanes[3] = {0}, colors[LM_MAX_CLASSES] = {0};
    for (unsigned i = 0; i < 3; i++) {
        const LmComponent *component = &format->component[i];
        if (component->plane != p)
            continue;
        unsigned at[2] = {component->offset / bytes, (component->offset + component->step) / bytes};
        bool chroma = format->yuv && i > 0, pair = !chroma && format->unit_pixels[p] == 2;
        lanes[chroma ? 2 : 0].lane[at[0]] = 1;
        if (pair)
            lanes[1].lane[at[1]] = 1;
        for (unsigned c = 1; c < LM_MAX_CLASSES; c++) {
            colors[c].lane[at[0]] = b->colors[c][i];
            if (pair)
                colors[c].lane[at[1]] = b->colors[c][i];
        }
    }
    b->planes[p].samples = format->unit_bytes[p] / bytes;
    b->planes[p].luma_first = lanes[0].lane[0];
    for (int i = 0; i < 3; i++)
        b->planes[p].lanes[i] = lanes[i].all;
    for (unsigned c = 0; c < LM_MAX_CLASSES; c++)
        b->planes[p].color[c] = colors[c].all;
}

static void store(guint16 *out, guint64 unit)
{
    memcpy(out, &unit, sizeof unit);
}

void lm_blender_init(LmBlender *b, const LmFrame *frame, int x, int width,
                     const guint32 colors[LM_MAX_CLASSES], unsigned only, LmScratch *scratch)
{
    const LmFormat format = frame->info.format;
    g_assert(x % lm_blend_unit(format) == 0 && width % lm_blend_unit(format) == 0);
    *b = (LmBlender){.frame = frame, .format = lm_format_info(format), .x = x, .width = width};
    b->uniform = only > 0;
    for (unsigned c = 1; c < LM_MAX_CLASSES; c++)
        if (!b->uniform || c == only)
            encode(&frame->info, colors[c], b->colors[c]);
    const gsize row = row_samples(width) * sizeof(guint16);
    b->coverage = lm_scratch_take(scratch, row);
    b->color = lm_scratch_take(scratch, row);
    b->means = lm_scratch_take(scratch, row);
    for (unsigned p = 0; p < b->format->n_planes; p++) {
        init_plane(b, p);
        if (!b->uniform)
            continue;
        b->planes[p].row = lm_scratch_take(scratch, row);
        for (int i = 0; i < width; i++)
            store(b->planes[p].row + i * b->planes[p].samples, b->planes[p].color[only]);
    }
}

/* in + (color - in) * coverage, rounded: exact for codes of up to 10 bits. All of it fits into 16
 * bits, except one product whose upper half counts; so it vectorises well. */
static inline guint16 blend_code(gint16 in, gint16 color, gint16 coverage)
{
    G_STATIC_ASSERT(LM_BLEND_ONE == 1 << 12);
    gint16 difference = (gint16)((color - in) * 32);
    gint16 doubled = (gint16)((difference * coverage) >> 16);
    return (guint16)(in + ((gint16)(doubled + 1) >> 1));
}

static void blend_bytes(guint8 *restrict out, const guint16 *restrict coverage,
                        const guint16 *restrict color, int n)
{
    for (int i = 0; i < n; i++)
        out[i] = (guint8)blend_code(out[i], color[i], coverage[i]);
}

/* Codes in the upper 10 bits of little-endian words. */
static void blend_words(guint8 *restrict out, const guint16 *restrict coverage,
                        const guint16 *restrict color, int n)
{
    for (int i = 0; i < n; i++) {
        guint16 word;
        memcpy(&word, out + 2 * i, sizeof word);
        word = GUINT16_FROM_LE(word);
        word = (guint16)(blend_code(word >> 6, color[i], coverage[i]) << 6 | (word & 0x3f));
        word = GUINT16_TO_LE(word);
        memcpy(out + 2 * i, &word, sizeof word);
    }
}

static guint32 load_triple(const guint8 *at)
{
    guint32 word;
    memcpy(&word, at, sizeof word);
    return GUINT32_FROM_LE(word);
}

/* Three codes in each little-endian word of 32 bits, whose upper two bits are unused. `codes` has
 * room for all of them, unpacked. */
static void blend_triples(guint8 *restrict out, const guint16 *restrict coverage,
                          const guint16 *restrict color, guint16 *restrict codes, int words)
{
    for (int i = 0; i < words; i++) {
        guint32 word = load_triple(out + 4 * i);
        codes[3 * i] = word & 0x3ff;
        codes[3 * i + 1] = word >> 10 & 0x3ff;
        codes[3 * i + 2] = word >> 20 & 0x3ff;
    }
    for (int i = 0; i < 3 * words; i++)
        codes[i] = blend_code(codes[i], color[i], coverage[i]);
    for (int i = 0; i < words; i++) {
        guint32 word = (guint32)codes[3 * i + 2] << 20 | (guint32)codes[3 * i + 1] << 10 |
                       codes[3 * i] | (load_triple(out + 4 * i) & 0xc0000000);
        word = GUINT32_TO_LE(word);
        memcpy(out + 4 * i, &word, sizeof word);
    }
}

/* A row of coverage and classes, and the row above if chroma spans both (else itself). */
typedef struct {
    const guint16 *coverage[2];
    const guint8 *classes[2];
} Rows;

/* The colour of a unit of two pixels of each row: luma by each pixel's class, chroma the mean. */
static guint64 mixed_color(const LmBlender *b, unsigned p, const Rows *rows, int x)
{
    const guint64 *colors = b->planes[p].color, *lanes = b->planes[p].lanes;
    const guint8 *upper = rows->classes[0] + x, *lower = rows->classes[1] + x;
    if (upper[0] == lower[0] && upper[1] == lower[0] && lower[1] == lower[0])
        return colors[lower[0]];
    Unit out = {0};
    const guint64 chroma = lanes[2] * 0xffff;
    guint32 sum[4] = {0}, total = 0;
    for (int i = 0; i < 4; i++) {
        guint32 coverage = rows->coverage[i >> 1][x + (i & 1)];
        Unit color = {.all = colors[rows->classes[i >> 1][x + (i & 1)]]};
        total += coverage;
        for (int k = 0; k < 4; k++)
            sum[k] += coverage * color.lane[k];
    }
    for (int k = 0; k < 4 && total; k++)
        out.lane[k] = (guint16)((sum[k] + total / 2) / total);
    return (colors[lower[0]] & lanes[0] * 0xffff) | (colors[lower[1]] & lanes[1] * 0xffff) |
           (out.all & chroma);
}

/* Writes units of one pixel. */
static void weave_pixels(const LmBlender *b, unsigned p, const Rows *rows, int n)
{
    const unsigned samples = b->planes[p].samples;
    const guint64 lanes = b->planes[p].lanes[0];
    const guint16 *in = rows->coverage[1];
    guint16 *out = b->coverage;
    for (int i = 0; i < n; i++, out += samples)
        store(out, in[i] * lanes);
    for (int i = 0; i < n && !b->uniform; i++)
        store(b->color + i * samples, b->planes[p].color[rows->classes[1][i]]);
}

/* Writes the mean coverage of every two pixels of both rows, twice. */
static void average(const guint16 *restrict upper, const guint16 *restrict lower, int n,
                    guint16 *restrict out)
{
    for (int i = 0; i < n; i++) {
        unsigned sum = upper[2 * i] + upper[2 * i + 1] + lower[2 * i] + lower[2 * i + 1];
        out[2 * i] = out[2 * i + 1] = (guint16)((sum + 2) >> 2);
    }
}

static void interleave(const guint16 *restrict even, const guint16 *restrict odd, int n,
                       guint16 *restrict out)
{
    for (int i = 0; i < n; i++) {
        out[2 * i] = even[i];
        out[2 * i + 1] = odd[i];
    }
}

/* Writes units of two pixels of both rows: all chroma, or chroma in every other sample. */
static void weave_pairs(const LmBlender *b, unsigned p, const Rows *rows, int n)
{
    const unsigned samples = b->planes[p].samples;
    guint16 *means = samples == 2 ? b->coverage : b->means;
    average(rows->coverage[0], rows->coverage[1], n, means);
    if (samples == 1)
        for (int i = 0; i < n; i++)
            b->coverage[i] = means[2 * i];
    if (samples == 4 && b->planes[p].luma_first)
        interleave(rows->coverage[1], means, 2 * n, b->coverage);
    if (samples == 4 && !b->planes[p].luma_first)
        interleave(means, rows->coverage[1], 2 * n, b->coverage);
    for (int i = 0; i < n && !b->uniform; i++)
        store(b->color + i * samples, mixed_color(b, p, rows, 2 * i));
}

/* Blends `columns` pixels, from column x of the frame on, into plane p. */
static void blend_plane(const LmBlender *b, unsigned p, int y, int x, int columns, const Rows *rows)
{
    const unsigned samples = b->planes[p].samples;
    const guint64 *lanes = b->planes[p].lanes;
    const bool pairs = lanes[2] != 0;
    const int units = pairs ? (columns + 1) / 2 : columns, n = units * (int)samples;
    const guint16 *coverage = b->coverage;
    if (pairs)
        weave_pairs(b, p, rows, units);
    else if (samples > 1 || !b->uniform)
        weave_pixels(b, p, rows, units);
    else
        coverage = rows->coverage[1];
    if (pairs && columns % 2) /* The second pixel of the last unit is padding. */
        for (unsigned k = 0; k < samples; k++)
            b->coverage[n - samples + k] *= !((Unit){.all = lanes[1]}).lane[k];

    const guint16 *color = b->uniform ? b->planes[p].row : b->color;
    guint8 *out = b->frame->data[p] + (gsize)(y >> b->format->plane_v_sub[p]) * b->frame->stride[p];
    const gsize unit = (gsize)x / (pairs ? 2 : 1);
    if (b->frame->info.format == LM_FORMAT_V210) {
        memset(b->coverage + n, 0, 2 * sizeof *b->coverage);
        blend_triples(out + unit / 3 * 16, coverage, color, b->means, (n + 2) / 3);
    } else if (b->format->bits > 8) {
        blend_words(out + unit * samples * 2, coverage, color, n);
    } else {
        blend_bytes(out + unit * samples, coverage, color, n);
    }
}

void lm_blender_row(LmBlender *b, int y, guint16 *coverage, guint8 *classes,
                    guint16 *coverage_above, guint8 *classes_above)
{
    const int begin = MAX(b->x, 0), end = MIN(b->x + b->width, b->frame->info.width);
    const int skip = begin - b->x, columns = end - begin;
    if (columns <= 0)
        return;
    if (columns % 2) { /* At the right edge of a frame of odd width, chroma belongs to a single
                          pixel. */
        coverage[skip + columns] = coverage[skip + columns - 1];
        classes[skip + columns] = classes[skip + columns - 1];
    }
    const Rows single = {{coverage + skip, coverage + skip}, {classes + skip, classes + skip}};
    const Rows both = {{coverage_above + skip, coverage + skip},
                       {classes_above + skip, classes + skip}};
    for (unsigned p = 0; p < b->format->n_planes; p++) {
        if (!b->format->plane_v_sub[p])
            blend_plane(b, p, y, begin, columns, &single);
        else if (y % 2)
            blend_plane(b, p, y, begin, columns, &both);
        else if (y == b->frame->info.height - 1)
            blend_plane(b, p, y, begin, columns, &single);
    }
}
