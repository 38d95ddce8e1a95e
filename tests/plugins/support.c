/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Harnesses, frames and golden images for the tests of the elements. */
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gstlmelements.h"
#include "model/safetensors.h"

void test_init_elements(int *argc, char ***argv)
{
    gst_init(argc, argv);
    g_log_set_always_fatal(G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_ERROR);
    if (!gst_plugin_register_static(GST_VERSION_MAJOR, GST_VERSION_MINOR, "lmnet", "test",
                                    gst_lm_elements_register, "0", "LGPL", "test", "test", "test"))
        g_error("the elements cannot be registered");
}

void test_init(int *argc, char ***argv)
{
    test_init_elements(argc, argv);
    LmDevice *device = lm_test_device();
    lm_device_free(&device);
}

GstHarness *test_harness(const char *launch, GstBus **bus)
{
    GError *error = NULL;
    GstElement *element = strchr(launch, '!') ? gst_parse_bin_from_description(launch, TRUE, &error)
                                              : gst_parse_launch(launch, &error);
    lm_test_ok(element && !error, error);
    if (bus) {
        *bus = gst_bus_new();
        gst_element_set_bus(element, *bus);
    }
    bool source = GST_OBJECT_FLAG_IS_SET(element, GST_ELEMENT_FLAG_SOURCE);
    GstHarness *harness = gst_harness_new_with_element(element, source ? NULL : "sink", "src");
    gst_harness_set_live(harness, FALSE);
    gst_object_unref(element);
    return harness;
}

GPtrArray *test_play(const char *launch, const char *caps, int n, GstVideoInfo *info)
{
    GstHarness *harness = test_harness(launch, NULL);
    if (caps)
        gst_harness_set_sink_caps_str(harness, caps);
    gst_harness_play(harness);
    GPtrArray *frames = g_ptr_array_new_with_free_func((GDestroyNotify)gst_buffer_unref);
    for (int i = 0; i < n; i++) {
        GstBuffer *buffer = gst_harness_pull(harness);
        ck_assert_msg(buffer, "%s: frame %d does not come", launch, i);
        g_ptr_array_add(frames, buffer);
    }
    GstCaps *negotiated = gst_pad_get_current_caps(harness->sinkpad);
    ck_assert(gst_video_info_from_caps(info, negotiated));
    gst_caps_unref(negotiated);
    gst_harness_teardown(harness);
    return frames;
}

void test_video_info(GstVideoInfo *info, const char *format, int width, int height)
{
    gst_video_info_set_format(info, gst_video_format_from_string(format), (guint)width,
                              (guint)height);
    info->fps_n = 30;
    info->fps_d = 1;
}

void test_set_caps(GstHarness *harness, const char *format, int width, int height)
{
    GstVideoInfo info;
    test_video_info(&info, format, width, height);
    gst_harness_set_src_caps(harness, gst_video_info_to_caps(&info));
}

GstMessage *test_wait_message(GstBus *bus, GstMessageType types)
{
    return gst_bus_timed_pop_filtered(bus, 20 * GST_SECOND, types);
}

char *test_pop_text(GstBus *bus, GstMessageType type)
{
    GstMessage *message = gst_bus_pop_filtered(bus, type);
    if (!message)
        return NULL;
    GError *error = NULL;
    if (type == GST_MESSAGE_ERROR)
        gst_message_parse_error(message, &error, NULL);
    else if (type == GST_MESSAGE_WARNING)
        gst_message_parse_warning(message, &error, NULL);
    else
        gst_message_parse_info(message, &error, NULL);
    char *text = g_strdup(error->message);
    g_error_free(error);
    gst_message_unref(message);
    return text;
}

/* --- The golden case ------------------------------------------------------------------------- */

static float *golden_tensor(const char *name, gsize expected)
{
    GError *error = NULL;
    LmSafetensors *file = lm_safetensors_open(GOLDEN_DIR "/tiny.io.safetensors", &error);
    lm_test_ok(file, error);
    const LmTensorView *view = lm_safetensors_find(file, name);
    ck_assert_uint_eq(view->n_elements, expected);
    float *values = g_new(float, expected);
    memcpy(values, view->data, view->size);
    lm_safetensors_free(&file);
    return values;
}

