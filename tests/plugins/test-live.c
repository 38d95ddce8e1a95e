/* SPDX-License-Identifier: LGPL-2.1-or-later
 * lmnet on live video: the mask that a frame gets, the effect of the video's state on it, findings
 * and states as reported on the bus, labels and the status indicator. */
#include "support.h"

#include <string.h>

#define EVERY_FRAME "lmnet " TINY "region=full mode=every-frame in-flight=1 min-area=0 "
#define LATEST "lmnet " TINY "region=full mode=latest max-mask-age=3600000000000 "
#define PATIENCE 2000

static GstBuffer *flat_frame(int index, guint8 level)
{
    GstBuffer *buffer = test_golden_frame(index);
    gst_buffer_memset(buffer, 0, level, gst_buffer_get_size(buffer));
    return buffer;
}

/* With enough time, each frame gets its own mask, and that time is reported as latency. */
START_TEST(waits_for_its_mask)
{
    GstHarness *harness = test_start(LATEST, "max-wait=1000000000", NULL);
    int own = 0;
    guint64 pts = 0, age = 1;
    for (int i = test_pass_until_masked(harness, 0) + 1, n = 0; n < 30; n++) {
        GstBuffer *out = test_pass(harness, test_moving_frame(i + n));
        own += test_get_times(out, &pts, &age) && age == 0 && pts == GST_BUFFER_PTS(out);
        gst_buffer_unref(out);
    }
    /* All of them, except that a loaded machine may have been too slow for one. */
    ck_assert_int_ge(own, 25);
    gst_harness_set_live(harness, TRUE);
    gst_harness_set_upstream_latency(harness, 10 * GST_MSECOND);
    ck_assert_uint_eq(gst_harness_query_latency(harness), 1010 * GST_MSECOND);
    g_object_set(harness->element, "max-wait", (guint64)0, NULL);
    ck_assert_uint_eq(gst_harness_query_latency(harness), 10 * GST_MSECOND);
    gst_harness_teardown(harness);
}
END_TEST

/* After a cut, a gap or a discontinuity, no earlier mask remains. */
START_TEST(no_mask_of_another_scene)
{
    GstHarness *harness = test_start(LATEST, "max-wait=0", NULL);
    int i = test_pass_until_masked(harness, 0);
    for (int kind = 0; kind < 4; kind++) {
        guint64 pts = 0, age = 0, first;
        GstBuffer *in;
        i++;
        if (kind == 1)
            gst_harness_push_event(harness, gst_event_new_gap(i * FRAME_TIME, FRAME_TIME));
        if (kind == 2)
            i += 1000;
        in = kind == 0 ? test_other_frame(i) : test_moving_frame(i);
        if (kind == 3)
            GST_BUFFER_FLAG_SET(in, GST_BUFFER_FLAG_DISCONT);
        first = GST_BUFFER_PTS(in);
        GstBuffer *out = test_pass(harness, in);
        ck_assert_msg(!test_get_times(out, &pts, &age), "kind %d: a mask of %" G_GUINT64_FORMAT,
                      kind, pts);
        gst_buffer_unref(out);
        /* The next masks are of frames after it. */
        for (int n = 0; n < PATIENCE; n++) {
            i++;
            out = test_pass(harness, kind == 0 ? test_other_frame(i) : test_moving_frame(i));
            bool masked = test_get_times(out, &pts, &age);
            gst_buffer_unref(out);
            if (masked)
                break;
            g_usleep(5000);
        }
        ck_assert_uint_ge(pts, first);
        if (kind == 0) /* The change back is a cut, too. */
            i = test_pass_until_masked(harness, i + 1);
    }
    gst_harness_teardown(harness);
}
END_TEST

/* Frozen video is not analysed again and keeps its mask. */
START_TEST(frozen)
{
    GstBus *bus;
    GstHarness *harness = test_start(LATEST, "max-wait=0", &bus);
    int i = test_pass_until_masked(harness, 0);
    guint64 pts, age, inferences = 0;
    g_free(test_pop_states(bus));
    /* Until its mask is available. */
    for (int n = 0; n < PATIENCE; n++) {
        GstBuffer *out = test_pass(harness, test_golden_frame(++i));
        bool own = test_get_times(out, &pts, &age) && age == 0;
        gst_buffer_unref(out);
        if (own)
            break;
        g_usleep(5000);
    }
    inferences = test_get_stat(harness, "inferences");
    for (int n = 0; n < 60; n++) {
        GstBuffer *out = test_pass(harness, test_golden_frame(++i));
        ck_assert(test_get_times(out, &pts, &age));
        ck_assert_uint_eq(age, 0);
        gst_buffer_unref(out);
        g_usleep(1000);
    }
    ck_assert_uint_eq(test_get_stat(harness, "inferences"), inferences);
    char *states = test_pop_states(bus);
    ck_assert_str_eq(states, "frozen ");
    g_free(states);

    /* From then on its age counts from the last identical frame. */
    const guint64 last = i * FRAME_TIME;
    GstBuffer *out = test_pass(harness, test_moving_frame(++i));
    ck_assert(test_get_times(out, &pts, &age));
    ck_assert(pts == last || age == 0);
    gst_buffer_unref(out);
    states = test_pop_states(bus);
    ck_assert_str_eq(states, "ready ");
    g_free(states);
    gst_harness_teardown(harness);
    gst_object_unref(bus);
}
END_TEST

