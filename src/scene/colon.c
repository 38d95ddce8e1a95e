/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The colon: a folded, winding tube without end, and the polyps on its wall, as rows of vertices.
 */
#include "scene/colon.h"

#define RINGS 512   /* rings in the store: those of one view, LM_COLON_RING apart, and more */
#define STRETCHES 4 /* stretches in the store: a view extends over two */
#define POLYP_TEXELS (float)(2.3 * LM_COLON_TEXELS) /* finer than the wall */
#define TALLEST 0.55f   /* polyps extend this far from the wall to the centre line */
#define FOLD_PITCH 0.95 /* mean distance of two folds */

/* Seeds of random choices, one for each purpose. */
enum { LOT_WIND = 1, LOT_FOLD, LOT_WALL, LOT_POLYP, LOT_LOBES };

struct LmColon {
    guint32 seed;
    guint polyp_count;
    float sine[LM_COLON_SIDES + 1], cosine[LM_COLON_SIDES + 1];
    LmRing rings[RINGS];
    gint64 ring_index[RINGS];
    float radii[RINGS][LM_COLON_SIDES + 1]; /* of the wall at each vertex */
    gint64 radii_index[RINGS];
    LmPolyp polyps[STRETCHES][LM_SCENE_MAX_POLYPS];
    gint64 stretch_index[STRETCHES];
};

static float draw(const LmColon *colon, guint32 lot, guint32 a, guint32 b)
{
    return lm_random(colon->seed + lot * 0x1F123BB5u, a, b);
}

LmColon *lm_colon_create(guint32 seed, guint polyps)
{
    LmColon *colon = g_new0(LmColon, 1);
    colon->seed = seed;
    colon->polyp_count = polyps;
    for (guint i = 0; i <= LM_COLON_SIDES; i++) {
        colon->sine[i] = (float)lm_sin((double)i / LM_COLON_SIDES);
        colon->cosine[i] = (float)lm_cos((double)i / LM_COLON_SIDES);
    }
    for (guint i = 0; i < RINGS; i++)
        colon->ring_index[i] = colon->radii_index[i] = G_MININT64;
    for (guint i = 0; i < STRETCHES; i++)
        colon->stretch_index[i] = G_MININT64;
    return colon;
}

void lm_colon_free(LmColon **colon)
{
    g_clear_pointer(colon, g_free);
}

void lm_colon_centre(const LmColon *colon, double z, double *x, double *y)
{
    double a = draw(colon, LOT_WIND, 0, 0), b = draw(colon, LOT_WIND, 1, 0);
    double c = draw(colon, LOT_WIND, 2, 0), d = draw(colon, LOT_WIND, 3, 0);
    *x = 1.1 * lm_sin(z / 16.7 + a) + 0.42 * lm_sin(z / 7.1 + b);
    *y = 0.8 * lm_sin(z / 13.3 + c) + 0.36 * lm_sin(z / 6.1 + d);
}

/* Fold number `index` as a share of its height at an angle (in turns) and z: a crescent over half
 * of the circumference, slanting, with a steeper side towards the camera. */
static float fold(const LmColon *colon, gint64 index, double angle, double z)
{
    guint32 i = (guint32)index;
    float height = 0.26f + 0.40f * draw(colon, LOT_FOLD, i, 1);
    /* Three rows of crescents, like those between the colon's three bands of muscle. */
    double middle = (double)(index % 3) / 3.0 + 0.22 * draw(colon, LOT_FOLD, i, 2);
    float around = 0.5f + 0.5f * (float)lm_cos(angle - middle);
    float share = lm_smooth_step(0.12f, 0.85f, around) * 0.9f + 0.1f * around;
    double slant =
        0.24 * (draw(colon, LOT_FOLD, i, 3) - 0.5) * lm_sin(angle + draw(colon, LOT_FOLD, i, 4)) +
        0.05 * lm_sin(3 * angle + draw(colon, LOT_FOLD, i, 5));
    double crest = ((double)index + 0.5 * (draw(colon, LOT_FOLD, i, 6) - 0.5)) * FOLD_PITCH + slant;
    float offset = (float)(z - crest);
    float width = (offset < 0 ? 0.13f : 0.19f) + 0.06f * draw(colon, LOT_FOLD, i, 7);
    float t = offset / width, bell = 1.0f / (1.0f + t * t);
    return height * share * bell * bell;
}

