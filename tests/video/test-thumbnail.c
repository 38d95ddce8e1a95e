/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Thumbnails of noise in every format, against each cell's pixel in double precision. */
#include "video/thumbnail.h"

#include <math.h>
#include <stdlib.h>

#include "frames.h"
#include "suite.h"

static const struct {
    int width, height, cells_across, cells_down;
} sizes[] = {
    {1920, 1080, 240, 135}, {720, 576, 201, 160}, {321, 243, 206, 156},   {37, 61, 37, 61},
    {4096, 32, 2036, 15},   {32, 4096, 15, 2036}, {1024, 1024, 180, 180},
};

/* The header's promise, computed from the codes without src/video. */
static void expect(const LmFrame *frame, int x, int y, double *luma, double *color)
{
    const LmFrameInfo *info = &frame->info;
    unsigned codes[3];
    test_frame_codes(frame, x, y, codes);
    const bool rgb = info->format >= LM_FORMAT_RGBA;
    const bool ten = test_format_bits(info->format) == 10;
    double v[3];
    for (int i = 0; i < 3; i++) {
        double code = codes[i] / (ten ? 4.0 : 1.0);
        if (rgb || i == 0)
            v[i] = CLAMP(info->full_range ? code / 255 : (code - 16) / 219, 0, 1);
        else
            v[i] = CLAMP(info->full_range ? (code - 128) / 255 : (code - 128) / 224, -0.5, 0.5);
    }
    if (rgb) {
        double light = 0.299 * v[0] + 0.587 * v[1] + 0.114 * v[2];
        double cb = (v[2] - light) / 1.772, cr = (v[0] - light) / 1.402;
        v[0] = light;
        v[1] = cb;
        v[2] = cr;
    }
    *luma = 255 * v[0];
    *color = 255 * fmin(fabs(v[1]) + fabs(v[2]), 1);
}

static int middle(int cell, int cells, int size)
{
    return (int)floor((cell + 0.5) * size / cells);
}

static void check_size(LmFrameInfo info, int cells_across, int cells_down)
{
    const bool ten = test_format_bits(info.format) == 10;
    LmThumbnail *thumbnail = g_new(LmThumbnail, 1);
    LmFrame frame;
    test_frame_init(&frame, &info, 7);
    lm_thumbnail_take(thumbnail, &frame);
    ck_assert_int_eq(thumbnail->grid.width, cells_across);
    ck_assert_int_eq(thumbnail->grid.height, cells_down);
    for (int row = 0; row < thumbnail->grid.height; row++) {
        for (int column = 0; column < thumbnail->grid.width; column++) {
            double luma, color;
            expect(&frame, middle(column, cells_across, info.width),
                   middle(row, cells_down, info.height), &luma, &color);
            gsize i = (gsize)row * thumbnail->grid.width + column;
            ck_assert_double_le(fabs(thumbnail->luma[i] - luma), ten ? 1.5 : 1.01);
            ck_assert_double_le(fabs(thumbnail->color[i] - color), ten ? 3 : 1.51);
        }
    }
    test_frame_finish(&frame);
    g_free(thumbnail);
}

START_TEST(every_format)
{
    for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
        LmFrameInfo info = {.format = _i, .kr = 0.299, .kb = 0.114};
        info.width = sizes[i].width;
        info.height = sizes[i].height;
        info.full_range = i % 2;
        check_size(info, sizes[i].cells_across, sizes[i].cells_down);
    }
}
END_TEST

/* Cells of a rectangle are those whose pixels lie in it; they give the rectangle again, except for
 * half a cell. */
START_TEST(cells_and_pixels)
{
    const LmGrid none = {0}, grid = {1001, 563, 319, 179};
    ck_assert_int_eq(lm_grid_cells(&none, (LmRect){0, 0, 100, 100}).width, 0);
    for (int x = 0; x < 1001; x += 13) {
        for (int width = 5; x + width <= 1001; width += 29) {
            LmRect cells = lm_grid_cells(&grid, (LmRect){x, 0, width, 563});
            int first = 0, end;
            while (first < 319 && middle(first, 319, 1001) < x)
                first++;
            for (end = first; end < 319 && middle(end, 319, 1001) < x + width;)
                end++;
            ck_assert_int_eq(cells.x, first);
            ck_assert_int_eq(cells.width, end - first);
            ck_assert_int_eq(cells.height, 179);
            LmRect pixels = lm_grid_pixels(&grid, cells);
            ck_assert_int_le(abs(pixels.x - x), 2);
            ck_assert_int_le(abs(pixels.x + pixels.width - x - width), 2);
        }
    }
    LmRect all = lm_grid_cells(&grid, (LmRect){-5, -5, 2000, 2000});
    LmRect frame = lm_grid_pixels(&grid, all);
    ck_assert(frame.x == 0 && frame.y == 0 && frame.width == 1001 && frame.height == 563);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("thumbnail");
    TCase *tc = tcase_create("thumbnail");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, every_format, 0, LM_N_FORMATS);
    tcase_add_test(tc, cells_and_pixels);
    suite_add_tcase(suite, tc);
    return test_suite_run(suite, CK_FORK_GETENV) ? EXIT_FAILURE : EXIT_SUCCESS;
}
