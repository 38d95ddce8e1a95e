/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The elements' effect on frames: only marks change, in every format; masks; metadata; regions. */
#include "support.h"

#include "overlay/overlay.h"
#include "mask/resample.h"

#include <string.h>

#include "gstlmframe.h"

#define EVERY_FRAME "lmnet " TINY "mode=every-frame in-flight=1 min-area=0 "

static const char *const formats[] = {"NV12", "I420",      "YV12", "YUY2", "UYVY", "Y42B",
                                      "v210", "P010_10LE", "RGBA", "BGRA", "ARGB", "ABGR",
                                      "RGBx", "BGRx",      "xRGB", "xBGR", "RGB",  "BGR"};
/* Odd sizes, whose rows are not a whole number of a packed format's groups. */
#define WIDTH 131
#define HEIGHT 75

/* Strides with no more alignment than the format requires. */
static int padding_of(const char *format)
{
    return g_str_equal(format, "v210") ? 16 : g_str_equal(format, "P010_10LE") ? 6 : 13;
}

/* --- Outside the marks ----------------------------------------------------------------------- */

/* Finds the marked pixels of the frame by its metadata. */
static guint8 *marked_pixels(GstBuffer *buffer, const GstVideoInfo *info)
{
    guint8 *classes = g_malloc(WIDTH * HEIGHT);
    GstLmMarks marks = {0};
    ck_assert(gst_lm_meta_read(buffer, info, -1, &marks));
    lm_resample_classes(marks.mask, marks.findings.kept, marks.params.threshold,
                        (LmRect){0, 0, WIDTH, HEIGHT}, classes, WIDTH, NULL);
    gst_lm_marks_clear(&marks);
    return classes;
}

static bool any_marked(const guint8 *classes, int x0, int x1, int y0, int y1)
{
    for (int y = y0; y < MIN(y1, HEIGHT); y++)
        for (int x = x0; x < MIN(x1, WIDTH); x++)
            if (classes[y * WIDTH + x])
                return true;
    return false;
}

/* Finds the bytes of the buffer that may change: those of a group of pixels with a marked one. */
static guint8 *may_change(const GstVideoFrame *frame, gsize size, const guint8 *classes)
{
    const LmFormatInfo *format =
        lm_format_info((LmFormat)lm_format_from_name(GST_VIDEO_INFO_NAME(&frame->info)));
    guint8 *may = g_malloc0(size);
    for (unsigned plane = 0; plane < format->n_planes; plane++) {
        int sub_y = 1 << format->plane_v_sub[plane];
        int group = (int)format->unit_pixels[plane];
        for (int row = 0; row * sub_y < HEIGHT; row++) {
            for (int unit = 0; unit * group < WIDTH; unit++) {
                gsize at = GST_VIDEO_FRAME_PLANE_OFFSET(frame, plane) +
                           (gsize)row * (gsize)GST_VIDEO_FRAME_PLANE_STRIDE(frame, plane) +
                           (gsize)unit * format->unit_bytes[plane];
                if (any_marked(classes, unit * group, (unit + 1) * group, row * sub_y,
                               (row + 1) * sub_y))
                    memset(may + at, 1, format->unit_bytes[plane]);
            }
        }
    }
    return may;
}

/* Removes the bytes in a group with marks that still must not change: alpha, and the packed luma of
 * an unmarked pixel. */
static void keep_alpha_and_luma(const GstVideoFrame *frame, guint8 *may, const guint8 *classes)
{
    const char *name = GST_VIDEO_INFO_NAME(&frame->info);
    gsize stride = (gsize)GST_VIDEO_FRAME_PLANE_STRIDE(frame, 0);
    for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < WIDTH; x++) {
            guint8 *row = may + (gsize)y * stride;
            if (GST_VIDEO_INFO_HAS_ALPHA(&frame->info) || strchr(name, 'x'))
                row[4 * x + (strchr("Ax", name[0]) ? 0 : 3)] = 0;
            if (g_str_equal(name, "YUY2") && !classes[y * WIDTH + x])
                row[2 * x] = 0;
            if (g_str_equal(name, "UYVY") && !classes[y * WIDTH + x])
                row[2 * x + 1] = 0;
        }
    }
}

