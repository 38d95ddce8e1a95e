/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Draws all frames first, since drawing takes the processors from the measurement. Then repeatedly
 * copies one into a free buffer, waits until it is due and pushes it. */
#include "camera.h"

#include <errno.h>
#include <gst/app/gstappsink.h>
#include <time.h>

#include "timing.h"

/* Limits of the drawn frames: their bytes, and the time that they last in one direction. */
#define MAX_BYTES (512u << 20)
enum { MAX_SECONDS = 2 };

struct BenchCamera {
    GstVideoInfo info;
    GPtrArray *frames;
    GstBufferPool *pool;
    GstAppSrc *source;
    GThread *thread;
    double start_ms;
    gint n_due, stopping; /* atomic */
};

/* --- Drawing --------------------------------------------------------------------------------- */

static bool take_error(GstElement *pipeline, GError **error)
{
    GstBus *bus = gst_element_get_bus(pipeline);
    GstMessage *message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
    gst_object_unref(bus);
    if (!message)
        return false;
    gst_message_parse_error(message, error, NULL);
    gst_message_unref(message);
    return true;
}

/* The frames of endoscopytestsrc, as it allocates them. */
static bool draw_frames(BenchCamera *camera, GstElement *pipeline, unsigned n, GError **error)
{
    GstElement *sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    while (camera->frames->len < n) {
        GstSample *sample = gst_app_sink_pull_sample(GST_APP_SINK(sink));
        if (!sample)
            break;
        if (camera->frames->len == 0)
            gst_video_info_from_caps(&camera->info, gst_sample_get_caps(sample));
        g_ptr_array_add(camera->frames, gst_buffer_ref(gst_sample_get_buffer(sample)));
        gst_sample_unref(sample);
    }
    bool ok = camera->frames->len == n;
    if (!ok && !take_error(pipeline, error))
        g_set_error(error, GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED,
                    "endoscopytestsrc ended after %u of %u frames", camera->frames->len, n);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(sink);
    return ok;
}

static bool draw(BenchCamera *camera, const BenchVideo *video, const char *format, GError **error)
{
    GstVideoFormat known = gst_video_format_from_string(format);
    if (known == GST_VIDEO_FORMAT_UNKNOWN) {
        g_set_error(error, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT,
                    "--format %s: GStreamer has no such format", format);
        return false;
    }
    GstVideoInfo info;
    gst_video_info_set_format(&info, known, (guint)video->width, (guint)video->height);
    unsigned n = MIN((unsigned)(MAX_SECONDS * video->rate),
                     MAX_BYTES / (unsigned)GST_VIDEO_INFO_SIZE(&info));
    g_autofree char *launch =
        g_strdup_printf("endoscopytestsrc screen=octagon n-threads=0 num-buffers=%u ! "
                        "video/x-raw,format=%s,width=%d,height=%d,framerate=%d/1 ! "
                        "appsink name=sink sync=false max-buffers=2",
                        n, format, video->width, video->height, video->rate);
    GError *unparsed = NULL;
    GstElement *pipeline = gst_parse_launch(launch, &unparsed);
    if (unparsed)
        g_propagate_error(error, unparsed);
    bool ok = !unparsed && draw_frames(camera, pipeline, n, error);
    gst_clear_object(&pipeline);
    return ok;
}

static bool make_pool(BenchCamera *camera, int rate, GError **error)
{
    guint n = MAX((guint)rate / 2, 4);
    GstCaps *caps = gst_video_info_to_caps(&camera->info);
    camera->pool = gst_video_buffer_pool_new();
    GstStructure *config = gst_buffer_pool_get_config(camera->pool);
    gst_buffer_pool_config_set_params(config, caps, (guint)GST_VIDEO_INFO_SIZE(&camera->info), n,
                                      n);
    gst_caps_unref(caps);
    if (gst_buffer_pool_set_config(camera->pool, config) &&
        gst_buffer_pool_set_active(camera->pool, TRUE))
        return true;
    g_set_error(error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT,
                "no memory for %u buffers of frames", n);
    return false;
}

BenchCamera *bench_camera_new(const BenchVideo *video, const char *format, GError **error)
{
    BenchCamera *camera = g_new0(BenchCamera, 1);
    camera->frames = g_ptr_array_new_with_free_func((GDestroyNotify)gst_buffer_unref);
    if (!draw(camera, video, format, error) || !make_pool(camera, video->rate, error))
        bench_camera_free(&camera);
    return camera;
}

