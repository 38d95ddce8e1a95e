/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Finds the picture's outline: what is lit against the surround, less what is thin, in connected
 * areas, of which the largest that lives is the picture. */
#include "vision/outline.h"

#include <stdlib.h>
#include <string.h>

/* Below this the surround is black, and dark parts of a picture may look the same. */
enum { DARK = 48 };
/* What a cell's luma varies by, at least, where the picture moves. */
enum { MOVES = 6 };
/* Of grey and of what a capture makes of it, at most. */
enum { GREY = 24 };

typedef struct {
    const LmShown *shown;
    int n;
    int surround, tint; /* Luma and color of what lies around; of dark ones, no color. */
    guint8 *lit;        /* 1 or 0 */
    guint8 *solid;      /* lit and not thin; then, of the areas, 2 where counted */
    guint16 *sums;      /* one row's */
    gint32 *stack;      /* of cells to visit */
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

/* Where the i-th of 2 (w + h) cells along the frame's border lies. */
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

/* The luma that most of the frame's border shows and keeps, or black. */
static int find_surround(const LmShown *shown)
{
    const int w = shown->width, h = shown->height, total = 2 * (w + h);
    int counts[256 + 8] = {0}, best = 0, level = 0;
    for (int i = 0; i < total; i++) {
        const gsize at = border_cell(i, w, h);
        if (is_still(shown, at))
            counts[shown->high[at] + 4]++;
    }
    /* Two windows of five codes make the widest peak that noise gives a flat surface. */
    for (int i = 4; i < 260; i++) {
        int sum = counts[i - 2] + counts[i - 1] + counts[i] + counts[i + 1] + counts[i + 2];
        /* Dark borders are surrounds sooner than bright ones, which may be the picture's. */
        int needed = i - 4 < DARK ? total / 6 : total / 2;
        if (sum > needed && sum > best) {
            best = sum;
            level = i - 4;
        }
    }
    return level;
}

/* The mean color of a surround of this luma. */
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
    /* A picture has parts as bright as a bright surround, but not as still and grey. */
    for (int i = 0; s->surround >= DARK && i < s->n; i++)
        s->lit[i] |=
            shown->low[i] < below || !is_still(shown, i) || shown->color[i] > s->tint + GREY;
}

/* Adds row y of `cells` to the columns' sums, or takes it away. */
static void add_row(guint16 *restrict sums, const guint8 *restrict row, int w, int sign)
{
    for (int x = 0; x < w; x++)
        sums[x] = (guint16)(sums[x] + sign * row[x]);
}

/* Solid are the squares of 2 r + 1 cells that are lit but for a seventh; so text, whose strokes and
 * lines are thinner, vanishes and specks do not matter. Squares are cut off at the frame. */
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
            /* Of the squares side by side, each only adds a column. */
            const int begin = run++ ? right : left;
            for (int row = top; row <= bottom; row++)
                memset(s->solid + (gsize)row * w + begin, 1, right - begin + 1);
        }
    }
    for (int i = 0; i < s->n; i++)
        s->solid[i] &= s->lit[i];
}

/* Gives the solid cells connected to one the mark `to` in place of `from`. */
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

/* The largest area; one that moves or has colour outweighs a few times as much that does not. */
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

/* Of a line of cells across the box: where the area begins and ends; false where it has none. */
static bool find_span(const guint8 *cells, int n, int step, int *begin, int *end)
{
    for (*begin = 0; *begin < n && cells[*begin * step] != 3; (*begin)++)
        ;
    for (*end = n; *end > *begin && cells[(*end - 1) * step] != 3; (*end)--)
        ;
    return *end > *begin;
}

/* Whether what is seen this near the edge differs from the surround by two steps. */
static bool is_step(const Search *s, gsize at)
{
    const LmShown *shown = s->shown;
    return shown->high[at] - s->surround >= 2 * LM_OUTLINE_STEP ||
           (s->surround >= DARK && (s->surround - shown->low[at] >= 2 * LM_OUTLINE_STEP ||
                                    shown->color[at] > s->tint + GREY));
}

/* Follows the outline along one axis: lines of `n` cells `step` apart, the lines `pitch` apart. */
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
