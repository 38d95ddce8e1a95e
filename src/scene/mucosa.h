/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The mucosa's surface as a texture that repeats both ways, with smaller versions for distant
 * surfaces. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** Texels along either side of the finest level, a power of two: once around the colon. */
#define LM_MUCOSA_SIZE 1024
#define LM_MUCOSA_LEVELS 8

/** A texel: from the lowest byte up, the share of a vessel (0..255), the redness of the ground (128
 * +- 127), and the surface's slope along u and along v (128 +- 127). */
typedef guint32 LmTexel;

typedef struct {
    LmTexel *levels[LM_MUCOSA_LEVELS]; /**< each of half the size of the one before */
} LmMucosa;

void lm_mucosa_init(LmMucosa *mucosa, guint32 seed);
void lm_mucosa_finish(LmMucosa *mucosa);

/** The texture at (u, v), which are in texels of the finest level and at least 0, bilinear between
 * the texels of `level`. */
static inline LmTexel lm_mucosa_at(const LmMucosa *mucosa, guint level, float u, float v)
{
    const guint32 size = LM_MUCOSA_SIZE >> level, mask = size - 1;
    guint32 iu = (guint32)(gint32)(u * 256.0f) >> level,
            iv = (guint32)(gint32)(v * 256.0f) >> level;
    guint32 x0 = (iu >> 8) & mask, y0 = (iv >> 8) & mask, x1 = (x0 + 1) & mask,
            y1 = (y0 + 1) & mask;
    guint32 fu = iu & 255, fv = iv & 255;
    const LmTexel *top = mucosa->levels[level] + y0 * size,
                  *bottom = mucosa->levels[level] + y1 * size;
    /* Two bytes at a time, each in 16 bits; the four weights sum up to 256. */
    guint32 w11 = (fu * fv + 128) >> 8, w10 = fv - w11, w01 = fu - w11, w00 = 256 - fu - fv + w11;
    const guint32 even = 0x00FF00FFu;
    guint32 low = (top[x0] & even) * w00 + (top[x1] & even) * w01 + (bottom[x0] & even) * w10 +
                  (bottom[x1] & even) * w11;
    guint32 high = ((top[x0] >> 8) & even) * w00 + ((top[x1] >> 8) & even) * w01 +
                   ((bottom[x0] >> 8) & even) * w10 + ((bottom[x1] >> 8) & even) * w11;
    return ((low >> 8) & even) | (high & ~even);
}

G_END_DECLS