static guint8 *read_golden_picture(void)
{
    static const double mean[3] = {0.485, 0.456, 0.406}, std[3] = {0.229, 0.224, 0.225};
    const gsize n = TINY_WIDTH * TINY_HEIGHT;
    float *input = golden_tensor("input", 3 * n);
    guint8 *picture = g_malloc(3 * n);
    for (gsize i = 0; i < 3 * n; i++) {
        double level = (input[i] * std[i / n] + mean[i / n]) * 255;
        ck_assert(fabs(level - round(level)) < 1e-3);
        picture[i % n * 3 + i / n] = (guint8)lround(level);
    }
    g_free(input);
    return picture;
}

guint8 *test_golden_picture(void)
{
    static guint8 *picture = NULL;
    if (!picture)
        picture = read_golden_picture();
    return g_memdup2(picture, 3 * TINY_WIDTH * TINY_HEIGHT);
}

guint8 *test_golden_mask(void)
{
    const gsize n = TINY_WIDTH * TINY_HEIGHT;
    float *logits = golden_tensor("logits", 2 * n);
    guint8 *mask = g_malloc(n);
    for (gsize i = 0; i < n; i++)
        mask[i] = (guint8)lround(255 / (1 + exp((double)logits[i] - (double)logits[n + i])));
    g_free(logits);
    return mask;
}

/* --- Frames ---------------------------------------------------------------------------------- */

static void set_times(GstBuffer *buffer, int index)
{
    GST_BUFFER_PTS(buffer) = (GstClockTime)index * FRAME_TIME;
    GST_BUFFER_DURATION(buffer) = FRAME_TIME;
    GST_BUFFER_OFFSET(buffer) = (guint64)index;
}

GstBuffer *test_golden_frame(int index)
{
    GstBuffer *buffer = gst_buffer_new_wrapped(test_golden_picture(), 3 * TINY_WIDTH * TINY_HEIGHT);
    set_times(buffer, index);
    return buffer;
}

GstBuffer *test_moving_frame(int index)
{
    GstBuffer *buffer = test_golden_frame(index);
    gst_buffer_memset(buffer, 0, (guint8)(64 + index * 53 % 128), 3);
    return buffer;
}

/* Fills a frame through GStreamer's unpacked form, ARGB or AYUV of 8 or 16 bits, so that every
 * format gets the same image and this test need not know its layout. */
static void paint(GstVideoFrame *frame, const guint8 *picture)
{
    const GstVideoFormatInfo *unpack = gst_video_format_get_info(frame->info.finfo->unpack_format);
    bool wide = GST_VIDEO_FORMAT_INFO_DEPTH(unpack, 0) == 16;
    int width = GST_VIDEO_FRAME_WIDTH(frame), height = GST_VIDEO_FRAME_HEIGHT(frame);
    gsize line_bytes = (gsize)width * (wide ? 8 : 4);
    guint8 *lines = g_malloc0(line_bytes * 4);

    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            const guint8 *rgb =
                picture + 3 * (y * TINY_HEIGHT / height * TINY_WIDTH + x * TINY_WIDTH / width);
            /* Not a colour conversion: only three numbers that vary with the image. */
            const guint8 pixel[4] = {(guint8)(37 * x + 11 * y), (guint8)(16 + rgb[0] * 219 / 255),
                                     rgb[1], rgb[2]};
            for (int c = 0; c < 4; c++) {
                if (wide)
                    ((guint16 *)(void *)lines)[4 * x + c] = (guint16)(pixel[c] * 257);
                else
                    lines[4 * x + c] = pixel[c];
            }
        }
        frame->info.finfo->pack_func(frame->info.finfo, GST_VIDEO_PACK_FLAG_NONE, lines,
                                     (gint)line_bytes, frame->data, frame->info.stride,
                                     frame->info.chroma_site, y, width);
    }
    g_free(lines);
}