/* Black, a card of one colour, and frames that the capture card generated: no mask, no analysis. */
START_TEST(no_signal)
{
    static const guint8 levels[] = {0, 40, 0};
    GstBus *bus;
    GstHarness *harness = test_start(LATEST, "max-wait=0", &bus);
    int i = 0;
    for (unsigned k = 0; k < G_N_ELEMENTS(levels); k++) {
        i = test_pass_until_masked(harness, i + 1);
        guint64 pts, age;
        g_free(test_pop_states(bus));
        for (int n = 0; n < 60; n++) {
            GstBuffer *in = k < 2 ? flat_frame(++i, levels[k]) : test_moving_frame(++i);
            if (k == 2)
                GST_BUFFER_FLAG_SET(in, GST_BUFFER_FLAG_GAP);
            GstBuffer *out = test_pass(harness, in);
            if (n > 30)
                ck_assert(!test_get_times(out, &pts, &age));
            gst_buffer_unref(out);
        }
        char *states = test_pop_states(bus);
        ck_assert_msg(strstr(states, "no-signal"), "level %u: %s", levels[k], states);
        g_free(states);
    }
    i = test_pass_until_masked(harness, i + 1);
    char *states = test_pop_states(bus);
    ck_assert_msg(strstr(states, "ready"), "%s", states);
    g_free(states);
    gst_harness_teardown(harness);
    gst_object_unref(bus);
}
END_TEST

/* A device too slow for max-mask-age: marks do not blink, and a state reports what to do. */
START_TEST(too_slow)
{
    GstBus *bus;
    GstHarness *harness = test_start(LATEST, "max-wait=0 max-mask-age=30000000", &bus);
    guint64 pts, age;
    int i = 0;
    for (; test_get_stat(harness, "inferences") < 3; i++) {
        gst_buffer_unref(test_pass(harness, test_moving_frame(i)));
        g_usleep(5000);
    }
    for (int n = 0; n < 20; n++) {
        GstBuffer *out = test_pass(harness, test_moving_frame(++i));
        ck_assert(!test_get_times(out, &pts, &age));
        gst_buffer_unref(out);
    }
    GstMessage *message;
    const GstStructure *structure;
    bool reported = false;
    while ((structure = test_pop_element(bus, "lmnet-state", &message))) {
        if (g_str_equal(gst_structure_get_string(structure, "state"), "degraded"))
            reported |=
                strstr(gst_structure_get_string(structure, "reason"), "max-mask-age") != NULL;
        gst_message_unref(message);
    }
    ck_assert(reported);
    ck_assert_uint_gt(test_get_stat(harness, "stale"), 0);

    g_object_set(harness->element, "max-mask-age", (guint64)3600 * GST_SECOND, NULL);
    test_pass_until_masked(harness, i + 1);
    char *states = test_pop_states(bus);
    ck_assert_str_eq(states, "ready ");
    g_free(states);
    gst_harness_teardown(harness);
    gst_object_unref(bus);
}
END_TEST

/* Findings enter once, keep their numbers, and leave at the end. */
START_TEST(detections)
{
    GstBus *bus;
    GstHarness *harness = test_start(EVERY_FRAME, "min-area=0.01", &bus);
    int found = 0;
    for (int i = 0; i < 12; i++) {
        GstBuffer *out = test_pass(harness, test_moving_frame(i));
        found = test_n_findings(out);
        GstVideoRegionOfInterestMeta *roi = gst_buffer_get_video_region_of_interest_meta(out);
        guint id;
        ck_assert(roi &&
                  gst_structure_get_uint(
                      gst_video_region_of_interest_meta_get_param(roi, "detection"), "id", &id));
        ck_assert_uint_le(id, (guint)found);
        gst_buffer_unref(out);
    }
    ck_assert_int_gt(found, 0);
    for (int leave = 0; leave < 2; leave++) {
        if (leave)
            gst_harness_push_event(harness, gst_event_new_eos());
        GstMessage *message;
        const GstStructure *structure;
        int n = 0;
        while ((structure = test_pop_element(bus, "lmnet-detection", &message))) {
            guint id;
            gint x, y, width, height;
            double confidence, area;
            guint64 timestamp, stream_time;
            ck_assert_str_eq(gst_structure_get_string(structure, "event"),
                             leave ? "leave" : "enter");
            ck_assert_str_eq(gst_structure_get_string(structure, "label"), "polyp");
            ck_assert(gst_structure_get(
                structure, "id", G_TYPE_UINT, &id, "x", G_TYPE_INT, &x, "y", G_TYPE_INT, &y,
                "width", G_TYPE_INT, &width, "height", G_TYPE_INT, &height, "confidence",
                G_TYPE_DOUBLE, &confidence, "area", G_TYPE_DOUBLE, &area, "timestamp",
                G_TYPE_UINT64, &timestamp, "stream-time", G_TYPE_UINT64, &stream_time, NULL));
            ck_assert_uint_le(id, (guint)found);
            ck_assert(x >= 0 && x + width <= TINY_WIDTH && y >= 0 && y + height <= TINY_HEIGHT);
            ck_assert(confidence > 0.5 && confidence <= 1 && area >= 0.01 && area <= 1);
            /* Seen first at 0; it enters a tenth of a second later. */
            ck_assert_uint_eq(timestamp, leave ? 11 * FRAME_TIME : 4 * FRAME_TIME);
            ck_assert_uint_eq(stream_time, timestamp);
            n++;
            gst_message_unref(message);
        }
        ck_assert_int_eq(n, found);
    }
    gst_harness_teardown(harness);
    gst_object_unref(bus);
}
END_TEST

