/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The effect of cuts, unusual segments and times, and slow devices on masks and on the reports of
 * findings and states. */
#include "support.h"

#include <string.h>

#define EVERY_FRAME "lmnet " TINY "region=full mode=every-frame in-flight=1 min-area=0 "
#define LATEST "lmnet " TINY "region=full mode=latest max-mask-age=3600000000000 "
#define PATIENCE 2000

/* Reads statistics inside a sync handler, as an application may do on the thread that posts the
 * message. */
static GstBusSyncReply ask_for_stats(GstBus *bus, GstMessage *message, gpointer n_read)
{
    if (gst_message_has_name(message, "lmnet-state")) {
        GstStructure *stats = test_get_stats(GST_ELEMENT(GST_MESSAGE_SRC(message)));
        ck_assert_ptr_nonnull(gst_structure_get_string(stats, "state"));
        gst_structure_free(stats);
        g_atomic_int_inc((gint *)n_read);
    }
    return GST_BUS_DROP;
}

START_TEST(stats_within_a_message)
{
    gint n_read = 0;
    GstBus *bus;
    GstHarness *harness = test_start(LATEST, "max-wait=0", &bus);
    gst_bus_set_sync_handler(bus, ask_for_stats, &n_read, NULL);
    gst_harness_push_event(harness, gst_event_new_gap(0, FRAME_TIME));
    gst_buffer_unref(test_pass(harness, test_moving_frame(1)));
    ck_assert_int_eq(g_atomic_int_get(&n_read), 2); /* no-signal, ready */
    gst_bus_set_sync_handler(bus, NULL, NULL, NULL);
    gst_harness_teardown(harness);
    gst_object_unref(bus);
}
END_TEST

/* Frames whose segment is in bytes, as after a filesrc, with and without times. */
START_TEST(no_segment_in_time)
{
    GstHarness *harness = test_harness("lmnet name=lmnet " TINY
                                       "mode=every-frame in-flight=1 region=full overlay=0 ! "
                                       "lmnetoverlay ! lmnetmask",
                                       NULL);
    test_set_caps(harness, "RGB", TINY_WIDTH, TINY_HEIGHT);
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_BYTES);
    gst_harness_push_event(harness, gst_event_new_segment(&segment));
    for (int i = 0; i < 6; i++) {
        GstBuffer *in = test_moving_frame(i);
        if (i % 2)
            GST_BUFFER_PTS(in) = GST_CLOCK_TIME_NONE;
        gst_buffer_unref(test_pass(harness, in));
    }
    gst_harness_teardown(harness);
}
END_TEST

/* The number of the frame's first finding; 0 if there is none. */
static guint first_id(GstBuffer *buffer)
{
    GstVideoRegionOfInterestMeta *roi = gst_buffer_get_video_region_of_interest_meta(buffer);
    guint id = 0;
    if (roi)
        ck_assert(gst_structure_get_uint(
            gst_video_region_of_interest_meta_get_param(roi, "detection"), "id", &id));
    return id;
}

/* The number of findings reported as entered or left so far; all must be at `timestamp` unless
 * NONE. */
static int pop_detections(GstBus *bus, const char *event, GstClockTime timestamp)
{
    GstMessage *message;
    const GstStructure *structure;
    int n = 0;
    while ((structure = test_pop_element(bus, "lmnet-detection", &message))) {
        guint64 at;
        ck_assert(gst_structure_get_uint64(structure, "timestamp", &at));
        if (g_str_equal(gst_structure_get_string(structure, "event"), event)) {
            ck_assert(timestamp == GST_CLOCK_TIME_NONE || at == timestamp);
            n++;
        }
        gst_message_unref(message);
    }
    return n;
}

/* For findings a cut takes effect when its frame leaves, not when it comes in: findings before it
 * keep their numbers up to the last frame, and those after it have new ones. */
START_TEST(cut_after_frames_in_flight)
{
    GstBus *bus;
    GstHarness *harness = test_start("lmnet " TINY "region=full mode=every-frame in-flight=4 ",
                                     "min-area=0.01", &bus);
    guint before = 0, n = 0;
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(
            gst_harness_push(harness, i < 10 ? test_moving_frame(i) : test_other_frame(i)),
            GST_FLOW_OK);
    gst_harness_push_event(harness, gst_event_new_eos());
    for (GstBuffer *out; (out = gst_harness_try_pull(harness)); n++) {
        guint id = first_id(out);
        if (n == 0)
            before = id;
        ck_assert_uint_gt(before, 0);
        if (n < 10)
            ck_assert_uint_eq(id, before);
        else
            ck_assert_uint_ne(id, before);
        gst_buffer_unref(out);
    }
    ck_assert_uint_eq(n, 20);
    gst_harness_teardown(harness);
    gst_object_unref(bus);
}
END_TEST

