/* SPDX-License-Identifier: LGPL-2.1-or-later
 * lmnet's metadata on frames, changes to it by other elements, and the analysed region. */
#include "support.h"

#include <string.h>

#define EVERY_FRAME "lmnet " TINY "mode=every-frame in-flight=1 min-area=0 "

#define WIDTH 131
#define HEIGHT 75

/* --- Metadata -------------------------------------------------------------------------------- */

START_TEST(metadata)
{
    GstVideoInfo info;
    test_video_info(&info, "RGB", TINY_WIDTH, TINY_HEIGHT);
    GstBuffer *out =
        test_run_once(EVERY_FRAME "threshold=0.4 min-area=0.01", &info, test_golden_frame(2));
    const GstStructure *meta =
        gst_custom_meta_get_structure(gst_buffer_get_custom_meta(out, GST_LM_MASK_META));
    int width, height, classes;
    double threshold;
    ck_assert(gst_structure_get(meta, "width", G_TYPE_INT, &width, "height", G_TYPE_INT, &height,
                                "classes", G_TYPE_INT, &classes, "threshold", G_TYPE_DOUBLE,
                                &threshold, NULL));
    ck_assert_int_eq(width, TINY_WIDTH);
    ck_assert_int_eq(height, TINY_HEIGHT);
    ck_assert_int_eq(classes, 2);
    ck_assert(threshold == 0.4);
    GstBuffer *mask = gst_value_get_buffer(gst_structure_get_value(meta, "mask"));
    ck_assert_uint_eq(gst_buffer_get_size(mask), TINY_WIDTH * TINY_HEIGHT);
    const GValue *region = gst_structure_get_value(meta, "region");
    static const double whole[4] = {0, 0, 1, 1};
    for (guint i = 0; i < 4; i++)
        ck_assert(g_value_get_double(gst_value_array_get_value(region, i)) == whole[i]);

    const GValue *findings = gst_structure_get_value(meta, "findings");
    guint n = gst_value_array_get_size(findings), found = 0;
    ck_assert_uint_gt(n, 0);
    gpointer state = NULL;
    GstMeta *item;
    while ((item = gst_buffer_iterate_meta_filtered(out, &state,
                                                    GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE))) {
        GstVideoRegionOfInterestMeta *roi = (GstVideoRegionOfInterestMeta *)item;
        ck_assert_str_eq(g_quark_to_string(roi->roi_type), "polyp");
        ck_assert_uint_le(roi->x + roi->w, TINY_WIDTH);
        ck_assert_uint_le(roi->y + roi->h, TINY_HEIGHT);
        GstStructure *detection = gst_video_region_of_interest_meta_get_param(roi, "detection");
        ck_assert_ptr_nonnull(detection);
        double confidence;
        guint id;
        ck_assert(gst_structure_get(detection, "confidence", G_TYPE_DOUBLE, &confidence, "id",
                                    G_TYPE_UINT, &id, NULL));
        ck_assert_str_eq(gst_structure_get_string(detection, "label"), "polyp");
        ck_assert(confidence > 0.4 && confidence <= 1);
        ck_assert_uint_ge(id, 1);
        ck_assert_uint_le(id, n);
        const GstStructure *finding =
            gst_value_get_structure(gst_value_array_get_value(findings, id - 1));
        double x;
        ck_assert(gst_structure_get_double(finding, "x", &x));
        ck_assert(x == roi->x / (double)TINY_WIDTH);
        found++;
    }
    ck_assert_uint_eq(found, n);
    gst_buffer_unref(out);
}
END_TEST

/* Copying and scaling keep it. All other transforms and partial copies drop it, and so does scaling
 * that changes the aspect ratio, since there may be borders then. */
