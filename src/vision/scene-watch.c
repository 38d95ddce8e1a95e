/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Compares each frame's thumbnail to the last: cell by cell, to find repeated frames; and detail by
 * detail, allowing for motion, to find cuts. */
#include "vision/scene-watch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "util/numeric.h"

/* How long, and for how many repetitions, the same frame must last to be frozen: six frames at 30 a
 * second, whose times are rounded. */
#define LASTS (195 * G_GUINT64_CONSTANT(1000000))
enum { REPEATS = 3 };

/* Scenes are compared on a coarser grid of blocks, without structures larger than a few blocks, in
 * tiles that are searched for a few blocks around: so a moving camera's next frame matches, and
 * brightness does not count. */
enum { SIDE = 48, BLUR = 3, TILES = 3, REACH = 3, LEAST_SIDE = 16 };

/* Frames whose mean difference in luma is smaller are alike, without a search. */
#define STILL 4.0f
/* Deviation of luma that counts as no detail. */
#define FLAT 2.0f
/* A cut needs a correlation below the first, and below the second as a share of the usual
 * correlation. Successive frames of the synthetic colonoscopy have at least 0.67 and 0.76 at its
 * fastest motion, with any noise; frames of two scenes at most 0.64 and 0.70, and mostly 0.4. */
#define UNLIKE 0.66f
#define UNUSUAL 0.72f

/* Black: no block is brighter, and no two differ by more, except for one in a hundred, which is
 * text. */
enum { BLACK = 32, BLACK_SPREAD = 12 };
/* A card of one colour: nearly all its cells are this close to its median. */
enum { CARD_LUMA = 2, CARD_COLOR = 3 };

typedef struct {
    int width, height;
    float mean[SIDE * SIDE], detail[SIDE * SIDE];
} Blocks;

struct LmSceneWatch {
    LmThumbnail last; /* The thumbnail of the last frame, or of the first of a run of same
                         frames. */
    bool started;
    LmRect region;          /* Cells. */
    guint64 now, last_time; /* The watch's own clock; the caller's time. */
    guint64 since;          /* The time of `last`. */
    int repeats;            /* Of `last`. */
    bool blank;             /* The last frame was blank, */
    guint64 blank_since;
    int blanks; /* and so were this many frames before it. */
    Blocks blocks[2];
    int current; /* The index of the last frame's blocks. */
    float usual; /* The usual correlation of successive frames. */
    bool unlike; /* The last frame was a cut. */
};

LmSceneWatch *lm_scene_watch_create(void)
{
    return g_new0(LmSceneWatch, 1);
}

void lm_scene_watch_free(LmSceneWatch **watch)
{
    if (watch)
        g_clear_pointer(watch, g_free);
}

void lm_scene_watch_reset(LmSceneWatch *watch)
{
    watch->started = false;
}

static bool is_same(const LmThumbnail *a, const LmThumbnail *b, LmRect region)
{
    unsigned differ = 0, too_far = 0;
    for (int y = region.y; y < region.y + region.height && !too_far; y++) {
        const gsize at = (gsize)y * a->grid.width + region.x;
        const guint8 *luma_a = a->luma + at, *luma_b = b->luma + at;
        const guint8 *color_a = a->color + at, *color_b = b->color + at;
        for (int x = 0; x < region.width; x++) {
            int luma = abs(luma_a[x] - luma_b[x]), color = abs(color_a[x] - color_b[x]);
            differ += luma > 0;
            too_far |= (luma > 1) | (color > 2);
        }
    }
    return !too_far && differ * 64 <= (unsigned)(region.width * region.height);
}

/* Means of the region's cells, in blocks so large that there are at most SIDE each way. The
 * region's rim is left out: corners and edges of the content area's shape lie there and stay
 * through any cut. */
