/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Lines just inside the boundaries of classified pixels: exact distances to a boundary that runs
 * between pixels, in a ring of rows. */
#pragma once

#include "util/scratch.h"

G_BEGIN_DECLS

/** Rows of `width` pixels, numbered from 0 and given one after another; the ring holds those that
 * the newest row's boundary may yet reach. */
typedef struct {
    int width, height;      /**< Of all that will be given; boundaries end there. */
    int radius;             /**< A row is settled once this many more have been given. */
    int ring;               /**< Rows held: a row lives until `ring` more have begun. */
    float line;             /**< Width of the line, pixels; 0: no line. */
    float *distances;       /**< ring rows: squared distance to the nearest boundary. */
    float *margins, *leads; /**< Ditto; see lm_resampler_classes(). */
    guint8 *classes;
    guint8 *near; /**< Ditto: which blocks of a row have distances. */
} LmContour;

/** Lines wider than this many pixels are drawn as wide as this. */
#define LM_CONTOUR_MAX 64

/** Borrows memory of the scratch. */
void lm_contour_init(LmContour *contour, int width, int height, double line, LmScratch *scratch);

/** Where row y's classes, margins and leads are: to be written before lm_contour_add(y), to be read
 * while the row lives. */
guint8 *lm_contour_classes(const LmContour *contour, int y);
float *lm_contour_margins(const LmContour *contour, int y);
float *lm_contour_leads(const LmContour *contour, int y);

/** Takes in the boundary between rows y - 1 and y. */
void lm_contour_add(LmContour *contour, int y);
/** The coverage of row y, settled: the line over a fill of `fill` (both 0..one) where the class is
 * above 0, else 0. To be called once per row, in order. */
void lm_contour_coverage(LmContour *contour, int y, int fill, int one, guint16 *out);

G_END_DECLS
