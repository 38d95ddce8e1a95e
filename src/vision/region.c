/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Follows the content area over time: gathers the luma range of cells, finds the outline in it, and
 * moves the region only for changes that last. */
#include "vision/region.h"

#include <stdlib.h>

#include "vision/outline.h"

#define MS G_GUINT64_CONSTANT(1000000)

/* Luma ranges are kept for this many stretches of time; the oldest is dropped. */
enum { N_STRETCHES = 3 };
#define STRETCH (100 * MS)

/* How long an outline must last before the region follows it (a clear first one is taken at once);
 * and how long a small difference must last, so that the region does not jitter. */
#define LASTS (400 * MS)
#define LASTS_SMALL (1500 * MS)

struct LmRegionFinder {
    LmGrid grid;
    guint64 now, last_time; /* The finder's clock, which never goes back; the caller's time. */
    bool started;           /* There was a thumbnail. */

    struct {
        guint64 begin;
        guint8 high[LM_THUMBNAIL_CELLS], low[LM_THUMBNAIL_CELLS];
    } stretches[N_STRETCHES];
    int n_stretches, stretch; /* How many are in use; the one being filled. */

    guint8 high[LM_THUMBNAIL_CELLS], low[LM_THUMBNAIL_CELLS]; /* Over all stretches. */
    guint8 *memory;                                           /* For lm_outline_find(). */

    LmRect current; /* Cells; width 0: none. */
    double confidence;
    LmRect candidate; /* An outline other than `current`, seen since `since`; width 0: none. */
    guint64 since;
};

LmRegionFinder *lm_region_finder_create(void)
{
    return g_new0(LmRegionFinder, 1);
}

void lm_region_finder_free(LmRegionFinder **finder)
{
    if (!finder || !*finder)
        return;
    g_free((*finder)->memory);
    g_clear_pointer(finder, g_free);
}

void lm_region_finder_reset(LmRegionFinder *f)
{
    f->started = false;
    f->n_stretches = 0;
    f->current = f->candidate = (LmRect){0};
    f->confidence = 0;
}

static void start(LmRegionFinder *f, const LmThumbnail *t)
{
    lm_region_finder_reset(f);
    f->grid = t->grid;
    f->memory = g_realloc(f->memory, lm_outline_size(f->grid.width, f->grid.height));
    f->now = 0;
    f->started = true;
}

/* Adds a thumbnail to the stretch of time being filled, and merges all stretches. */
static void gather(LmRegionFinder *f, const LmThumbnail *t)
{
    const int n = f->grid.width * f->grid.height;
    const bool next = f->n_stretches == 0 || f->now - f->stretches[f->stretch].begin >= STRETCH;
    if (next) {
        f->stretch = f->n_stretches == 0 ? 0 : (f->stretch + 1) % N_STRETCHES;
        f->n_stretches = MIN(f->n_stretches + 1, N_STRETCHES);
        f->stretches[f->stretch].begin = f->now;
    }
    guint8 *restrict high = f->stretches[f->stretch].high, *restrict low =
                                                               f->stretches[f->stretch].low;
    for (int i = 0; i < n; i++) {
        high[i] = next ? t->luma[i] : MAX(high[i], t->luma[i]);
        low[i] = next ? t->luma[i] : MIN(low[i], t->luma[i]);
    }
    for (int k = 0; k < f->n_stretches; k++) {
        const guint8 *restrict more = f->stretches[k].high, *restrict less = f->stretches[k].low;
        for (int i = 0; i < n; i++) {
            f->high[i] = k == 0 ? more[i] : MAX(f->high[i], more[i]);
            f->low[i] = k == 0 ? less[i] : MIN(f->low[i], less[i]);
        }
    }
}

/* The positions of a box's sides, in LM_SIDE_*'s order. */
static void find_sides(LmRect box, int sides[LM_N_SIDES])
{
    sides[LM_SIDE_LEFT] = box.x;
    sides[LM_SIDE_TOP] = box.y;
    sides[LM_SIDE_RIGHT] = box.x + box.width;
    sides[LM_SIDE_BOTTOM] = box.y + box.height;
}

/* The largest distance between corresponding sides. */
static int distance(LmRect a, LmRect b)
{
    int of_a[LM_N_SIDES], of_b[LM_N_SIDES], most = 0;
    find_sides(a, of_a);
    find_sides(b, of_b);
    for (int i = 0; i < LM_N_SIDES; i++)
        most = MAX(most, abs(of_a[i] - of_b[i]));
    return most;
}

static LmRect unite(LmRect a, LmRect b)
{
    const int x = MIN(a.x, b.x), y = MIN(a.y, b.y);
    return (LmRect){x, y, MAX(a.x + a.width, b.x + b.width) - x,
                    MAX(a.y + a.height, b.y + b.height) - y};
}

/* Extends a box that nearly fills the frame to the whole frame. */
static LmRect fill_frame(const LmRegionFinder *f, LmRect box)
{
    const bool fills = box.width >= f->grid.width - f->grid.width / 32 - 1 &&
                       box.height >= f->grid.height - f->grid.height / 32 - 1;
    return fills ? (LmRect){0, 0, f->grid.width, f->grid.height} : box;
}