static void find_means(const LmThumbnail *t, LmRect region, Blocks *blocks)
{
    const int aside = region.width / 8, above = region.height / 8;
    region = (LmRect){region.x + aside, region.y + above, region.width - 2 * aside,
                      region.height - 2 * above};
    const int across = lm_ceil_div(region.width, SIDE), down = lm_ceil_div(region.height, SIDE);
    blocks->width = region.width / across;
    blocks->height = region.height / down;
    for (int y = 0; y < blocks->height; y++) {
        int sums[SIDE] = {0};
        for (int j = 0; j < down; j++) {
            const guint8 *row =
                t->luma + (gsize)(region.y + y * down + j) * t->grid.width + region.x;
            for (int x = 0; x < blocks->width; x++)
                for (int i = 0; i < across; i++)
                    sums[x] += row[x * across + i];
        }
        for (int x = 0; x < blocks->width; x++)
            blocks->mean[y * blocks->width + x] = (float)sums[x] / (float)(across * down);
    }
}

/* A line's running means over 2 BLUR + 1 values, clipped at its ends. */
static void blur(const float *in, float *out, int n, int step)
{
    float sum = 0;
    for (int i = 0; i < MIN(BLUR, n); i++)
        sum += in[i * step];
    for (int i = 0; i < n; i++) {
        sum += i + BLUR < n ? in[(i + BLUR) * step] : 0;
        sum -= i - BLUR > 0 ? in[(i - BLUR - 1) * step] : 0;
        out[i * step] = sum / (float)(MIN(i + BLUR, n - 1) - MAX(i - BLUR, 0) + 1);
    }
}

static void find_detail(Blocks *blocks)
{
    const int w = blocks->width, h = blocks->height;
    float rows[SIDE * SIDE];
    for (int y = 0; y < h; y++)
        blur(blocks->mean + y * w, rows + y * w, w, 1);
    for (int x = 0; x < w; x++)
        blur(rows + x, blocks->detail + x, h, w);
    for (int i = 0; i < w * h; i++)
        blocks->detail[i] = blocks->mean[i] - blocks->detail[i];
}

/* Correlation of a tile of `b` with the tile of `a` that lies `shift` away. */
static float correlate(const float *restrict a, const float *restrict b, int pitch, int width,
                       int height)
{
    float ab = 0, aa = 0, bb = 0, least = FLAT * FLAT * (float)(width * height);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            float u = a[y * pitch + x], v = b[y * pitch + x];
            ab += u * v;
            aa += u * u;
            bb += v * v;
        }
    }
    return (ab + least) / sqrtf((aa + least) * (bb + least));
}

/* The best correlation of a tile within the search range. */
static float seek(const Blocks *a, const Blocks *b, LmRect tile)
{
    const int pitch = b->width;
    const int at = tile.y * pitch + tile.x;
    float best = -1;
    for (int y = -REACH; y <= REACH; y++)
        for (int x = -REACH; x <= REACH; x++)
            best = MAX(best, correlate(a->detail + at + y * pitch + x, b->detail + at, pitch,
                                       tile.width, tile.height));
    return best;
}

static float find_likeness(const Blocks *a, const Blocks *b)
{
    const int w = b->width - 2 * REACH, h = b->height - 2 * REACH;
    float sum = 0, weights = 0;
    for (int i = 0; i < TILES * TILES; i++) {
        const int column = i % TILES, row = i / TILES;
        LmRect tile = {REACH + w * column / TILES, REACH + h * row / TILES, 0, 0};
        tile.width = REACH + w * (column + 1) / TILES - tile.x;
        tile.height = REACH + h * (row + 1) / TILES - tile.y;
        /* Tiles with more detail are more reliable. */
        float energy = FLAT;
        for (int y = tile.y; y < tile.y + tile.height; y++)
            for (int x = tile.x; x < tile.x + tile.width; x++)
                energy += fabsf(a->detail[y * b->width + x]) + fabsf(b->detail[y * b->width + x]);
        sum += energy * seek(a, b, tile);
        weights += energy;
    }
    return sum / weights;
}

static bool is_cut(LmSceneWatch *watch, const Blocks *a, const Blocks *b)
{
    const int n = b->width * b->height;
    if (b->width < LEAST_SIDE || b->height < LEAST_SIDE)
        return false;
    float difference = 0, likeness = 1;
    for (int i = 0; i < n; i++)
        difference += fabsf(a->mean[i] - b->mean[i]);
    if (difference >= STILL * (float)n)
        likeness = find_likeness(a, b);
    const bool cut = likeness < UNLIKE && likeness < UNUSUAL * watch->usual;
    /* A single cut does not change the usual correlation; several in a row do. */
    if (!cut || watch->unlike)
        watch->usual += 0.1f * (likeness - watch->usual);
    watch->unlike = cut;
    return cut;
}

