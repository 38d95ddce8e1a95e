/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The times of endoscopytestsrc's frames: timestamps, seeking, live sources, states. */
#include "support.h"
#include "suite.h"

#define SMALL "video/x-raw,format=NV12,width=64,height=48"
#define SOURCE "endoscopytestsrc noise=0.5 "

static GstClockTime time_of(guint64 number, int fps_n, int fps_d)
{
    return gst_util_uint64_scale(number, (guint64)fps_d * GST_SECOND, (guint64)fps_n);
}

static void check_times(GstBuffer *buffer, guint64 number, int fps_n, int fps_d)
{
    ck_assert_uint_eq(GST_BUFFER_OFFSET(buffer), number);
    ck_assert_uint_eq(GST_BUFFER_OFFSET_END(buffer), number + 1);
    ck_assert_uint_eq(GST_BUFFER_PTS(buffer), time_of(number, fps_n, fps_d));
    ck_assert_uint_eq(GST_BUFFER_PTS(buffer) + GST_BUFFER_DURATION(buffer),
                      time_of(number + 1, fps_n, fps_d));
    ck_assert(!GST_BUFFER_DTS_IS_VALID(buffer));
}

/* All frames until the stream ends. */
static GPtrArray *until_eos(GstHarness *harness)
{
    GstEventType type;
    do {
        GstEvent *event = gst_harness_pull_event(harness);
        ck_assert_ptr_nonnull(event);
        type = GST_EVENT_TYPE(event);
        gst_event_unref(event);
    } while (type != GST_EVENT_EOS);
    GPtrArray *frames = g_ptr_array_new_with_free_func((GDestroyNotify)gst_buffer_unref);
    GstBuffer *buffer;
    while ((buffer = gst_harness_try_pull(harness)))
        g_ptr_array_add(frames, buffer);
    return frames;
}

static GstHarness *start(const char *launch, const char *caps)
{
    GstHarness *harness = test_harness(launch, NULL);
    gst_harness_set_sink_caps_str(harness, caps);
    gst_harness_play(harness);
    return harness;
}

START_TEST(times_and_end)
{
    static const struct {
        const char *caps;
        int fps_n, fps_d;
    } rates[] = {{SMALL, 30, 1},
                 {SMALL ",framerate=30000/1001", 30000, 1001},
                 {SMALL ",framerate=5/2", 5, 2}};
    for (guint i = 0; i < G_N_ELEMENTS(rates); i++) {
        GstHarness *harness = start(SOURCE "num-buffers=10", rates[i].caps);
        GPtrArray *frames = until_eos(harness);
        ck_assert_uint_eq(frames->len, 10);
        for (guint k = 0; k < frames->len; k++)
            check_times(g_ptr_array_index(frames, k), k, rates[i].fps_n, rates[i].fps_d);
        g_ptr_array_unref(frames);
        gst_harness_teardown(harness);
    }
}
END_TEST

START_TEST(no_frames)
{
    GstHarness *harness = start(SOURCE "num-buffers=0", SMALL);
    GPtrArray *frames = until_eos(harness);
    ck_assert_uint_eq(frames->len, 0);
    g_ptr_array_unref(frames);
    gst_harness_teardown(harness);
}
END_TEST

START_TEST(still_picture)
{
    GstHarness *harness = start(SOURCE, SMALL ",framerate=0/1");
    GPtrArray *frames = until_eos(harness);
    ck_assert_uint_eq(frames->len, 1);
    GstBuffer *frame = g_ptr_array_index(frames, 0);
    ck_assert_uint_eq(GST_BUFFER_PTS(frame), 0);
    ck_assert(!GST_BUFFER_DURATION_IS_VALID(frame));
    ck_assert_uint_eq(GST_BUFFER_OFFSET(frame), 0);
    g_ptr_array_unref(frames);
    gst_harness_teardown(harness);
}
END_TEST

/* --- Seeking --------------------------------------------------------------------------------- */

enum { PLAYED = 24 };

static GPtrArray *played_frames(void)
{
    GstVideoInfo info;
    return test_play(SOURCE "num-buffers=24", SMALL, PLAYED, &info);
}

static void check_same_frame(GPtrArray *played, GstBuffer *frame, guint64 number, int fps)
{
    check_times(frame, number, fps, 1);
    GBytes *one = test_bytes(g_ptr_array_index(played, (guint)number)), *two = test_bytes(frame);
    ck_assert_msg(g_bytes_equal(one, two), "frame %u is another than when played", (guint)number);
    g_bytes_unref(one);
    g_bytes_unref(two);
}

