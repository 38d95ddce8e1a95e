/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The format table against GStreamer's layouts, the matrices against the standards' numbers, checks
 * and clipping. */
#include "suite.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "video/frame.h"
#include "util/error.h"

/* Of 321x243 pixels: GStreamer's default strides, which rows must not exceed, and each plane's
 * rows. */
static const struct {
    const char *name;
    LmFormat format;
    unsigned n_planes, bits;
    gsize row_bytes[3], strides[3];
    int rows[3];
} layouts[] = {
    {"NV12", LM_FORMAT_NV12, 2, 8, {321, 322}, {324, 324}, {243, 122}},
    {"I420", LM_FORMAT_I420, 3, 8, {321, 161, 161}, {324, 164, 164}, {243, 122, 122}},
    {"YV12", LM_FORMAT_YV12, 3, 8, {321, 161, 161}, {324, 164, 164}, {243, 122, 122}},
    {"YUY2", LM_FORMAT_YUY2, 1, 8, {644}, {644}, {243}},
    {"UYVY", LM_FORMAT_UYVY, 1, 8, {644}, {644}, {243}},
    {"Y42B", LM_FORMAT_Y42B, 3, 8, {321, 161, 161}, {324, 164, 164}, {243, 243, 243}},
    {"v210", LM_FORMAT_V210, 1, 10, {864}, {896}, {243}},
    {"P010_10LE", LM_FORMAT_P010_10LE, 2, 10, {642, 644}, {644, 644}, {243, 122}},
    {"RGBA", LM_FORMAT_RGBA, 1, 8, {1284}, {1284}, {243}},
    {"BGRA", LM_FORMAT_BGRA, 1, 8, {1284}, {1284}, {243}},
    {"ARGB", LM_FORMAT_ARGB, 1, 8, {1284}, {1284}, {243}},
    {"ABGR", LM_FORMAT_ABGR, 1, 8, {1284}, {1284}, {243}},
    {"RGBx", LM_FORMAT_RGBX, 1, 8, {1284}, {1284}, {243}},
    {"BGRx", LM_FORMAT_BGRX, 1, 8, {1284}, {1284}, {243}},
    {"xRGB", LM_FORMAT_XRGB, 1, 8, {1284}, {1284}, {243}},
    {"xBGR", LM_FORMAT_XBGR, 1, 8, {1284}, {1284}, {243}},
    {"RGB", LM_FORMAT_RGB, 1, 8, {963}, {964}, {243}},
    {"BGR", LM_FORMAT_BGR, 1, 8, {963}, {964}, {243}},
};

START_TEST(layout)
{
    int format = lm_format_from_name(layouts[_i].name);
    ck_assert_int_eq(format, layouts[_i].format);
    const LmFormatInfo *info = lm_format_info(format);
    ck_assert_str_eq(info->name, layouts[_i].name);
    ck_assert_uint_eq(info->n_planes, layouts[_i].n_planes);
    ck_assert_uint_eq(info->bits, layouts[_i].bits);
    ck_assert(info->yuv == (format < LM_FORMAT_RGBA));
    LmFrameInfo frame = {.format = format, .width = 321, .height = 243};
    for (unsigned i = 0; i < info->n_planes; i++) {
        ck_assert_uint_eq(lm_frame_row_bytes(&frame, i), layouts[_i].row_bytes[i]);
        ck_assert_uint_le(lm_frame_row_bytes(&frame, i), layouts[_i].strides[i]);
        ck_assert_int_eq(lm_frame_rows(&frame, i), layouts[_i].rows[i]);
    }
    /* Even sizes need no rounding. */
    frame.width = 1920;
    frame.height = 1080;
    for (unsigned i = 0; i < info->n_planes; i++)
        ck_assert_uint_eq(lm_frame_row_bytes(&frame, i) * info->unit_pixels[i],
                          1920 * info->unit_bytes[i]);
}
END_TEST

START_TEST(every_format_has_a_layout)
{
    const char *name = lm_format_info((LmFormat)_i)->name;
    ck_assert_int_eq(lm_format_from_name(name), _i);
    for (gsize i = 0; i < G_N_ELEMENTS(layouts); i++)
        if (layouts[i].format == (LmFormat)_i)
            return;
    ck_abort_msg("%s has no row in layouts[]", name);
}
END_TEST

START_TEST(names)
{
    ck_assert_int_eq(lm_format_from_name("GRAY8"), -1);
    ck_assert_int_eq(lm_format_from_name("nv12"), -1);
    ck_assert_int_eq(lm_format_from_name(""), -1);
}
END_TEST

static void to_rgb(const LmFrameInfo *info, double a, double b, double c, double rgb[3])
{
    double m[3][4];
    lm_frame_to_rgb(info, m);
    for (int i = 0; i < 3; i++)
        rgb[i] = m[i][0] * a + m[i][1] * b + m[i][2] * c + m[i][3];
}

static void check_rgb(const double rgb[3], double r, double g, double b, double tolerance)
{
    ck_assert_double_eq_tol(rgb[0], r, tolerance);
    ck_assert_double_eq_tol(rgb[1], g, tolerance);
    ck_assert_double_eq_tol(rgb[2], b, tolerance);
}

