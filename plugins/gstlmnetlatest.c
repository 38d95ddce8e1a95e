/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Passes frames on with the newest mask of their shot, and hides masks that come too late. */
#include "gstlmnetlatest.h"

#include <gst/base/gstqueuearray.h>

#include "gstlmnetdebug.h"

/* Inferences from which the next one's time is estimated. */
#define RECENT 16

typedef struct {
    GstLmNetParts parts;
    GstBuffer *buffer;        /* Between take and next; else NULL. */
    GstQueueArray *submitted; /* GstLmNetFrames that a mask may still come for. */
} Latest;

static gpointer latest_create(const GstLmNetParts *parts)
{
    Latest *self = g_new0(Latest, 1);
    self->parts = *parts;
    self->submitted = gst_queue_array_new_for_struct(sizeof(GstLmNetFrame), 16);
    return self;
}

static void latest_free(gpointer mode)
{
    Latest *self = mode;
    gst_queue_array_free(self->submitted);
    g_free(self);
}

static GstClockTime latest_get_latency(const GstLmNetSettings *settings,
                                       GstClockTime frame_duration)
{
    return settings->frame.max_wait;
}

static guint latest_get_held(const GstLmNetSettings *settings)
{
    return 0;
}

static void latest_reset(gpointer mode)
{
    Latest *self = mode;
    gst_clear_buffer(&self->buffer);
    gst_queue_array_clear(self->submitted);
}

/* --- Masks ----------------------------------------------------------------------------------- */

/* Takes a mask that has come; a mask of a frame before a cut is discarded. */
static void take_result(Latest *self, const LmResult *result, const GstLmNetFrameSettings *settings)
{
    GstLmNetFrame frame = {0};
    /* Tickets before this one were superseded. */
    while (frame.ticket < result->ticket && !gst_queue_array_is_empty(self->submitted))
        frame = *(GstLmNetFrame *)gst_queue_array_pop_head_struct(self->submitted);
    LmMask *mask = gst_lm_net_marks_accept(self->parts.marks, result);
    if (mask && frame.ticket == result->ticket && frame.shot == self->parts.inspect->last.shot)
        gst_lm_net_marks_set(self->parts.marks, mask, &frame, settings);
}

static void poll_masks(Latest *self, const GstLmNetFrameSettings *settings)
{
    LmResult result = {0};
    while (lm_session_poll_result(self->parts.session->current, &result)) {
        take_result(self, &result, settings);
        lm_result_clear(&result);
    }
}

/* Waits for the frame's own mask, until max-wait after it came in. */
static void wait_for_mask(Latest *self, const GstLmNetFrame *frame,
                          const GstLmNetFrameSettings *settings)
{
    const gint64 deadline = frame->arrival + (gint64)settings->max_wait;
    guint64 ticket = 0;
    LmResult result = {0};
    while (ticket < frame->ticket &&
           lm_session_wait_result_until(self->parts.session->current, deadline, &result)) {
        ticket = result.ticket;
        take_result(self, &result, settings);
        lm_result_clear(&result);
    }
}

/* True if a mask of this frame, or of one identical to it, is there or on its way. */
static bool is_known(Latest *self, const GstLmNetFrame *frame)
{
    const GstLmNetMarks *marks = self->parts.marks;
    if (marks->marks.mask && marks->of.still == frame->still)
        return true;
    const guint n = gst_queue_array_get_length(self->submitted);
    const GstLmNetFrame *newest =
        n ? gst_queue_array_peek_nth_struct(self->submitted, n - 1) : NULL;
    return newest && newest->still == frame->still && newest->shot == frame->shot &&
           lm_session_outstanding(self->parts.session->current) > 0;
}

static void submit(Latest *self, const LmFrame *view, GstLmNetFrame *frame, double smoothing)
{
    const LmSubmitParams params = {.replace = true, .smoothing = smoothing, .shot = frame->shot};
    GError *error = NULL;
    if (!lm_session_submit(self->parts.session->current, view, self->parts.inspect->region, &params,
                           &frame->ticket, &error)) {
        frame->ticket = 0;
        GST_LOG_OBJECT(self->parts.element, "a frame passes without analysis");
        if (error)
            gst_lm_net_session_report_refusal(self->parts.session, error);
        return;
    }
    gst_queue_array_push_tail_struct(self->submitted, frame);
}

/* --- Ages ------------------------------------------------------------------------------------ */

/* The age of the marks at a frame: by running time if both frames have one, else by arrival. NONE
 * if the frame comes before that of the marks. */
static GstClockTime marks_age(const GstLmNetFrame *of, const GstLmNetFrame *frame)
{
    if (GST_CLOCK_TIME_IS_VALID(of->running) && GST_CLOCK_TIME_IS_VALID(frame->running))
        return frame->running >= of->running ? frame->running - of->running : GST_CLOCK_TIME_NONE;
    return (GstClockTime)(frame->arrival - of->arrival);
}

/* The time in ns that `percent` of the recent inferences stayed below. */
static GstClockTime recent_inference(Latest *self, unsigned percent)
{
    GST_OBJECT_LOCK(self->parts.element);
    const GstClockTime inference = gst_lm_net_stats_recent(self->parts.stats, RECENT, percent);
    GST_OBJECT_UNLOCK(self->parts.element);
    return inference;
}

