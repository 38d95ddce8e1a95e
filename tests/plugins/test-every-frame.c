/* SPDX-License-Identifier: LGPL-2.1-or-later
 * lmnet in mode every-frame: order, timing, draining, flushing, shutting down. */
#include "support.h"

#define EVERY_FRAME "lmnet " TINY "mode=every-frame "
#define FRAMES 12

static GstHarness *every_frame(unsigned in_flight, GstBus **bus)
{
    char *launch = g_strdup_printf(EVERY_FRAME "in-flight=%u", in_flight);
    GstHarness *harness = test_harness(launch, bus);
    g_free(launch);
    test_set_caps(harness, "RGB", TINY_WIDTH, TINY_HEIGHT);
    return harness;
}

/* The frame has its own mask and is in order. */
static void check_frame(GstBuffer *buffer, int index)
{
    ck_assert_ptr_nonnull(buffer);
    ck_assert_uint_eq(GST_BUFFER_PTS(buffer), (guint64)index * FRAME_TIME);
    ck_assert_uint_eq(GST_BUFFER_DURATION(buffer), FRAME_TIME);
    ck_assert_uint_eq(GST_BUFFER_OFFSET(buffer), (guint64)index);
    ck_assert_int_gt(test_n_findings(buffer), 0);

    const GstStructure *meta =
        gst_custom_meta_get_structure(gst_buffer_get_custom_meta(buffer, GST_LM_MASK_META));
    guint64 pts, age;
    ck_assert(gst_structure_get_uint64(meta, "pts", &pts));
    ck_assert(gst_structure_get_uint64(meta, "age", &age));
    ck_assert_uint_eq(pts, GST_BUFFER_PTS(buffer));
    ck_assert_uint_eq(age, 0);
    gst_buffer_unref(buffer);
}

START_TEST(order)
{
    static const unsigned in_flight[] = {1, 3, 8};
    GstHarness *harness = every_frame(in_flight[_i], NULL);

    for (int i = 0; i < FRAMES; i++) {
        ck_assert_int_eq(gst_harness_push(harness, test_golden_frame(i)), GST_FLOW_OK);
        /* Once this many frames are in flight, one leaves for each that comes, no sooner and no
         * later. */
        ck_assert_uint_eq(gst_harness_buffers_received(harness),
                          (guint)MAX(0, i + 2 - (int)in_flight[_i]));
    }
    ck_assert(gst_harness_push_event(harness, gst_event_new_eos()));
    ck_assert_uint_eq(gst_harness_buffers_received(harness), FRAMES);
    for (int i = 0; i < FRAMES; i++)
        check_frame(gst_harness_pull(harness), i);

    GstStructure *stats;
    guint64 frames, inferences, dropped;
    g_object_get(harness->element, "stats", &stats, NULL);
    ck_assert(gst_structure_get(stats, "frames", G_TYPE_UINT64, &frames, "inferences",
                                G_TYPE_UINT64, &inferences, "dropped", G_TYPE_UINT64, &dropped,
                                NULL));
    ck_assert_uint_eq(frames, FRAMES);
    ck_assert_uint_eq(inferences, FRAMES);
    ck_assert_uint_eq(dropped, 0);
    ck_assert_str_eq(gst_structure_get_string(stats, "mode"), "every-frame");
    ck_assert_str_eq(gst_structure_get_string(stats, "precision"), "fp32");
    /* All frames are alike. */
    ck_assert_str_eq(gst_structure_get_string(stats, "state"), "frozen");
    ck_assert_str_ne(gst_structure_get_string(stats, "device"), "");
    gst_structure_free(stats);
    gst_harness_teardown(harness);
}
END_TEST

/* Records what passes: buffers as their number, events as -type. */
static GstPadProbeReturn note(GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
    int what = GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_BUFFER
                   ? (int)GST_BUFFER_OFFSET(GST_PAD_PROBE_INFO_BUFFER(info))
                   : -(int)GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info));
    g_array_append_val((GArray *)user, what);
    return GST_PAD_PROBE_OK;
}

/* Expects 0, 1, then the event: at once if it drains, else after the frames. */
static void check_order(GstHarness *harness, GArray *notes, GstEvent *event, bool drains)
{
    g_array_set_size(notes, 0);
    for (int i = 0; i < 2; i++)
        gst_harness_push(harness, test_golden_frame(i));
    ck_assert_uint_eq(notes->len, 0);
    int type = -(int)GST_EVENT_TYPE(event);
    ck_assert(gst_harness_push_event(harness, event));
    ck_assert_uint_eq(notes->len, drains ? 3 : 0);
    if (type != -(int)GST_EVENT_EOS)
        gst_harness_push(harness, test_golden_frame(2));
    gst_harness_push_event(harness, gst_event_new_gap(2 * FRAME_TIME, FRAME_TIME));
    ck_assert_int_eq(g_array_index(notes, int, 0), 0);
    ck_assert_int_eq(g_array_index(notes, int, 1), 1);
    ck_assert_int_eq(g_array_index(notes, int, 2), type);
}

