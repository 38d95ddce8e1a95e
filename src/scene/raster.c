/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Rows of vertices to lit, textured pixels: projection, triangles, depth. */
#include "scene/raster.h"

#include <string.h>

/* A polyp further away than this is too dark and small to count as visible. */
#define FURTHEST_TRUTH 5.0f
#define FURTHEST 1e9f

/* Stereographic: a point at an angle a from the axis is projected to a distance of 2 tan(a / 2)
 * from the centre. This draws wide angles as an endoscope's lens does, even beyond 90 degrees. */
static gboolean project(const LmCamera *camera, const LmLens *lens, LmVec point, float *x, float *y)
{
    float right = lm_vec_dot(point, camera->right), down = lm_vec_dot(point, camera->down);
    float forward = lm_vec_dot(point, camera->forward), distance = sqrtf(lm_vec_dot(point, point));
    if (forward < -0.8f * distance || distance < 1e-3f)
        return FALSE;
    float scale = lens->focal / (forward + distance);
    *x = right * scale + 0.5f * (float)lens->width;
    *y = down * scale + 0.5f * (float)lens->height;
    return TRUE;
}

void lm_raster_project(const LmLens *lens, const LmVertex *vertices, guint count, double origin,
                       float v, LmProjected *projected)
{
    const LmCamera *now = &lens->now, *later = &lens->later;
    const LmVec eye = {(float)now->x, (float)now->y, (float)(now->z - origin)};
    const LmVec eye_later = {(float)later->x, (float)later->y, (float)(later->z - origin)};
    for (guint i = 0; i < count; i++) {
        const LmVertex *vertex = &vertices[i];
        LmProjected *out = &projected[i];
        LmVec point = lm_vec_add(vertex->position, eye, -1);
        float later_x, later_y;
        if (!project(now, lens, point, &out->x, &out->y) ||
            !project(later, lens, lm_vec_add(vertex->position, eye_later, -1), &later_x,
                     &later_y)) {
            out->x = out->y = NAN;
            continue;
        }
        float square = lm_vec_dot(point, point), distance = sqrtf(square),
              inverse = -1.0f / distance;
        LmVec back = {point.x * inverse, point.y * inverse, point.z * inverse};
        LmVec third = lm_vec_cross(vertex->normal, vertex->tangent);
        /* The lamp's beam is brightest in its middle. */
        float axis = -lm_vec_dot(back, now->forward), beam = 0.35f + 0.65f * (axis > 0 ? axis : 0);
        float *vary = out->vary;
        vary[LM_VARY_DEPTH] = distance;
        vary[LM_VARY_U] = vertex->u;
        vary[LM_VARY_V] = vertex->v + v;
        vary[LM_VARY_LIGHT] = lens->exposure * beam / (square * (1.0f + 0.06f * square) + 0.18f);
        vary[LM_VARY_FACING] = lm_vec_dot(back, vertex->normal);
        vary[LM_VARY_TANGENT] = lm_vec_dot(back, vertex->tangent);
        vary[LM_VARY_ACROSS] = lm_vec_dot(back, third);
        vary[LM_VARY_TINT] = vertex->tint;
        vary[LM_VARY_POLYP] = vertex->polyp;
        vary[LM_VARY_MOVE_X] = later_x - out->x;
        vary[LM_VARY_MOVE_Y] = later_y - out->y;
        vary[LM_VARY_SPARE] = 0;
    }
}

void lm_raster_clear(const LmCanvas *canvas, LmPixel dark, guint first, guint end)
{
    gsize from = (gsize)first * canvas->width, to = (gsize)end * canvas->width;
    for (gsize i = from; i < to; i++) {
        canvas->pixels[i] = dark;
        canvas->depth[i] = FURTHEST;
        canvas->polyps[i] = 0;
    }
}

/* The texture's level at which a texel is about a pixel, from the triangle's gradients. */
static guint texture_level(const float *along_x, const float *along_y)
{
    float u = along_x[LM_VARY_U] * along_x[LM_VARY_U] + along_y[LM_VARY_U] * along_y[LM_VARY_U];
    float v = along_x[LM_VARY_V] * along_x[LM_VARY_V] + along_y[LM_VARY_V] * along_y[LM_VARY_V];
    /* A size between the longer and the shorter side: a little noise is better than a blur along
     * folds. */
    float square = 0.6f * MAX(u, v) + 0.1f * MIN(u, v);
    guint level = 0;
    for (; square > 2.0f && level < LM_MUCOSA_LEVELS - 1; square *= 0.25f)
        level++;
    return level;
}

void lm_raster_flush(LmRaster *raster)
{
    if (raster->shader)
        lm_shader_run(raster->shader, &raster->fragments, raster->canvas->pixels);
}

