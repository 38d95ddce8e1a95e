/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Lines just inside the boundaries of classified pixels, from exact distances to a boundary that
 * runs between pixels, in a ring of rows. */
#pragma once

#include "util/scratch.h"

G_BEGIN_DECLS

/** Rows of `width` pixels, numbered from 0 and added in order. The ring holds the rows that the
 * newest row's boundary may still reach. */
typedef struct {
    int width, height;      /**< The size of the whole area; boundaries end at its edges. */
    int radius;             /**< A row is final once this many more have been added. */
    int ring;               /**< Rows in the ring: a row stays until `ring` more have begun. */
    float line;             /**< Width of the line, pixels; 0: no line. */
    float *distances;       /**< ring rows: squared distance to the nearest boundary. */
    float *margins, *leads; /**< Ditto; see lm_resampler_classes(). */
    guint8 *classes;
    guint8 *near; /**< Ditto: the blocks of a row that have distances. */
} LmContour;

/** Wider lines are drawn this wide, pixels. */
#define LM_CONTOUR_MAX 64

/** Borrows memory of the scratch. */
void lm_contour_init(LmContour *contour, int width, int height, double line, LmScratch *scratch);

/** The classes, margins and leads of row y. Write them before lm_contour_add(y); they can be read
 * as long as the row is in the ring. */
guint8 *lm_contour_classes(const LmContour *contour, int y);
float *lm_contour_margins(const LmContour *contour, int y);
float *lm_contour_leads(const LmContour *contour, int y);

/** Adds the boundary between rows y - 1 and y. */
void lm_contour_add(LmContour *contour, int y);
/** Writes the coverage of row y, which must be final: for classes above 0 the line over a fill of
 * `fill` (both 0..one), else 0. Call it once for each row, in order. */
void lm_contour_coverage(LmContour *contour, int y, int fill, int one, guint16 *out);

G_END_DECLS
