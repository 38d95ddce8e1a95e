/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Draws findings on a frame: finds the rows and columns to draw, and takes each row from the mask
 * through classes and coverage to the frame. */
#include "overlay/overlay.h"

#include <math.h>
#include <string.h>

#include "overlay/blend.h"
#include "overlay/contour.h"
#include "mask/classify.h"
#include "mask/resample.h"
#include "util/numeric.h"

/* Hue, saturation and value, each 0..1, to 0xRRGGBB. */
static guint32 from_hsv(double hue, double saturation, double value)
{
    guint32 color = 0;
    for (int i = 0; i < 3; i++) {
        double k = fmod(5 - 2 * i + 6 * hue, 6);
        double share = CLAMP(MIN(k, 4 - k), 0, 1);
        color = color << 8 | (guint32)(255 * value * (1 - saturation * share) + 0.5);
    }
    return color;
}

/* The first class has `color`. The others' hues advance by the golden ratio of the range from
 * orange to magenta: mucosa is nearly red. Pale and dark colours are made stronger, or hues would
 * be hard to distinguish. */
static void choose_colors(guint32 first, guint32 colors[LM_MAX_CLASSES])
{
    const double begin = 45 / 360.0, range = 255 / 360.0, golden = 0.6180339887498949;
    double rgb[3], low = 1, high = 0, hue = 0;
    for (int i = 0; i < 3; i++) {
        rgb[i] = (first >> (16 - 8 * i) & 0xff) / 255.0;
        low = MIN(low, rgb[i]);
        high = MAX(high, rgb[i]);
    }
    for (int i = 0; i < 3 && high > low; i++)
        if (rgb[i] == high)
            hue = (2 * i + (rgb[(i + 1) % 3] - rgb[(i + 2) % 3]) / (high - low)) / 6;
    double saturation = high > 0 ? (high - low) / high : 0;
    double start = CLAMP((hue - floor(hue) - begin) / range, 0, 1);
    colors[0] = 0;
    colors[1] = first & 0xffffff;
    for (int c = 2; c < LM_MAX_CLASSES; c++)
        colors[c] = from_hsv(begin + range * fmod(start + (c - 1) * golden, 1),
                             MAX(saturation, 0.6), MAX(high, 0.8));
}

/* The state that the rows of one drawing share. */
typedef struct {
    const LmFrame *frame;
    const LmMask *mask;
    const LmFindings *findings;
    float limit;
    double line;
    int fill;
    unsigned only; /* The only class among the findings, or 0 if there are several. */
    guint32 colors[LM_MAX_CLASSES];
} Drawing;

/* Draws the marks in columns and rows [left, right) x [top, bottom) of the frame; no marks adjoin
 * them outside. */
static void draw_part(const Drawing *d, int left, int right, int top, int bottom,
                      LmScratch *scratch)
{
    /* Adds an unmarked pixel on each side, and rounds to whole groups of chroma. */
    const int unit = lm_blend_unit(d->frame->info.format);
    LmRect rect = {.x = (left - 1 + unit) / unit * unit - unit, .y = (top + 1) / 2 * 2 - 2};
    rect.width = lm_ceil_div(right + 1 - rect.x, unit) * unit;
    rect.height = (bottom + 1 - rect.y + 1) / 2 * 2;

    LmResampler resampler;
    LmContour contour;
    LmBlender blender;
    const LmScratchMark mark = lm_scratch_mark(scratch);
    lm_resampler_init(&resampler, d->mask, d->findings->kept, rect, scratch);
    lm_contour_init(&contour, rect.width, rect.height, d->line, scratch);
    lm_blender_init(&blender, d->frame, rect.x, rect.width, d->colors, d->only, scratch);
    guint16 *coverage[2];
    for (int i = 0; i < 2; i++)
        coverage[i] = lm_scratch_take(scratch, sizeof(guint16) * (gsize)rect.width);

    for (int y = 0; y < rect.height + contour.radius; y++) {
        if (y < rect.height) {
            lm_resampler_classes(&resampler, rect.y + y, d->limit, lm_contour_classes(&contour, y),
                                 lm_contour_margins(&contour, y), lm_contour_leads(&contour, y));
            lm_contour_add(&contour, y);
        }
        const int settled = y - contour.radius, at = rect.y + settled;
        if (settled < 0)
            continue;
        lm_contour_coverage(&contour, settled, d->fill, LM_BLEND_ONE, coverage[at & 1]);
        if (at < 0 || at >= d->frame->info.height)
            continue;
        lm_blender_row(&blender, at, coverage[at & 1], lm_contour_classes(&contour, settled),
                       coverage[~at & 1], lm_contour_classes(&contour, MAX(settled - 1, 0)));
    }
    lm_scratch_rewind(scratch, mark);
}

void lm_overlay_draw(const LmFrame *frame, const LmMask *mask, const LmFindings *findings,
                     const LmOverlayParams *params, LmScratch *scratch)
{
    const LmFrameInfo *info = &frame->info;
    const LmRect whole = {0, 0, info->width, info->height};
    Drawing d = {.frame = frame, .mask = mask, .findings = findings};
    d.limit = lm_classify_limit(params->threshold);
    if (params->flags & LM_OVERLAY_FILL)
        d.fill = (int)(LM_BLEND_ONE * CLAMP(params->opacity, 0, 1) + 0.5);
    if (params->flags & LM_OVERLAY_CONTOUR)
        d.line = params->contour_width > 0 ? params->contour_width : MAX(1.5, info->height / 360.0);
    if ((d.fill == 0 && d.line == 0) || findings->n == 0)
        return;
    choose_colors(params->color, d.colors);
    d.only = findings->items[0].class_index;
    for (unsigned i = 1; i < findings->n; i++)
        if (findings->items[i].class_index != d.only)
            d.only = 0;

    /* The columns that the boxes in each row span. */
    lm_scratch_reset(scratch);
    int *left = lm_scratch_take(scratch, sizeof(int) * (gsize)(info->height + 1));
    int *right = lm_scratch_take(scratch, sizeof(int) * (gsize)(info->height + 1));
    for (int y = 0; y <= info->height; y++) {
        left[y] = info->width;
        right[y] = 0;
    }
    for (unsigned i = 0; i < findings->n; i++) {
        LmRect box = lm_rect_clip(findings->items[i].box, whole);
        for (int y = box.y; y < box.y + box.height; y++) {
            left[y] = MIN(left[y], box.x);
            right[y] = MAX(right[y], box.x + box.width);
        }
    }
    for (int y = 0, top = 0; y <= info->height; y++) {
        if (left[y] < right[y])
            continue;
        int from = info->width, to = 0;
        for (int row = top; row < y; row++) {
            from = MIN(from, left[row]);
            to = MAX(to, right[row]);
        }
        if (top < y)
            draw_part(&d, from, to, top, y, scratch);
        top = y + 1;
    }
}