static void check_format(GstHarness *harness, const char *format, int index)
{
    GstVideoInfo info;
    test_video_info(&info, format, WIDTH, HEIGHT);
    GstBuffer *in = test_frame(&info, index, padding_of(format));
    GBytes *before_bytes = test_bytes(in);
    GstBuffer *out = test_run(harness, &info, in);
    GBytes *after_bytes = test_bytes(out);
    gsize size;
    const guint8 *before = g_bytes_get_data(before_bytes, &size);
    const guint8 *after = g_bytes_get_data(after_bytes, NULL);
    ck_assert_uint_eq(g_bytes_get_size(after_bytes), size);

    guint8 *classes = marked_pixels(out, &info);
    GstVideoFrame frame;
    ck_assert(gst_video_frame_map(&frame, &info, out, GST_MAP_READ));
    guint8 *may = may_change(&frame, size, classes);
    keep_alpha_and_luma(&frame, may, classes);
    gst_video_frame_unmap(&frame);

    gsize changed = 0, fixed = 0;
    for (gsize i = 0; i < size; i++) {
        changed += before[i] != after[i];
        fixed += !may[i];
        if (!may[i] && before[i] != after[i])
            ck_abort_msg("%s: byte %zu", format, i);
    }
    /* The frame must have both kinds of pixels, else this would test nothing. */
    ck_assert_uint_gt(changed, size / 50);
    ck_assert_uint_gt(fixed, size / 10);

    g_free(may);
    g_free(classes);
    g_bytes_unref(before_bytes);
    g_bytes_unref(after_bytes);
    gst_buffer_unref(out);
}

START_TEST(outside_the_marks_nothing_changes)
{
    GstHarness *harness = test_harness(EVERY_FRAME "opacity=1", NULL);
    for (guint i = 0; i < G_N_ELEMENTS(formats); i++)
        check_format(harness, formats[i], (int)i);
    gst_harness_teardown(harness);
}
END_TEST

START_TEST(overlay_equals_lmnet)
{
    GstHarness *lmnet = test_harness(EVERY_FRAME, NULL);
    GstHarness *overlay = test_harness(EVERY_FRAME "overlay=0 ! lmnetoverlay", NULL);
    for (guint i = 0; i < G_N_ELEMENTS(formats); i++) {
        GstVideoInfo info;
        test_video_info(&info, formats[i], WIDTH, HEIGHT);
        int padding = padding_of(formats[i]);
        GstBuffer *frames[] = {test_run(lmnet, &info, test_frame(&info, (int)i, padding)),
                               test_run(overlay, &info, test_frame(&info, (int)i, padding)),
                               test_frame(&info, (int)i, padding)};
        GBytes *bytes[3];
        for (int k = 0; k < 3; k++)
            bytes[k] = test_bytes(frames[k]);
        ck_assert_msg(g_bytes_equal(bytes[0], bytes[1]), "%s", formats[i]);
        ck_assert_msg(!g_bytes_equal(bytes[0], bytes[2]), "%s", formats[i]);
        for (int k = 0; k < 3; k++) {
            g_bytes_unref(bytes[k]);
            gst_buffer_unref(frames[k]);
        }
    }
    gst_harness_teardown(lmnet);
    gst_harness_teardown(overlay);
}
END_TEST

START_TEST(overlay_0_changes_nothing)
{
    GstVideoInfo info;
    test_video_info(&info, "UYVY", WIDTH, HEIGHT);
    GstBuffer *in = test_frame(&info, 0, 0);
    GstMemory *memory = gst_buffer_peek_memory(in, 0);
    GBytes *before = test_bytes(in);
    GstBuffer *out = test_run_once(EVERY_FRAME "overlay=0", &info, gst_buffer_ref(in));
    GBytes *after = test_bytes(out);
    ck_assert(g_bytes_equal(before, after));
    ck_assert_int_gt(test_n_findings(out), 0);
    /* It is not even copied, though the buffer is shared. */
    ck_assert(gst_buffer_peek_memory(out, 0) == memory);
    ck_assert_int_eq(test_n_findings(in), -1);
    g_bytes_unref(before);
    g_bytes_unref(after);
    gst_buffer_unref(in);
    gst_buffer_unref(out);
}
END_TEST

/* A shared buffer, and one with read-only memory: the output is marked, the input stays unchanged.
 */