static bool is_black(const Blocks *blocks)
{
    const int n = blocks->width * blocks->height;
    int counts[BLACK] = {0}, brighter = 0;
    for (int i = 0; i < n; i++) {
        if (blocks->mean[i] < BLACK)
            counts[(int)blocks->mean[i]]++;
        else
            brighter++;
    }
    /* One in a hundred may be brighter than the rest; the darkest block always counts. */
    int darkest = 0;
    while (darkest < BLACK && counts[darkest] == 0)
        darkest++;
    for (int i = darkest + BLACK_SPREAD + 1; i < BLACK; i++)
        brighter += counts[i];
    return brighter * 100 <= n;
}

static int find_middle(const guint8 *cells, int pitch, LmRect region)
{
    int counts[256] = {0}, seen = 0, middle = 0;
    for (int y = region.y; y < region.y + region.height; y++)
        for (int x = region.x; x < region.x + region.width; x++)
            counts[cells[y * pitch + x]]++;
    while ((seen += counts[middle]) * 2 < region.width * region.height)
        middle++;
    return middle;
}

static bool is_card(const LmThumbnail *t, LmRect region)
{
    const int pitch = t->grid.width, luma = find_middle(t->luma, pitch, region),
              color = find_middle(t->color, pitch, region);
    int far = 0;
    for (int y = region.y; y < region.y + region.height; y++)
        for (int x = region.x; x < region.x + region.width; x++)
            far += abs(t->luma[y * pitch + x] - luma) > CARD_LUMA ||
                   abs(t->color[y * pitch + x] - color) > CARD_COLOR;
    return far * 20 <= region.width * region.height;
}

static void begin(LmSceneWatch *watch, LmRect region)
{
    watch->started = true;
    watch->region = region;
    watch->now = watch->since = 0;
    watch->repeats = watch->blanks = 0;
    watch->blank = false;
    watch->usual = 1;
    watch->unlike = false;
}

/* Updates the counts that the states are derived from. */
static void count(LmSceneWatch *watch, const LmSceneReport *report)
{
    watch->repeats = report->same ? watch->repeats + 1 : 0;
    if (!report->same)
        watch->since = watch->now;
    if (report->blank && !watch->blank) {
        watch->blank_since = watch->now;
        watch->blanks = 0;
    } else if (report->blank) {
        watch->blanks++;
    }
    watch->blank = report->blank;
}

LmSceneReport lm_scene_watch_frame(LmSceneWatch *watch, const LmThumbnail *thumbnail, LmRect region,
                                   guint64 time)
{
    LmSceneReport report = {0};
    const LmRect cells = lm_grid_cells(&thumbnail->grid, region);
    if (cells.width <= 0 || cells.height <= 0) {
        watch->started = false;
        return report;
    }
    const bool first = !watch->started || !lm_grid_equal(&watch->last.grid, &thumbnail->grid);
    if (first)
        begin(watch, cells);
    else
        watch->now += lm_frame_step(watch->last_time, time);
    watch->last_time = time;

    if (!lm_rect_equal(cells, watch->region)) {
        watch->region = cells;
        find_means(&watch->last, cells, &watch->blocks[watch->current]);
        find_detail(&watch->blocks[watch->current]);
    } else if (!first) {
        report.same = is_same(&watch->last, thumbnail, cells);
    }
    if (!report.same) {
        Blocks *next = &watch->blocks[!watch->current];
        find_means(thumbnail, cells, next);
        find_detail(next);
        report.blank = is_black(next);
        report.cut = !first && (report.blank != watch->blank ||
                                is_cut(watch, &watch->blocks[watch->current], next));
        watch->current = !watch->current;
        watch->last = *thumbnail;
    } else {
        report.blank = watch->blank;
    }
    count(watch, &report);
    const bool still = watch->repeats >= REPEATS && watch->now - watch->since >= LASTS;
    report.no_signal =
        report.blank && watch->blanks >= REPEATS && watch->now - watch->blank_since >= LASTS;
    if (still && !report.blank && is_card(thumbnail, cells)) {
        report.blank = report.no_signal = true;
    }
    report.frozen = still && !report.blank;
    return report;
}