START_TEST(events_keep_their_place)
{
    GstHarness *harness = every_frame(3, NULL);
    GArray *notes = g_array_new(FALSE, FALSE, sizeof(int));
    gst_pad_add_probe(harness->sinkpad,
                      GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, note, notes,
                      NULL);
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    segment.base = GST_SECOND;
    GstTagList *tags = gst_tag_list_new(GST_TAG_TITLE, "title", NULL);
    GstStructure *custom = gst_structure_new_empty("custom");

    check_order(harness, notes, gst_event_new_tag(tags), false);
    check_order(harness, notes, gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM, custom), false);
    check_order(harness, notes, gst_event_new_gap(2 * FRAME_TIME, FRAME_TIME), true);
    check_order(harness, notes, gst_event_new_segment(&segment), true);
    check_order(harness, notes, gst_event_new_eos(), true);
    gst_harness_teardown(harness);
    g_array_unref(notes);
}
END_TEST

START_TEST(queries_drain)
{
    GstHarness *harness = every_frame(3, NULL);
    GstCaps *caps = gst_pad_get_current_caps(harness->srcpad);
    GstQuery *queries[] = {gst_query_new_drain(), gst_query_new_allocation(caps, TRUE)};
    for (guint i = 0; i < G_N_ELEMENTS(queries); i++) {
        gst_harness_push(harness, test_golden_frame(2 * (int)i));
        gst_harness_push(harness, test_golden_frame(2 * (int)i + 1));
        gst_pad_peer_query(harness->srcpad, queries[i]);
        ck_assert_uint_eq(gst_harness_buffers_received(harness), 2 * i + 2);
        gst_query_unref(queries[i]);
    }
    gst_caps_unref(caps);
    gst_harness_teardown(harness);
}
END_TEST

START_TEST(allocation_asks_for_more)
{
    GstHarness *harness = every_frame(5, NULL);
    GstCaps *caps = gst_pad_get_current_caps(harness->srcpad);

    gst_harness_set_propose_allocator(harness, NULL, NULL);
    gst_harness_add_propose_allocation_meta(harness, GST_VIDEO_META_API_TYPE, NULL);
    GstQuery *query = gst_query_new_allocation(caps, TRUE);
    ck_assert(gst_pad_peer_query(harness->srcpad, query));
    ck_assert(gst_query_find_allocation_meta(query, GST_VIDEO_META_API_TYPE, NULL));
    guint min = 0, max = 1;
    ck_assert_uint_gt(gst_query_get_n_allocation_pools(query), 0);
    gst_query_parse_nth_allocation_pool(query, 0, NULL, NULL, &min, &max);
    ck_assert_uint_ge(min, 5);
    ck_assert(max == 0 || max >= min);
    gst_query_unref(query);
    gst_caps_unref(caps);
    gst_harness_teardown(harness);
}
END_TEST

START_TEST(layout_changes)
{
    static const struct {
        const char *format;
        int width, height;
    } layouts[] = {
        {"RGB", 96, 64}, {"I420", 96, 64}, {"I420", 131, 75}, {"v210", 50, 33}, {"RGB", 96, 64}};
    GstHarness *harness = every_frame(3, NULL);
    int index = 0;

    for (guint i = 0; i < G_N_ELEMENTS(layouts); i++) {
        GstVideoInfo info;
        test_video_info(&info, layouts[i].format, layouts[i].width, layouts[i].height);
        test_set_caps(harness, layouts[i].format, layouts[i].width, layouts[i].height);
        for (int k = 0; k < 4; k++)
            ck_assert_int_eq(gst_harness_push(harness, test_frame(&info, index++, 0)), GST_FLOW_OK);
    }
    gst_harness_push_event(harness, gst_event_new_eos());
    ck_assert_uint_eq(gst_harness_buffers_received(harness), (guint)index);
    test_pull_masked(harness, 0, index);
    gst_harness_teardown(harness);
}
END_TEST