/* Returns true if the outline may be a content area: a disc fills 0.79 of its box; clipped discs,
 * octagons and squares fill more; letters, curves and half of a scene fill less. */
static bool is_content_area(const LmRegionFinder *f, const LmOutline *outline)
{
    const LmRect box = outline->box;
    return box.width > 0 && outline->fill >= 0.72 &&
           (gint64)box.width * box.height * 25 >= (gint64)f->grid.width * f->grid.height &&
           box.width * 3 >= box.height && box.height * 3 >= box.width;
}

static double find_confidence(const LmOutline *outline)
{
    double least = 1;
    for (int i = 0; i < LM_N_SIDES; i++)
        least = MIN(least, outline->sharp[i]);
    return 0.1 + 0.9 * least;
}

/* Returns true if every side that moves inwards has a sharp edge there. */
static bool is_sharp_inwards(LmRect from, const LmOutline *outline, LmRect to)
{
    int old[LM_N_SIDES], new[LM_N_SIDES];
    find_sides(from, old);
    find_sides(to, new);
    for (int i = 0; i < LM_N_SIDES; i++) {
        const bool inwards = i < 2 ? new[i] > old[i] : new[i] < old[i];
        if (inwards && outline->sharp[i] < 0.6)
            return false;
    }
    return true;
}

/* Returns true if most cells that a new box leaves out show the surround, or are clearly lit: cells
 * in between may be dark parts of the content area. */
static bool is_empty_outside(const LmRegionFinder *f, const LmOutline *outline, LmRect from,
                             LmRect to)
{
    int cells = 0, empty = 0;
    for (int y = from.y; y < from.y + from.height; y++) {
        for (int x = from.x; x < from.x + from.width; x++) {
            if (x >= to.x && x < to.x + to.width && y >= to.y && y < to.y + to.height)
                continue;
            const int above = f->high[y * f->grid.width + x] - outline->surround;
            cells++;
            empty += abs(above) <= LM_OUTLINE_STEP / 4 || above >= 2 * LM_OUTLINE_STEP;
        }
    }
    return empty * 10 >= cells * 7;
}

static void adopt(LmRegionFinder *f, LmRect box)
{
    f->current = box;
    f->candidate = (LmRect){0};
}

/* The outline nearly agrees with the current box: the box grows to include it, once the difference
 * has lasted. */
static void refine(LmRegionFinder *f, LmRect box)
{
    const LmRect both = unite(box, f->current);
    if (distance(both, f->current) == 0) {
        f->candidate = (LmRect){0};
        return;
    }
    if (f->candidate.width == 0 || distance(f->candidate, both) > 0) {
        f->candidate = both;
        f->since = f->now;
    }
    if (f->now - f->since >= LASTS_SMALL)
        adopt(f, both);
}

static void follow(LmRegionFinder *f, const LmOutline *outline)
{
    const LmRect box = fill_frame(f, outline->box);
    const int tolerance = 1 + f->grid.width / 100;
    const double confidence = find_confidence(outline);
    if (f->current.width > 0 && distance(box, f->current) <= tolerance) {
        f->confidence = confidence;
        refine(f, box);
        return;
    }
    if (f->current.width > 0 && (!is_sharp_inwards(f->current, outline, box) ||
                                 !is_empty_outside(f, outline, f->current, box))) {
        f->candidate = (LmRect){0};
        return;
    }
    if (f->candidate.width == 0 || distance(f->candidate, box) > tolerance) {
        f->candidate = box;
        f->since = f->now;
    }
    const bool clear = f->current.width == 0 && outline->alive > 0.3 && confidence > 0.75;
    if (!clear && f->now - f->since < LASTS)
        return;
    f->confidence = confidence;
    adopt(f, box);
}

bool lm_region_finder_feed(LmRegionFinder *f, const LmThumbnail *t, guint64 time)
{
    g_assert(t->grid.width > 0);
    const bool first = !f->started || !lm_grid_equal(&t->grid, &f->grid);
    if (first) {
        start(f, t);
    } else {
        f->now += lm_frame_step(f->last_time, time);
    }
    f->last_time = time;
    const LmRect before = lm_region_finder_get(f).rect;
    gather(f, t);
    const LmShown shown = {f->grid.width, f->grid.height, f->high, f->low, t->color};
    const LmOutline outline = lm_outline_find(&shown, f->memory);
    if (is_content_area(f, &outline))
        follow(f, &outline);
    else
        f->candidate = (LmRect){0};
    return first || distance(lm_region_finder_get(f).rect, before) > 0;
}

LmRegion lm_region_finder_get(const LmRegionFinder *f)
{
    if (!f->started)
        return (LmRegion){0};
    const LmRect all = {0, 0, f->grid.width, f->grid.height};
    return (LmRegion){
        .rect = lm_grid_pixels(&f->grid, f->current.width > 0 ? f->current : all),
        .confidence = f->confidence,
    };
}
