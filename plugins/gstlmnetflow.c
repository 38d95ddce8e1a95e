/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What both modes of lmnet do with a frame: look at it, take up its mask, draw. */
#include "gstlmnet-private.h"

#include "util/clock.h"

/* Of running time: after more than this, and than a few frames, without one the scene is taken for
 * another. */
#define MAX_GAP (500 * GST_MSECOND)
#define MAX_GAP_FRAMES 3

void gst_lm_net_flow_init(GstLmNet *self)
{
    gst_lm_net_every_frame_init(self);
    self->asked = gst_queue_array_new_for_struct(sizeof(GstLmNetFrame), 16);
    self->thumbnail = g_new0(LmThumbnail, 1);
    self->watch = lm_scene_watch_create();
}

void gst_lm_net_flow_finish(GstLmNet *self)
{
    gst_lm_net_flow_reset(self);
    gst_lm_net_every_frame_finish(self);
    gst_queue_array_free(self->asked);
    g_free(self->thumbnail);
    lm_scene_watch_free(&self->watch);
    lm_region_thread_free(&self->region_thread);
    gst_lm_painter_finish(&self->painter);
}

static void forget_marks(GstLmNet *self)
{
    gst_lm_marks_clear(&self->marks);
    lm_tracker_clear(&self->tracker, gst_lm_net_tell_detection, self);
}

void gst_lm_net_new_scene(GstLmNet *self)
{
    forget_marks(self);
    self->scene = ++self->last.scene;
}

void gst_lm_net_enter_scene(GstLmNet *self, const GstLmNetFrame *frame)
{
    if (frame->scene == self->scene)
        return;
    forget_marks(self);
    self->scene = frame->scene;
}

void gst_lm_net_flow_reset(GstLmNet *self)
{
    gst_lm_net_clear_pending(self, false);
    gst_queue_array_clear(self->asked);
    gst_lm_net_new_scene(self);
    self->last.arrival = 0;
    lm_scene_watch_reset(self->watch);
    if (self->session)
        lm_session_discard(self->session);
}

void gst_lm_net_flow_configure(GstLmNet *self, const GstLmLayout *layout)
{
    /* A mere renegotiation downstream: frames may be pending, and their masks stay good. */
    if (self->layout.video.finfo && gst_video_info_is_equal(&layout->video, &self->layout.video))
        return;
    gst_lm_net_flow_reset(self);
    self->layout = *layout;
    self->region_serial = 0;
    self->refusal_told = false;
    if (gst_lm_net_get_settings(self).overlay.flags & GST_LM_OVERLAY_LABEL) {
        const LmModelInfo *model = lm_session_model(self->session);
        gst_lm_painter_load_fonts(layout->frame.height, model->class_names, model->n_class_names);
    }
}

GstLmNetSettings gst_lm_net_get_settings(GstLmNet *self)
{
    GST_OBJECT_LOCK(self);
    GstLmNetSettings settings = self->settings;
    GST_OBJECT_UNLOCK(self);
    return settings;
}

bool gst_lm_net_is_flushing(GstLmNet *self)
{
    GST_OBJECT_LOCK(self);
    bool flushing = self->stopping || self->flushing;
    GST_OBJECT_UNLOCK(self);
    return flushing;
}

/* --- Before a frame's analysis -------------------------------------------------------------- */

bool gst_lm_net_map(GstLmNet *self, GstBuffer *buffer, GstVideoFrame *video, LmFrame *frame)
{
    if (gst_lm_frame_map(&self->layout, buffer, GST_MAP_READ, video, frame))
        return true;
    gst_lm_frame_report_mismatch(&self->layout, GST_ELEMENT(self), "they pass without analysis");
    return false;
}

/* The region that was asked for, clipped to the frame; tells once for each region and size where
 * that changes it. */
static void clip_region(GstLmNet *self, const GstLmNetSettings *settings)
{
    if (self->region_serial == settings->region_serial)
        return;
    const LmRect frame = {0, 0, self->layout.frame.width, self->layout.frame.height};
    const LmRect asked = settings->region;
    self->region_serial = settings->region_serial;
    self->region = asked.width ? lm_rect_clip(asked, frame) : frame;

    GST_DEBUG_OBJECT(self, "region %d,%d,%d,%d of %d x %d", self->region.x, self->region.y,
                     self->region.width, self->region.height, frame.width, frame.height);
    if (self->region.width <= 0 || self->region.height <= 0) {
        self->region = (LmRect){0};
        GST_ELEMENT_WARNING(self, RESOURCE, SETTINGS,
                            ("Region %d,%d,%d,%d does not overlap the frames of %d x %d, which "
                             "stay clean.",
                             asked.x, asked.y, asked.width, asked.height, frame.width,
                             frame.height),
                            (NULL));
    } else if (asked.width &&
               (self->region.width != asked.width || self->region.height != asked.height)) {
        GST_ELEMENT_WARNING(
            self, RESOURCE, SETTINGS,
            ("Region %d,%d,%d,%d reaches beyond the frames of %d x %d: clipped to %d,%d,%d,%d.",
             asked.x, asked.y, asked.width, asked.height, frame.width, frame.height, self->region.x,
             self->region.y, self->region.width, self->region.height),
            (NULL));
    }
}

