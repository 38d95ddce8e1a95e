/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The contour: its width, its shape around a disc, and its course along the frame's border. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "frames.h"
#include "overlay/overlay.h"
#include "suite.h"

/* Draws white lines of `line` pixels on black. Returns shares of full white: a map of width x
 * height. */
static double *lines(const LmMask *mask, int width, int height, double line)
{
    LmFrame frame;
    LmFindings findings;
    LmScratch scratch = {0};
    LmFrameInfo info = {
        .format = LM_FORMAT_RGB, .width = width, .height = height, .full_range = true};
    test_frame_init(&frame, &info, 1);
    for (int y = 0; y < height; y++)
        memset(frame.data[0] + y * frame.stride[0], 0, 3 * width);
    lm_findings_init(&findings, mask, &(LmFindingsParams){0.5, 0});
    LmOverlayParams params = {.flags = LM_OVERLAY_CONTOUR,
                              .color = 0xffffff,
                              .opacity = 1,
                              .contour_width = line,
                              .threshold = 0.5};
    lm_overlay_draw(&frame, mask, &findings, &params, &scratch);
    double *map = g_new(double, width *height);
    for (int i = 0; i < width * height; i++)
        map[i] = frame.data[0][i / width * frame.stride[0] + i % width * 3] / 255.0;
    lm_scratch_finish(&scratch);
    lm_findings_finish(&findings);
    test_frame_finish(&frame);
    return map;
}

/* Across the edge of a half plane, the line's coverage adds up to its width, with nothing
 * deeper. */
START_TEST(line_width)
{
    const double wanted[] = {1, 1.5, 2, 3, 6.5, 20}, line = wanted[_i];
    LmMask *mask = lm_mask_new(40, 30, 2, (LmRect){0, 0, 280, 210});
    for (int upright = 0; upright < 2; upright++) {
        for (int i = 0; i < 40 * 30; i++) {
            int depth = upright ? i % 40 - 20 : i / 40 - 15;
            mask->data[i] = depth < 0 ? 0 : depth == 0 ? 90 : 255;
        }
        double *map = lines(mask, 280, 210, line);
        int n = upright ? 280 : 210;
        for (int along = 60; along < 150; along++) {
            double sum = 0;
            for (int i = 0; i < n / 2 + 60; i++)
                sum += upright ? map[along * 280 + i] : map[i * 280 + along];
            ck_assert_msg(fabs(sum - line) < 0.05, "%g instead of %g pixels", sum, line);
        }
        g_free(map);
    }
    lm_mask_unref(&mask);
}
END_TEST

/* Around a disc, enlarged sevenfold: full at the line's middle all around, nothing outside, nothing
 * deeper than the line, and the area of the ring. */
START_TEST(line_around_disc)
{
    const double line = 2 + _i, scale = 7, radius = 12.3;
    LmMask *mask = lm_mask_new(40, 40, 2, (LmRect){0, 0, 280, 280});
    for (int i = 0; i < 40 * 40; i++) {
        double distance = radius - hypot(i % 40 - 19.7, i / 40 - 19.2);
        mask->data[i] = (guint8)(255 * CLAMP(0.5 + distance / 4, 0, 1));
    }
    double *map = lines(mask, 280, 280, line), sum = 0;
    /* The disc's centre and radius in the frame. */
    const double cx = (19.7 + 0.5) * scale, cy = (19.2 + 0.5) * scale, r = radius * scale;
    for (int i = 0; i < 280 * 280; i++) {
        double depth = r - hypot(i % 280 + 0.5 - cx, i / 280 + 0.5 - cy);
        sum += map[i];
        if (depth < -0.6 || depth > line + 1.6)
            require(map[i] == 0, "%g at depth %g", map[i], depth);
        if (depth > 1.6 && depth < line - 0.6)
            require(map[i] == 1, "%g at depth %g", map[i], depth);
    }
    double middle = r - 0.5 - line / 2, area = 2 * G_PI * middle * line;
    ck_assert_msg(fabs(sum - area) < 0.03 * area, "%g instead of %g pixels", sum, area);
    g_free(map);
    lm_mask_unref(&mask);
}
END_TEST

/* The contour of a mark that fills the frame runs along the frame's edge without gaps. */
START_TEST(line_around_frame)
{
    LmMask *mask = lm_mask_new(40, 30, 2, (LmRect){0, 0, 100, 80});
    memset(mask->data, 255, 40 * 30);
    double *map = lines(mask, 100, 80, 3);
    for (int i = 0; i < 100 * 80; i++) {
        int x = i % 100, y = i / 100, depth = MIN(MIN(x, 99 - x), MIN(y, 79 - y));
        bool corner = (x == 0 || x == 99) && (y == 0 || y == 79); /* Corners are slightly
                                                                     rounded. */
        require(corner ? map[i] > 0.5 : map[i] == (depth < 3), "a gap or a smear at %d, %d", x, y);
    }
    g_free(map);
    lm_mask_unref(&mask);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("contour");
    TCase *tests = tcase_create("contour");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, line_width, 0, 6);
    tcase_add_loop_test(tests, line_around_disc, 0, 5);
    tcase_add_test(tests, line_around_frame);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite, CK_FORK_GETENV) ? EXIT_FAILURE : EXIT_SUCCESS;
}