/* Times that come late or start again do not keep a finding from entering or leaving. */
START_TEST(detections_by_odd_times)
{
    GstBus *bus;
    GstHarness *harness = test_start(EVERY_FRAME, "min-area=0.01", &bus);
    int i = 0;
    for (; i < 20; i++) {
        GstBuffer *in = test_moving_frame(i + 1000);
        if (i < 2)
            GST_BUFFER_PTS(in) = GST_CLOCK_TIME_NONE;
        gst_buffer_unref(test_pass(harness, in));
    }
    int found = pop_detections(bus, "enter", GST_CLOCK_TIME_NONE);
    ck_assert_int_gt(found, 0);
    gst_buffer_unref(test_pass(harness, test_moving_frame(i)));
    ck_assert_int_eq(pop_detections(bus, "leave", GST_CLOCK_TIME_NONE), found);
    gst_harness_teardown(harness);
    gst_object_unref(bus);
}
END_TEST

/* Findings leave when masks come too late to be shown, and keep their new numbers when masks are
 * shown again. */
START_TEST(detections_of_a_slow_device)
{
    GstBus *bus;
    GstHarness *harness = test_start(LATEST, "max-wait=0 min-area=0.01", &bus);
    int i = test_pass_until_masked(harness, 0), entered = 0;
    guint64 last = 0, inferences;
    for (int n = 0; n < PATIENCE && !entered; n++) {
        GstBuffer *out = test_pass(harness, test_moving_frame(++i));
        last = MAX(last, first_id(out));
        gst_buffer_unref(out);
        entered = pop_detections(bus, "enter", GST_CLOCK_TIME_NONE);
        g_usleep(5000);
    }
    ck_assert_int_gt(entered, 0);

    g_object_set(harness->element, "max-mask-age", (guint64)0, NULL);
    gst_buffer_unref(test_pass(harness, test_moving_frame(++i)));
    ck_assert_int_gt(pop_detections(bus, "leave", GST_CLOCK_TIME_NONE), 0);
    inferences = test_get_stat(harness, "inferences");
    while (test_get_stat(harness, "inferences") < inferences + 3) {
        GstBuffer *out = test_pass(harness, test_moving_frame(++i));
        ck_assert_uint_eq(first_id(out), 0);
        gst_buffer_unref(out);
        g_usleep(5000);
    }
    ck_assert_int_eq(pop_detections(bus, "enter", GST_CLOCK_TIME_NONE), 0);

    g_object_set(harness->element, "max-mask-age", (guint64)3600 * GST_SECOND, NULL);
    GstBuffer *out = test_pass(harness, test_moving_frame(++i));
    ck_assert_uint_gt(first_id(out), last);
    gst_buffer_unref(out);
    gst_harness_teardown(harness);
    gst_object_unref(bus);
}
END_TEST

/* One frame per second, each with its own mask: no device is too slow for that. */
START_TEST(own_masks_of_few_frames)
{
    GstVideoInfo info;
    GstBus *bus;
    GstHarness *harness =
        test_start("lmnet " TINY "region=full mode=latest ", "max-wait=1000000000", &bus);
    int own = 0;
    guint64 pts, age;
    test_video_info(&info, "RGB", TINY_WIDTH, TINY_HEIGHT);
    info.fps_n = 1;
    gst_harness_set_src_caps(harness, gst_video_info_to_caps(&info));
    for (int i = 0; i < 20; i++) {
        GstBuffer *in = test_moving_frame(i);
        GST_BUFFER_PTS(in) = (GstClockTime)i * GST_SECOND;
        GstBuffer *out = test_pass(harness, in);
        own += test_get_times(out, &pts, &age) && age == 0;
        gst_buffer_unref(out);
        g_usleep(20000);
    }
    /* Except the first ones, while the time for a mask is unknown. */
    ck_assert_int_ge(own, 10);
    char *states = test_pop_states(bus);
    ck_assert_msg(!strstr(states, "degraded"), "%s", states);
    g_free(states);
    gst_harness_teardown(harness);
    gst_object_unref(bus);
}
END_TEST

/* Frames of another segment may look the same and follow in time, but are another video. */
START_TEST(another_segment)
{
    GstHarness *harness = test_start(LATEST, "max-wait=0", NULL);
    int i = test_pass_until_masked(harness, 0) + 1;
    guint64 pts, age;
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    /* Setting the same again is no change. */
    gst_harness_push_event(harness, gst_event_new_segment(&segment));
    GstBuffer *out = test_pass(harness, test_moving_frame(i));
    ck_assert(test_get_times(out, &pts, &age));
    gst_buffer_unref(out);

    segment.start = segment.time = 1000 * FRAME_TIME;
    segment.base = ++i * FRAME_TIME;
    gst_harness_push_event(harness, gst_event_new_segment(&segment));
    out = test_pass(harness, test_moving_frame(1000));
    ck_assert(!test_get_times(out, &pts, &age));
    gst_buffer_unref(out);
    gst_harness_teardown(harness);
}
END_TEST

int main(int argc, char **argv)
{
    test_init(&argc, &argv);
    Suite *suite = suite_create("scenes");
    TCase *tcase = tcase_create("scenes");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, stats_within_a_message);
    tcase_add_test(tcase, no_segment_in_time);
    tcase_add_test(tcase, cut_after_frames_in_flight);
    tcase_add_test(tcase, detections_by_odd_times);
    tcase_add_test(tcase, another_segment);
    tcase_add_test(tcase, detections_of_a_slow_device);
    tcase_add_test(tcase, own_masks_of_few_frames);
    suite_add_tcase(suite, tcase);
    return lm_test_run(suite);
}