GstBuffer *test_frame(const GstVideoInfo *info, int index, int padding)
{
    gsize offset[GST_VIDEO_MAX_PLANES] = {0}, size = 0;
    gint stride[GST_VIDEO_MAX_PLANES] = {0};
    for (guint i = 0; i < GST_VIDEO_INFO_N_PLANES(info); i++) {
        gint component[GST_VIDEO_MAX_COMPONENTS];
        gst_video_format_info_component(info->finfo, i, component);
        stride[i] = GST_VIDEO_INFO_PLANE_STRIDE(info, i) + padding;
        offset[i] = size;
        size += (gsize)stride[i] * (gsize)GST_VIDEO_FORMAT_INFO_SCALE_HEIGHT(
                                       info->finfo, component[0], GST_VIDEO_INFO_HEIGHT(info));
    }

    guint8 *data = g_malloc(size);
    GRand *rand = g_rand_new_with_seed((guint32)index + 1);
    for (gsize i = 0; i < size; i++)
        data[i] = (guint8)g_rand_int(rand);
    g_rand_free(rand);
    GstBuffer *buffer = gst_buffer_new_wrapped(data, size);
    gst_buffer_add_video_meta_full(buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_INFO_FORMAT(info),
                                   (guint)GST_VIDEO_INFO_WIDTH(info),
                                   (guint)GST_VIDEO_INFO_HEIGHT(info),
                                   GST_VIDEO_INFO_N_PLANES(info), offset, stride);
    set_times(buffer, index);

    /* GStreamer packs pixels only to rows with its own alignment. */
    GstBuffer *aligned =
        gst_buffer_new_wrapped(g_malloc0(GST_VIDEO_INFO_SIZE(info)), GST_VIDEO_INFO_SIZE(info));
    GstVideoFrame from, to;
    ck_assert(gst_video_frame_map(&from, info, aligned, GST_MAP_READWRITE));
    ck_assert(gst_video_frame_map(&to, info, buffer, GST_MAP_READWRITE));
    guint8 *picture = test_golden_picture();
    paint(&from, picture);
    g_free(picture);
    gst_video_frame_copy(&to, &from);
    gst_video_frame_unmap(&from);
    gst_video_frame_unmap(&to);
    gst_buffer_unref(aligned);
    return buffer;
}

GstBuffer *test_run(GstHarness *harness, const GstVideoInfo *info, GstBuffer *buffer)
{
    gst_harness_set_src_caps(harness, gst_video_info_to_caps((GstVideoInfo *)info));
    ck_assert_int_eq(gst_harness_push(harness, buffer), GST_FLOW_OK);
    GstBuffer *out = gst_harness_pull(harness);
    ck_assert_ptr_nonnull(out);
    return out;
}

GstBuffer *test_run_once(const char *launch, const GstVideoInfo *info, GstBuffer *buffer)
{
    GstHarness *harness = test_harness(launch, NULL);
    GstBuffer *out = test_run(harness, info, buffer);
    gst_harness_teardown(harness);
    return out;
}

GstStructure *test_get_stats(GstElement *lmnet)
{
    GstStructure *stats;
    g_object_get(lmnet, "stats", &stats, NULL);
    return stats;
}

void test_wait_ready(GstElement *lmnet)
{
    for (int i = 0; i < 2000; i++) {
        GstStructure *stats = test_get_stats(lmnet);
        bool ready = g_str_equal(gst_structure_get_string(stats, "state"), "ready");
        gst_structure_free(stats);
        if (ready)
            return;
        g_usleep(10000);
    }
    ck_abort_msg("the session does not get ready");
}

int test_n_findings(GstBuffer *buffer)
{
    GstCustomMeta *meta = gst_buffer_get_custom_meta(buffer, GST_LM_MASK_META);
    if (!meta)
        return -1;
    const GValue *findings =
        gst_structure_get_value(gst_custom_meta_get_structure(meta), "findings");
    return (int)gst_value_array_get_size(findings);
}

GBytes *test_bytes(GstBuffer *buffer)
{
    gpointer data;
    gsize size;
    gst_buffer_extract_dup(buffer, 0, gst_buffer_get_size(buffer), &data, &size);
    return g_bytes_new_take(data, size);
}