/* The wall's distance from the centre line at an angle in turns. */
static float wall_radius(const LmColon *colon, double angle, double z)
{
    float radius = 1.06f + 0.07f * (float)lm_sin(z / 4.3 + draw(colon, LOT_WALL, 0, 0));
    /* Rounded triangle, turning slowly. */
    radius += 0.07f * (float)lm_cos(3 * (angle - z / 29.0) + draw(colon, LOT_WALL, 1, 0));
    radius += 0.045f * lm_noise(colon->seed + LOT_WALL, angle * 7, z * 1.3, 7);
    radius += 0.018f * lm_noise(colon->seed + LOT_WALL + 100, angle * 23, z * 3.9, 23);
    gint64 nearest = lm_floor(z / FOLD_PITCH);
    float sum = 0;
    for (gint64 i = nearest - 1; i <= nearest + 2; i++)
        sum += fold(colon, i, angle, z);
    /* Crossing folds do not add up beyond their height. */
    return radius - sum / (1.0f + 0.5f * sum);
}

static const float *ring_radii(LmColon *colon, gint64 index)
{
    guint slot = (guint)((guint64)index % RINGS);
    if (colon->radii_index[slot] != index) {
        for (guint i = 0; i < LM_COLON_SIDES; i++)
            colon->radii[slot][i] =
                wall_radius(colon, (double)i / LM_COLON_SIDES, (double)index * LM_COLON_RING);
        colon->radii[slot][LM_COLON_SIDES] = colon->radii[slot][0];
        colon->radii_index[slot] = index;
    }
    return colon->radii[slot];
}

const LmRing *lm_colon_ring(LmColon *colon, gint64 index)
{
    guint slot = (guint)((guint64)index % RINGS);
    LmRing *ring = &colon->rings[slot];
    if (colon->ring_index[slot] == index)
        return ring;

    double z = (double)index * LM_COLON_RING, x, y, x1, y1;
    lm_colon_centre(colon, z, &x, &y);
    lm_colon_centre(colon, z + LM_COLON_RING, &x1, &y1);
    float lean_x = (float)((x1 - x) / LM_COLON_RING), lean_y = (float)((y1 - y) / LM_COLON_RING);
    const float *before = ring_radii(colon, index - 1), *here = ring_radii(colon, index),
                *after = ring_radii(colon, index + 1);
    ring->origin = z;
    for (guint i = 0; i <= LM_COLON_SIDES; i++) {
        guint previous = i == 0 ? LM_COLON_SIDES - 1 : i - 1,
              next = i == LM_COLON_SIDES ? 1 : i + 1;
        float c = colon->cosine[i], s = colon->sine[i], radius = here[i];
        float around = (here[next] - here[previous]) * (LM_COLON_SIDES / (2 * 6.2831853f));
        float along = (after[i] - before[i]) * (float)(1 / (2 * LM_COLON_RING));
        LmVec tangent = {around * c - radius * s, around * s + radius * c, 0};
        LmVec forward = {lean_x + along * c, lean_y + along * s, 1};
        LmVec inward = {-c, -s, 0};
        LmVertex *vertex = &ring->vertices[i];
        vertex->position = (LmVec){(float)x + radius * c, (float)y + radius * s, 0};
        vertex->normal = lm_vec_unit(lm_vec_cross(forward, tangent), inward);
        vertex->tangent = lm_vec_unit(tangent, inward);
        vertex->u = (float)i * ((float)LM_MUCOSA_SIZE / LM_COLON_SIDES);
        vertex->v = 0;
        double angle = (double)(i % LM_COLON_SIDES) / LM_COLON_SIDES;
        vertex->tint = 0.7f * lm_noise(colon->seed + LOT_WALL + 200, angle * 5, z * 0.9, 5) +
                       0.3f * lm_noise(colon->seed + LOT_WALL + 300, angle * 13, z * 2.3, 13);
        vertex->polyp = -1;
    }
    colon->ring_index[slot] = index;
    return ring;
}

