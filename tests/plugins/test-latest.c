/* SPDX-License-Identifier: LGPL-2.1-or-later
 * lmnet in mode latest: every frame passes at once, with the newest mask that is not too old. */
#include "support.h"

#define LATEST "lmnet " TINY "region=full mode=latest max-wait=0 "

static GstHarness *latest(const char *more, GstBus **bus)
{
    char *launch = g_strconcat(LATEST, more, NULL);
    GstHarness *harness = test_harness(launch, bus);
    g_free(launch);
    test_set_caps(harness, "RGB", TINY_WIDTH, TINY_HEIGHT);
    return harness;
}

START_TEST(passes_clean_while_starting)
{
    GstHarness *harness = latest("", NULL);
    /* Far sooner than the pipelines can be ready. */
    for (int i = 0; i < 3; i++) {
        GstBuffer *in = test_moving_frame(i);
        GBytes *before = test_bytes(in);
        GstBuffer *out = test_pass(harness, in);
        if (test_n_findings(out) < 0) {
            GBytes *bytes = test_bytes(out);
            ck_assert(g_bytes_equal(bytes, before));
            g_bytes_unref(bytes);
        }
        g_bytes_unref(before);
        gst_buffer_unref(out);
    }
    gst_harness_teardown(harness);
}
END_TEST

START_TEST(marks_with_the_newest)
{
    GstHarness *harness = latest("max-mask-age=3600000000000", NULL);
    test_wait_ready(harness->element);
    guint64 last_of = 0;
    int marked = 0, frames = 0;
    for (; marked < 20 && frames < 3000; frames++) {
        GstBuffer *out = test_pass(harness, test_moving_frame(frames));
        GstCustomMeta *meta = gst_buffer_get_custom_meta(out, GST_LM_MASK_META);
        if (meta) {
            guint64 pts, age;
            const GstStructure *structure = gst_custom_meta_get_structure(meta);
            ck_assert(gst_structure_get_uint64(structure, "pts", &pts));
            ck_assert(gst_structure_get_uint64(structure, "age", &age));
            ck_assert_uint_eq(pts + age, GST_BUFFER_PTS(out));
            ck_assert_uint_ge(pts, last_of);
            last_of = pts;
            marked++;
        }
        gst_buffer_unref(out);
        g_usleep(10000);
    }
    ck_assert_int_eq(marked, 20);
    ck_assert_uint_eq(test_get_stat(harness, "frames"), (guint64)frames);
    ck_assert_uint_gt(test_get_stat(harness, "inferences"), 0);
    ck_assert_uint_gt(test_get_stat(harness, "inference-time"), 0);
    ck_assert_uint_ge(test_get_stat(harness, "inference-time-p99"),
                      test_get_stat(harness, "inference-time"));
    ck_assert_uint_gt(test_get_stat(harness, "max-mask-age"), 0);
    gst_harness_teardown(harness);
}
END_TEST

START_TEST(a_burst_supersedes)
{
    GstHarness *harness = latest("", NULL);
    test_wait_ready(harness->element);
    /* No device is as fast as frames that wait for nothing. */
    int frames = 0;
    while (test_get_stat(harness, "superseded") < 100 && frames < 100000)
        gst_buffer_unref(test_pass(harness, test_moving_frame(frames++)));
    ck_assert_uint_ge(test_get_stat(harness, "superseded"), 100);
    ck_assert_uint_eq(test_get_stat(harness, "frames"), (guint64)frames);
    ck_assert_uint_le(test_get_stat(harness, "inferences") + 100, (guint64)frames);
    gst_harness_teardown(harness);
}
END_TEST

/* Pushes frame 0 until it comes out marked: from then on its mask is available. */
static void pass_until_marked(GstHarness *harness)
{
    for (int i = 0; i < 2000; i++) {
        GstBuffer *out = test_pass(harness, test_moving_frame(0));
        int found = test_n_findings(out);
        gst_buffer_unref(out);
        if (found > 0)
            return;
        g_usleep(10000);
    }
    ck_abort_msg("no mask comes");
}