START_TEST(metadata_transforms)
{
    GstVideoInfo info, other;
    test_video_info(&info, "RGB", TINY_WIDTH, TINY_HEIGHT);
    test_video_info(&other, "I420", 2 * TINY_WIDTH, 3 * TINY_HEIGHT);
    other.par_n = 3;
    other.par_d = 2;
    GstBuffer *out = test_run_once(EVERY_FRAME, &info, test_golden_frame(2));
    GstCustomMeta *meta = gst_buffer_get_custom_meta(out, GST_LM_MASK_META);
    const GstMetaInfo *meta_info = ((GstMeta *)meta)->info;
    ck_assert(gst_meta_api_type_has_tag(meta_info->api, g_quark_from_string("size")));
    ck_assert(gst_meta_api_type_has_tag(meta_info->api, g_quark_from_string("orientation")));
    ck_assert(gst_meta_api_type_has_tag(meta_info->api, g_quark_from_string("video")));

    GstBuffer *scaled = gst_buffer_new_allocate(NULL, GST_VIDEO_INFO_SIZE(&other), NULL);
    GstVideoMetaTransform scale = {&info, &other};
    ck_assert(meta_info->transform_func(scaled, (GstMeta *)meta, out,
                                        gst_video_meta_transform_scale_get_quark(), &scale));
    GstLmMarks marks = {0};
    ck_assert(gst_lm_meta_read(scaled, &other, -1, &marks));
    ck_assert_int_eq(marks.mask->region.width, 2 * TINY_WIDTH);
    ck_assert_int_eq(marks.mask->region.height, 3 * TINY_HEIGHT);
    ck_assert_uint_eq(marks.findings.n, (guint)test_n_findings(out));
    gst_lm_marks_clear(&marks);
    gst_buffer_unref(scaled);

    GstBuffer *bordered = gst_buffer_new_allocate(NULL, GST_VIDEO_INFO_SIZE(&other), NULL);
    other.par_n = other.par_d = 1;
    ck_assert(!meta_info->transform_func(bordered, (GstMeta *)meta, out,
                                         gst_video_meta_transform_scale_get_quark(), &scale));
    ck_assert_int_eq(test_n_findings(bordered), -1);
    gst_buffer_unref(bordered);

    GstBuffer *part = gst_buffer_copy_region(out, GST_BUFFER_COPY_ALL, 3, 30);
    ck_assert_int_eq(test_n_findings(part), -1);
    gst_buffer_unref(part);
    GstBuffer *copy = gst_buffer_copy(out);
    ck_assert_int_eq(test_n_findings(copy), test_n_findings(out));
    gst_buffer_unref(copy);
    GstBuffer *rotated = gst_buffer_new();
    ck_assert(!meta_info->transform_func(rotated, (GstMeta *)meta, out,
                                         g_quark_from_string("gst-video-rotate"), NULL));
    gst_buffer_unref(rotated);
    gst_buffer_unref(out);
}
END_TEST

/* Damaged metadata draws nothing and breaks nothing. */
START_TEST(damaged_metadata)
{
    static const char *const fields[] = {"mask",      "width",    "height", "classes",
                                         "threshold", "min-area", "region"};
    GstVideoInfo info;
    test_video_info(&info, "RGB", TINY_WIDTH, TINY_HEIGHT);
    GstBuffer *whole = test_run_once(EVERY_FRAME "overlay=0", &info, test_golden_frame(2));
    GstHarness *overlay = test_harness("lmnetoverlay", NULL);
    for (guint i = 0; i < 2 * G_N_ELEMENTS(fields); i++) {
        GstBuffer *buffer = gst_buffer_copy_deep(whole);
        GstStructure *meta =
            gst_custom_meta_get_structure(gst_buffer_get_custom_meta(buffer, GST_LM_MASK_META));
        if (i % 2)
            gst_structure_remove_field(meta, fields[i / 2]);
        else
            gst_structure_set(meta, fields[i / 2], G_TYPE_INT, 1 << 30, NULL);
        GBytes *before = test_bytes(buffer);
        GstBuffer *out = test_run(overlay, &info, buffer);
        GBytes *after = test_bytes(out);
        ck_assert(g_bytes_equal(before, after));
        g_bytes_unref(before);
        g_bytes_unref(after);
        gst_buffer_unref(out);
    }
    GstBuffer *loud = gst_buffer_copy_deep(whole);
    gst_structure_set(
        gst_custom_meta_get_structure(gst_buffer_get_custom_meta(loud, GST_LM_MASK_META)),
        "threshold", G_TYPE_DOUBLE, 1.5, NULL);
    gst_buffer_unref(test_run(overlay, &info, loud));
    gst_buffer_unref(whole);
    gst_harness_teardown(overlay);
}
END_TEST

START_TEST(overlay_threshold)
{
    GstVideoInfo info;
    test_video_info(&info, "RGB", TINY_WIDTH, TINY_HEIGHT);
    GstBuffer *one = test_run_once(EVERY_FRAME "threshold=0.8", &info, test_golden_frame(0));
    GstBuffer *two = test_run_once(EVERY_FRAME "overlay=0 ! lmnetoverlay threshold=0.8", &info,
                                   test_golden_frame(0));
    GstBuffer *three =
        test_run_once(EVERY_FRAME "threshold=0.8 overlay=0 ! lmnetoverlay threshold=0.5", &info,
                      test_golden_frame(0));
    GBytes *a = test_bytes(one), *b = test_bytes(two), *c = test_bytes(three);
    ck_assert(g_bytes_equal(a, b));
    ck_assert(!g_bytes_equal(a, c));
    g_bytes_unref(a);
    g_bytes_unref(b);
    g_bytes_unref(c);
    gst_buffer_unref(one);
    gst_buffer_unref(two);
    gst_buffer_unref(three);
}
END_TEST

/* --- Regions --------------------------------------------------------------------------------- */

