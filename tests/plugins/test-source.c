/* SPDX-License-Identifier: LGPL-2.1-or-later
 * endoscopytestsrc's frames: formats, colours, layouts, truth, metadata, caps, properties. */
#include "support.h"
#include "suite.h"

#include <math.h>
#include <string.h>

#include "gstlmframe.h"
#include "scene/scene.h"

#define SOURCE "endoscopytestsrc num-buffers=2 seed=3 "

static const char *const yuv_formats[] = {"I420", "NV12", "YV12", "Y42B", "YUY2", "UYVY"};
static const char *const rgb_formats[] = {"RGB",  "BGR",  "RGBA", "BGRA", "ARGB",
                                          "ABGR", "RGBx", "BGRx", "xRGB", "xBGR"};

static char *caps_text(const char *format, int width, int height, const char *more)
{
    return g_strdup_printf("video/x-raw,format=%s,width=%d,height=%d%s", format, width, height,
                           more);
}

static GPtrArray *play(const char *launch, const char *format, int width, int height,
                       const char *more, GstVideoInfo *info)
{
    char *caps = caps_text(format, width, height, more);
    GPtrArray *frames = test_play(launch, caps, 2, info);
    ck_assert_str_eq(GST_VIDEO_INFO_NAME(info), format);
    ck_assert_int_eq(GST_VIDEO_INFO_WIDTH(info), width);
    ck_assert_int_eq(GST_VIDEO_INFO_HEIGHT(info), height);
    g_free(caps);
    return frames;
}

/* A frame's pixels as four bytes each, ARGB or AYUV, chroma repeated. */
static guint8 *unpack(GstBuffer *buffer, const GstVideoInfo *info)
{
    GstVideoFrame frame;
    ck_assert(gst_video_frame_map(&frame, info, buffer, GST_MAP_READ));
    gsize stride = 4 * (gsize)GST_VIDEO_INFO_WIDTH(info);
    guint8 *pixels = g_malloc(stride * (gsize)GST_VIDEO_INFO_HEIGHT(info));
    for (int y = 0; y < GST_VIDEO_INFO_HEIGHT(info); y++)
        info->finfo->unpack_func(info->finfo, GST_VIDEO_PACK_FLAG_NONE, pixels + (gsize)y * stride,
                                 frame.data, frame.info.stride, 0, y, GST_VIDEO_INFO_WIDTH(info));
    gst_video_frame_unmap(&frame);
    return pixels;
}

/* The second frame of a source, unpacked. */
static guint8 *second_frame(const char *format, int width, int height, const char *more,
                            GstVideoInfo *info)
{
    GPtrArray *frames = play(SOURCE, format, width, height, more, info);
    guint8 *pixels = unpack(g_ptr_array_index(frames, 1), info);
    g_ptr_array_unref(frames);
    return pixels;
}

static bool same_bytes(GstBuffer *a, GstBuffer *b)
{
    GBytes *one = test_bytes(a), *two = test_bytes(b);
    bool same = g_bytes_equal(one, two);
    g_bytes_unref(one);
    g_bytes_unref(two);
    return same;
}

/* --- Formats --------------------------------------------------------------------------------- */

static void check_repeats(const char *format)
{
    GstVideoInfo info;
    GPtrArray *one = play(SOURCE, format, 97, 75, "", &info);
    GPtrArray *two = play(SOURCE "n-threads=3", format, 97, 75, "", &info);
    for (guint i = 0; i < 2; i++) {
        GstBuffer *a = g_ptr_array_index(one, i), *b = g_ptr_array_index(two, i);
        ck_assert_uint_eq(gst_buffer_get_size(a), GST_VIDEO_INFO_SIZE(&info));
        ck_assert_msg(same_bytes(a, b), "%s: frame %u is another in another run", format, i);
    }
    ck_assert(!same_bytes(g_ptr_array_index(one, 0), g_ptr_array_index(one, 1)));
    g_ptr_array_unref(one);
    g_ptr_array_unref(two);
}