/* Frames that come far faster than their timestamps, so that masks get too old for them. */
START_TEST(old_masks_are_not_shown)
{
    const GstClockTime limit = 20 * GST_SECOND;
    GstHarness *harness = latest("max-mask-age=20000000000", NULL);
    pass_until_marked(harness);
    int hidden = 0;
    for (int i = 1; hidden < 10 && i < 100000; i++) {
        GstBuffer *in = test_moving_frame(i);
        GST_BUFFER_PTS(in) = (GstClockTime)i * 400 * GST_MSECOND;
        GBytes *before = test_bytes(in);
        GstBuffer *out = test_pass(harness, in);
        if (test_n_findings(out) < 0) {
            GBytes *after = test_bytes(out);
            ck_assert(g_bytes_equal(before, after));
            ck_assert_uint_eq(test_get_stat(harness, "stale"), (guint64)++hidden);
            g_bytes_unref(after);
        }
        ck_assert_uint_le(test_get_stat(harness, "mask-age"), limit);
        g_bytes_unref(before);
        gst_buffer_unref(out);
    }
    ck_assert_int_eq(hidden, 10);
    ck_assert_uint_gt(test_get_stat(harness, "max-mask-age"), limit / 2);
    gst_harness_teardown(harness);
}
END_TEST

START_TEST(frames_without_times)
{
    GstHarness *harness = latest("max-mask-age=1000000000", NULL);
    test_wait_ready(harness->element);
    int marked = 0;
    for (int i = 0; marked < 5 && i < 3000; i++) {
        GstBuffer *buffer = test_moving_frame(i);
        GST_BUFFER_PTS(buffer) = GST_BUFFER_DURATION(buffer) = GST_CLOCK_TIME_NONE;
        GstBuffer *out = test_pass(harness, buffer);
        marked += test_n_findings(out) > 0;
        gst_buffer_unref(out);
        g_usleep(10000);
    }
    ck_assert_int_eq(marked, 5);
    gst_harness_teardown(harness);
}
END_TEST

/* After a flush or new caps, no earlier mask remains. */
START_TEST(flush_and_caps_forget)
{
    GstHarness *harness = latest("max-mask-age=10000000000", NULL);
    test_wait_ready(harness->element);
    for (int round = 0; round < 2; round++) {
        pass_until_marked(harness);
        GstBuffer *out;
        if (round == 0) {
            gst_harness_push_event(harness, gst_event_new_flush_start());
            gst_harness_push_event(harness, gst_event_new_flush_stop(TRUE));
            test_push_segment(harness);
            out = test_pass(harness, test_moving_frame(4));
        } else {
            GstVideoInfo info;
            test_video_info(&info, "NV12", 128, 80);
            test_set_caps(harness, "NV12", 128, 80);
            out = test_pass(harness, test_frame(&info, 4, 0));
        }
        ck_assert_int_eq(test_n_findings(out), -1);
        gst_buffer_unref(out);
    }
    gst_harness_teardown(harness);
}
END_TEST

START_TEST(adds_no_latency)
{
    GstHarness *harness = latest("", NULL);
    gst_harness_set_live(harness, TRUE);
    gst_harness_set_upstream_latency(harness, 10 * GST_MSECOND);
    ck_assert_uint_eq(gst_harness_query_latency(harness), 10 * GST_MSECOND);
    gst_harness_teardown(harness);
}
END_TEST

START_TEST(auto_goes_by_liveness)
{
    for (int live = 0; live < 2; live++) {
        GstHarness *harness = test_harness("lmnet " TINY, NULL);
        gst_harness_set_live(harness, live);
        test_set_caps(harness, "RGB", TINY_WIDTH, TINY_HEIGHT);
        GstStructure *stats = test_get_stats(harness->element);
        ck_assert_str_eq(gst_structure_get_string(stats, "mode"), live ? "latest" : "every-frame");
        gst_structure_free(stats);
        gst_harness_teardown(harness);
    }
}
END_TEST

START_TEST(eos_with_nothing)
{
    GstHarness *harness = latest("", NULL);
    ck_assert(gst_harness_push_event(harness, gst_event_new_eos()));
    gst_harness_teardown(harness);
}
END_TEST

int main(int argc, char **argv)
{
    test_init(&argc, &argv);
    Suite *suite = suite_create("latest");
    TCase *tcase = tcase_create("latest");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, passes_clean_while_starting);
    tcase_add_test(tcase, marks_with_the_newest);
    tcase_add_test(tcase, a_burst_supersedes);
    tcase_add_test(tcase, old_masks_are_not_shown);
    tcase_add_test(tcase, frames_without_times);
    tcase_add_test(tcase, flush_and_caps_forget);
    tcase_add_test(tcase, adds_no_latency);
    tcase_add_test(tcase, auto_goes_by_liveness);
    tcase_add_test(tcase, eos_with_nothing);
    suite_add_tcase(suite, tcase);
    return lm_test_run(suite);
}
