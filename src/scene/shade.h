/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The light of pixels: mucosa, vessels, wet highlights, and the camera's tone curve. */
#pragma once

#include "scene/mucosa.h"
#include "scene/scene.h"

G_BEGIN_DECLS

/** A pixel of the camera's picture. The lowest 16 bits hold its motion in half the exposure: x in
 * the low byte, y in the high one, in 1/LM_MOTION_UNIT pixels, LM_MOTION_NONE for none. Above them
 * are the three components of LmSceneColor, 16 bits each, 0..LM_PIXEL_MAX, four times the range of
 * 8 bits. */
typedef guint64 LmPixel;
#define LM_PIXEL_MAX 1020
#define LM_MOTION_UNIT 8
#define LM_MOTION_NONE 128

/** The values that vary over a triangle; 12 with the spare one, so that they fill vectors of four.
 */
enum {
    LM_VARY_U, /**< position on the texture, texels */
    LM_VARY_V,
    LM_VARY_LIGHT,   /**< incident light, before the surface's angle counts */
    LM_VARY_FACING,  /**< the lamp's direction in the surface's own axes: along the normal, */
    LM_VARY_TANGENT, /**< the tangent */
    LM_VARY_ACROSS,  /**< and the third */
    LM_VARY_TINT,    /**< as in LmVertex */
    LM_VARY_POLYP,
    LM_VARY_MOVE_X, /**< in half the exposure, pixels */
    LM_VARY_MOVE_Y,
    LM_VARY_SHADED,                 /**< the number of values that shading needs */
    LM_VARY_DEPTH = LM_VARY_SHADED, /**< distance from the camera */
    LM_VARY_SPARE,
    LM_VARYING,
};

/** Pixels that wait to be shaded, ordered by value rather than by pixel: one instruction then
 * handles several.
 */
#define LM_FRAGMENTS 64
typedef struct {
    guint count;
    gsize place[LM_FRAGMENTS]; /**< index of the pixel */
    guint level[LM_FRAGMENTS]; /**< of the texture */
    float vary[LM_VARY_SHADED][LM_FRAGMENTS];
} LmFragments;

typedef struct {
    LmMucosa mucosa;
    LmSceneColor color;
    LmPixel dark; /**< the colour of places that the light does not reach */
} LmShader;

void lm_shader_init(LmShader *shader, const LmSceneParams *params);
void lm_shader_finish(LmShader *shader);

/** Shades all fragments into `pixels`, in their order, and leaves none. Threads may share a shader.
 */
void lm_shader_run(const LmShader *shader, LmFragments *fragments, LmPixel *pixels);

G_END_DECLS