START_TEST(read_only_frames)
{
    GstVideoInfo info;
    test_video_info(&info, "RGB", TINY_WIDTH, TINY_HEIGHT);
    GstBuffer *marked = test_run_once(EVERY_FRAME, &info, test_golden_frame(5));
    GBytes *expected = test_bytes(marked);
    gst_buffer_unref(marked);

    for (int shared = 0; shared < 2; shared++) {
        gsize size = 3 * TINY_WIDTH * TINY_HEIGHT;
        guint8 *picture = test_golden_picture(), *copy = test_golden_picture();
        GstBuffer *in = gst_buffer_new_wrapped_full(shared ? 0 : GST_MEMORY_FLAG_READONLY, picture,
                                                    size, 0, size, NULL, NULL);
        GST_BUFFER_PTS(in) = 5 * FRAME_TIME;
        GST_BUFFER_DURATION(in) = FRAME_TIME;
        GST_BUFFER_OFFSET(in) = 5;
        gst_buffer_add_reference_timestamp_meta(in, gst_caps_new_empty_simple("test/x"), 7, 1);
        GstBuffer *keep = shared ? gst_buffer_ref(in) : NULL;
        GstBuffer *out = test_run_once(EVERY_FRAME, &info, in);

        GBytes *bytes = test_bytes(out);
        ck_assert(g_bytes_equal(bytes, expected));
        ck_assert_int_eq(memcmp(picture, copy, size), 0);
        ck_assert_uint_eq(GST_BUFFER_PTS(out), 5 * FRAME_TIME);
        ck_assert_uint_eq(GST_BUFFER_DURATION(out), FRAME_TIME);
        ck_assert_uint_eq(GST_BUFFER_OFFSET(out), 5);
        ck_assert_ptr_nonnull(gst_buffer_get_reference_timestamp_meta(out, NULL));
        g_bytes_unref(bytes);
        gst_buffer_unref(out);
        gst_clear_buffer(&keep);
        g_free(picture);
        g_free(copy);
    }
    g_bytes_unref(expected);
}
END_TEST

/* --- Masks ----------------------------------------------------------------------------------- */

static const guint8 *map_grey(GstBuffer *buffer, GstVideoFrame *frame, int width, int height)
{
    GstVideoInfo info;
    gst_video_info_set_format(&info, GST_VIDEO_FORMAT_GRAY8, (guint)width, (guint)height);
    ck_assert(gst_video_frame_map(frame, &info, buffer, GST_MAP_READ));
    return GST_VIDEO_FRAME_PLANE_DATA(frame, 0);
}

START_TEST(mask_is_the_reference)
{
    GstVideoInfo info;
    test_video_info(&info, "RGB", TINY_WIDTH, TINY_HEIGHT);
    static const char *const sizes[] = {"network", "frame"};
    guint8 *golden = test_golden_mask();
    for (unsigned i = 0; i < 2; i++) {
        char *launch = g_strdup_printf("lmnet " TINY "region=full ! lmnetmask size=%s", sizes[i]);
        GstHarness *harness = test_harness(launch, NULL);
        test_set_caps(harness, "RGB", TINY_WIDTH, TINY_HEIGHT);
        gst_harness_push(harness, test_golden_frame(0));
        gst_harness_push_event(harness, gst_event_new_eos());
        GstBuffer *out = gst_harness_pull(harness);
        GstVideoFrame frame;
        const guint8 *mask = map_grey(out, &frame, TINY_WIDTH, TINY_HEIGHT);
        for (int y = 0; y < TINY_HEIGHT; y++)
            for (int x = 0; x < TINY_WIDTH; x++)
                ck_assert_int_le(abs(mask[y * GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0) + x] -
                                     golden[y * TINY_WIDTH + x]),
                                 1);
        gst_video_frame_unmap(&frame);
        gst_buffer_unref(out);
        gst_harness_teardown(harness);
        g_free(launch);
    }
    g_free(golden);
}
END_TEST

START_TEST(mask_of_classes)
{
    GstVideoInfo info;
    test_video_info(&info, "RGB", TINY_WIDTH, TINY_HEIGHT);
    guint8 *golden = test_golden_mask();
    GstBuffer *out =
        test_run_once(EVERY_FRAME "! lmnetmask size=network content=class threshold=0.25", &info,
                      test_golden_frame(0));
    GstVideoFrame frame;
    const guint8 *mask = map_grey(out, &frame, TINY_WIDTH, TINY_HEIGHT);
    for (int y = 0; y < TINY_HEIGHT; y++) {
        for (int x = 0; x < TINY_WIDTH; x++) {
            int p = golden[y * TINY_WIDTH + x];
            int level = mask[y * GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0) + x];
            if (abs(p - 64) > 2)
                ck_assert_int_eq(level, p > 64 ? 255 : 0);
        }
    }
    gst_video_frame_unmap(&frame);
    gst_buffer_unref(out);

    /* Findings that were not kept are not shown. */
    out =
        test_run_once("lmnet " TINY "in-flight=1 min-area=1 ! lmnetmask size=network content=class",
                      &info, test_golden_frame(0));
    mask = map_grey(out, &frame, TINY_WIDTH, TINY_HEIGHT);
    for (int y = 0; y < TINY_HEIGHT; y++)
        for (int x = 0; x < TINY_WIDTH; x++)
            ck_assert_int_eq(mask[y * GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0) + x], 0);
    gst_video_frame_unmap(&frame);
    gst_buffer_unref(out);
    g_free(golden);
}
END_TEST