void bench_camera_free(BenchCamera **camera)
{
    if (!*camera)
        return;
    bench_camera_stop(*camera);
    if ((*camera)->pool) {
        gst_buffer_pool_set_active((*camera)->pool, FALSE);
        gst_object_unref((*camera)->pool);
    }
    g_ptr_array_unref((*camera)->frames);
    g_clear_pointer(camera, g_free);
}

const GstVideoInfo *bench_camera_info(const BenchCamera *camera)
{
    return &camera->info;
}

unsigned bench_camera_n_frames(const BenchCamera *camera)
{
    return camera->frames->len;
}

GstBuffer *bench_camera_clean_frame(const BenchCamera *camera, guint number)
{
    guint n = camera->frames->len, at = n > 1 ? number % (2 * n - 2) : 0;
    return g_ptr_array_index(camera->frames, at < n ? at : 2 * n - 2 - at);
}

/* --- Pushing --------------------------------------------------------------------------------- */

static GstClockTime time_of(const BenchCamera *camera, guint64 number)
{
    return gst_util_uint64_scale(number * GST_SECOND, (guint64)GST_VIDEO_INFO_FPS_D(&camera->info),
                                 (guint64)GST_VIDEO_INFO_FPS_N(&camera->info));
}

double bench_camera_due_ms(const BenchCamera *camera, guint number)
{
    return camera->start_ms + (double)time_of(camera, number) / 1e6;
}

guint bench_camera_number(const BenchCamera *camera, GstBuffer *buffer)
{
    return (guint)gst_util_uint64_scale_round(
        GST_BUFFER_PTS(buffer), (guint64)GST_VIDEO_INFO_FPS_N(&camera->info),
        (guint64)GST_VIDEO_INFO_FPS_D(&camera->info) * GST_SECOND);
}

guint bench_camera_n_due(const BenchCamera *camera)
{
    return (guint)g_atomic_int_get(&camera->n_due);
}

static void sleep_until(double ms)
{
    struct timespec at = {.tv_sec = (time_t)(ms / 1e3)};
    at.tv_nsec = (long)((ms - (double)at.tv_sec * 1e3) * 1e6);
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
        ;
}

/* A buffer that holds the frame; NULL if none is free. */
static GstBuffer *capture(BenchCamera *camera, guint number)
{
    GstBufferPoolAcquireParams params = {.flags = GST_BUFFER_POOL_ACQUIRE_FLAG_DONTWAIT};
    GstBuffer *buffer = NULL;
    GstVideoFrame from, to;
    if (gst_buffer_pool_acquire_buffer(camera->pool, &buffer, &params) != GST_FLOW_OK)
        return NULL;
    gst_video_frame_map(&from, &camera->info, bench_camera_clean_frame(camera, number),
                        GST_MAP_READ);
    gst_video_frame_map(&to, &camera->info, buffer, GST_MAP_WRITE);
    gst_video_frame_copy(&to, &from);
    gst_video_frame_unmap(&to);
    gst_video_frame_unmap(&from);
    GST_BUFFER_PTS(buffer) = time_of(camera, number);
    GST_BUFFER_DURATION(buffer) = time_of(camera, number + 1) - GST_BUFFER_PTS(buffer);
    GST_BUFFER_OFFSET(buffer) = number;
    return buffer;
}

static gpointer run_camera(gpointer data)
{
    BenchCamera *camera = data;
    for (guint number = 0; !g_atomic_int_get(&camera->stopping); number++) {
        GstBuffer *buffer = capture(camera, number);
        sleep_until(bench_camera_due_ms(camera, number));
        g_atomic_int_set(&camera->n_due, (gint)number + 1);
        if (buffer)
            gst_app_src_push_buffer(camera->source, buffer);
    }
    gst_app_src_end_of_stream(camera->source);
    return NULL;
}

void bench_camera_start(BenchCamera *camera, GstAppSrc *source)
{
    GstCaps *caps = gst_video_info_to_caps(&camera->info);
    gst_app_src_set_caps(source, caps);
    gst_caps_unref(caps);
    camera->source = gst_object_ref(source);
    /* Leaves time to copy the first frame. */
    camera->start_ms = bench_now_ms() + 100;
    camera->thread = g_thread_new("camera", run_camera, camera);
}

void bench_camera_stop(BenchCamera *camera)
{
    g_atomic_int_set(&camera->stopping, TRUE);
    if (camera->thread)
        g_thread_join(g_steal_pointer(&camera->thread));
    gst_clear_object(&camera->source);
}