/* `region` as set while frames flow, and the region that the metadata must have; 0 x 0: the frame
 * stays clean. */
static void check_region(GstHarness *harness, GstBus *bus, const char *region, LmRect expected,
                         bool warned)
{
    GstVideoInfo info;
    test_video_info(&info, "NV12", WIDTH, HEIGHT);
    g_object_set(harness->element, "region", region, NULL);
    GstBuffer *in = test_frame(&info, 0, 0);
    GBytes *before = test_bytes(in);
    GstBuffer *out = test_run(harness, &info, in);
    GBytes *after = test_bytes(out);
    GstLmMarks marks = {0};
    bool marked = gst_lm_meta_read(out, &info, -1, &marks);
    ck_assert_int_eq(marked, expected.width > 0);
    ck_assert(marked || g_bytes_equal(before, after));
    if (marked)
        ck_assert_int_eq(memcmp(&marks.mask->region, &expected, sizeof expected), 0);
    for (unsigned i = 0; i < marks.findings.n; i++) {
        LmRect box = marks.findings.items[i].box, clipped = lm_rect_clip(box, expected);
        ck_assert_int_eq(memcmp(&box, &clipped, sizeof box), 0);
    }
    gst_lm_marks_clear(&marks);
    gst_buffer_unref(out);
    g_bytes_unref(before);
    g_bytes_unref(after);

    /* Reported once, not for every frame. */
    gst_buffer_unref(test_run(harness, &info, test_frame(&info, 1, 0)));
    char *first = test_pop_text(bus, GST_MESSAGE_WARNING);
    char *second = test_pop_text(bus, GST_MESSAGE_WARNING);
    ck_assert_msg((first != NULL) == warned, "%s: %s", region, first);
    ck_assert_ptr_null(second);
    g_free(first);
}

START_TEST(regions)
{
    GstBus *bus;
    GstHarness *harness = test_harness(EVERY_FRAME "threshold=0.01", &bus);
    check_region(harness, bus, "full", (LmRect){0, 0, WIDTH, HEIGHT}, false);
    check_region(harness, bus, "10,20,50,40", (LmRect){10, 20, 50, 40}, false);
    check_region(harness, bus, "0,0,131,75", (LmRect){0, 0, WIDTH, HEIGHT}, false);
    check_region(harness, bus, " 100 , 50 , 100 , 100 ", (LmRect){100, 50, 31, 25}, true);
    check_region(harness, bus, "-20,-20,60,60", (LmRect){0, 0, 40, 40}, true);
    check_region(harness, bus, "131,0,10,10", (LmRect){0, 0, 0, 0}, true);
    check_region(harness, bus, "130,74,1,1", (LmRect){130, 74, 1, 1}, false);
    check_region(harness, bus, "500,500,10,10", (LmRect){0, 0, 0, 0}, true);
    check_region(harness, bus, "full", (LmRect){0, 0, WIDTH, HEIGHT}, false);
    gst_harness_teardown(harness);
    gst_object_unref(bus);
}
END_TEST

/* A buffer smaller than its caps require passes, with a warning. */
START_TEST(short_buffer)
{
    GstBus *bus;
    GstHarness *harness = test_harness(EVERY_FRAME, &bus);
    test_set_caps(harness, "RGB", TINY_WIDTH, TINY_HEIGHT);
    GstBuffer *out = gst_harness_push_and_pull(harness, gst_buffer_new_allocate(NULL, 100, NULL));
    ck_assert_uint_eq(gst_buffer_get_size(out), 100);
    gst_buffer_unref(out);
    /* GStreamer's own check accepts a video meta that describes more bytes than there are. */
    GstBuffer *promised = gst_buffer_new_allocate(NULL, 1000, NULL);
    gst_buffer_add_video_meta(promised, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_RGB, TINY_WIDTH,
                              TINY_HEIGHT);
    gst_buffer_unref(gst_harness_push_and_pull(harness, promised));
    char *text = test_pop_text(bus, GST_MESSAGE_WARNING);
    ck_assert_ptr_nonnull(text);
    ck_assert_ptr_null(gst_bus_pop_filtered(bus, GST_MESSAGE_WARNING));
    g_free(text);
    gst_harness_teardown(harness);
    gst_object_unref(bus);
}
END_TEST

int main(int argc, char **argv)
{
    test_init(&argc, &argv);
    Suite *suite = suite_create("metadata");
    TCase *tcase = tcase_create("metadata");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, metadata);
    tcase_add_test(tcase, metadata_transforms);
    tcase_add_test(tcase, damaged_metadata);
    tcase_add_test(tcase, overlay_threshold);
    tcase_add_test(tcase, regions);
    tcase_add_test(tcase, short_buffer);
    suite_add_tcase(suite, tcase);
    return lm_test_run(suite);
}
