/* SPDX-License-Identifier: LGPL-2.1-or-later
 * lmnet and lmnetoverlay on endoscopytestsrc, whose frames show their number and have known
 * polyps. */
#include "support.h"

#include <math.h>
#include <string.h>

#include "gstlmframe.h"
#include "scene-code.h"

/* --- The frame's number ---------------------------------------------------------------------- */

#define WIDTH 160
#define HEIGHT 120
#define CAPS "video/x-raw,format=NV12,width=160,height=120,framerate=30/1"
#define CODED "endoscopytestsrc num-buffers=48 screen=octagon motion=1 "
#define ANALYSED " ! lmnet name=lmnet overlay=0 region=full " TINY
#define FRAMES 48

static GstClockTime time_of(guint number)
{
    return gst_util_uint64_scale(number, GST_SECOND, 30);
}

/* The number in the screen's code. */
static guint shown_number(GstBuffer *buffer)
{
    GstVideoInfo info;
    GstVideoFrame frame;
    test_video_info(&info, "NV12", WIDTH, HEIGHT);
    ck_assert(gst_video_frame_map(&frame, &info, buffer, GST_MAP_READ));
    int number = test_code_read(GST_VIDEO_FRAME_PLANE_DATA(&frame, 0),
                                (gsize)GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0), 1, WIDTH, HEIGHT);
    gst_video_frame_unmap(&frame);
    ck_assert_msg(number >= 0, "the frame's code cannot be read");
    return (guint)number;
}

/* The caller unrefs it. */
static GstElement *get_lmnet(GstHarness *harness)
{
    return gst_bin_get_by_name(GST_BIN(harness->element), "lmnet");
}

static void check_mode(GstHarness *harness, const char *mode)
{
    GstElement *lmnet = get_lmnet(harness);
    GstStructure *stats = test_get_stats(lmnet);
    ck_assert_str_eq(gst_structure_get_string(stats, "mode"), mode);
    gst_structure_free(stats);
    gst_object_unref(lmnet);
}

static GstHarness *start(const char *source, const char *lmnet)
{
    char *launch = g_strconcat(CODED, source, ANALYSED, lmnet, NULL);
    GstHarness *harness = test_harness(launch, NULL);
    gst_harness_set_sink_caps_str(harness, CAPS);
    gst_harness_play(harness);
    g_free(launch);
    return harness;
}

static void check_arrival(GstHarness *harness, guint number)
{
    GstBuffer *buffer = gst_harness_pull(harness);
    ck_assert_ptr_nonnull(buffer);
    ck_assert_uint_eq(shown_number(buffer), number);
    ck_assert_uint_eq(GST_BUFFER_OFFSET(buffer), number);
    ck_assert_uint_eq(GST_BUFFER_PTS(buffer), time_of(number));
    ck_assert_uint_eq(GST_BUFFER_DURATION(buffer), time_of(number + 1) - time_of(number));
    gst_buffer_unref(buffer);
}

/* Every frame comes once, in order, at its own time, at any pace. */
START_TEST(frames_arrive)
{
    static const struct {
        const char *source, *lmnet, *mode;
    } cases[] = {
        {"", "", "every-frame"},
        {"", "mode=latest", "latest"},
        {"is-live=true", "", "latest"},
        {"is-live=true", "mode=every-frame", "every-frame"},
    };
    GstHarness *harness = start(cases[_i].source, cases[_i].lmnet);
    for (guint i = 0; *cases[_i].source && i < FRAMES; i++)
        ck_assert(gst_harness_crank_single_clock_wait(harness));
    for (guint i = 0; i < FRAMES; i++)
        check_arrival(harness, i);
    check_mode(harness, cases[_i].mode);
    GstEventType type;
    do {
        GstEvent *event = gst_harness_pull_event(harness);
        ck_assert_ptr_nonnull(event);
        type = GST_EVENT_TYPE(event);
        gst_event_unref(event);
    } while (type != GST_EVENT_EOS);
    ck_assert_uint_eq(gst_harness_buffers_received(harness), FRAMES);
    gst_harness_teardown(harness);
}
END_TEST