START_TEST(every_format_repeats)
{
    for (guint i = 0; i < G_N_ELEMENTS(yuv_formats); i++)
        check_repeats(yuv_formats[i]);
    for (guint i = 0; i < G_N_ELEMENTS(rgb_formats); i++)
        check_repeats(rgb_formats[i]);
}
END_TEST

/* Padding bytes are the same in every run, too. */
START_TEST(padding_is_clean)
{
    GstVideoInfo info;
    GPtrArray *frames = play(SOURCE, "RGB", 97, 75, "", &info);
    GBytes *bytes = test_bytes(g_ptr_array_index(frames, 1));
    const guint8 *data = g_bytes_get_data(bytes, NULL);
    ck_assert_int_eq(GST_VIDEO_INFO_PLANE_STRIDE(&info, 0), 292);
    for (int y = 0; y < 75; y++)
        ck_assert_int_eq(data[292 * y + 291], 0);
    g_bytes_unref(bytes);
    g_ptr_array_unref(frames);
}
END_TEST

START_TEST(seeds_differ)
{
    GstVideoInfo info;
    GPtrArray *one = play(SOURCE, "RGB", 96, 64, "", &info);
    GPtrArray *two = play(SOURCE "seed=4", "RGB", 96, 64, "", &info);
    ck_assert(!same_bytes(g_ptr_array_index(one, 0), g_ptr_array_index(two, 0)));
    g_ptr_array_unref(one);
    g_ptr_array_unref(two);
}
END_TEST

START_TEST(rgb_formats_agree)
{
    GstVideoInfo info;
    guint8 *first = second_frame("RGB", 97, 75, "", &info);
    for (guint i = 1; i < G_N_ELEMENTS(rgb_formats); i++) {
        guint8 *other = second_frame(rgb_formats[i], 97, 75, "", &info);
        ck_assert_msg(memcmp(first, other, 4 * 97 * 75) == 0, "%s", rgb_formats[i]);
        g_free(other);
    }
    g_free(first);
}
END_TEST

/* One component of all pixels. */
static void check_component(const char *name, int component, const guint8 *a, const guint8 *b)
{
    for (int i = 0; i < 97 * 75; i++)
        if (a[4 * i + component] != b[4 * i + component])
            ck_abort_msg("%s: component %d at %d, %d", name, component, i % 97, i / 97);
}

START_TEST(yuv_formats_agree)
{
    GstVideoInfo info;
    guint8 *first[2] = {second_frame("I420", 97, 75, "", &info),
                        second_frame("Y42B", 97, 75, "", &info)};
    for (guint i = 1; i < G_N_ELEMENTS(yuv_formats); i++) {
        guint8 *other = second_frame(yuv_formats[i], 97, 75, "", &info);
        guint8 *like = first[GST_VIDEO_INFO_COMP_HEIGHT(&info, 1) == 75];
        check_component(yuv_formats[i], 1, first[0], other);
        check_component(yuv_formats[i], 2, like, other);
        check_component(yuv_formats[i], 3, like, other);
        g_free(other);
    }
    g_free(first[0]);
    g_free(first[1]);
}
END_TEST

/* --- Colours --------------------------------------------------------------------------------- */

typedef struct {
    const char *caps;
    double kr, kb, black, luma, chroma;
    bool cosited;
} Color;

/* Chroma of pixel x in row y, unrounded. */
static double exact_chroma(const Color *color, const guint8 *rgb, int x, int y, int component)
{
    const guint8 *p = rgb + 4 * (97 * MIN(y, 74) + CLAMP(x, 0, 96)) + 1;
    double luma = color->kr * p[0] + (1 - color->kr - color->kb) * p[1] + color->kb * p[2];
    return 128 + color->chroma / 255 *
                     (component == 2 ? (p[2] - luma) / (2 * (1 - color->kb))
                                     : (p[0] - luma) / (2 * (1 - color->kr)));
}

