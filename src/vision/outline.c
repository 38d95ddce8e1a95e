/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Finds the content area's outline: cells that are lit against the surround, without thin
 * structures, form connected areas; the largest area, weighted by motion and colour, is the content
 * area. */
#include "vision/outline.h"

#include <stdlib.h>
#include <string.h>

/* Below this luma the surround is black, and dark parts of the content area may look the same. */
enum { DARK = 48 };
/* The least range of a cell's luma that counts as motion. */
enum { MOVES = 6 };
/* The largest color value of grey, as a capture reproduces it. */
enum { GREY = 24 };

typedef struct {
    const LmShown *shown;
    int n;
    int surround, tint; /* Luma and color of the surround; color only of a bright one. */
    guint8 *lit;        /* 1 or 0 */
    guint8 *solid;      /* lit and not thin: 1; visited: 2; the largest area: 3 */
    guint16 *sums;      /* one per column */
    gint32 *stack;      /* cells to visit */
} Search;

typedef struct {
    LmRect box;
    int area, moving, colorful;
    int seed; /* one of its cells */
} Area;

gsize lm_outline_size(int width, int height)
{
    gsize n = (gsize)width * height;
    return n * sizeof(gint32) + (gsize)width * sizeof(guint16) + 2 * n;
}

/* Index of the i-th of 2 (w + h) cells along the frame's border. */
static gsize border_cell(int i, int w, int h)
{
    const int x = i < 2 * w ? i % w : i % 2 * (w - 1);
    const int y = i < 2 * w ? i / w * (h - 1) : (i - 2 * w) / 2;
    return (gsize)y * w + x;
}

static bool is_still(const LmShown *shown, gsize at)
{
    return shown->high[at] - shown->low[at] < DARK / 2;
}

/* The luma that most still cells of the frame's border have, or black. */
static int find_surround(const LmShown *shown)
{
    const int w = shown->width, h = shown->height, total = 2 * (w + h);
    int counts[256 + 8] = {0}, best = 0, level = 0;
    for (int i = 0; i < total; i++) {
        const gsize at = border_cell(i, w, h);
        if (is_still(shown, at))
            counts[shown->high[at] + 4]++;
    }
    /* Noise on a flat surface gives a peak of at most two windows of five codes. */
    for (int i = 4; i < 260; i++) {
        int sum = counts[i - 2] + counts[i - 1] + counts[i] + counts[i + 1] + counts[i + 2];
        /* A dark border needs fewer cells: a bright one may be the content area's. */
        int needed = i - 4 < DARK ? total / 6 : total / 2;
        if (sum > needed && sum > best) {
            best = sum;
            level = i - 4;
        }
    }
    return level;
}

/* The mean color of the border's cells of this luma. */
static int find_tint(const LmShown *shown, int surround)
{
    const int w = shown->width, h = shown->height;
    int sum = 0, n = 0;
    for (int i = 0; i < 2 * (w + h); i++) {
        const gsize at = border_cell(i, w, h);
        if (abs(shown->high[at] - surround) <= 2) {
            sum += shown->color[at];
            n++;
        }
    }
    return n ? sum / n : 0;
}

static void find_lit(Search *s)
{
    const LmShown *shown = s->shown;
    const int above = s->surround + LM_OUTLINE_STEP, below = s->surround - LM_OUTLINE_STEP;
    for (int i = 0; i < s->n; i++)
        s->lit[i] = shown->high[i] > above;
    /* The content area has parts as bright as a bright surround, but not as still and grey. */
    for (int i = 0; s->surround >= DARK && i < s->n; i++)
        s->lit[i] |=
            shown->low[i] < below || !is_still(shown, i) || shown->color[i] > s->tint + GREY;
}

/* Adds a row of cells to the columns' sums (sign 1), or subtracts it (-1). */
static void add_row(guint16 *restrict sums, const guint8 *restrict row, int w, int sign)
{
    for (int x = 0; x < w; x++)
        sums[x] = (guint16)(sums[x] + sign * row[x]);
}

/* Marks the lit cells of all squares of 2 r + 1 cells of which at least six sevenths are lit. So
 * text vanishes, whose strokes are thinner, and specks do not matter. Squares are clipped to the
 * frame. */
static void find_solid(Search *s, int r)
{
    const int w = s->shown->width, h = s->shown->height;
    memset(s->solid, 0, s->n);
    memset(s->sums, 0, w * sizeof *s->sums);
    for (int y = 0; y < MIN(r, h); y++)
        add_row(s->sums, s->lit + (gsize)y * w, w, 1);
    for (int y = 0; y < h; y++) {
        const int top = MAX(y - r, 0), bottom = MIN(y + r, h - 1);
        if (y + r < h)
            add_row(s->sums, s->lit + (gsize)(y + r) * w, w, 1);
        if (y - r > 0)
            add_row(s->sums, s->lit + (gsize)(y - r - 1) * w, w, -1);
        int sum = 0;
        for (int x = 0; x < MIN(r, w); x++)
            sum += s->sums[x];
        for (int x = 0, run = 0; x < w; x++) {
            const int left = MAX(x - r, 0), right = MIN(x + r, w - 1);
            sum += x + r < w ? s->sums[x + r] : 0;
            sum -= x - r > 0 ? s->sums[x - r - 1] : 0;
            if (sum * 7 < (right - left + 1) * (bottom - top + 1) * 6) {
                run = 0;
                continue;
            }
            /* A square beside the last one only adds a column. */
            const int begin = run++ ? right : left;
            for (int row = top; row <= bottom; row++)
                memset(s->solid + (gsize)row * w + begin, 1, right - begin + 1);
        }
    }
    for (int i = 0; i < s->n; i++)
        s->solid[i] &= s->lit[i];
}

