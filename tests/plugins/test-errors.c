/* SPDX-License-Identifier: LGPL-2.1-or-later
 * lmnet's errors for bad models, devices and settings. */
#define _GNU_SOURCE /* memmem */
#include "support.h"

#include <glib/gstdio.h>
#include <string.h>

#define SMALL_MODEL GOLDEN_DIR "/tiny-deploy.model.safetensors"

/* --- Before PAUSED --------------------------------------------------------------------------- */

/* The element must refuse READY, with one error whose text contains all of `parts`
 * (NULL-terminated). */
static void check_refused(const char *launch, const char *const *parts)
{
    GError *error = NULL;
    GstElement *element = gst_parse_launch(launch, &error);
    lm_test_ok(element && !error, error);
    GstBus *bus = gst_bus_new();
    gst_element_set_bus(element, bus);
    ck_assert_int_eq(gst_element_set_state(element, GST_STATE_READY), GST_STATE_CHANGE_FAILURE);
    char *text = test_pop_text(bus, GST_MESSAGE_ERROR);
    ck_assert_msg(text, "%s: no error", launch);
    for (; *parts; parts++)
        ck_assert_msg(strstr(text, *parts), "\"%s\" lacks \"%s\"", text, *parts);
    g_free(text);
    ck_assert_ptr_null(gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR));
    gst_element_set_state(element, GST_STATE_NULL);
    gst_element_set_bus(element, NULL);
    gst_object_unref(bus);
    gst_object_unref(element);
}

/* Writes a file with this content; the error must name the file and `part`. */
static void check_model(const char *name, const void *content, gsize size, const char *part)
{
    char *folder = g_dir_make_tmp("lmnet-test-XXXXXX", NULL);
    char *path = g_build_filename(folder, name, NULL);
    ck_assert(g_file_set_contents(path, content, (gssize)size, NULL));
    char *launch = g_strdup_printf("lmnet model=%s", path);
    check_refused(launch, (const char *const[]){name, part, NULL});
    g_unlink(path);
    g_rmdir(folder);
    g_free(launch);
    g_free(path);
    g_free(folder);
}

/* The small model with one string of its header replaced by another of the same length. */
static void check_edited_model(const char *from, const char *to, const char *part)
{
    char *content;
    gsize size;
    ck_assert_uint_eq(strlen(from), strlen(to));
    ck_assert(g_file_get_contents(SMALL_MODEL, &content, &size, NULL));
    char *at = memmem(content, size, from, strlen(from));
    ck_assert_ptr_nonnull(at);
    memcpy(at, to, strlen(to));
    check_model("edited.safetensors", content, size, part);
    g_free(content);
}

START_TEST(bad_models)
{
    char *content;
    gsize size;
    ck_assert(g_file_get_contents(SMALL_MODEL, &content, &size, NULL));
    check_refused("lmnet model=/nowhere/none.safetensors",
                  (const char *const[]){"/nowhere/none.safetensors", NULL});
    check_model("empty.safetensors", "", 0, "");
    check_model("text.safetensors", "This is no model, but a line of text.\n", 38, "");
    check_model("no-end.safetensors", content, size - 1, "");
    check_model("half-header.safetensors", content, 1000, "");
    content[7] = 0x7f;
    check_model("long-header.safetensors", content, size, "");
    g_free(content);

    /* Widths that are no multiples of 11 heads. */
    check_edited_model("\"lmnet.heads\":\"12\"", "\"lmnet.heads\":\"11\"", "heads");
    check_edited_model("\"conv1.0.se.fc1.bias\"", "\"conv1.0.se.fc9.bias\"", "conv1.0.se.fc1.bias");
    check_edited_model("\"conv1.0.se.fc1.weight\":{\"dtype\":\"F32\",\"shape\":[3,12,1,1]",
                       "\"conv1.0.se.fc1.weight\":{\"dtype\":\"F32\",\"shape\":[12,3,1,1]",
                       "conv1.0.se.fc1.weight");
}
END_TEST