START_TEST(mask_of_nothing_is_black)
{
    GstVideoInfo info;
    test_video_info(&info, "NV12", WIDTH, HEIGHT);
    GstBuffer *out = test_run_once("lmnetmask", &info, test_frame(&info, 0, 0));
    GstVideoFrame frame;
    const guint8 *mask = map_grey(out, &frame, WIDTH, HEIGHT);
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            ck_assert_int_eq(mask[y * GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0) + x], 0);
    gst_video_frame_unmap(&frame);
    gst_buffer_unref(out);
}
END_TEST

START_TEST(mask_negotiates)
{
    GstHarness *harness = test_harness(EVERY_FRAME "! lmnetmask size=network", NULL);
    test_set_caps(harness, "UYVY", WIDTH, HEIGHT);
    GstVideoInfo info;
    test_video_info(&info, "UYVY", WIDTH, HEIGHT);
    gst_buffer_unref(gst_harness_push_and_pull(harness, test_frame(&info, 0, 0)));
    GstCaps *caps = gst_pad_get_current_caps(harness->sinkpad);
    ck_assert(gst_video_info_from_caps(&info, caps));
    ck_assert_str_eq(GST_VIDEO_INFO_NAME(&info), "GRAY8");
    ck_assert_int_eq(GST_VIDEO_INFO_WIDTH(&info), TINY_WIDTH);
    ck_assert_int_eq(GST_VIDEO_INFO_HEIGHT(&info), TINY_HEIGHT);
    ck_assert_int_eq(GST_VIDEO_INFO_FPS_N(&info), 30);
    gst_caps_unref(caps);

    GstEvent *event =
        gst_pad_get_sticky_event(harness->sinkpad, GST_EVENT_CUSTOM_DOWNSTREAM_STICKY, 0);
    int width, height;
    ck_assert(gst_lm_model_event_parse(event, &width, &height));
    ck_assert_int_eq(width, TINY_WIDTH);
    ck_assert_int_eq(height, TINY_HEIGHT);
    gst_event_unref(event);
    gst_harness_teardown(harness);
}
END_TEST

/* Sticky events come to a pad that is linked late in the order caps, segment, model. */
START_TEST(mask_linked_late)
{
    GstHarness *harness = test_harness("lmnetmask size=network", NULL);
    char background[] = "background", polyp[] = "polyp";
    char *names[] = {background, polyp, NULL};
    LmModelInfo model = {
        .input_width = 64, .input_height = 32, .class_names = names, .n_class_names = 2};
    GstVideoInfo info;
    test_video_info(&info, "RGB", TINY_WIDTH, TINY_HEIGHT);
    gst_harness_set_src_caps(harness, gst_video_info_to_caps(&info));
    ck_assert_ptr_null(gst_pad_get_current_caps(harness->sinkpad));
    ck_assert(gst_harness_push_event(harness, gst_lm_model_event_new(&model, 2)));
    GstCaps *caps = gst_pad_get_current_caps(harness->sinkpad);
    ck_assert(gst_video_info_from_caps(&info, caps));
    ck_assert_int_eq(GST_VIDEO_INFO_WIDTH(&info), 64);
    ck_assert_int_eq(GST_VIDEO_INFO_HEIGHT(&info), 32);
    gst_caps_unref(caps);
    ck_assert_int_eq(gst_harness_push(harness, test_golden_frame(0)), GST_FLOW_OK);
    gst_harness_teardown(harness);
}
END_TEST

START_TEST(mask_without_model)
{
    GstBus *bus;
    GstHarness *harness = test_harness("lmnetmask size=network", &bus);
    test_set_caps(harness, "RGB", TINY_WIDTH, TINY_HEIGHT);
    ck_assert_int_eq(gst_harness_push(harness, test_golden_frame(0)), GST_FLOW_NOT_NEGOTIATED);
    char *text = test_pop_text(bus, GST_MESSAGE_ERROR);
    ck_assert_ptr_nonnull(text);
    ck_assert_ptr_nonnull(strstr(text, "lmnet upstream"));
    g_free(text);
    gst_harness_teardown(harness);
    gst_object_unref(bus);
}
END_TEST

int main(int argc, char **argv)
{
    test_init(&argc, &argv);
    Suite *suite = suite_create("picture");
    TCase *tcase = tcase_create("picture");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, outside_the_marks_nothing_changes);
    tcase_add_test(tcase, overlay_equals_lmnet);
    tcase_add_test(tcase, overlay_0_changes_nothing);
    tcase_add_test(tcase, read_only_frames);
    tcase_add_test(tcase, mask_is_the_reference);
    tcase_add_test(tcase, mask_of_classes);
    tcase_add_test(tcase, mask_of_nothing_is_black);
    tcase_add_test(tcase, mask_negotiates);
    tcase_add_test(tcase, mask_linked_late);
    tcase_add_test(tcase, mask_without_model);
    suite_add_tcase(suite, tcase);
    return lm_test_run(suite);
}