static GstEvent *new_seek(double rate, GstClockTime begin, GstClockTime end)
{
    return gst_event_new_seek(rate, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE,
                              GST_SEEK_TYPE_SET, (gint64)begin, GST_SEEK_TYPE_SET, (gint64)end);
}

typedef struct {
    double rate;
    GstClockTime begin, end;
    int first, n; /* The range of the frames that must come. */
} Seek;

#define AT(number) ((number)*GST_SECOND / 30)

static const Seek seeks[] = {
    {1, AT(7), AT(12), 7, 5},
    {1, AT(7) - 1, AT(12), 6, 6},
    {1, AT(7) + 1, AT(12) + 1, 7, 6},
    {2, AT(3), AT(6), 3, 3},
    {1, AT(1), AT(2), 1, 1},
    {-1, AT(7), AT(12), 11, 5},
    {-1, AT(7), AT(12) + 1, 12, 6},
    {-1, 0, AT(4), 3, 4},
    {-1, AT(2) + 1, AT(4) - 1, 3, 2},
    {1, 0, AT(2), 0, 2},
    {1, AT(20) + 7, AT(22) - 7, 20, 2},
};

static void check_sought(GPtrArray *played, GstHarness *harness, const Seek *seek)
{
    GPtrArray *frames = until_eos(harness);
    ck_assert_uint_eq(frames->len, (guint)seek->n);
    for (int i = 0; i < seek->n; i++)
        check_same_frame(played, g_ptr_array_index(frames, (guint)i),
                         (guint64)(seek->first + (seek->rate < 0 ? -i : i)), 30);
    g_ptr_array_unref(frames);
}

/* The first seek waits until the source starts. */
START_TEST(seeking)
{
    GPtrArray *played = played_frames();
    GstHarness *harness = test_harness(_i ? SOURCE "n-threads=2" : SOURCE, NULL);
    gst_harness_set_sink_caps_str(harness, SMALL);
    for (guint i = 0; i < G_N_ELEMENTS(seeks); i++) {
        GstEvent *event = new_seek(seeks[i].rate, seeks[i].begin, seeks[i].end);
        if (i == 0) {
            ck_assert(gst_element_send_event(harness->element, event));
            gst_harness_play(harness);
        } else {
            ck_assert(gst_harness_push_upstream_event(harness, event));
        }
        check_sought(played, harness, &seeks[i]);
    }
    gst_harness_teardown(harness);
    g_ptr_array_unref(played);
}
END_TEST

static void check_duration(GstHarness *harness, GstFormat format, gint64 expected)
{
    gint64 duration;
    ck_assert(gst_element_query_duration(harness->element, format, &duration));
    ck_assert_int_eq(duration, expected);
}

START_TEST(queries)
{
    GstHarness *harness = test_harness(SOURCE "num-buffers=45", NULL);
    gst_harness_set_sink_caps_str(harness, SMALL);
    /* Before negotiation. */
    gint64 value;
    ck_assert(!gst_element_query_convert(harness->element, GST_FORMAT_DEFAULT, 3, GST_FORMAT_TIME,
                                         &value));
    if (gst_element_query_duration(harness->element, GST_FORMAT_TIME, &value))
        ck_assert_int_eq(value, -1);

    gst_harness_play(harness);
    gst_buffer_unref(gst_harness_pull(harness));
    check_duration(harness, GST_FORMAT_TIME, 3 * GST_SECOND / 2);
    check_duration(harness, GST_FORMAT_DEFAULT, 45);
    check_duration(harness, GST_FORMAT_BYTES, 45 * 64 * 48 * 3 / 2);
    ck_assert(gst_element_query_convert(harness->element, GST_FORMAT_DEFAULT, 3, GST_FORMAT_TIME,
                                        &value));
    ck_assert_int_eq(value, GST_SECOND / 10);

    gboolean seekable, live;
    GstClockTime min, max;
    GstQuery *query = gst_query_new_seeking(GST_FORMAT_TIME);
    ck_assert(gst_pad_peer_query(harness->sinkpad, query));
    gst_query_parse_seeking(query, NULL, &seekable, NULL, NULL);
    ck_assert(seekable);
    gst_query_unref(query);
    query = gst_query_new_latency();
    ck_assert(gst_pad_peer_query(harness->sinkpad, query));
    gst_query_parse_latency(query, &live, &min, &max);
    ck_assert(!live);
    gst_query_unref(query);
    gst_harness_teardown(harness);
}
END_TEST

/* --- Live ------------------------------------------------------------------------------------ */