START_TEST(matrix)
{
    double rgb[3];
    LmFrameInfo info = {LM_FORMAT_NV12, 64, 64, 0.2126, 0.0722, false};
    to_rgb(&info, 16, 128, 128, rgb);
    check_rgb(rgb, 0, 0, 0, 1e-12);
    to_rgb(&info, 235, 128, 128, rgb);
    check_rgb(rgb, 1, 1, 1, 1e-12);
    /* The bars of BT.709, limited: their codes are rounded, hence the tolerance. */
    to_rgb(&info, 63, 102, 240, rgb);
    check_rgb(rgb, 1, 0, 0, 0.0065);
    to_rgb(&info, 173, 42, 26, rgb);
    check_rgb(rgb, 0, 1, 0, 0.0065);
    to_rgb(&info, 32, 240, 118, rgb);
    check_rgb(rgb, 0, 0, 1, 0.0065);
    /* JPEG's red: BT.601, full. */
    info = (LmFrameInfo){LM_FORMAT_I420, 64, 64, 0.299, 0.114, true};
    to_rgb(&info, 76, 85, 255, rgb);
    check_rgb(rgb, 1, 0, 0, 0.0065);
    /* Ten bits: BT.2020's white and black, and its red. */
    info = (LmFrameInfo){LM_FORMAT_P010_10LE, 64, 64, 0.2627, 0.0593, false};
    to_rgb(&info, 940, 512, 512, rgb);
    check_rgb(rgb, 1, 1, 1, 1e-12);
    to_rgb(&info, 64, 512, 512, rgb);
    check_rgb(rgb, 0, 0, 0, 1e-12);
    to_rgb(&info, 294, 387, 960, rgb);
    check_rgb(rgb, 1, 0, 0, 0.002);
    info.full_range = true;
    to_rgb(&info, 1023, 512, 512, rgb);
    check_rgb(rgb, 1, 1, 1, 1e-12);
    info = (LmFrameInfo){LM_FORMAT_BGRA, 64, 64, 0, 0, true};
    to_rgb(&info, 255, 51, 0, rgb);
    check_rgb(rgb, 1, 0.2, 0, 1e-12);
    info.full_range = false;
    to_rgb(&info, 235, 16, 16, rgb);
    check_rgb(rgb, 1, 0, 0, 1e-12);
}
END_TEST

static bool passes(int format, int width, int height, double kr, double kb)
{
    GError *error = NULL;
    LmFrameInfo info = {(LmFormat)format, width, height, kr, kb, false};
    bool ok = lm_frame_info_check(&info, &error);
    ck_assert(ok == (error == NULL));
    if (error)
        ck_assert(g_error_matches(error, LM_ERROR, LM_ERROR_ARGUMENT));
    g_clear_error(&error);
    return ok;
}

START_TEST(checks)
{
    ck_assert(passes(LM_FORMAT_NV12, 32, 4096, 0.2126, 0.0722));
    ck_assert(!passes(LM_FORMAT_NV12, 31, 64, 0.2126, 0.0722));
    ck_assert(!passes(LM_FORMAT_NV12, 64, 4097, 0.2126, 0.0722));
    ck_assert(!passes(LM_FORMAT_NV12, -64, 64, 0.2126, 0.0722));
    ck_assert(!passes(LM_FORMAT_NV12, 64, 64, 0, 0));
    ck_assert(!passes(LM_FORMAT_NV12, 64, 64, 0.6, 0.4));
    ck_assert(!passes(LM_FORMAT_NV12, 64, 64, NAN, 0.1));
    ck_assert(!passes(LM_FORMAT_NV12, 64, 64, 0.2, INFINITY));
    ck_assert(passes(LM_FORMAT_RGB, 64, 64, 0, 0));
    ck_assert(!passes(LM_N_FORMATS, 64, 64, 0.2126, 0.0722));
    ck_assert(!passes(-1, 64, 64, 0.2126, 0.0722));
}
END_TEST

static void check_clip(LmRect a, LmRect b, LmRect expected)
{
    LmRect found = lm_rect_clip(a, b);
    ck_assert_int_eq(found.width, expected.width);
    ck_assert_int_eq(found.height, expected.height);
    if (expected.width > 0) {
        ck_assert_int_eq(found.x, expected.x);
        ck_assert_int_eq(found.y, expected.y);
    }
}

START_TEST(clip)
{
    LmRect frame = {0, 0, 100, 50}, nothing = {0};
    check_clip(frame, frame, frame);
    check_clip((LmRect){-5, -5, 10, 10}, frame, (LmRect){0, 0, 5, 5});
    check_clip((LmRect){90, 40, 20, 20}, frame, (LmRect){90, 40, 10, 10});
    check_clip((LmRect){10, 20, 30, 5}, frame, (LmRect){10, 20, 30, 5});
    check_clip((LmRect){100, 0, 10, 10}, frame, nothing);
    check_clip((LmRect){-10, 0, 10, 10}, frame, nothing);
    check_clip((LmRect){0, 60, 10, 10}, frame, nothing);
    check_clip((LmRect){5, 5, 0, 10}, frame, nothing);
    check_clip((LmRect){5, 5, -3, 10}, frame, nothing);
    check_clip((LmRect){G_MAXINT - 1, 0, G_MAXINT, 10}, frame, nothing);
    check_clip((LmRect){1, 1, G_MAXINT, G_MAXINT}, frame, (LmRect){1, 1, 99, 49});
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("frame");
    TCase *tests = tcase_create("frame");
    tcase_add_loop_test(tests, layout, 0, G_N_ELEMENTS(layouts));
    tcase_add_loop_test(tests, every_format_has_a_layout, 0, LM_N_FORMATS);
    tcase_add_test(tests, names);
    tcase_add_test(tests, matrix);
    tcase_add_test(tests, checks);
    tcase_add_test(tests, clip);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite, CK_FORK_GETENV) ? EXIT_FAILURE : EXIT_SUCCESS;
}
