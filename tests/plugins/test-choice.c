/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The model that lmnet chooses: by a bundled one's short name, or by mode and device if none is
 * set. The element comes from the plugin file, since it finds bundled models relative to it. */
#include "support.h"

#define LARGE "kvasir-256"
#define SMALL "kvasir-128"

static void check_model(GstElement *element, const char *name)
{
    GstStructure *stats = test_get_stats(element);
    const char *path = gst_structure_get_string(stats, "model");
    g_autofree char *file = g_path_get_basename(path);
    g_autofree char *expected = g_strdup_printf("lmnet-%s.safetensors", name);
    ck_assert_str_eq(file, expected);
    gst_structure_free(stats);
}

/* The model's width in lmnet's event to downstream elements; 0: none came. */
static int event_width(GstHarness *harness)
{
    int width = 0, height = 0;
    GstEvent *event;
    while ((event = gst_harness_try_pull_event(harness))) {
        gst_lm_model_event_parse(event, &width, &height);
        gst_event_unref(event);
    }
    return width;
}

static void check_infos(GstBus *bus, bool small_taken)
{
    g_autofree char *text = test_pop_text(bus, GST_MESSAGE_INFO),
                    *more = test_pop_text(bus, GST_MESSAGE_INFO);
    ck_assert_msg((text != NULL) == small_taken, "INFO: %s", text ? text : "none");
    ck_assert(!small_taken || strstr(text, SMALL));
    ck_assert_ptr_null(more);
}

/* The model chosen after such a source once caps have come. */
static void check(const char *launch, bool live, const char *name, bool small_taken)
{
    GstBus *bus;
    GstHarness *harness = test_harness(launch, &bus);
    gst_harness_set_live(harness, live);
    test_set_caps(harness, "RGB", 96, 64);
    check_model(harness->element, name);
    check_infos(bus, small_taken);
    ck_assert_int_eq(event_width(harness), g_str_equal(name, SMALL) ? 128 : 256);
    gst_harness_teardown(harness);
    gst_object_unref(bus);
}

START_TEST(default_model)
{
    check("lmnet device=cpu", false, LARGE, false);
    check("lmnet device=cpu", true, SMALL, true);
    check("lmnet device=cpu mode=every-frame", true, LARGE, false);
    check("lmnet device=cpu mode=latest", false, SMALL, true);
    check("lmnet device=cpu model=\"\"", true, SMALL, true);
}
END_TEST

START_TEST(named_model)
{
    check("lmnet device=cpu model=" SMALL, false, SMALL, false);
    check("lmnet device=cpu model=" LARGE, true, LARGE, false);
    check("lmnet device=cpu model=" LARGE " mode=latest", true, LARGE, false);
    g_setenv("LMNET_MODEL", LARGE, TRUE);
    check("lmnet device=cpu", true, LARGE, false);
    g_setenv("LMNET_MODEL", SMALL, TRUE);
    check("lmnet device=cpu", false, SMALL, false);
    g_unsetenv("LMNET_MODEL");
}
END_TEST

/* Mode latest, and so the model, is known before caps come. */
START_TEST(model_known_early)
{
    GError *error = NULL;
    GstElement *element = gst_parse_launch("lmnet device=cpu mode=latest", &error);
    lm_test_ok(element && !error, error);
    GstBus *bus = gst_bus_new();
    gst_element_set_bus(element, bus);
    ck_assert_int_eq(gst_element_set_state(element, GST_STATE_READY), GST_STATE_CHANGE_SUCCESS);
    check_infos(bus, true);
    check_model(element, SMALL);
    gst_element_set_state(element, GST_STATE_NULL);
    gst_object_unref(element);
    gst_object_unref(bus);
}
END_TEST

/* The model stays that of the first caps as long as frames flow, even if the mode changes. */
START_TEST(stays_while_running)
{
    enum { N = 4 };
    GstBus *bus;
    GstHarness *harness = test_harness("lmnet device=cpu max-mask-age=60000000000", &bus);
    gst_harness_set_live(harness, TRUE);
    test_set_caps(harness, "RGB", TINY_WIDTH, TINY_HEIGHT);
    test_wait_ready(harness->element);
    int masked = test_pass_until_masked(harness, 0);
    ck_assert_int_eq(event_width(harness), 128);

    gst_harness_set_live(harness, FALSE);
    ck_assert(test_push_segment(harness));
    test_set_caps(harness, "RGB", TINY_WIDTH, TINY_HEIGHT);
    for (int i = 1; i <= N; i++)
        ck_assert_int_eq(gst_harness_push(harness, test_moving_frame(masked + i)), GST_FLOW_OK);
    gst_harness_push_event(harness, gst_event_new_eos());
    test_pull_masked(harness, masked + 1, N);
    check_model(harness->element, SMALL);
    ck_assert_int_eq(event_width(harness), 0);
    g_autofree char *states = test_pop_states(bus);
    ck_assert_str_eq(states, "starting ready ");
    gst_harness_teardown(harness);
    gst_object_unref(bus);
}
END_TEST

/* Played again, now after a source of the other kind. */
START_TEST(changes_between_runs)
{
    GstBus *bus;
    GstHarness *harness = test_harness("lmnet device=cpu", &bus);
    gst_harness_set_live(harness, TRUE);
    test_set_caps(harness, "RGB", TINY_WIDTH, TINY_HEIGHT);
    check_model(harness->element, SMALL);
    check_infos(bus, true);
    ck_assert_int_eq(gst_element_set_state(harness->element, GST_STATE_READY),
                     GST_STATE_CHANGE_SUCCESS);

    gst_harness_set_live(harness, FALSE);
    gst_element_set_state(harness->element, GST_STATE_PLAYING);
    ck_assert(gst_harness_push_event(harness, gst_event_new_stream_start("again")));
    test_set_caps(harness, "RGB", TINY_WIDTH, TINY_HEIGHT);
    ck_assert(test_push_segment(harness));
    check_model(harness->element, LARGE);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(gst_harness_push(harness, test_moving_frame(i)), GST_FLOW_OK);
    test_pull_masked(harness, 0, 1);
    check_infos(bus, false);
    gst_harness_teardown(harness);
    gst_object_unref(bus);
}
END_TEST

int main(int argc, char **argv)
{
    g_setenv("LMNET_TEST_DEVICE", "cpu", TRUE);
    gst_init(&argc, &argv);
    g_log_set_always_fatal(G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_ERROR);
    LmDevice *device = lm_test_device();
    lm_device_free(&device);
    g_unsetenv("LMNET_MODEL");

    Suite *suite = suite_create("choice");
    TCase *tcase = tcase_create("choice");
    tcase_set_timeout(tcase, 150);
    tcase_add_test(tcase, default_model);
    tcase_add_test(tcase, named_model);
    tcase_add_test(tcase, model_known_early);
    tcase_add_test(tcase, stays_while_running);
    tcase_add_test(tcase, changes_between_runs);
    suite_add_tcase(suite, tcase);
    return lm_test_run(suite);
}