/* The wall below a polyp: a point, and three directions of length 1. */
typedef struct {
    double angle, z; /* of the polyp's middle */
    LmVec around, along, inward;
} Foot;

static LmVec wall_point(const LmColon *colon, double angle, double z, double origin)
{
    double x, y;
    lm_colon_centre(colon, z, &x, &y);
    float radius = wall_radius(colon, angle, z);
    return (LmVec){(float)(x + radius * lm_cos(angle)), (float)(y + radius * lm_sin(angle)),
                   (float)(z - origin)};
}

static Foot foot_at(const LmColon *colon, double angle, double z, float size)
{
    /* The wall's slope is averaged over the polyp's size. */
    double turn = size / 6.2831853;
    LmVec left = wall_point(colon, angle - turn, z, z),
          right = wall_point(colon, angle + turn, z, z);
    LmVec near = wall_point(colon, angle, z - size, z), far = wall_point(colon, angle, z + size, z);
    Foot foot = {.angle = angle, .z = z};
    LmVec inward = {-(float)lm_cos(angle), -(float)lm_sin(angle), 0};
    foot.around = lm_vec_unit(lm_vec_add(right, left, -1), inward);
    foot.along = lm_vec_unit(lm_vec_add(far, near, -1), inward);
    foot.inward = lm_vec_unit(lm_vec_cross(foot.along, foot.around), inward);
    foot.along = lm_vec_cross(foot.around, foot.inward);
    return foot;
}

/* A dome on the wall: rows go from its top down its side, then out over a fillet into the wall. */
static void shape_sessile(const LmColon *colon, LmPolyp *polyp, const Foot *foot, float size,
                          float tallest, guint32 lot)
{
    const guint dome_rows = LM_POLYP_ROWS - 5;
    const double steepest = 0.21; /* of its side, in turns, relative to the wall's slope */
    float height = MIN(size * (0.55f + 0.45f * draw(colon, LOT_POLYP, lot, 10)), tallest);
    float stretch = 0.8f + 0.45f * draw(colon, LOT_POLYP, lot, 11);
    for (guint row = 0; row < LM_POLYP_ROWS; row++) {
        float reach, rise, inside;
        if (row < dome_rows) {
            double slope = steepest * row / (dome_rows - 1);
            reach = (float)(lm_sin(slope) / lm_sin(steepest));
            rise = 0.12f +
                   0.88f * (float)((lm_cos(slope) - lm_cos(steepest)) / (1 - lm_cos(steepest)));
            inside = 1.0f - 0.9f * (float)row / (float)(dome_rows - 1);
        } else {
            float t = (float)(row - dome_rows + 1) / (float)(LM_POLYP_ROWS - dome_rows);
            reach = 1.0f + 0.25f * t;
            rise = 0.12f * (1 - t) * (1 - t) - 0.03f * t;
            inside = 0.1f - 0.5f * t;
        }
        for (guint i = 0; i < LM_POLYP_SIDES; i++) {
            double angle = (double)(i % (LM_POLYP_SIDES - 1)) / (LM_POLYP_SIDES - 1);
            float c = (float)lm_cos(angle), s = -(float)lm_sin(angle);
            float lobes = 1.0f + 0.13f * lm_noise(colon->seed + LOT_LOBES + lot, angle * 5, 0.5, 5);
            float bumps = lm_noise(colon->seed + LOT_LOBES + lot, 7.3 + reach * c * 2.6,
                                   3.1 + reach * s * 2.6, 1000);
            float across = reach * c * size * lobes * stretch,
                  along = reach * s * size * lobes / stretch;
            LmVec base =
                wall_point(colon, foot->angle + across / 6.2831853, foot->z + along, polyp->origin);
            LmVertex *vertex = &polyp->vertices[row][i];
            vertex->position = lm_vec_add(
                base, foot->inward, height * rise * (1 + 0.24f * bumps * (rise > 0 ? rise : 0)));
            vertex->u = across * POLYP_TEXELS + 300.0f;
            vertex->v = (along + rise * height * 0.5f) * POLYP_TEXELS + 300.0f;
            vertex->polyp = inside;
        }
    }
}