/* --- Live video ------------------------------------------------------------------------------ */

#define PATIENCE 2000

GstBuffer *test_other_frame(int index)
{
    GstBuffer *buffer = test_moving_frame(index);
    GstMapInfo map;
    gst_buffer_map(buffer, &map, GST_MAP_READWRITE);
    for (gsize i = 0; i < map.size; i++)
        map.data[i] = (guint8)~map.data[i];
    gst_buffer_unmap(buffer, &map);
    return buffer;
}

GstHarness *test_start(const char *launch, const char *more, GstBus **bus)
{
    char *line = g_strconcat(launch, more, NULL);
    GstHarness *harness = test_harness(line, bus);
    g_free(line);
    test_set_caps(harness, "RGB", TINY_WIDTH, TINY_HEIGHT);
    test_wait_ready(harness->element);
    return harness;
}

GstBuffer *test_pass(GstHarness *harness, GstBuffer *buffer)
{
    guint64 offset = GST_BUFFER_OFFSET(buffer);
    GstClockTime pts = GST_BUFFER_PTS(buffer);
    ck_assert_int_eq(gst_harness_push(harness, buffer), GST_FLOW_OK);
    GstBuffer *out = gst_harness_try_pull(harness);
    ck_assert_ptr_nonnull(out);
    ck_assert_uint_eq(GST_BUFFER_OFFSET(out), offset);
    ck_assert_uint_eq(GST_BUFFER_PTS(out), pts);
    return out;
}

bool test_get_times(GstBuffer *buffer, guint64 *pts, guint64 *age)
{
    GstCustomMeta *meta = gst_buffer_get_custom_meta(buffer, GST_LM_MASK_META);
    if (!meta)
        return false;
    const GstStructure *structure = gst_custom_meta_get_structure(meta);
    ck_assert(gst_structure_get_uint64(structure, "pts", pts));
    ck_assert(gst_structure_get_uint64(structure, "age", age));
    return true;
}

guint64 test_get_stat(GstHarness *harness, const char *name)
{
    guint64 value = 0;
    GstStructure *stats = test_get_stats(harness->element);
    ck_assert(gst_structure_get_uint64(stats, name, &value));
    gst_structure_free(stats);
    return value;
}

const GstStructure *test_pop_element(GstBus *bus, const char *name, GstMessage **message)
{
    while ((*message = gst_bus_pop_filtered(bus, GST_MESSAGE_ELEMENT))) {
        if (gst_message_has_name(*message, name))
            return gst_message_get_structure(*message);
        gst_message_unref(*message);
    }
    return NULL;
}

bool test_push_segment(GstHarness *harness)
{
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    return gst_harness_push_event(harness, gst_event_new_segment(&segment));
}

void test_pull_masked(GstHarness *harness, int index, int n)
{
    for (int i = index; i < index + n; i++) {
        GstBuffer *buffer = gst_harness_pull(harness);
        ck_assert_uint_eq(GST_BUFFER_OFFSET(buffer), (guint64)i);
        ck_assert_int_ge(test_n_findings(buffer), 0);
        gst_buffer_unref(buffer);
    }
}

char *test_pop_states(GstBus *bus)
{
    GString *states = g_string_new(NULL);
    GstMessage *message;
    const GstStructure *structure;
    while ((structure = test_pop_element(bus, "lmnet-state", &message))) {
        g_string_append_printf(states, "%s ", gst_structure_get_string(structure, "state"));
        ck_assert_ptr_nonnull(gst_structure_get_string(structure, "reason"));
        gst_message_unref(message);
    }
    return g_string_free(states, FALSE);
}

int test_pass_until_masked(GstHarness *harness, int index)
{
    guint64 pts, age;
    for (int i = 0; i < PATIENCE; i++, index++) {
        GstBuffer *out = test_pass(harness, test_moving_frame(index));
        bool masked = test_get_times(out, &pts, &age);
        gst_buffer_unref(out);
        if (masked)
            return index;
        g_usleep(5000);
    }
    ck_abort_msg("no mask comes");
    return 0;
}