/* --- The age of its mask --------------------------------------------------------------------- */

static const GstStructure *mask_structure(GstBuffer *buffer)
{
    GstCustomMeta *meta = gst_buffer_get_custom_meta(buffer, GST_LM_MASK_META);
    return meta ? gst_custom_meta_get_structure(meta) : NULL;
}

static GBytes *mask_bytes(const GstStructure *structure)
{
    return test_bytes(gst_value_get_buffer(gst_structure_get_value(structure, "mask")));
}

/* Each frame's own mask; all differ. *pace: the time after which a mask should be there, in
 * microseconds.
 */
static GPtrArray *own_masks(gulong *pace)
{
    GPtrArray *masks = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    GstHarness *harness = start("", "mode=every-frame");
    gint64 begin = 0;
    for (guint i = 0; i < FRAMES; i++) {
        GstBuffer *buffer = gst_harness_pull(harness);
        begin = i == 0 ? g_get_monotonic_time() : begin;
        const GstStructure *structure = mask_structure(buffer);
        ck_assert_ptr_nonnull(structure);
        GBytes *mask = mask_bytes(structure);
        for (guint k = 0; k < i; k++)
            if (g_bytes_equal(mask, g_ptr_array_index(masks, k)))
                ck_abort_msg("frames %u and %u have one mask", k, i);
        g_ptr_array_add(masks, mask);
        gst_buffer_unref(buffer);
    }
    *pace = 10000 + 6 * (gulong)(g_get_monotonic_time() - begin) / FRAMES;
    gst_harness_teardown(harness);
    return masks;
}

/* The number of the frame that the mask was computed from, by its bytes; its metadata must agree.
 * -1: the frame has no mask. */
static int mask_frame(GstBuffer *buffer, guint shown, GPtrArray *masks, GstClockTime max_age)
{
    const GstStructure *structure = mask_structure(buffer);
    if (!structure)
        return -1;
    GBytes *mask = mask_bytes(structure);
    guint number = 0;
    while (number < FRAMES && !g_bytes_equal(mask, g_ptr_array_index(masks, number)))
        number++;
    g_bytes_unref(mask);
    ck_assert_msg(number < FRAMES, "frame %u has a mask of no frame", shown);

    guint64 pts, age;
    ck_assert(gst_structure_get_uint64(structure, "pts", &pts));
    ck_assert(gst_structure_get_uint64(structure, "age", &age));
    ck_assert_uint_le(number, shown);
    ck_assert_uint_eq(pts, time_of(number));
    ck_assert_uint_eq(age, time_of(shown) - time_of(number));
    ck_assert_uint_le(age, max_age);
    return (int)number;
}

static void set_max_mask_age(GstHarness *harness, GstClockTime age)
{
    GstElement *lmnet = get_lmnet(harness);
    g_object_set(lmnet, "max-mask-age", age, NULL);
    gst_object_unref(lmnet);
}

/* First in groups of three, with time between them for a mask, so that masks have several ages;
 * then as fast as possible, with no mask but a frame's own young enough. */
