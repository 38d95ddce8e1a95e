/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The colon: a folded, winding tube without end, and the polyps on its wall, as rows of vertices.
 *
 * World coordinates are in units of the tube's mean radius. z runs along the tube; the centre line
 * is a function of z, and cross-sections are planes of equal z. */
#pragma once

#include "scene/mucosa.h"
#include "scene/numeric.h"
#include "scene/scene.h"

G_BEGIN_DECLS

/** Vertices around the tube; the first one comes again as the last, so rows have one more. */
#define LM_COLON_SIDES 112
/** The distance of two rings along z. */
#define LM_COLON_RING 0.05
/** The length of a stretch of colon; each stretch has LmSceneParams.polyps polyps. */
#define LM_COLON_STRETCH 9.0
/** Rows of a polyp from its tip to its foot, and vertices in each. */
#define LM_POLYP_ROWS 22
#define LM_POLYP_SIDES 33
/** Texels of the mucosa's texture along one unit of length: the texture fits once around the
 * tube. */
#define LM_COLON_TEXELS (LM_MUCOSA_SIZE / 6.283185307179586)

typedef struct {
    LmVec position;        /**< z relative to the origin of the vertices' owner */
    LmVec normal, tangent; /**< of length 1; the normal points at the lumen */
    float u, v;            /**< place on the mucosa's texture, in texels */
    float tint;            /**< of the mucosa, -1 pale to 1 red */
    float polyp;           /**< above 0 on a polyp, rising to 1 at its tip; 0 and less off it */
} LmVertex;

typedef struct {
    double origin; /**< z of the ring */
    LmVertex vertices[LM_COLON_SIDES + 1];
} LmRing;

typedef struct {
    guint id;      /**< unique in this colon */
    double origin; /**< z of its foot */
    double angle;  /**< of its foot around the tube, in turns */
    LmVertex vertices[LM_POLYP_ROWS][LM_POLYP_SIDES];
} LmPolyp;

typedef struct LmColon LmColon;

LmColon *lm_colon_create(guint32 seed, guint polyps);
void lm_colon_free(LmColon **colon);

/** The centre line at z. */
void lm_colon_centre(const LmColon *colon, double z, double *x, double *y);

/** Where the camera starts: a little before the first polyp. */
double lm_colon_start(const LmColon *colon);

/** Ring number `index`, at z = index * LM_COLON_RING. Valid until the store, which holds all rings
 * of a view, has been filled with others. */
const LmRing *lm_colon_ring(LmColon *colon, gint64 index);

/** LmSceneParams.polyps. */
guint lm_colon_polyp_count(const LmColon *colon);

/** The polyps of stretch number `stretch`: params.polyps of them, valid as long as rings are. */
const LmPolyp *lm_colon_polyps(LmColon *colon, gint64 stretch);

G_END_DECLS
