/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Rows of vertices to lit, textured pixels: projection, triangles, depth. */
#pragma once

#include "scene/camera.h"
#include "scene/shade.h"

G_BEGIN_DECLS

/** The canvas that triangles are drawn on. */
typedef struct {
    guint width, height;
    LmPixel *pixels;
    float *depth;   /**< from the camera, in the colon's units */
    guint8 *polyps; /**< the slot of the visible polyp, or 0 */
    guint *first_polyp,
        *end_polyp; /**< of each row: the columns with polyps, by lm_raster_find_polyps() */
} LmCanvas;

typedef struct {
    float x, y; /**< in pixels of the canvas */
    float vary[LM_VARYING];
} LmProjected;

/** The camera's projection and exposure. */
typedef struct {
    LmCamera now, later; /**< at the exposure's middle and at its end */
    float focal;         /**< pixels */
    float exposure;      /**< of the light */
    guint width, height;
} LmLens;

/** Projects `count` vertices, whose z is relative to `origin`, and whose texture coordinates begin
 * at v = `v`. Vertices too far behind the camera get x = y = NaN: their triangles are not drawn.
 */
void lm_raster_project(const LmLens *lens, const LmVertex *vertices, guint count, double origin,
                       float v, LmProjected *projected);

/** Clears rows first..end-1 to `dark`. */
void lm_raster_clear(const LmCanvas *canvas, LmPixel dark, guint first, guint end);

/** One thread's drawing state; it draws rows first..end-1 of the canvas. */
typedef struct {
    const LmCanvas *canvas;
    const LmShader *shader; /**< NULL: only depth and polyps are drawn, no pixels */
    guint first, end;
    LmFragments fragments; /**< count 0 at first */
} LmRaster;

/** Draws the strip of quads between two rows of `count` projected vertices. `slot`: the polyp's, or
 * 0 for the wall. */
void lm_raster_strip(LmRaster *raster, const LmProjected *a, const LmProjected *b, guint count,
                     guint slot);

/** Shades the remaining fragments; call it after the last strip. */
void lm_raster_flush(LmRaster *raster);

/** Sets first_polyp and end_polyp of rows first..end-1; end_polyp is 0 if a row has none. */
void lm_raster_find_polyps(const LmCanvas *canvas, guint first, guint end);

G_END_DECLS