START_TEST(masks_are_as_old_as_they_say)
{
    gulong pace;
    GPtrArray *masks = own_masks(&pace);
    GstHarness *harness = start("is-live=true", "");
    GstElement *lmnet = get_lmnet(harness);
    test_wait_ready(lmnet);
    gst_object_unref(lmnet);
    GstClockTime max_age = GST_SECOND;
    set_max_mask_age(harness, max_age);
    int masked = 0, updates = 0, last = -1;
    for (guint i = 0; i < FRAMES; i++) {
        if (i == FRAMES / 2) {
            max_age = 20 * GST_MSECOND;
            set_max_mask_age(harness, max_age);
        }
        ck_assert(gst_harness_crank_single_clock_wait(harness));
        GstBuffer *buffer = gst_harness_pull(harness);
        ck_assert_uint_eq(shown_number(buffer), i);
        int number = mask_frame(buffer, i, masks, max_age);
        gst_buffer_unref(buffer);
        if (number >= 0) {
            ck_assert_int_ge(number, last);
            updates += number > last;
            masked++;
            last = number;
        }
        if (i < FRAMES / 2 && i % 3 == 2)
            g_usleep(pace);
    }
    ck_assert_msg(masked >= 15 && updates >= 5, "%d frames had one of %d masks", masked, updates);
    gst_harness_teardown(harness);
    g_ptr_array_unref(masks);
}
END_TEST

/* --- The place of its marks ------------------------------------------------------------------ */

#define NETWORK 128
/* Smaller findings, as shares of the frame, are a few of the network's pixels. */
#define SENSIBLE 0.01
#define SIGHTED 60

typedef struct {
    const char *format;
    int width, height;
    const char *screen;
} Layout;

typedef struct {
    GstVideoInfo info;
    LmRect region;
    GPtrArray *truths;
    /* The sum of the marks' errors, and the number of frames. */
    double off_x, off_y;
    int judged;
} Stub;

static guint8 *truth_pixels(GstBuffer *buffer, int width, int height)
{
    GstVideoInfo info;
    GstVideoFrame frame;
    test_video_info(&info, "GRAY8", width, height);
    ck_assert(gst_video_frame_map(&frame, &info, buffer, GST_MAP_READ));
    guint8 *pixels = g_malloc((gsize)width * (gsize)height);
    for (int y = 0; y < height; y++)
        memcpy(pixels + width * y,
               (guint8 *)GST_VIDEO_FRAME_PLANE_DATA(&frame, 0) +
                   GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0) * y,
               (gsize)width);
    gst_video_frame_unmap(&frame);
    return pixels;
}

/* The mean of the truth over a part of the frame, with weighted edges. */
static double mean_truth(const guint8 *truth, int width, double x0, double x1, double y0, double y1)
{
    double sum = 0;
    for (int y = (int)y0; y < y1; y++)
        for (int x = (int)x0; x < x1; x++)
            sum += truth[width * y + x] * (MIN(x + 1, x1) - MAX(x, x0)) *
                   (MIN(y + 1, y1) - MAX(y, y0));
    return sum / ((x1 - x0) * (y1 - y0));
}

/* A perfect network's output. */
static LmMask *perfect_mask(const Stub *stub, GstBuffer *truth_buffer)
{
    int width = GST_VIDEO_INFO_WIDTH(&stub->info), height = GST_VIDEO_INFO_HEIGHT(&stub->info);
    guint8 *truth = truth_pixels(truth_buffer, width, height);
    LmMask *mask = lm_mask_new(NETWORK, NETWORK, 2, stub->region);
    double step_x = stub->region.width / (double)NETWORK;
    double step_y = stub->region.height / (double)NETWORK;
    for (int y = 0; y < NETWORK; y++)
        for (int x = 0; x < NETWORK; x++)
            mask->data[NETWORK * y + x] = (guint8)lround(mean_truth(
                truth, width, stub->region.x + x * step_x, stub->region.x + (x + 1) * step_x,
                stub->region.y + y * step_y, stub->region.y + (y + 1) * step_y));
    g_free(truth);
    return mask;
}