static double exact_row_chroma(const Color *color, const guint8 *rgb, int x, int y, int component)
{
    double here = exact_chroma(color, rgb, x, y, component);
    double right = exact_chroma(color, rgb, x + 1, y, component);
    if (color->cosited)
        return (exact_chroma(color, rgb, x - 1, y, component) + 2 * here + right) / 4;
    return (here + right) / 2;
}

static void check_color(const Color *color)
{
    GstVideoInfo info;
    guint8 *rgb = second_frame("RGB", 97, 75, "", &info);
    guint8 *yuv = second_frame("I420", 97, 75, color->caps, &info);
    for (int y = 0; y < 75; y++) {
        for (int x = 0; x < 97; x++) {
            const guint8 *p = rgb + 4 * (97 * y + x) + 1, *q = yuv + 4 * (97 * y + x) + 1;
            double luma = color->kr * p[0] + (1 - color->kr - color->kb) * p[1] + color->kb * p[2];
            double exact = color->black + color->luma / 255 * luma;
            /* Half a code for each of the two roundings, and half for the scene's. */
            if (fabs(q[0] - exact) > 1.5)
                ck_abort_msg("%s: luma at %d, %d is %d, not %g", color->caps, x, y, q[0], exact);
        }
    }
    /* Only inside: at the edges GStreamer uses fewer samples. */
    for (int y = 0; y < 75; y += 2) {
        for (int x = 2; x < 94; x += 2) {
            for (int c = 2; c < 4; c++) {
                double exact = (exact_row_chroma(color, rgb, x, y, c) +
                                exact_row_chroma(color, rgb, x, y + 1, c)) /
                               2;
                int code = yuv[4 * (97 * y + x) + c];
                if (fabs(code - exact) > 2.2)
                    ck_abort_msg("%s: component %d at %d, %d is %d, not %g", color->caps, c, x, y,
                                 code, exact);
            }
        }
    }
    g_free(rgb);
    g_free(yuv);
}

START_TEST(yuv_is_rgb_by_the_matrix)
{
    static const Color colors[] = {
        {"", 0.299, 0.114, 16, 219, 224, false},
        {",colorimetry=bt709", 0.2126, 0.0722, 16, 219, 224, false},
        {",colorimetry=1:4:0:0,chroma-site=mpeg2", 0.299, 0.114, 0, 255, 255, true},
        {",colorimetry=bt2020,chroma-site=jpeg", 0.2627, 0.0593, 16, 219, 224, false},
    };
    for (guint i = 0; i < G_N_ELEMENTS(colors); i++)
        check_color(&colors[i]);
}
END_TEST

/* --- Sizes and layouts ----------------------------------------------------------------------- */

START_TEST(odd_and_extreme_sizes)
{
    static const int sizes[][2] = {{16, 16},
                                   {17, 31},
                                   {LM_SCENE_MAX_SIZE, LM_SCENE_MIN_SIZE},
                                   {LM_SCENE_MIN_SIZE, LM_SCENE_MAX_SIZE}};
    static const char *const formats[] = {"I420", "UYVY", "BGR"};
    for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
        for (guint k = 0; k < G_N_ELEMENTS(formats); k++) {
            GstVideoInfo info;
            g_ptr_array_unref(
                play(SOURCE "n-threads=2", formats[k], sizes[i][0], sizes[i][1], "", &info));
        }
    }
}
END_TEST

