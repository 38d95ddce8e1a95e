/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Finds boundaries by marching squares over the pixels' centres, between which bilinear
 * probabilities are nearly linear, and the distances from them: each piece, about a pixel long,
 * updates the pixels that the line can reach. The work grows with the boundary's length, not with
 * the area. */
#include "overlay/contour.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

/* After each row there is room for a whole step of update() and a whole word of uniform(). */
#define STEP 4
#define WORD 8
/* A block of columns, whose distances are read only if a boundary has come near one of them. */
#define BLOCK 64

typedef struct {
    float x, y;
} Point;

static gsize stride(int width)
{
    return ((gsize)width + WORD + 15) & ~(gsize)15;
}

/* A pixel of the line is at most the line's width and half a pixel on either side away. */
static int reach(double line)
{
    return line > 0 ? (int)ceil(MIN(line, LM_CONTOUR_MAX)) + 1 : 0;
}

static int ring_rows(double line)
{
    return 2 * reach(line) + 2;
}

static gsize blocks(int width)
{
    return stride(width) / BLOCK + 1;
}

void lm_contour_init(LmContour *contour, int width, int height, double line, LmScratch *scratch)
{
    const gsize pixels = stride(width) * ring_rows(line);
    *contour = (LmContour){.width = width,
                           .height = height,
                           .radius = reach(line),
                           .ring = ring_rows(line),
                           .line = (float)MIN(line, LM_CONTOUR_MAX)};
    contour->distances = lm_scratch_take(scratch, pixels * sizeof(float));
    contour->margins = lm_scratch_take(scratch, pixels * sizeof(float));
    contour->leads = lm_scratch_take(scratch, pixels * sizeof(float));
    contour->classes = lm_scratch_take(scratch, pixels);
    contour->near = lm_scratch_take(scratch, blocks(width) * (gsize)contour->ring);
    memset(contour->near, 0, blocks(width) * contour->ring);
    for (gsize i = 0; i < pixels && line > 0; i++)
        contour->distances[i] = HUGE_VALF;
}

static gsize slot(const LmContour *contour, int y)
{
    return (gsize)(y % contour->ring) * stride(contour->width);
}

guint8 *lm_contour_classes(const LmContour *contour, int y)
{
    return contour->classes + slot(contour, y);
}

float *lm_contour_margins(const LmContour *contour, int y)
{
    return contour->margins + slot(contour, y);
}

float *lm_contour_leads(const LmContour *contour, int y)
{
    return contour->leads + slot(contour, y);
}

/* Lowers the distances of the pixels around the piece of boundary from a to b. */
static void update(LmContour *contour, Point a, Point b)
{
    const float reach = contour->line + 1;
    const float dx = b.x - a.x, dy = b.y - a.y, square = dx * dx + dy * dy;
    const float scale = square > 0 ? 1 / square : 0;
    const int left = MAX(0, (int)ceilf(MIN(a.x, b.x) - reach));
    const int right = MIN(contour->width - 1, (int)floorf(MAX(a.x, b.x) + reach));
    const int top = MAX(0, (int)ceilf(MIN(a.y, b.y) - reach));
    const int bottom = MIN(contour->height - 1, (int)floorf(MAX(a.y, b.y) + reach));
    for (int y = top; y <= bottom; y++) {
        float *distances = contour->distances + slot(contour, y);
        guint8 *near = contour->near + y % contour->ring * blocks(contour->width);
        memset(near + left / BLOCK, 1, right / BLOCK - left / BLOCK + 1);
        const float py = (float)y - a.y;
        for (int x = left; x <= right; x += STEP) {
            for (int k = 0; k < STEP; k++) {
                float px = (float)(x + k) - a.x;
                float t = (px * dx + py * dy) * scale;
                t = t > 0 ? t : 0;
                t = t < 1 ? t : 1;
                float ex = px - t * dx, ey = py - t * dy, distance = ex * ex + ey * ey;
                distances[x + k] = distances[x + k] < distance ? distances[x + k] : distance;
            }
        }
    }
}

/* The position of the boundary between the pixels at offsets a and b, of different classes: 0..1 of
 * the way from a. */
