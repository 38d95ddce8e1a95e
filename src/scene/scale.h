/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Scales the camera's pixels to the frame's, bilinearly, in integers. */
#pragma once

#include "scene/sensor.h"

G_BEGIN_DECLS

/** An output pixel's position among the input pixels, in 1/64 pixels: between pixel place >> 6 and
 * the next, which exists if place & 63 is not 0. */
typedef guint32 LmScalePlace;

/** The position of output pixel i of `to` among `from` input pixels. The centres of both images
 * coincide, and the outermost pixels extend beyond the edge. */
LmScalePlace lm_scale_place(guint i, guint from, guint to);

/** Interpolates a line of signal between two lines; `share` (0..63) is the lower one's weight, in
 * 1/64. */
void lm_scale_between(const gint16 *upper, const gint16 *lower, guint share, guint width,
                      gint16 *line);

/** Lanes of dither for rows of up to `count` pixels; the caller frees them with g_free(). */
guint16 *lm_scale_dither_create(guint count);

/** Stretches a line, which must have room for one pixel more, to `count` pixels of 4 bytes, alpha
 * and the three components, with dither, which differs by `y`. `wide` is scratch for `count`
 * pixels. */
void lm_scale_line(const gint16 *line, const LmScalePlace *places, guint count,
                   const guint16 *dither, guint y, gint16 *wide, guint8 *row);

/** Stretches the truth, between two lines of polyp slots: an output pixel is on a polyp if the
 * weights of polyps add up to at least half; then it gets the slot with the largest weight. Does
 * pixels first..end-1. */
void lm_scale_truth(const guint8 *upper, const guint8 *lower, guint share,
                    const LmScalePlace *places, guint first, guint end, guint8 *row);

G_END_DECLS