/* Answers the allocation query like a display with padding between rows and planes. */
static GstPadProbeReturn propose_padding(GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
    GstQuery *query = GST_PAD_PROBE_INFO_QUERY(info);
    if (GST_QUERY_TYPE(query) != GST_QUERY_ALLOCATION)
        return GST_PAD_PROBE_OK;
    GstCaps *caps;
    GstVideoInfo video;
    gst_query_parse_allocation(query, &caps, NULL);
    ck_assert(gst_video_info_from_caps(&video, caps));
    GstVideoAlignment alignment;
    gst_video_alignment_reset(&alignment);
    alignment.padding_left = alignment.padding_right = 32;
    alignment.padding_top = alignment.padding_bottom = 6;

    GstBufferPool *pool = gst_video_buffer_pool_new();
    GstStructure *config = gst_buffer_pool_get_config(pool);
    gst_buffer_pool_config_set_params(config, caps, (guint)GST_VIDEO_INFO_SIZE(&video), 0, 0);
    gst_buffer_pool_config_add_option(config, GST_BUFFER_POOL_OPTION_VIDEO_ALIGNMENT);
    gst_buffer_pool_config_set_video_alignment(config, &alignment);
    ck_assert(gst_buffer_pool_set_config(pool, config));
    gst_query_add_allocation_pool(query, pool, (guint)GST_VIDEO_INFO_SIZE(&video), 0, 0);
    gst_query_add_allocation_meta(query, GST_VIDEO_META_API_TYPE, NULL);
    gst_object_unref(pool);
    return GST_PAD_PROBE_HANDLED;
}

START_TEST(padded_buffers)
{
    static const char *const formats[] = {"NV12", "YUY2", "RGBA", "GRAY8"};
    for (guint i = 0; i < G_N_ELEMENTS(formats); i++) {
        bool truth = g_str_equal(formats[i], "GRAY8");
        const char *launch = truth ? SOURCE "content=truth" : SOURCE;
        GstVideoInfo info;
        GPtrArray *plain = play(launch, formats[i], 97, 75, "", &info);

        GstHarness *harness = test_harness(launch, NULL);
        char *caps = caps_text(formats[i], 97, 75, "");
        gst_harness_set_sink_caps_str(harness, caps);
        gst_pad_add_probe(harness->sinkpad, GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM, propose_padding,
                          NULL, NULL);
        gst_harness_play(harness);
        for (guint k = 0; k < 2; k++) {
            GstBuffer *padded = gst_harness_pull(harness);
            GstVideoMeta *meta = gst_buffer_get_video_meta(padded);
            ck_assert_ptr_nonnull(meta);
            ck_assert_int_gt(meta->stride[0], GST_VIDEO_INFO_PLANE_STRIDE(&info, 0));
            guint8 *expected = unpack(g_ptr_array_index(plain, k), &info);
            guint8 *pixels = unpack(padded, &info);
            ck_assert_msg(memcmp(expected, pixels, 4 * 97 * 75) == 0, "%s", formats[i]);
            g_free(expected);
            g_free(pixels);
            gst_buffer_unref(padded);
        }
        gst_harness_teardown(harness);
        g_ptr_array_unref(plain);
        g_free(caps);
    }
}
END_TEST

/* --- Truth ----------------------------------------------------------------------------------- */

static bool any_truth(const guint8 *truth, int width, guint x, guint y, guint w, guint h)
{
    for (guint j = y; j < y + h; j++)
        for (guint i = x; i < x + w; i++)
            if (truth[(guint)width * j + i])
                return true;
    return false;
}

/* Checks that each box is inside the frame and tight around the truth; erases its pixels from
 * `left`. */
static void check_box(const GstVideoRegionOfInterestMeta *roi, const guint8 *truth, guint8 *left,
                      int width, int height)
{
    ck_assert_str_eq(g_quark_to_string(roi->roi_type), "truth");
    ck_assert_uint_ge(roi->w, 1);
    ck_assert_uint_ge(roi->h, 1);
    ck_assert_uint_le(roi->x + roi->w, (guint)width);
    ck_assert_uint_le(roi->y + roi->h, (guint)height);
    ck_assert(any_truth(truth, width, roi->x, roi->y, roi->w, 1));
    ck_assert(any_truth(truth, width, roi->x, roi->y + roi->h - 1, roi->w, 1));
    ck_assert(any_truth(truth, width, roi->x, roi->y, 1, roi->h));
    ck_assert(any_truth(truth, width, roi->x + roi->w - 1, roi->y, 1, roi->h));
    for (guint y = roi->y; y < roi->y + roi->h; y++)
        memset(left + (guint)width * y + roi->x, 0, roi->w);
}