/* Changes the mark of all solid cells connected to `seed` from `from` to `to`. */
static Area flood(Search *s, int seed, guint8 from, guint8 to)
{
    const int w = s->shown->width, h = s->shown->height;
    int left = w, right = 0, top = h, bottom = 0, depth = 0;
    Area area = {.seed = seed};
    s->stack[depth++] = seed;
    s->solid[seed] = to;
    while (depth > 0) {
        const int at = s->stack[--depth], x = at % w, y = at / w;
        const int next[4] = {at - 1, at + 1, at - w, at + w};
        const bool inside[4] = {x > 0, x<w - 1, y> 0, y < h - 1};
        area.area++;
        area.moving += s->shown->high[at] - s->shown->low[at] >= MOVES;
        area.colorful += s->shown->color[at] > GREY;
        left = MIN(left, x);
        right = MAX(right, x);
        top = MIN(top, y);
        bottom = MAX(bottom, y);
        for (int i = 0; i < 4; i++) {
            if (inside[i] && s->solid[next[i]] == from) {
                s->solid[next[i]] = to;
                s->stack[depth++] = next[i];
            }
        }
    }
    area.box = (LmRect){left, top, right - left + 1, bottom - top + 1};
    return area;
}

/* Finds the largest area. Moving cells count five times, colourful ones three times. */
static Area find_largest(Search *s)
{
    Area best = {0};
    double most = 0;
    for (int i = 0; i < s->n; i++) {
        if (s->solid[i] != 1)
            continue;
        Area area = flood(s, i, 1, 2);
        double weight = area.area + 4.0 * area.moving + 2.0 * area.colorful;
        if (weight > most) {
            most = weight;
            best = area;
        }
    }
    if (most > 0)
        flood(s, best.seed, 2, 3);
    return best;
}

/* Finds where the area begins and ends in a line of cells; returns false if the line has none of
 * it. */
static bool find_span(const guint8 *cells, int n, int step, int *begin, int *end)
{
    for (*begin = 0; *begin < n && cells[*begin * step] != 3; (*begin)++)
        ;
    for (*end = n; *end > *begin && cells[(*end - 1) * step] != 3; (*end)--)
        ;
    return *end > *begin;
}

/* Returns true if a cell near the edge differs from the surround by two steps. */
static bool is_step(const Search *s, gsize at)
{
    const LmShown *shown = s->shown;
    return shown->high[at] - s->surround >= 2 * LM_OUTLINE_STEP ||
           (s->surround >= DARK && (s->surround - shown->low[at] >= 2 * LM_OUTLINE_STEP ||
                                    shown->color[at] > s->tint + GREY));
}

/* Follows the outline along one axis: lines of `n` cells `step` apart, the lines `pitch` apart.
 * Returns the cells that the lines' spans cover. */
static int follow(const Search *s, gsize origin, int n, int step, int lines, int pitch,
                  double *sharp_begin, double *sharp_end)
{
    int covered = 0, spans = 0, begins = 0, ends = 0;
    for (int i = 0; i < lines; i++) {
        const gsize line = origin + (gsize)i * pitch;
        int begin, end;
        if (!find_span(s->solid + line, n, step, &begin, &end))
            continue;
        covered += end - begin;
        spans++;
        begins += is_step(s, line + (gsize)MIN(begin + 2, end - 1) * step);
        ends += is_step(s, line + (gsize)MAX(end - 3, begin) * step);
    }
    *sharp_begin = spans ? (double)begins / spans : 0;
    *sharp_end = spans ? (double)ends / spans : 0;
    return covered;
}

LmOutline lm_outline_find(const LmShown *shown, void *memory)
{
    const int w = shown->width, h = shown->height;
    Search s = {.shown = shown, .n = w * h, .surround = find_surround(shown), .stack = memory};
    s.tint = s.surround >= DARK ? find_tint(shown, s.surround) : 0;
    s.sums = (guint16 *)(s.stack + s.n);
    s.lit = (guint8 *)(s.sums + w);
    s.solid = s.lit + s.n;
    find_lit(&s);
    find_solid(&s, MAX(1, MIN(w, h) / 40));
    const Area area = find_largest(&s);
    LmOutline out = {.box = area.box, .surround = s.surround};
    if (area.area == 0)
        return out;
    out.alive = (double)MAX(area.moving, area.colorful) / area.area;
    const gsize origin = (gsize)out.box.y * w + out.box.x;
    int covered = follow(&s, origin, out.box.width, 1, out.box.height, w, &out.sharp[LM_SIDE_LEFT],
                         &out.sharp[LM_SIDE_RIGHT]);
    follow(&s, origin, out.box.height, w, out.box.width, 1, &out.sharp[LM_SIDE_TOP],
           &out.sharp[LM_SIDE_BOTTOM]);
    out.fill = (double)covered / ((double)out.box.width * out.box.height);
    const bool at_border[LM_N_SIDES] = {
        [LM_SIDE_LEFT] = out.box.x == 0,
        [LM_SIDE_TOP] = out.box.y == 0,
        [LM_SIDE_RIGHT] = out.box.x + out.box.width == w,
        [LM_SIDE_BOTTOM] = out.box.y + out.box.height == h,
    };
    for (int i = 0; i < LM_N_SIDES; i++)
        if (at_border[i])
            out.sharp[i] = 1;
    return out;
}