/* Stands in for lmnet. */
static GstPadProbeReturn attach_perfect_mask(GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
    Stub *stub = user;
    GstBuffer *buffer = gst_buffer_make_writable(GST_PAD_PROBE_INFO_BUFFER(info));
    GST_PAD_PROBE_INFO_DATA(info) = buffer;
    char background[] = "background", polyp[] = "polyp";
    char *names[] = {background, polyp, NULL};
    LmModelInfo model = {
        .input_width = NETWORK, .input_height = NETWORK, .class_names = names, .n_class_names = 2};
    const LmFindingsParams params = {.threshold = 0.5};
    LmMask *mask =
        perfect_mask(stub, g_ptr_array_index(stub->truths, (guint)GST_BUFFER_OFFSET(buffer)));
    GstLmMarks marks = {0};
    gst_lm_marks_set(&marks, mask, &params);
    gst_lm_meta_attach(buffer, &stub->info, &marks, &model, GST_BUFFER_PTS(buffer), 0);
    gst_lm_marks_clear(&marks);
    lm_mask_unref(&mask);
    return GST_PAD_PROBE_OK;
}

/* 255 where two frames differ: in luma, or in any of red, green and blue. Chroma is coarser. */
static guint8 *changed_pixels(const GstVideoInfo *info, GstBuffer *before, GstBuffer *after)
{
    int width = GST_VIDEO_INFO_WIDTH(info), height = GST_VIDEO_INFO_HEIGHT(info);
    guint8 *changed = g_malloc0((gsize)width * (gsize)height);
    guint8 *lines = g_malloc(8 * (gsize)width);
    GstVideoFrame a, b;
    ck_assert(gst_video_frame_map(&a, info, before, GST_MAP_READ));
    ck_assert(gst_video_frame_map(&b, info, after, GST_MAP_READ));
    for (int y = 0; y < height; y++) {
        info->finfo->unpack_func(info->finfo, GST_VIDEO_PACK_FLAG_NONE, lines, a.data,
                                 a.info.stride, 0, y, width);
        info->finfo->unpack_func(info->finfo, GST_VIDEO_PACK_FLAG_NONE, lines + 4 * width, b.data,
                                 b.info.stride, 0, y, width);
        for (int x = 0; x < width; x++)
            if (memcmp(lines + 4 * x + 1, lines + 4 * (width + x) + 1,
                       GST_VIDEO_INFO_IS_YUV(info) ? 1 : 3) != 0)
                changed[width * y + x] = 255;
    }
    gst_video_frame_unmap(&a);
    gst_video_frame_unmap(&b);
    g_free(lines);
    return changed;
}

typedef struct {
    double area, x, y;
} Shape;

/* Area and centroid of the pixels that are 255. */
static Shape measure(const guint8 *pixels, int width, int height)
{
    Shape shape = {0};
    for (int i = 0; i < width * height; i++) {
        if (!pixels[i])
            continue;
        shape.area++;
        shape.x += i % width;
        shape.y += i / width;
    }
    shape.x /= MAX(shape.area, 1);
    shape.y /= MAX(shape.area, 1);
    return shape;
}

static void check_marks(Stub *stub, GstBuffer *clean, GstBuffer *marked, guint number)
{
    int width = GST_VIDEO_INFO_WIDTH(&stub->info), height = GST_VIDEO_INFO_HEIGHT(&stub->info);
    guint8 *truth = truth_pixels(g_ptr_array_index(stub->truths, number), width, height);
    guint8 *changed = changed_pixels(&stub->info, clean, marked);
    Shape a = measure(truth, width, height), b = measure(changed, width, height);
    double both = 0;
    for (int i = 0; i < width * height; i++)
        both += truth[i] && changed[i];
    g_free(truth);
    g_free(changed);
    if (a.area < SENSIBLE * width * height)
        return;

    double iou = both / (a.area + b.area - both);
    double dx = (b.x - a.x) * NETWORK / stub->region.width;
    double dy = (b.y - a.y) * NETWORK / stub->region.height;
    ck_assert_msg(iou > 0.9 && hypot(dx, dy) < 1,
                  "%s %dx%d, frame %u: IoU %g, centroid off by %g, %g of the network's pixels",
                  GST_VIDEO_INFO_NAME(&stub->info), width, height, number, iou, dx, dy);
    stub->off_x += dx;
    stub->off_y += dy;
    stub->judged++;
}