/* The number of polyps in the view's metadata, which must be those of the truth. */
static guint check_truth(GstBuffer *view, GstBuffer *truth, const GstVideoInfo *info)
{
    int width = GST_VIDEO_INFO_WIDTH(info), height = GST_VIDEO_INFO_HEIGHT(info);
    gsize n = (gsize)width * (gsize)height;
    guint8 *plane = g_malloc(n);
    GstVideoFrame frame;
    ck_assert(gst_video_frame_map(&frame, info, truth, GST_MAP_READ));
    for (int y = 0; y < height; y++)
        memcpy(plane + width * y,
               (guint8 *)GST_VIDEO_FRAME_PLANE_DATA(&frame, 0) +
                   GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0) * y,
               (gsize)width);
    gst_video_frame_unmap(&frame);
    for (gsize i = 0; i < n; i++)
        if (plane[i] != 0 && plane[i] != 255)
            ck_abort_msg("truth has a level of %d", plane[i]);

    guint8 *left = g_memdup2(plane, n);
    GHashTable *ids = g_hash_table_new(NULL, NULL);
    gpointer state = NULL;
    GstMeta *meta;
    while ((meta = gst_buffer_iterate_meta_filtered(view, &state,
                                                    GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE))) {
        GstVideoRegionOfInterestMeta *roi = (GstVideoRegionOfInterestMeta *)meta;
        check_box(roi, plane, left, width, height);
        ck_assert_msg(g_hash_table_add(ids, GINT_TO_POINTER(roi->id)), "two polyps of one id");
    }
    for (gsize i = 0; i < n; i++)
        if (left[i])
            ck_abort_msg("truth outside of every box");
    guint found = g_hash_table_size(ids);
    g_hash_table_unref(ids);
    g_free(left);
    g_free(plane);
    return found;
}

START_TEST(truth_fits_the_view)
{
    static const char *const screens[] = {"none", "round", "octagon"};
    for (guint i = 0; i < G_N_ELEMENTS(screens); i++) {
        char *launch = g_strdup_printf(
            "endoscopytestsrc num-buffers=40 motion=1 polyps=8 screen=%s", screens[i]);
        char *truth_launch = g_strconcat(launch, " content=truth n-threads=2", NULL);
        GstVideoInfo info, truth_info;
        GPtrArray *views =
            test_play(launch, "video/x-raw,format=NV12,width=161,height=121", 40, &info);
        GPtrArray *truths =
            test_play(truth_launch, "video/x-raw,width=161,height=121", 40, &truth_info);
        ck_assert_str_eq(GST_VIDEO_INFO_NAME(&truth_info), "GRAY8");
        guint found = 0;
        for (guint k = 0; k < 40; k++) {
            GstBuffer *view = g_ptr_array_index(views, k), *truth = g_ptr_array_index(truths, k);
            ck_assert_uint_eq(GST_BUFFER_PTS(view), GST_BUFFER_PTS(truth));
            found += check_truth(view, truth, &truth_info);
        }
        ck_assert_msg(found > 40, "%s: %u polyps in 40 frames", screens[i], found);
        g_ptr_array_unref(views);
        g_ptr_array_unref(truths);
        g_free(launch);
        g_free(truth_launch);
    }
}
END_TEST

START_TEST(no_polyps)
{
    GstVideoInfo info;
    GPtrArray *views = play(SOURCE "polyps=0", "RGB", 96, 64, "", &info);
    GPtrArray *truths = play(SOURCE "polyps=0 content=truth", "GRAY8", 96, 64, "", &info);
    for (guint i = 0; i < 2; i++)
        ck_assert_uint_eq(
            check_truth(g_ptr_array_index(views, i), g_ptr_array_index(truths, i), &info), 0);
    g_ptr_array_unref(views);
    g_ptr_array_unref(truths);
}
END_TEST