START_TEST(flushing_seeks)
{
    GstHarness *harness = every_frame(3, NULL);
    for (int seek = 0; seek < 15; seek++) {
        int n = 1 + seek % 5, first = 100 * seek;
        for (int i = 0; i < n; i++)
            ck_assert_int_eq(gst_harness_push(harness, test_golden_frame(first + i)), GST_FLOW_OK);
        guint received = gst_harness_buffers_received(harness);
        ck_assert(gst_harness_push_event(harness, gst_event_new_flush_start()));
        ck_assert(gst_harness_push_event(harness, gst_event_new_flush_stop(TRUE)));
        test_push_segment(harness);
        ck_assert_uint_eq(gst_harness_buffers_received(harness), received);
        while (gst_harness_buffers_in_queue(harness) > 0)
            gst_buffer_unref(gst_harness_pull(harness));
    }
    /* Nothing from before the last flush comes out, and everything after it does. */
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(gst_harness_push(harness, test_golden_frame(i)), GST_FLOW_OK);
    gst_harness_push_event(harness, gst_event_new_eos());
    ck_assert_uint_eq(gst_harness_buffers_in_queue(harness), 5);
    for (int i = 0; i < 5; i++)
        check_frame(gst_harness_pull(harness), i);
    gst_harness_teardown(harness);
}
END_TEST

static gpointer push_frames(gpointer user)
{
    GstHarness *harness = user;
    GstFlowReturn ret = GST_FLOW_OK;
    for (int i = 0; ret == GST_FLOW_OK && i < 1000; i++)
        ret = gst_harness_push(harness, test_golden_frame(i));
    return GINT_TO_POINTER(ret);
}

/* Both while it waits for the first frame's pipelines and while frames are on the device. */
START_TEST(flush_interrupts)
{
    GstHarness *harness = every_frame(3, NULL);
    for (int i = 0; i < 6; i++) {
        GThread *thread = g_thread_new("push", push_frames, harness);
        g_usleep((gulong)(i * i * 20 * 1000));
        ck_assert(gst_harness_push_event(harness, gst_event_new_flush_start()));
        ck_assert_int_eq(GPOINTER_TO_INT(g_thread_join(thread)), GST_FLOW_FLUSHING);
        ck_assert(gst_harness_push_event(harness, gst_event_new_flush_stop(TRUE)));
        test_push_segment(harness);
    }
    gst_harness_teardown(harness);
}
END_TEST

START_TEST(null_while_busy)
{
    for (int i = 0; i < 8; i += 2) {
        GstHarness *harness = every_frame(3, NULL);
        GThread *thread = g_thread_new("push", push_frames, harness);
        g_usleep((gulong)(i * i * 20 * 1000));
        gint64 begin = g_get_monotonic_time();
        ck_assert_int_eq(gst_element_set_state(harness->element, GST_STATE_NULL),
                         GST_STATE_CHANGE_SUCCESS);
        ck_assert_int_lt(g_get_monotonic_time() - begin, 10 * G_USEC_PER_SEC);
        ck_assert_int_eq(GPOINTER_TO_INT(g_thread_join(thread)), GST_FLOW_FLUSHING);
        gst_harness_teardown(harness);
    }
}
END_TEST

START_TEST(starts_again)
{
    GstHarness *harness = every_frame(3, NULL);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 4; i++)
            ck_assert_int_eq(gst_harness_push(harness, test_golden_frame(i)), GST_FLOW_OK);
        GstState down = round == 1 ? GST_STATE_NULL : GST_STATE_READY;
        ck_assert_int_eq(gst_element_set_state(harness->element, down), GST_STATE_CHANGE_SUCCESS);
        /* Nothing from before comes out afterwards. */
        while (gst_harness_buffers_in_queue(harness) > 0)
            gst_buffer_unref(gst_harness_pull(harness));
        g_object_set(harness->element, "in-flight", 1 + round, NULL);
        ck_assert_int_eq(gst_element_set_state(harness->element, GST_STATE_PLAYING),
                         GST_STATE_CHANGE_SUCCESS);
        gst_harness_push_event(harness, gst_event_new_stream_start("again"));
        GstVideoInfo info;
        test_video_info(&info, "RGB", TINY_WIDTH, TINY_HEIGHT);
        GstCaps *caps = gst_video_info_to_caps(&info);
        gst_harness_push_event(harness, gst_event_new_caps(caps));
        gst_caps_unref(caps);
        test_push_segment(harness);
    }
    gst_harness_push(harness, test_golden_frame(7));
    gst_harness_push_event(harness, gst_event_new_eos());
    ck_assert_uint_eq(gst_harness_buffers_in_queue(harness), 1);
    check_frame(gst_harness_pull(harness), 7);
    gst_harness_teardown(harness);
}
END_TEST