static float crossing(const LmContour *contour, gsize a, gsize b)
{
    float from, to;
    if (contour->classes[a] && contour->classes[b]) {
        from = contour->leads[a];
        to = -contour->leads[b];
    } else {
        from = contour->margins[a];
        to = contour->margins[b];
    }
    /* Beside a finding that was not kept, the margins of both pixels may have the same sign. */
    if ((from > 0) == (to > 0))
        return 0.5f;
    return from / (from - to);
}

/* Returns true if each of the WORD squares between two rows, from this pixel on, has a single
 * class. */
static bool uniform(const guint8 *above, const guint8 *below)
{
    guint64 words[4];
    memcpy(&words[0], above, WORD);
    memcpy(&words[1], above + 1, WORD);
    memcpy(&words[2], below, WORD);
    memcpy(&words[3], below + 1, WORD);
    return words[0] == words[1] && words[0] == words[2] && words[0] == words[3];
}

void lm_contour_add(LmContour *contour, int y)
{
    if (contour->line <= 0 || y == 0)
        return;
    const gsize above = slot(contour, y - 1), below = slot(contour, y);
    const guint8 *classes = contour->classes;
    for (int x = 0; x + 1 < contour->width; x++) {
        if (x % WORD == 0 && uniform(classes + above + x, classes + below + x)) {
            x += WORD - 1;
            continue;
        }
        /* The four pixels in order around the square. */
        const gsize corners[5] = {above + x, above + x + 1, below + x + 1, below + x, above + x};
        const guint8 c = classes[corners[0]];
        if (c == classes[corners[1]] && c == classes[corners[2]] && c == classes[corners[3]])
            continue;
        static const Point places[5] = {{0, 0}, {1, 0}, {1, 1}, {0, 1}, {0, 0}};
        Point found[4], middle = {0, 0};
        int n = 0;
        for (int i = 0; i < 4; i++) {
            if (classes[corners[i]] == classes[corners[i + 1]])
                continue;
            float t = crossing(contour, corners[i], corners[i + 1]);
            found[n] = (Point){x + places[i].x + t * (places[i + 1].x - places[i].x),
                               y - 1 + places[i].y + t * (places[i + 1].y - places[i].y)};
            middle.x += found[n].x;
            middle.y += found[n++].y;
        }
        if (n == 2) {
            update(contour, found[0], found[1]);
            continue;
        }
        /* Three or four boundary points meet in their mean. */
        middle = (Point){middle.x / n, middle.y / n};
        for (int i = 0; i < n; i++)
            update(contour, found[i], middle);
    }
}

/* Writes the coverage of the line over the fill in columns begin..end - 1 of a row, and clears the
 * row's distances. The line begins half a pixel inside the boundary, so that its outer edge is
 * smooth, too, although nothing is drawn outside. */
static void draw_line(float *restrict distances, const guint8 *restrict classes, int n, float line,
                      int fill, int one, guint16 *restrict out)
{
    for (int x = 0; x < n; x++) {
        float distance = sqrtf(distances[x]);
        float share = line + 1 - distance < distance ? line + 1 - distance : distance;
        share = share > 0 ? share : 0;
        share = share < 1 ? share : 1;
        int coverage = fill + (int)((float)(one - fill) * share + 0.5f);
        out[x] = classes[x] ? coverage : 0;
        distances[x] = HUGE_VALF;
    }
}

static void draw_fill(const guint8 *restrict classes, int n, int fill, guint16 *restrict out)
{
    for (int x = 0; x < n; x++)
        out[x] = classes[x] ? fill : 0;
}

void lm_contour_coverage(LmContour *contour, int y, int fill, int one, guint16 *out)
{
    const gsize row = slot(contour, y);
    const guint8 *classes = contour->classes + row;
    guint8 *near = contour->near + y % contour->ring * blocks(contour->width);
    for (int x = 0; x < contour->width; x += BLOCK) {
        const int n = MIN(BLOCK, contour->width - x);
        if (near[x / BLOCK])
            draw_line(contour->distances + row + x, classes + x, n, contour->line, fill, one,
                      out + x);
        else
            draw_fill(classes + x, n, fill, out + x);
        near[x / BLOCK] = 0;
    }
}