static guint n_metas(GstBuffer *buffer)
{
    return gst_buffer_get_n_meta(buffer, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE);
}

/* It is live, so that each frame is back in the pool before the next one is drawn. */
START_TEST(metadata_of_this_frame_alone)
{
    enum { N = 12 };
    GstVideoInfo info;
    GPtrArray *fresh = test_play("endoscopytestsrc num-buffers=12 polyps=8",
                                 "video/x-raw,format=RGB,width=96,height=64", N, &info);
    GstHarness *harness =
        test_harness("endoscopytestsrc num-buffers=12 polyps=8 is-live=true", NULL);
    gst_harness_set_sink_caps_str(harness, "video/x-raw,format=RGB,width=96,height=64");
    gst_harness_play(harness);
    GHashTable *memories = g_hash_table_new(NULL, NULL);
    for (guint i = 0; i < N; i++) {
        ck_assert(gst_harness_crank_single_clock_wait(harness));
        GstBuffer *buffer = gst_harness_pull(harness);
        g_hash_table_add(memories, gst_buffer_peek_memory(buffer, 0));
        ck_assert_uint_eq(n_metas(buffer), n_metas(g_ptr_array_index(fresh, i)));
        gst_buffer_unref(buffer);
    }
    ck_assert_uint_lt(g_hash_table_size(memories), N);
    g_hash_table_unref(memories);
    gst_harness_teardown(harness);
    g_ptr_array_unref(fresh);
}
END_TEST

/* --- Caps and properties --------------------------------------------------------------------- */

START_TEST(default_caps)
{
    GstVideoInfo info;
    g_ptr_array_unref(test_play(SOURCE, "video/x-raw", 2, &info));
    ck_assert_int_eq(GST_VIDEO_INFO_WIDTH(&info), 640);
    ck_assert_int_eq(GST_VIDEO_INFO_HEIGHT(&info), 480);
    ck_assert_int_eq(GST_VIDEO_INFO_FPS_N(&info), 30);
    ck_assert_int_eq(GST_VIDEO_INFO_FPS_D(&info), 1);
    ck_assert_int_eq(GST_VIDEO_INFO_PAR_N(&info), GST_VIDEO_INFO_PAR_D(&info));
    /* The nearest allowed value. */
    g_ptr_array_unref(test_play(
        SOURCE, "video/x-raw,width=[16,200],height=[500,900],framerate=[50/1,60/1]", 2, &info));
    ck_assert_int_eq(GST_VIDEO_INFO_WIDTH(&info), 200);
    ck_assert_int_eq(GST_VIDEO_INFO_HEIGHT(&info), 500);
    ck_assert_int_eq(GST_VIDEO_INFO_FPS_N(&info), 50);
}
END_TEST