/* The next frame, for which the clock must advance to its time. */
static GstBuffer *crank(GstHarness *harness)
{
    guint received = gst_harness_buffers_received(harness);
    ck_assert(gst_harness_wait_for_clock_id_waits(harness, 1, 20));
    ck_assert_uint_eq(gst_harness_buffers_received(harness), received);
    ck_assert(gst_harness_crank_single_clock_wait(harness));
    GstBuffer *buffer = gst_harness_pull(harness);
    ck_assert_ptr_nonnull(buffer);
    ck_assert_uint_eq(gst_clock_get_time(GST_ELEMENT_CLOCK(harness->element)),
                      GST_BUFFER_PTS(buffer));
    return buffer;
}

START_TEST(live_frames_come_at_their_time)
{
    GstHarness *harness = start(SOURCE "is-live=true num-buffers=6", SMALL);
    GPtrArray *played = played_frames();
    for (guint i = 0; i < 6; i++) {
        GstBuffer *buffer = crank(harness);
        check_same_frame(played, buffer, i, 30);
        gst_buffer_unref(buffer);
    }
    GPtrArray *rest = until_eos(harness);
    ck_assert_uint_eq(rest->len, 0);
    g_ptr_array_unref(rest);
    g_ptr_array_unref(played);
    gst_harness_teardown(harness);
}
END_TEST

static void check_latency(GstHarness *harness, GstClockTime expected)
{
    gboolean live;
    GstClockTime min;
    GstQuery *query = gst_query_new_latency();
    ck_assert(gst_pad_peer_query(harness->sinkpad, query));
    gst_query_parse_latency(query, &live, &min, NULL);
    ck_assert(live);
    ck_assert_uint_eq(min, expected);
    gst_query_unref(query);
}

/* It is live from the start; the latency is known and reported once the frame rate is known. */
START_TEST(live_latency_and_no_seeks)
{
    GstBus *bus;
    GstHarness *harness = test_harness(SOURCE "is-live=true", &bus);
    gst_harness_set_sink_caps_str(harness, SMALL);
    check_latency(harness, 0);
    gst_harness_play(harness);
    gst_buffer_unref(crank(harness));
    check_latency(harness, GST_SECOND / 30);
    GstMessage *message = gst_bus_pop_filtered(bus, GST_MESSAGE_LATENCY);
    ck_assert_ptr_nonnull(message);
    gst_message_unref(message);

    gboolean seekable;
    GstQuery *query = gst_query_new_seeking(GST_FORMAT_TIME);
    if (gst_pad_peer_query(harness->sinkpad, query)) {
        gst_query_parse_seeking(query, NULL, &seekable, NULL, NULL);
        ck_assert(!seekable);
    }
    gst_query_unref(query);
    ck_assert(!gst_harness_push_upstream_event(harness, new_seek(1, 0, GST_SECOND)));
    GstBuffer *buffer = crank(harness);
    check_times(buffer, 1, 30, 1);
    gst_buffer_unref(buffer);

    /* Seeks sent to the element flush, so frames that wait for the clock are lost. */
    ck_assert(gst_harness_wait_for_clock_id_waits(harness, 1, 20));
    ck_assert(!gst_element_send_event(harness->element, new_seek(1, 0, GST_SECOND)));
    ck_assert(gst_harness_wait_for_clock_id_waits(harness, 1, 20));
    ck_assert(!gst_element_send_event(harness->element, new_seek(-1, AT(5), AT(9))));
    buffer = crank(harness);
    check_times(buffer, 4, 30, 1);
    gst_buffer_unref(buffer);
    gst_harness_teardown(harness);
    gst_object_unref(bus);
}
END_TEST

/* The clock stands still, so the source waits for it all the time. */
START_TEST(live_shuts_down_and_flushes)
{
    GstHarness *harness = start(SOURCE "is-live=true", SMALL);
    gst_buffer_unref(crank(harness));
    ck_assert(gst_harness_wait_for_clock_id_waits(harness, 1, 20));
    ck_assert(gst_element_send_event(harness->element, gst_event_new_flush_start()));
    ck_assert(gst_element_send_event(harness->element, gst_event_new_flush_stop(FALSE)));
    GstBuffer *buffer = crank(harness);
    ck_assert_uint_ge(GST_BUFFER_OFFSET(buffer), 1);
    gst_buffer_unref(buffer);

    ck_assert(gst_harness_wait_for_clock_id_waits(harness, 1, 20));
    gint64 begin = g_get_monotonic_time();
    ck_assert_int_eq(gst_element_set_state(harness->element, GST_STATE_NULL),
                     GST_STATE_CHANGE_SUCCESS);
    ck_assert_int_lt(g_get_monotonic_time() - begin, 5 * G_USEC_PER_SEC);
    gst_harness_teardown(harness);
}
END_TEST