/* Labels change the frame near the findings, and lmnetoverlay draws the same ones. */
START_TEST(labels)
{
    GstVideoInfo info;
    test_video_info(&info, "NV12", 640, 400);
    GstBuffer *plain =
        test_run_once(EVERY_FRAME "overlay=fill+contour", &info, test_frame(&info, 1, 0));
    GstBuffer *one =
        test_run_once(EVERY_FRAME "overlay=fill+contour+label", &info, test_frame(&info, 1, 0));
    GstBuffer *two =
        test_run_once(EVERY_FRAME "overlay=0 ! lmnetoverlay overlay=fill+contour+label", &info,
                      test_frame(&info, 1, 0));
    GBytes *bytes[] = {test_bytes(plain), test_bytes(one), test_bytes(two)};
    ck_assert(!g_bytes_equal(bytes[0], bytes[1]));
    ck_assert(g_bytes_equal(bytes[1], bytes[2]));
    for (int i = 0; i < 3; i++)
        g_bytes_unref(bytes[i]);
    gst_buffer_unref(plain);
    gst_buffer_unref(one);
    gst_buffer_unref(two);
}
END_TEST

/* The status indicator is outside the region, and so are the lines at the region's corners. */
START_TEST(status_indicator)
{
    GstVideoInfo info;
    test_video_info(&info, "RGB", 640, 400);
    GstBuffer *in = test_frame(&info, 1, 0);
    GstBuffer *out = test_run_once(
        "lmnet " TINY "mode=every-frame in-flight=1 region=100,60,400,300 overlay=state", &info,
        gst_buffer_copy_deep(in));
    GstVideoFrame before, after;
    int changed = 0;
    ck_assert(gst_video_frame_map(&before, &info, in, GST_MAP_READ));
    ck_assert(gst_video_frame_map(&after, &info, out, GST_MAP_READ));
    for (int y = 0; y < 400; y++) {
        for (int x = 0; x < 640; x++) {
            const guint8 *a = (guint8 *)GST_VIDEO_FRAME_PLANE_DATA(&before, 0) +
                              y * GST_VIDEO_FRAME_PLANE_STRIDE(&before, 0) + 3 * x;
            const guint8 *b = (guint8 *)GST_VIDEO_FRAME_PLANE_DATA(&after, 0) +
                              y * GST_VIDEO_FRAME_PLANE_STRIDE(&after, 0) + 3 * x;
            bool inside = x >= 100 && x < 500 && y >= 60 && y < 360, same = memcmp(a, b, 3) == 0;
            if (inside && !same)
                ck_abort_msg("the status indicator is in the region, at %d, %d", x, y);
            changed += !same;
        }
    }
    gst_video_frame_unmap(&before);
    gst_video_frame_unmap(&after);
    ck_assert_int_gt(changed, 100);
    ck_assert_int_lt(changed, 640 * 400 / 100);
    gst_buffer_unref(in);
    gst_buffer_unref(out);
}
END_TEST

int main(int argc, char **argv)
{
    test_init(&argc, &argv);
    Suite *suite = suite_create("live");
    TCase *tcase = tcase_create("live");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, waits_for_its_mask);
    tcase_add_test(tcase, no_mask_of_another_scene);
    tcase_add_test(tcase, frozen);
    tcase_add_test(tcase, no_signal);
    tcase_add_test(tcase, too_slow);
    tcase_add_test(tcase, detections);
    tcase_add_test(tcase, labels);
    tcase_add_test(tcase, status_indicator);
    suite_add_tcase(suite, tcase);
    return lm_test_run(suite);
}