static LmRect analysed_region(const Layout *layout)
{
    if (g_str_equal(layout->screen, "none"))
        return (LmRect){0, 0, layout->width, layout->height};
    static const LmSceneColor grey = {.matrix = {{1, 0, 0}}};
    LmScreen *screen = lm_screen_create(LM_SCENE_SCREEN_OCTAGON, (guint)layout->width,
                                        (guint)layout->height, &grey);
    LmSceneRect view = lm_screen_view(screen);
    lm_screen_free(&screen);
    return (LmRect){(int)view.x, (int)view.y, (int)view.width, (int)view.height};
}

/* The source's frames with lmnetoverlay's marks. */
static GPtrArray *mark_frames(const char *source, const char *caps, Stub *stub)
{
    char *launch = g_strconcat(
        source, " ! lmnetoverlay name=overlay overlay=fill opacity=1 color=0x0000ff", NULL);
    GstHarness *harness = test_harness(launch, NULL);
    GstElement *overlay = gst_bin_get_by_name(GST_BIN(harness->element), "overlay");
    GstPad *pad = gst_element_get_static_pad(overlay, "sink");
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, attach_perfect_mask, stub, NULL);
    gst_object_unref(pad);
    gst_object_unref(overlay);
    gst_harness_set_sink_caps_str(harness, caps);
    gst_harness_play(harness);
    GPtrArray *marked = g_ptr_array_new_with_free_func((GDestroyNotify)gst_buffer_unref);
    for (int i = 0; i < SIGHTED; i++)
        g_ptr_array_add(marked, gst_harness_pull(harness));
    gst_harness_teardown(harness);
    g_free(launch);
    return marked;
}

START_TEST(marks_are_where_the_polyps_are)
{
    static const Layout layouts[] = {{"I420", 321, 243, "none"},
                                     {"BGRx", 640, 480, "none"},
                                     {"NV12", 641, 479, "octagon"},
                                     {"RGB", 511, 577, "octagon"}};
    const Layout *layout = &layouts[_i];
    char *source = g_strdup_printf("endoscopytestsrc num-buffers=%d motion=1 polyps=8 screen=%s",
                                   SIGHTED, layout->screen);
    char *truth_source = g_strconcat(source, " content=truth", NULL);
    char *truth_caps =
        g_strdup_printf("video/x-raw,width=%d,height=%d", layout->width, layout->height);
    char *caps = g_strdup_printf("%s,format=%s", truth_caps, layout->format);

    Stub stub = {.region = analysed_region(layout)};
    stub.truths = test_play(truth_source, truth_caps, SIGHTED, &stub.info);
    GPtrArray *clean = test_play(source, caps, SIGHTED, &stub.info);
    GPtrArray *marked = mark_frames(source, caps, &stub);
    for (guint i = 0; i < SIGHTED; i++)
        check_marks(&stub, g_ptr_array_index(clean, i), g_ptr_array_index(marked, i), i);
    ck_assert_int_ge(stub.judged, 10);
    /* An error of half a pixel to one side would show here. */
    ck_assert_double_le(fabs(stub.off_x / stub.judged), 0.2);
    ck_assert_double_le(fabs(stub.off_y / stub.judged), 0.2);
    g_ptr_array_unref(marked);
    g_ptr_array_unref(clean);
    g_ptr_array_unref(stub.truths);
    g_free(source);
    g_free(truth_source);
    g_free(truth_caps);
    g_free(caps);
}
END_TEST

int main(int argc, char **argv)
{
    test_init(&argc, &argv);
    Suite *suite = suite_create("truth");
    TCase *tcase = tcase_create("truth");
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, frames_arrive, 0, 4);
    tcase_add_test(tcase, masks_are_as_old_as_they_say);
    tcase_add_loop_test(tcase, marks_are_where_the_polyps_are, 0, 4);
    suite_add_tcase(suite, tcase);
    return lm_test_run(suite);
}