/* Draws pixels from..to-1 of row y of a triangle, if they are nearer than those drawn before. */
static void span(LmRaster *raster, guint slot, guint y, guint from, guint to, const float *start,
                 const float *along_x, guint level)
{
    const LmCanvas *canvas = raster->canvas;
    LmFragments *fragments = &raster->fragments;
    const gsize row = (gsize)y * canvas->width;
    for (guint x = from; x < to; x++) {
        const float right = (float)(x - from);
        const float depth = start[LM_VARY_DEPTH] + along_x[LM_VARY_DEPTH] * right;
        if (depth >= canvas->depth[row + x])
            continue;
        const float polyp = start[LM_VARY_POLYP] + along_x[LM_VARY_POLYP] * right;
        canvas->depth[row + x] = depth;
        canvas->polyps[row + x] = polyp > 0 && depth < FURTHEST_TRUTH ? (guint8)slot : 0;
        if (!raster->shader)
            continue;
        const guint i = fragments->count++;
        fragments->place[i] = row + x;
        fragments->level[i] = level;
        for (guint k = 0; k < LM_VARY_SHADED; k++)
            fragments->vary[k][i] = start[k] + along_x[k] * right;
        if (fragments->count == LM_FRAGMENTS)
            lm_raster_flush(raster);
    }
}

/* The first pixel of low..high whose centre is not before `place`; `high` if there is none. */
static guint first_pixel(float place, guint low, guint high)
{
    float from = place - 0.5f;
    if (!(from > (float)low))
        return low;
    if (from > (float)high)
        return high;
    guint whole = (guint)from;
    return (float)whole < from ? whole + 1 : whole;
}

/* The place at height y of the edge from p down to q. */
static float edge_at(const LmProjected *p, const LmProjected *q, float y)
{
    return p->x + (y - p->y) * ((q->x - p->x) / (q->y - p->y));
}

static void triangle(LmRaster *raster, guint slot, const LmProjected *a, const LmProjected *b,
                     const LmProjected *c)
{
    float abx = b->x - a->x, aby = b->y - a->y, acx = c->x - a->x, acy = c->y - a->y;
    float area = abx * acy - acx * aby;
    /* Seen from behind, of no size, or not entirely in front of the camera. */
    if (!(area > 1e-3f))
        return;
    const LmProjected *top = a, *middle = b, *bottom = c, *swap;
    if (middle->y < top->y)
        swap = top, top = middle, middle = swap;
    if (bottom->y < middle->y)
        swap = middle, middle = bottom, bottom = swap;
    if (middle->y < top->y)
        swap = top, top = middle, middle = swap;
    guint y0 = first_pixel(top->y, raster->first, raster->end);
    guint y1 = first_pixel(bottom->y, raster->first, raster->end);
    if (y0 >= y1)
        return;
    float left = MIN(MIN(a->x, b->x), c->x), right = MAX(MAX(a->x, b->x), c->x);
    if (right < 0.5f || left > (float)raster->canvas->width)
        return;

    float along_x[LM_VARYING], along_y[LM_VARYING], start[LM_VARYING], inverse = 1.0f / area;
    for (guint k = 0; k < LM_VARYING; k++) {
        float ab = b->vary[k] - a->vary[k], ac = c->vary[k] - a->vary[k];
        along_x[k] = (ab * acy - ac * aby) * inverse;
        along_y[k] = (ac * abx - ab * acx) * inverse;
    }
    guint level = texture_level(along_x, along_y);
    for (guint y = y0; y < y1; y++) {
        float centre = (float)y + 0.5f;
        /* Edges run from their upper to their lower end in both triangles that share them, so that
         * no pixel between the two is missed or drawn twice. */
        float longer = edge_at(top, bottom, centre);
        float shorter =
            centre < middle->y ? edge_at(top, middle, centre) : edge_at(middle, bottom, centre);
        guint x0 = first_pixel(MIN(longer, shorter), 0, raster->canvas->width);
        guint x1 = first_pixel(MAX(longer, shorter), 0, raster->canvas->width);
        if (x0 >= x1)
            continue;
        float dx = (float)x0 + 0.5f - a->x, dy = centre - a->y;
        for (guint k = 0; k < LM_VARYING; k++)
            start[k] = a->vary[k] + along_x[k] * dx + along_y[k] * dy;
        span(raster, slot, y, x0, x1, start, along_x, level);
    }
}

void lm_raster_strip(LmRaster *raster, const LmProjected *a, const LmProjected *b, guint count,
                     guint slot)
{
    for (guint i = 0; i + 1 < count; i++) {
        triangle(raster, slot, &a[i], &a[i + 1], &b[i]);
        triangle(raster, slot, &b[i], &a[i + 1], &b[i + 1]);
    }
}

void lm_raster_find_polyps(const LmCanvas *canvas, guint first, guint end)
{
    static const guint8 none[64];
    const guint width = canvas->width;
    for (guint y = first; y < end; y++) {
        const guint8 *row = canvas->polyps + (gsize)y * width;
        guint from = 0, to = width;
        while (from + sizeof none <= width && memcmp(row + from, none, sizeof none) == 0)
            from += sizeof none;
        while (from < width && !row[from])
            from++;
        while (to > from && !row[to - 1])
            to--;
        canvas->first_polyp[y] = from;
        canvas->end_polyp[y] = from < width ? to : 0;
    }
}