START_TEST(impossible_caps)
{
    static const struct {
        const char *more, *caps, *expected, *possible;
    } cases[] = {
        {"", "video/x-raw,width=8", "width=(int)8", "content=view gives"},
        {"", "video/x-raw,height=8193", "height=(int)8193", "[ 16, 8192 ]"},
        {"", "video/x-raw,format=GRAY8", "GRAY8", "NV12"},
        {"", "video/x-raw,format=v210", "v210", "NV12"},
        {"", "video/x-raw,interlace-mode=interleaved", "interleaved", "progressive"},
        {"content=truth", "video/x-raw,format=RGB", "RGB", "content=truth gives"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        GstBus *bus;
        char *launch = g_strconcat(SOURCE, cases[i].more, NULL);
        GstHarness *harness = test_harness(launch, &bus);
        gst_harness_set_sink_caps_str(harness, cases[i].caps);
        gst_harness_play(harness);
        GstMessage *message = test_wait_message(bus, GST_MESSAGE_ERROR);
        ck_assert_ptr_nonnull(message);
        GError *error;
        gst_message_parse_error(message, &error, NULL);
        ck_assert_msg(strstr(error->message, cases[i].expected), "%s", error->message);
        ck_assert_msg(strstr(error->message, cases[i].possible), "%s", error->message);
        g_error_free(error);
        gst_message_unref(message);
        ck_assert_uint_eq(gst_harness_buffers_received(harness), 0);
        gst_harness_teardown(harness);
        gst_object_unref(bus);
        g_free(launch);
    }
}
END_TEST

START_TEST(bad_values)
{
    static const char *const texts[] = {"screen=square", "content=both", "seed=many", "motion=x"};
    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        GError *error = NULL;
        char *launch = g_strconcat("endoscopytestsrc ", texts[i], NULL);
        GstElement *element = gst_parse_launch(launch, &error);
        ck_assert_msg(error != NULL, "%s", texts[i]);
        g_clear_error(&error);
        gst_clear_object(&element);
        g_free(launch);
    }
    GstElement *element = gst_element_factory_make("endoscopytestsrc", NULL);
    guint polyps;
    double noise, motion;
    g_object_set(element, "polyps", 9u, "noise", -0.1, "motion", 1.5, NULL);
    g_object_get(element, "polyps", &polyps, "noise", &noise, "motion", &motion, NULL);
    ck_assert_uint_eq(polyps, 3);
    ck_assert(noise == 0.25);
    ck_assert(motion == 0.5);
    gst_object_unref(element);
}
END_TEST

START_TEST(properties_stay_while_running)
{
    GstBus *bus;
    GstHarness *harness = test_harness(SOURCE, &bus);
    gst_harness_set_sink_caps_str(harness, "video/x-raw,width=96,height=64");
    gst_harness_play(harness);
    gst_buffer_unref(gst_harness_pull(harness));
    guint seed;
    gboolean live;
    g_object_set(harness->element, "seed", 77u, NULL);
    char *text = test_pop_text(bus, GST_MESSAGE_WARNING);
    ck_assert_ptr_nonnull(text);
    ck_assert_ptr_nonnull(strstr(text, "seed"));
    g_free(text);
    g_object_set(harness->element, "is-live", TRUE, NULL);
    g_object_get(harness->element, "seed", &seed, "is-live", &live, NULL);
    ck_assert_uint_eq(seed, 3);
    ck_assert(!live);
    ck_assert_int_eq(gst_element_set_state(harness->element, GST_STATE_READY),
                     GST_STATE_CHANGE_SUCCESS);
    g_object_set(harness->element, "seed", 77u, "is-live", TRUE, NULL);
    g_object_get(harness->element, "seed", &seed, "is-live", &live, NULL);
    ck_assert_uint_eq(seed, 77);
    ck_assert(live);
    gst_harness_teardown(harness);
    gst_object_unref(bus);
}
END_TEST

int main(int argc, char **argv)
{
    test_init_elements(&argc, &argv);
    Suite *suite = suite_create("source");
    TCase *tcase = tcase_create("source");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, every_format_repeats);
    tcase_add_test(tcase, padding_is_clean);
    tcase_add_test(tcase, seeds_differ);
    tcase_add_test(tcase, rgb_formats_agree);
    tcase_add_test(tcase, yuv_formats_agree);
    tcase_add_test(tcase, yuv_is_rgb_by_the_matrix);
    tcase_add_test(tcase, odd_and_extreme_sizes);
    tcase_add_test(tcase, padded_buffers);
    tcase_add_test(tcase, truth_fits_the_view);
    tcase_add_test(tcase, no_polyps);
    tcase_add_test(tcase, metadata_of_this_frame_alone);
    tcase_add_test(tcase, default_caps);
    tcase_add_test(tcase, impossible_caps);
    tcase_add_test(tcase, bad_values);
    tcase_add_test(tcase, properties_stay_while_running);
    suite_add_tcase(suite, tcase);
    return test_suite_run(suite, CK_NOFORK) == 0 ? 0 : 1;
}