START_TEST(short_streams)
{
    for (int n = 0; n < 2; n++) {
        GstHarness *harness = every_frame(8, NULL);
        for (int i = 0; i < n; i++)
            gst_harness_push(harness, test_golden_frame(i));
        ck_assert(gst_harness_push_event(harness, gst_event_new_eos()));
        ck_assert_uint_eq(gst_harness_buffers_received(harness), (guint)n);
        if (n)
            check_frame(gst_harness_pull(harness), 0);
        gst_harness_teardown(harness);
    }
}
END_TEST

START_TEST(frames_without_times)
{
    GstHarness *harness = every_frame(3, NULL);
    for (int i = 0; i < 5; i++) {
        GstBuffer *buffer = test_golden_frame(i);
        GST_BUFFER_PTS(buffer) = GST_BUFFER_DURATION(buffer) = GST_CLOCK_TIME_NONE;
        ck_assert_int_eq(gst_harness_push(harness, buffer), GST_FLOW_OK);
    }
    gst_harness_push_event(harness, gst_event_new_eos());
    ck_assert_uint_eq(gst_harness_buffers_received(harness), 5);
    for (int i = 0; i < 5; i++) {
        GstBuffer *buffer = gst_harness_pull(harness);
        ck_assert_uint_eq(GST_BUFFER_OFFSET(buffer), (guint64)i);
        ck_assert(!GST_BUFFER_PTS_IS_VALID(buffer));
        ck_assert_int_gt(test_n_findings(buffer), 0);
        gst_buffer_unref(buffer);
    }
    gst_harness_teardown(harness);
}
END_TEST

/* A discontinuity stays on its own frame. */
START_TEST(discont_keeps_its_place)
{
    GstHarness *harness = every_frame(3, NULL);
    for (int i = 0; i < 8; i++) {
        GstBuffer *buffer = test_golden_frame(i);
        if (i == 0 || i == 4)
            GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
        gst_harness_push(harness, buffer);
    }
    gst_harness_push_event(harness, gst_event_new_eos());
    for (int i = 0; i < 8; i++) {
        GstBuffer *buffer = gst_harness_pull(harness);
        ck_assert_int_eq(GST_BUFFER_IS_DISCONT(buffer), i == 0 || i == 4);
        check_frame(buffer, i);
    }
    gst_harness_teardown(harness);
}
END_TEST

START_TEST(latency)
{
    GstHarness *harness = test_harness(EVERY_FRAME "in-flight=4", NULL);
    gst_harness_set_live(harness, TRUE);
    gst_harness_set_upstream_latency(harness, 10 * GST_MSECOND);
    test_set_caps(harness, "RGB", TINY_WIDTH, TINY_HEIGHT);
    ck_assert_uint_eq(gst_harness_query_latency(harness),
                      10 * GST_MSECOND + 3 * gst_util_uint64_scale(GST_SECOND, 1, 30));
    gst_harness_teardown(harness);
}
END_TEST

START_TEST(progress)
{
    GstBus *bus;
    GstHarness *harness = every_frame(1, &bus);
    GstProgressType type, last = GST_PROGRESS_TYPE_COMPLETE;
    gint seen = 0;
    do {
        GstMessage *message = test_wait_message(bus, GST_MESSAGE_PROGRESS);
        ck_assert_ptr_nonnull(message);
        gst_message_parse_progress(message, &type, NULL, NULL);
        ck_assert_int_eq(type == GST_PROGRESS_TYPE_START, seen == 0);
        last = type;
        seen++;
        gst_message_unref(message);
    } while (last != GST_PROGRESS_TYPE_COMPLETE);
    ck_assert_int_ge(seen, 2);
    gst_harness_teardown(harness);
    gst_object_unref(bus);
}
END_TEST

int main(int argc, char **argv)
{
    test_init(&argc, &argv);
    Suite *suite = suite_create("every-frame");
    TCase *tcase = tcase_create("every-frame");
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, order, 0, 3);
    tcase_add_test(tcase, events_keep_their_place);
    tcase_add_test(tcase, queries_drain);
    tcase_add_test(tcase, allocation_asks_for_more);
    tcase_add_test(tcase, layout_changes);
    tcase_add_test(tcase, flushing_seeks);
    tcase_add_test(tcase, flush_interrupts);
    tcase_add_test(tcase, null_while_busy);
    tcase_add_test(tcase, starts_again);
    tcase_add_test(tcase, short_streams);
    tcase_add_test(tcase, frames_without_times);
    tcase_add_test(tcase, discont_keeps_its_place);
    tcase_add_test(tcase, latency);
    tcase_add_test(tcase, progress);
    suite_add_tcase(suite, tcase);
    return lm_test_run(suite);
}