/* A head on a stalk: rows go from the head's tip down to the stalk's foot in the wall. */
static void shape_pedunculated(const LmColon *colon, LmPolyp *polyp, const Foot *foot, float size,
                               float tallest, guint32 lot)
{
    const guint head_rows = 14;
    float squeeze = 0.85f + 0.3f * draw(colon, LOT_POLYP, lot, 12);
    /* In sizes of the head: from the wall to its centre, and half of its length. */
    float slender = 1.3f + 0.8f * draw(colon, LOT_POLYP, lot, 10), half = 0.95f * squeeze;
    size = MIN(size, tallest / (slender + half));
    float length = size * slender, head = size * half;
    float stalk = size * (0.30f + 0.12f * draw(colon, LOT_POLYP, lot, 11));
    /* It leans along the tube and hangs down. */
    LmVec lean = {foot->along.x, foot->along.y + 0.5f, foot->along.z};
    float bend = length * (draw(colon, LOT_POLYP, lot, 13) - 0.6f) * 0.9f;
    LmVec root = wall_point(colon, foot->angle, foot->z, polyp->origin);
    for (guint row = 0; row < LM_POLYP_ROWS; row++) {
        float above, girth, inside; /* the place along the axis from the wall, its radius */
        if (row < head_rows) {
            double slope = 0.44 * row / (head_rows - 1);
            above = length + head * (float)lm_cos(slope);
            girth = size * (float)lm_sin(slope);
            inside = 1.0f - 0.5f * (float)row / (float)(head_rows - 1);
            girth = girth > stalk || slope < 0.25 ? girth : stalk;
        } else {
            float t = (float)(row - head_rows + 1) / (float)(LM_POLYP_ROWS - head_rows);
            above = (length - head * 0.93f) * (1 - t) - 0.03f * t;
            girth = stalk * (1.0f + 1.1f * t * t * t);
            inside = 0.5f - 0.6f * t;
        }
        float share = above / (length + head);
        LmVec centre = lm_vec_add(root, foot->inward, above);
        centre = lm_vec_add(centre, lean, bend * share * share);
        for (guint i = 0; i < LM_POLYP_SIDES; i++) {
            double angle = (double)(i % (LM_POLYP_SIDES - 1)) / (LM_POLYP_SIDES - 1);
            float c = (float)lm_cos(angle), s = -(float)lm_sin(angle);
            float lobes =
                lm_noise(colon->seed + LOT_LOBES + lot, angle * 4, above / size * 1.7, 4) +
                0.5f * lm_noise(colon->seed + LOT_LOBES + lot, angle * 7, above / size * 3.1, 7);
            float width = girth * (1 + (row < head_rows ? 0.17f : 0.05f) * lobes);
            LmVertex *vertex = &polyp->vertices[row][i];
            vertex->position =
                lm_vec_add(lm_vec_add(centre, foot->around, c * width), foot->along, s * width);
            vertex->u = (c * width + above * 0.7f) * POLYP_TEXELS + 300.0f;
            vertex->v = (s * width + above * 0.5f) * POLYP_TEXELS + 300.0f;
            vertex->polyp = inside;
        }
    }
}