START_TEST(bad_settings)
{
    check_refused("lmnet model=" TINY_MODEL " device=\"no such device\"",
                  (const char *const[]){"no such device", NULL});
    check_refused("lmnet model=" TINY_MODEL " device=99", (const char *const[]){"99", NULL});
    static const char *const regions[] = {"half",      "1,2,3",   "1,2,3,4,5", "0,0,0,10",
                                          "0,0,10,-1", "a,b,c,d", "1.5,0,9,9", ""};
    for (guint i = 0; i < G_N_ELEMENTS(regions); i++) {
        char *launch = g_strdup_printf("lmnet model=" TINY_MODEL " region=\"%s\"", regions[i]);
        check_refused(launch, (const char *const[]){"region", regions[i], NULL});
        g_free(launch);
    }
}
END_TEST

START_TEST(model_by_environment)
{
    g_setenv("LMNET_MODEL", "/nowhere/environment.safetensors", TRUE);
    check_refused("lmnet", (const char *const[]){"/nowhere/environment.safetensors", NULL});
    check_refused("lmnet model=/nowhere/property.safetensors",
                  (const char *const[]){"/nowhere/property.safetensors", NULL});
    g_unsetenv("LMNET_MODEL");
}
END_TEST

START_TEST(changed_in_ready)
{
    GstElement *element = gst_parse_launch("lmnet model=" TINY_MODEL, NULL);
    GstBus *bus = gst_bus_new();
    gst_element_set_bus(element, bus);
    ck_assert_int_eq(gst_element_set_state(element, GST_STATE_READY), GST_STATE_CHANGE_SUCCESS);
    g_object_set(element, "model", "/nowhere/late.safetensors", NULL);
    ck_assert_int_eq(gst_element_set_state(element, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
    char *text = test_pop_text(bus, GST_MESSAGE_ERROR);
    ck_assert(text && strstr(text, "late.safetensors"));
    g_free(text);
    /* The second attempt fails, too, with nothing set in between. */
    ck_assert_int_eq(gst_element_set_state(element, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
    g_object_set(element, "model", SMALL_MODEL, "region", "bogus", NULL);
    ck_assert_int_eq(gst_element_set_state(element, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
    /* The error can be corrected. */
    g_object_set(element, "region", "full", NULL);
    ck_assert_int_eq(gst_element_set_state(element, GST_STATE_PAUSED), GST_STATE_CHANGE_SUCCESS);
    gst_element_set_state(element, GST_STATE_NULL);
    gst_element_set_bus(element, NULL);
    gst_object_unref(bus);
    gst_object_unref(element);
}
END_TEST

/* --- While frames flow ----------------------------------------------------------------------- */

START_TEST(fixed_while_running)
{
    GstBus *bus;
    GstHarness *harness = test_harness("lmnet " TINY "in-flight=2", &bus);
    g_object_set(harness->element, "model", "other", "device", "other", "in-flight", 5, NULL);
    gst_util_set_object_arg(G_OBJECT(harness->element), "precision", "fp16");
    gst_util_set_object_arg(G_OBJECT(harness->element), "mode", "latest");
    static const char *const names[] = {"model", "device", "in-flight", "precision", "mode"};
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        char *text = test_pop_text(bus, GST_MESSAGE_WARNING);
        ck_assert_msg(text && strstr(text, names[i]), "%s", names[i]);
        g_free(text);
    }
    char *model;
    guint in_flight;
    g_object_get(harness->element, "model", &model, "in-flight", &in_flight, NULL);
    ck_assert_str_eq(model, TINY_MODEL);
    ck_assert_uint_eq(in_flight, 2);
    g_free(model);

    /* A bad region is refused, too, and the region before stays. */
    test_set_caps(harness, "RGB", TINY_WIDTH, TINY_HEIGHT);
    g_object_set(harness->element, "region", "some", NULL);
    char *text = test_pop_text(bus, GST_MESSAGE_WARNING);
    ck_assert(text && strstr(text, "some"));
    g_free(text);
    gst_harness_push(harness, test_golden_frame(0));
    gst_harness_push_event(harness, gst_event_new_eos());
    GstBuffer *out = gst_harness_pull(harness);
    ck_assert_int_ge(test_n_findings(out), 0);
    gst_buffer_unref(out);
    gst_harness_teardown(harness);
    gst_object_unref(bus);
}
END_TEST

static void check_properties(const char *name)
{
    GstElement *element = gst_element_factory_make(name, NULL);
    guint n;
    GParamSpec **specs = g_object_class_list_properties(G_OBJECT_GET_CLASS(element), &n);
    for (guint i = 0; i < n; i++) {
        GParamSpec *spec = specs[i];
        if (spec->owner_type != G_OBJECT_TYPE(element) || !(spec->flags & G_PARAM_WRITABLE))
            continue;
        /* The documented defaults are the defaults. */
        GValue value = G_VALUE_INIT;
        g_value_init(&value, spec->value_type);
        g_object_get_property(G_OBJECT(element), spec->name, &value);
        ck_assert_msg(g_param_value_defaults(spec, &value), "%s.%s", name, spec->name);
        g_value_unset(&value);
        ck_assert_msg(spec->flags & (GST_PARAM_MUTABLE_READY | GST_PARAM_MUTABLE_PLAYING), "%s.%s",
                      name, spec->name);
    }
    g_free(specs);
    gst_object_unref(element);
}

static void check_range(const char *name, double low, double high)
{
    GstElement *element = gst_element_factory_make("lmnet", NULL);
    GParamSpecDouble *spec =
        G_PARAM_SPEC_DOUBLE(g_object_class_find_property(G_OBJECT_GET_CLASS(element), name));
    ck_assert(spec->minimum == low && spec->maximum == high);
    gst_object_unref(element);
}

START_TEST(properties)
{
    check_properties("lmnet");
    check_properties("lmnetoverlay");
    check_properties("lmnetmask");
    check_range("threshold", 0, 1);
    check_range("opacity", 0, 1);
    check_range("min-area", 0, 1);
    check_range("smoothing", 0, 1);

    GstElement *element = gst_element_factory_make("lmnet", NULL);
    GObjectClass *klass = G_OBJECT_GET_CLASS(element);
    GParamSpecUInt *in_flight = G_PARAM_SPEC_UINT(g_object_class_find_property(klass, "in-flight"));
    ck_assert_uint_eq(in_flight->minimum, 1);
    ck_assert_uint_eq(in_flight->maximum, 8);
    GParamSpecUInt *color = G_PARAM_SPEC_UINT(g_object_class_find_property(klass, "color"));
    ck_assert_uint_eq(color->default_value, 0x00e5ff);
    static const char *const controllable[] = {"threshold", "opacity", "smoothing"};
    for (guint i = 0; i < G_N_ELEMENTS(controllable); i++)
        ck_assert(g_object_class_find_property(klass, controllable[i])->flags &
                  GST_PARAM_CONTROLLABLE);
    ck_assert(!(g_object_class_find_property(klass, "stats")->flags & G_PARAM_WRITABLE));
    gst_object_unref(element);
}
END_TEST

START_TEST(caps_refused)
{
    static const char *const refused[] = {
        "video/x-raw(format:Interlaced),format=NV12,width=64,height=64,framerate=25/1,"
        "interlace-mode=alternate",
        "video/x-raw,format=NV12,width=64,height=64,framerate=25/1,interlace-mode=alternate",
        "video/x-raw,format=GRAY8,width=64,height=64,framerate=25/1",
        "video/x-raw,format=NV12,width=31,height=64,framerate=25/1",
        "video/x-raw,format=NV12,width=64,height=4097,framerate=25/1",
    };
    for (guint i = 0; i < G_N_ELEMENTS(refused); i++) {
        GstHarness *harness = test_harness("lmnet " TINY, NULL);
        GstCaps *caps = gst_caps_from_string(refused[i]);
        gst_harness_push_event(harness, gst_event_new_stream_start("refused"));
        gst_harness_push_event(harness, gst_event_new_caps(caps));
        test_push_segment(harness);
        GstBuffer *buffer = gst_buffer_new_allocate(NULL, 64 * 4097 * 2, NULL);
        ck_assert_msg(gst_harness_push(harness, buffer) == GST_FLOW_NOT_NEGOTIATED, "%s",
                      refused[i]);
        gst_caps_unref(caps);
        gst_harness_teardown(harness);
    }
}
END_TEST

int main(int argc, char **argv)
{
    test_init(&argc, &argv);
    Suite *suite = suite_create("errors");
    TCase *tcase = tcase_create("errors");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, bad_models);
    tcase_add_test(tcase, bad_settings);
    tcase_add_test(tcase, model_by_environment);
    tcase_add_test(tcase, changed_in_ready);
    tcase_add_test(tcase, fixed_while_running);
    tcase_add_test(tcase, properties);
    tcase_add_test(tcase, caps_refused);
    suite_add_tcase(suite, tcase);
    return lm_test_run(suite);
}
