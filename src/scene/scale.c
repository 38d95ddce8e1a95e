/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Scales the camera's pixels to the frame's, bilinearly, in integers. */
#include "scene/scale.h"

/* Four 16-bit lanes go through one multiplication: LM_PIXEL_MAX * 64 + 255 just fits each. */
G_STATIC_ASSERT(LM_PIXEL_MAX * 64 + 255 == 65535);

/* Simple dither suffices if it has no visible pattern: multiples of the golden ratio are evenly
 * spread, yet never regular. Rows begin at this many different ones. */
#define DITHER_ROWS 64

LmScalePlace lm_scale_place(guint i, guint from, guint to)
{
    /* (i + 1/2) from / to - 1/2, in 1/64, rounded to the nearest. */
    gint64 place = ((gint64)(2 * i + 1) * from * 64 + to) / (2 * (gint64)to) - 32;
    gint64 last = ((gint64)from - 1) * 64;
    return (LmScalePlace)CLAMP(place, 0, last);
}

/* 64 times the value between two pixels. Borrows between lanes in the difference cancel out in the
 * sum. */
static inline LmLanes between(LmLanes low, LmLanes high, guint share)
{
    return low * 64 + (high - low) * share;
}

void lm_scale_between(const gint16 *upper, const gint16 *lower, guint share, guint width,
                      gint16 *line)
{
    for (guint x = 0; x < width; x++)
        lm_lanes_store(line, x,
                       between(lm_lanes_load(upper, x), lm_lanes_load(lower, x), share) >> 6 &
                           G_GUINT64_CONSTANT(0x03FF03FF03FF03FF));
}

guint16 *lm_scale_dither_create(guint count)
{
    guint16 *dither = g_new(guint16, 4 * (count + DITHER_ROWS));
    guint32 lot = 0;
    for (guint x = 0; x < count + DITHER_ROWS; x++, lot += 0x9E3779B9u)
        for (guint k = 0; k < 4; k++)
            dither[4 * x + k] = (guint16)(lot >> 24);
    return dither;
}

void lm_scale_line(const gint16 *line, const LmScalePlace *places, guint count,
                   const guint16 *dither, guint y, gint16 *wide, guint8 *row)
{
    for (guint x = 0; x < count; x++) {
        gsize low = places[x] >> 6;
        lm_lanes_store(
            wide, x,
            between(lm_lanes_load(line, low), lm_lanes_load(line, low + 1), places[x] & 63));
    }
    /* Lanes have the same order in memory as the row's bytes. */
    dither += 4 * (lm_hash(0, y, 0) % DITHER_ROWS);
    for (gsize i = 0; i < (gsize)4 * count; i++)
        row[i] = (guint8)((guint16)(GUINT16_FROM_LE((guint16)wide[i]) + dither[i]) >> 8);
}

void lm_scale_truth(const guint8 *upper, const guint8 *lower, guint share,
                    const LmScalePlace *places, guint first, guint end, guint8 *row)
{
    for (guint x = first; x < end; x++) {
        guint right = places[x] & 63, low = places[x] >> 6, high = low + (right != 0);
        guint8 slots[4] = {upper[low], upper[high], lower[low], lower[high]};
        if (!(slots[0] | slots[1] | slots[2] | slots[3])) {
            row[x] = 0;
            continue;
        }
        guint weights[4] = {(64 - right) * (64 - share), right * (64 - share), (64 - right) * share,
                            right * share};
        guint sum = 0, heaviest = 0;
        guint8 slot = 0;
        for (guint i = 0; i < 4; i++)
            if (slots[i]) {
                sum += weights[i];
                if (weights[i] > heaviest) {
                    heaviest = weights[i];
                    slot = slots[i];
                }
            }
        row[x] = sum >= 64 * 64 / 2 ? slot : 0;
    }
}
