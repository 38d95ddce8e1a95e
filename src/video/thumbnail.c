/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Takes thumbnails: gathers one pixel of each cell, in any format. */
#include "video/thumbnail.h"

#include <math.h>

/* Most cells in a row; frames of 4096 x 32 pixels have so many. */
enum { MAX_ROW = 2048 };

/** The place of a component's samples in their rows. */
typedef struct {
    unsigned plane, v_sub;
    bool split;              /**< v210: the code's upper 8 bits lie in two bytes, */
    guint16 offset[MAX_ROW]; /**< of which this is the lower, */
    guint8 shift[MAX_ROW];   /**< from this bit on. */
} Column;

/* The pixel at the centre of the i-th of n cells. */
static int middle(int i, int n, int size)
{
    return (int)((2 * (gint64)i + 1) * size / (2 * n));
}

static void find_columns(Column *column, const LmFrame *frame, int component, int n)
{
    const LmFormatInfo *format = lm_format_info(frame->info.format);
    const LmComponent *c = &format->component[component];
    const bool chroma = format->yuv && component > 0;
    const unsigned h_sub = chroma ? format->h_sub : 0;
    column->plane = c->plane;
    column->v_sub = chroma ? format->v_sub : 0;
    column->split = frame->info.format == LM_FORMAT_V210;
    for (int i = 0; i < n; i++) {
        const unsigned x = middle(i, n, frame->info.width);
        if (column->split) {
            /* The index of the row's code: U Y V Y, three to a word. */
            unsigned code = chroma ? x / 2 * 4 + (component == 2 ? 2 : 0) : x * 2 + 1;
            column->offset[i] = (guint16)(code / 3 * 4 + code % 3);
            column->shift[i] = (guint8)(2 + code % 3 * 2);
        } else {
            /* The second byte of little-endian words. */
            column->offset[i] = (guint16)(c->offset + (x >> h_sub) * c->step + (format->bits > 8));
        }
    }
}

static void gather(const Column *column, const LmFrame *frame, int y, guint8 *restrict codes, int n)
{
    const guint8 *row =
        frame->data[column->plane] + (gsize)(y >> column->v_sub) * frame->stride[column->plane];
    if (column->split) {
        for (int i = 0; i < n; i++) {
            const guint8 *at = row + column->offset[i];
            codes[i] = (guint8)((at[0] | at[1] << 8) >> column->shift[i]);
        }
    } else {
        for (int i = 0; i < n; i++)
            codes[i] = row[column->offset[i]];
    }
}

/* Maps the upper 8 bits of a code to luma, and to the share of `color` of Cb or Cr. */
static void fill_tables(const LmFrameInfo *info, guint8 luma[256], guint8 color[256])
{
    for (int code = 0; code < 256; code++) {
        double y = info->full_range ? code : (code - 16) * 255.0 / 219;
        double c = abs(code - 128) * (info->full_range ? 1 : 255.0 / 224);
        luma[code] = (guint8)(CLAMP(y, 0, 255) + 0.5);
        color[code] = (guint8)(MIN(c, 127.5) + 0.5);
    }
}

static void convert_yuv(const guint8 *restrict codes[3], guint8 tables[2][256],
                        guint8 *restrict luma, guint8 *restrict color, int n)
{
    for (int i = 0; i < n; i++)
        luma[i] = tables[0][codes[0][i]];
    for (int i = 0; i < n; i++) {
        int sum = tables[1][codes[1][i]] + tables[1][codes[2][i]];
        color[i] = (guint8)MIN(sum, 255);
    }
}

static void convert_rgb(const guint8 *restrict codes[3], const guint8 levels[256],
                        guint8 *restrict luma, guint8 *restrict color, int n)
{
    for (int i = 0; i < n; i++) {
        int r = levels[codes[0][i]], g = levels[codes[1][i]], b = levels[codes[2][i]];
        int y = 19595 * r + 38470 * g + 7471 * b; /* BT.601 in 1/65536, as are Cb and Cr: */
        int cb = (b << 16) - y, cr = (r << 16) - y;
        int sum = (int)(abs(cb) * (1 / 1.772f) + abs(cr) * (1 / 1.402f));
        luma[i] = (guint8)((y + 32768) >> 16);
        color[i] = (guint8)MIN((sum + 32768) >> 16, 255);
    }
}

void lm_thumbnail_take(LmThumbnail *thumbnail, const LmFrame *frame)
{
    const LmFrameInfo *info = &frame->info;
    const bool yuv = lm_format_info(info->format)->yuv;
    const double cell = fmax(1, sqrt((double)info->width * info->height / LM_THUMBNAIL_CELLS));
    const int width = (int)(info->width / cell), height = (int)(info->height / cell);
    g_assert(width <= MAX_ROW && width * height <= LM_THUMBNAIL_CELLS);
    thumbnail->grid = (LmGrid){info->width, info->height, width, height};

    Column columns[3];
    guint8 gathered[3][MAX_ROW], tables[2][256];
    const guint8 *codes[3] = {gathered[0], gathered[1], gathered[2]};
    for (int c = 0; c < 3; c++)
        find_columns(&columns[c], frame, c, width);
    fill_tables(info, tables[0], tables[1]);
    for (int row = 0; row < height; row++) {
        const int y = middle(row, height, info->height);
        guint8 *luma = thumbnail->luma + (gsize)row * width;
        guint8 *color = thumbnail->color + (gsize)row * width;
        for (int c = 0; c < 3; c++)
            gather(&columns[c], frame, y, gathered[c], width);
        if (yuv)
            convert_yuv(codes, tables, luma, color, width);
        else
            convert_rgb(codes, tables[0], luma, color, width);
    }
}

/* How many of n cells have their centre before the pixel. */
static int cells_before(int pixel, int n, int size)
{
    /* middle(i) < pixel  <=>  (2 i + 1) size < 2 n pixel */
    gint64 limit = (2 * (gint64)n * pixel + size - 1) / size; /* 2 i + 1 < limit */
    return (int)CLAMP(limit / 2, 0, n);
}

bool lm_grid_equal(const LmGrid *a, const LmGrid *b)
{
    return a->frame_width == b->frame_width && a->frame_height == b->frame_height;
}

LmRect lm_grid_cells(const LmGrid *grid, LmRect pixels)
{
    const LmRect frame = {0, 0, grid->frame_width, grid->frame_height};
    if (grid->width == 0)
        return (LmRect){0};
    const LmRect in = lm_rect_clip(pixels, frame);
    const int left = cells_before(in.x, grid->width, frame.width);
    const int top = cells_before(in.y, grid->height, frame.height);
    return (LmRect){
        left,
        top,
        cells_before(in.x + in.width, grid->width, frame.width) - left,
        cells_before(in.y + in.height, grid->height, frame.height) - top,
    };
}

static int border(int cell, int n, int size)
{
    return (int)(((gint64)cell * size + n / 2) / n);
}

LmRect lm_grid_pixels(const LmGrid *grid, LmRect cells)
{
    const int w = grid->width, h = grid->height;
    const int left = border(cells.x, w, grid->frame_width);
    const int top = border(cells.y, h, grid->frame_height);
    return (LmRect){
        left,
        top,
        border(cells.x + cells.width, w, grid->frame_width) - left,
        border(cells.y + cells.height, h, grid->frame_height) - top,
    };
}

guint64 lm_frame_step(guint64 last, guint64 time)
{
    const guint64 second = G_GUINT64_CONSTANT(1000000000);
    if (time == LM_NO_TIME || last == LM_NO_TIME || time <= last)
        return second / 30;
    return MIN(time - last, second);
}