/* A frame waits only if its mask will probably be there in time. */
static bool is_wait_likely(Latest *self, const GstLmNetFrameSettings *settings)
{
    const GstClockTime inference = recent_inference(self, 75);
    return inference > 0 && inference <= settings->max_wait;
}

/* Marks would blink if masks got too old before the next one comes: then none are shown, and
 * lmnet-state says why. A slow device must get down to two thirds of the limit, so that one which
 * is just fast enough does not go back and forth. If frames get their own masks, the time between
 * frames does not matter. */
static bool is_slow(Latest *self, const GstLmNetFrameSettings *settings)
{
    const bool was_slow = self->parts.marks->hidden;
    const GstClockTime inference = recent_inference(self, 50);
    const GstClockTime frame = self->parts.inspect->frame_duration;
    const GstClockTime oldest = inference ? 2 * inference + frame : 0;
    const GstClockTime limit = settings->max_mask_age;
    const bool slow = oldest > (was_slow ? gst_util_uint64_scale(limit, 2, 3) : limit) &&
                      !is_wait_likely(self, settings);
    if (slow == was_slow)
        return slow;
    gst_lm_net_marks_set_slow(
        self->parts.marks,
        slow ? g_strdup_printf("masks would be up to %" G_GUINT64_FORMAT
                               " ms old (two inferences of %" G_GUINT64_FORMAT
                               " ms and a frame of %" G_GUINT64_FORMAT
                               " ms), and max-mask-age is %" G_GUINT64_FORMAT " ms: raise it%s",
                               oldest / GST_MSECOND, inference / GST_MSECOND, frame / GST_MSECOND,
                               limit / GST_MSECOND,
                               frame < limit ? ", or take a smaller model or a faster device" : "")
             : NULL);
    return slow;
}

/* The age of the marks that the frame shows; NONE: it shows none. */
static GstClockTime shown_age(Latest *self, const GstLmNetFrame *frame, bool slow,
                              GstClockTime max_age)
{
    GstLmNetMarks *marks = self->parts.marks;
    if (!frame->arrival || !marks->marks.mask || self->parts.inspect->region.width <= 0)
        return GST_CLOCK_TIME_NONE;
    if (marks->of.still == frame->still)
        marks->of = *frame; /* Of an identical frame, so of this one too. */
    const GstClockTime age = marks_age(&marks->of, frame);
    if (!slow && age <= max_age)
        return age;
    GST_OBJECT_LOCK(self->parts.element);
    self->parts.stats->stale++;
    GST_OBJECT_UNLOCK(self->parts.element);
    return GST_CLOCK_TIME_NONE;
}

/* --- Frames ---------------------------------------------------------------------------------- */

static GstFlowReturn latest_take(gpointer mode, GstBuffer *buffer)
{
    Latest *self = mode;
    self->buffer = buffer;
    return GST_FLOW_OK;
}

/* Inspects a frame, takes masks that have come and submits the frame; zeroed if it does not match
 * its caps. */
static GstLmNetFrame analyse(Latest *self, GstBuffer *buffer, const GstLmNetFrameSettings *settings)
{
    GstLmNetInspect *inspect = self->parts.inspect;
    GstVideoFrame video;
    LmFrame view;
    if (!gst_lm_net_inspect_map(inspect, buffer, &video, &view))
        return (GstLmNetFrame){0};
    GstLmNetFrame frame = gst_lm_net_inspect_frame(inspect, buffer, &view, settings, false);
    gst_lm_net_marks_enter_shot(self->parts.marks, frame.shot);
    poll_masks(self, settings);
    if (inspect->region.width > 0 && !frame.blank && !is_known(self, &frame))
        submit(self, &view, &frame, settings->smoothing);
    gst_video_frame_unmap(&video);
    if (frame.ticket && is_wait_likely(self, settings))
        wait_for_mask(self, &frame, settings);
    return frame;
}

static GstFlowReturn latest_next(gpointer mode, GstBuffer **outbuf)
{
    Latest *self = mode;
    GstLmNetMarks *marks = self->parts.marks;
    *outbuf = g_steal_pointer(&self->buffer);
    if (!*outbuf)
        return GST_FLOW_OK;

    const LmSessionState state = lm_session_state(self->parts.session->current);
    if (state == LM_SESSION_FAILED) {
        gst_lm_net_session_report_start_failure(self->parts.session);
        return GST_FLOW_ERROR;
    }
    if (state == LM_SESSION_DEGRADED && marks->marks.mask)
        gst_lm_net_marks_enter_shot(marks, gst_lm_net_inspect_begin_shot(self->parts.inspect));

    const GstLmNetFrameSettings settings =
        gst_lm_net_settings_take(self->parts.settings, self->parts.element, *outbuf);
    const GstLmNetFrame frame = analyse(self, *outbuf, &settings);
    const bool slow = is_slow(self, &settings);
    const GstClockTime age = shown_age(self, &frame, slow, settings.max_mask_age);
    gst_lm_net_marks_draw(marks, outbuf, self->parts.inspect->region, &settings, age);
    return GST_FLOW_OK;
}

const GstLmNetModeFuncs gst_lm_net_latest = {
    .create = latest_create,
    .free = latest_free,
    .get_latency = latest_get_latency,
    .get_held = latest_get_held,
    .take = latest_take,
    .next = latest_next,
    .reset = latest_reset,
};