/* The region that is known by now. In every-frame, where frames can wait, results depend on no
 * other thread's pace. */
static void find_region(GstLmNet *self, GstClockTime running)
{
    GError *error = NULL;
    if (!self->region_thread && !(self->region_thread = lm_region_thread_create(&error))) {
        GST_DEBUG_OBJECT(self, "%s", error->message);
        g_error_free(error);
        self->region = (LmRect){0, 0, self->layout.frame.width, self->layout.frame.height};
        return;
    }
    GST_OBJECT_LOCK(self);
    const bool wait = self->every_frame;
    GST_OBJECT_UNLOCK(self);
    lm_region_thread_post(self->region_thread, self->thumbnail, running);
    if (wait)
        lm_region_thread_wait(self->region_thread);
    self->region = lm_region_thread_get(self->region_thread).rect;
}

static void settle_region(GstLmNet *self, const GstLmNetSettings *settings, GstClockTime running)
{
    const LmRect before = self->region;
    if (settings->find_region)
        find_region(self, running);
    else
        clip_region(self, settings);
    if (!lm_rect_equal(before, self->region))
        GST_INFO_OBJECT(self, "region %d,%d,%d,%d of %d x %d", self->region.x, self->region.y,
                        self->region.width, self->region.height, self->layout.frame.width,
                        self->layout.frame.height);
}

static bool both_have_times(const GstLmNetFrame *a, const GstLmNetFrame *b)
{
    return GST_CLOCK_TIME_IS_VALID(a->running) && GST_CLOCK_TIME_IS_VALID(b->running);
}

/* Whether frames may be missing between two, or times start anew, so that the scene may be another.
 */
static bool is_gap(GstLmNet *self, const GstLmNetFrame *frame, bool discont)
{
    const GstLmNetFrame *before = &self->last;
    GST_OBJECT_LOCK(self);
    const GstClockTime most = MAX(MAX_GAP, MAX_GAP_FRAMES * self->frame_duration);
    GST_OBJECT_UNLOCK(self);
    return before->arrival == 0 || discont ||
           (both_have_times(before, frame) &&
            (frame->running > before->running + most || before->running > frame->running + most));
}

/* What the clock of frames goes on by. */
static gint64 step(const GstLmNetFrame *before, const GstLmNetFrame *frame)
{
    if (before->arrival == 0)
        return 0;
    if (both_have_times(before, frame))
        return frame->running > before->running ? (gint64)(frame->running - before->running) : 0;
    return frame->arrival - before->arrival;
}

/* Capture elements flag frames that they make up while there is no signal. */
static bool is_made_up(GstBuffer *buffer)
{
    return GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_GAP);
}

GstLmNetFrame gst_lm_net_look(GstLmNet *self, GstBuffer *buffer, const LmFrame *view,
                              const GstLmNetSettings *settings)
{
    GstLmNetFrame frame = {
        .pts = GST_BUFFER_PTS(buffer),
        .running =
            gst_lm_frame_running_time(&GST_BASE_TRANSFORM(self)->segment, GST_BUFFER_PTS(buffer)),
        .arrival = lm_clock_now(),
    };
    frame.clock = self->last.clock + step(&self->last, &frame);
    lm_thumbnail_take(self->thumbnail, view);
    settle_region(self, settings, frame.running);
    const LmSceneReport report =
        lm_scene_watch_frame(self->watch, self->thumbnail, self->region, frame.running);
    gst_lm_net_set_picture(self, report.no_signal || is_made_up(buffer) ? GST_LM_PICTURE_NO_SIGNAL
                                 : report.frozen                        ? GST_LM_PICTURE_FROZEN
                                                                        : GST_LM_PICTURE_LIVE);

    frame.blank = report.blank || is_made_up(buffer);
    const bool cut = report.cut || frame.blank != self->last.blank ||
                     is_gap(self, &frame, GST_BUFFER_IS_DISCONT(buffer));
    frame.scene = self->last.scene + cut;
    frame.still = report.same ? self->last.still : self->last.still + 1;
    self->last = frame;
    return frame;
}