/* Normals and tangents of a polyp from its positions. */
static void smooth(LmPolyp *polyp, const Foot *foot)
{
    for (guint row = 0; row < LM_POLYP_ROWS; row++) {
        guint up = row == 0 ? 0 : row - 1, down = row == LM_POLYP_ROWS - 1 ? row : row + 1;
        for (guint i = 0; i < LM_POLYP_SIDES; i++) {
            guint left = i == 0 ? LM_POLYP_SIDES - 2 : i - 1,
                  right = i == LM_POLYP_SIDES - 1 ? 1 : i + 1;
            LmVertex *vertex = &polyp->vertices[row][i];
            LmVec around = lm_vec_add(polyp->vertices[row][right].position,
                                      polyp->vertices[row][left].position, -1);
            LmVec outward =
                lm_vec_add(polyp->vertices[down][i].position, polyp->vertices[up][i].position, -1);
            vertex->normal = lm_vec_unit(lm_vec_cross(outward, around), foot->inward);
            vertex->tangent = lm_vec_unit(around, foot->around);
        }
    }
    /* At the tip, where the ring is a point, the next ring's average. */
    LmVec sum = foot->inward;
    for (guint i = 0; i < LM_POLYP_SIDES - 1; i++)
        sum = lm_vec_add(sum, polyp->vertices[1][i].normal, 1);
    for (guint i = 0; i < LM_POLYP_SIDES; i++) {
        polyp->vertices[0][i].normal = lm_vec_unit(sum, foot->inward);
        polyp->vertices[0][i].tangent = foot->around;
    }
}

/* Of several angles around the tube, the one at which the wall lies furthest out and is most level:
 * between folds rather than on them. */
static double roomiest_angle(const LmColon *colon, double first, double z, float size)
{
    enum { ANGLES = 5 };
    double best = first;
    float most = -G_MAXFLOAT;
    for (guint i = 0; i < ANGLES; i++) {
        double angle = first + (double)i / ANGLES;
        float before = wall_radius(colon, angle, z - size),
              after = wall_radius(colon, angle, z + size);
        float slope = after > before ? after - before : before - after;
        float room = before + wall_radius(colon, angle, z) + after - 2 * slope;
        if (room > most) {
            most = room;
            best = angle;
        }
    }
    return best;
}

static double polyp_z(const LmColon *colon, gint64 stretch, guint index)
{
    double share =
        (index + 0.2 +
         0.6 * draw(colon, LOT_POLYP, (guint32)stretch * LM_SCENE_MAX_POLYPS + index, 1)) /
        MAX(colon->polyp_count, 1);
    return ((double)stretch + share) * LM_COLON_STRETCH;
}

double lm_colon_start(const LmColon *colon)
{
    return polyp_z(colon, 0, 0) - 2.0;
}

guint lm_colon_polyp_count(const LmColon *colon)
{
    return colon->polyp_count;
}

const LmPolyp *lm_colon_polyps(LmColon *colon, gint64 stretch)
{
    guint slot = (guint)((guint64)stretch % STRETCHES);
    if (colon->stretch_index[slot] == stretch)
        return colon->polyps[slot];
    for (guint i = 0; i < colon->polyp_count; i++) {
        LmPolyp *polyp = &colon->polyps[slot][i];
        guint32 lot = (guint32)stretch * LM_SCENE_MAX_POLYPS + i;
        float size = 0.18f + 0.14f * draw(colon, LOT_POLYP, lot, 2);
        polyp->id = lot;
        polyp->origin = polyp_z(colon, stretch, i);
        float tint = 2 * draw(colon, LOT_POLYP, lot, 3) - 1;
        polyp->angle = roomiest_angle(colon, draw(colon, LOT_POLYP, lot, 4), polyp->origin, size);
        Foot foot = foot_at(colon, polyp->angle, polyp->origin, size);
        float tallest = TALLEST * wall_radius(colon, polyp->angle, polyp->origin);
        /* Every other one, so that few show both kinds. */
        if ((lot + colon->seed) % 2 == 0)
            shape_sessile(colon, polyp, &foot, size * 1.25f, tallest, lot);
        else
            shape_pedunculated(colon, polyp, &foot, size, tallest, lot);
        for (guint k = 0; k < LM_POLYP_ROWS * LM_POLYP_SIDES; k++)
            polyp->vertices[k / LM_POLYP_SIDES][k % LM_POLYP_SIDES].tint = tint;
        smooth(polyp, &foot);
    }
    colon->stretch_index[slot] = stretch;
    return colon->polyps[slot];
}