/* --- States and new caps --------------------------------------------------------------------- */

START_TEST(stops_anywhere)
{
    for (int i = 0; i < 6; i++) {
        GstHarness *harness = start(SOURCE "num-buffers=1000 n-threads=2", SMALL);
        g_usleep((gulong)(i * 20 * 1000));
        gint64 begin = g_get_monotonic_time();
        ck_assert_int_eq(gst_element_set_state(harness->element, GST_STATE_NULL),
                         GST_STATE_CHANGE_SUCCESS);
        ck_assert_int_lt(g_get_monotonic_time() - begin, 5 * G_USEC_PER_SEC);
        gst_harness_teardown(harness);
    }
}
END_TEST

START_TEST(starts_again)
{
    GstHarness *harness = test_harness(SOURCE "num-buffers=3", NULL);
    gst_harness_set_sink_caps_str(harness, SMALL);
    GBytes *first[3];
    for (guint i = 0; i < 3; i++) {
        g_object_set(harness->element, "seed", i % 2, NULL);
        gst_harness_play(harness);
        GPtrArray *frames = until_eos(harness);
        ck_assert_uint_eq(frames->len, 3);
        check_times(g_ptr_array_index(frames, 0), 0, 30, 1);
        first[i] = test_bytes(g_ptr_array_index(frames, 0));
        g_ptr_array_unref(frames);
        ck_assert_int_eq(gst_element_set_state(harness->element, GST_STATE_READY),
                         GST_STATE_CHANGE_SUCCESS);
    }
    ck_assert(!g_bytes_equal(first[0], first[1]));
    ck_assert(g_bytes_equal(first[0], first[2]));
    for (guint i = 0; i < 3; i++)
        g_bytes_unref(first[i]);
    gst_harness_teardown(harness);
}
END_TEST

/* With another size the frames continue in number; with another rate, in time. */
START_TEST(caps_change)
{
    GstHarness *harness = start(SOURCE "is-live=true", SMALL);
    for (guint i = 0; i < 4; i++)
        gst_buffer_unref(crank(harness));
    /* The next frame is drawn already when the caps change. */
    ck_assert(gst_harness_wait_for_clock_id_waits(harness, 1, 20));
    gst_harness_set_sink_caps_str(harness, "video/x-raw,format=RGB,width=80,height=60");
    GstBuffer *buffer;
    for (guint i = 4; i < 7; i++) {
        buffer = crank(harness);
        check_times(buffer, i, 30, 1);
        ck_assert_uint_eq(gst_buffer_get_size(buffer), i == 4 ? 64 * 48 * 3 / 2 : 3 * 80 * 60);
        gst_buffer_unref(buffer);
    }

    ck_assert(gst_harness_wait_for_clock_id_waits(harness, 1, 20));
    const char *caps = "video/x-raw,format=RGB,width=80,height=44,framerate=25/1";
    gst_harness_set_sink_caps_str(harness, caps);
    buffer = crank(harness);
    check_times(buffer, 7, 30, 1);
    gst_buffer_unref(buffer);
    /* Frame 8 would have come at 267 ms, and at this rate 7 comes at 280. */
    GstVideoInfo info;
    GPtrArray *played = test_play(SOURCE "num-buffers=9", caps, 9, &info);
    for (guint i = 7; i < 9; i++) {
        buffer = crank(harness);
        check_same_frame(played, buffer, i, 25);
        gst_buffer_unref(buffer);
    }
    g_ptr_array_unref(played);
    gst_harness_teardown(harness);
}
END_TEST

int main(int argc, char **argv)
{
    test_init_elements(&argc, &argv);
    Suite *suite = suite_create("source-times");
    TCase *tcase = tcase_create("source-times");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, times_and_end);
    tcase_add_test(tcase, no_frames);
    tcase_add_test(tcase, still_picture);
    tcase_add_loop_test(tcase, seeking, 0, 2);
    tcase_add_test(tcase, queries);
    tcase_add_test(tcase, live_frames_come_at_their_time);
    tcase_add_test(tcase, live_latency_and_no_seeks);
    tcase_add_test(tcase, live_shuts_down_and_flushes);
    tcase_add_test(tcase, stops_anywhere);
    tcase_add_test(tcase, starts_again);
    tcase_add_test(tcase, caps_change);
    suite_add_tcase(suite, tcase);
    return test_suite_run(suite, CK_NOFORK) == 0 ? 0 : 1;
}