/* --- After it -------------------------------------------------------------------------------- */

void gst_lm_net_refused(GstLmNet *self, GError *error)
{
    if (!self->refusal_told && lm_session_state(self->session) == LM_SESSION_READY) {
        gst_lm_error_post(GST_ELEMENT(self), GST_MESSAGE_WARNING,
                          "Frames pass without analysis:", error);
        self->refusal_told = true;
    }
    g_error_free(error);
}

LmMask *gst_lm_net_accept_result(GstLmNet *self, const LmResult *result)
{
    if (!result->mask) {
        GST_DEBUG_OBJECT(self, "no mask: %s", result->error->message);
        forget_marks(self);
        return NULL;
    }
    GST_LOG_OBJECT(self, "mask %" G_GUINT64_FORMAT " after %" GST_TIME_FORMAT, result->ticket,
                   GST_TIME_ARGS((GstClockTime)result->inference_ns));
    GST_OBJECT_LOCK(self);
    gst_lm_net_stats_add_inference(&self->stats, result->inference_ns, result->gpu_ns);
    GST_OBJECT_UNLOCK(self);
    return result->mask;
}

static void track(GstLmNet *self)
{
    lm_tracker_update(&self->tracker, &self->marks.findings, self->marks_of.clock,
                      gst_lm_net_tell_detection, self);
}

void gst_lm_net_set_marks(GstLmNet *self, LmMask *mask, const GstLmNetFrame *of,
                          const GstLmNetSettings *settings)
{
    const LmFindingsParams params = {settings->overlay.threshold, settings->min_area};
    self->marks_of = *of;
    if (gst_lm_marks_set(&self->marks, mask, &params) && !self->slow)
        track(self);
}

void gst_lm_net_show_marks(GstLmNet *self, char *slow_reason)
{
    self->slow = slow_reason != NULL;
    if (self->slow)
        lm_tracker_clear(&self->tracker, gst_lm_net_tell_detection, self);
    else
        track(self);
    gst_lm_net_set_slow(self, slow_reason);
}

void gst_lm_net_draw(GstLmNet *self, GstBuffer **buffer, const GstLmNetSettings *settings,
                     GstClockTime age)
{
    const LmModelInfo *model = lm_session_model(self->session);
    const bool marked = GST_CLOCK_TIME_IS_VALID(age);
    GstLmDrawing drawing = {
        .params = &settings->overlay,
        .class_names = model->class_names,
        .n_class_names = model->n_class_names,
        .region = self->region,
    };
    if (marked) {
        /* Where the threshold has changed since. */
        gst_lm_net_set_marks(self, self->marks.mask, &self->marks_of, settings);
        drawing.mask = self->marks.mask;
        drawing.findings = &self->marks.findings;
    }
    gst_lm_net_get_state(self, &drawing.indicator);
    if (!gst_lm_painter_draw(&self->painter, buffer, &self->layout, &drawing)) {
        gst_lm_frame_report_mismatch(&self->layout, GST_ELEMENT(self),
                                     "they pass without analysis");
        return;
    }
    if (!marked)
        return;
    *buffer = gst_buffer_make_writable(*buffer);
    gst_lm_meta_attach(*buffer, &self->layout.video, &self->marks, model, self->marks_of.pts, age);
    GST_OBJECT_LOCK(self);
    gst_lm_net_stats_add_age(&self->stats, age);
    GST_OBJECT_UNLOCK(self);
}

/* --- In and out ------------------------------------------------------------------------------ */

GstFlowReturn gst_lm_net_take_input(GstLmNet *self)
{
    GST_OBJECT_LOCK(self);
    self->stats.frames++;
    bool every_frame = self->every_frame;
    GST_OBJECT_UNLOCK(self);
    if (!every_frame)
        return GST_FLOW_OK;
    return gst_lm_net_take_frame(self, g_steal_pointer(&GST_BASE_TRANSFORM(self)->queued_buf));
}

GstFlowReturn gst_lm_net_next_output(GstLmNet *self, GstBuffer **outbuf)
{
    GST_OBJECT_LOCK(self);
    bool every_frame = self->every_frame;
    unsigned in_flight = self->in_flight;
    GST_OBJECT_UNLOCK(self);
    if (every_frame)
        return gst_lm_net_next_frame(self, in_flight, outbuf);

    *outbuf = g_steal_pointer(&GST_BASE_TRANSFORM(self)->queued_buf);
    return *outbuf ? gst_lm_net_pass_latest(self, outbuf) : GST_FLOW_OK;
}
