/* SPDX-License-Identifier: LGPL-2.1-or-later
 * lmnet's mode latest: each frame goes on at once, or after max-wait at most, with the newest mask
 * there is. */
#include "gstlmnet-private.h"

/* Inferences that tell how long the next one will take. */
#define RECENT 16

/* Takes up a mask that has come, unless it is of a frame before a cut. */
static void take_result(GstLmNet *self, const LmResult *result, const GstLmNetSettings *settings)
{
    GstLmNetFrame frame = {0};
    /* Tickets before this one were superseded. */
    while (frame.ticket < result->ticket && !gst_queue_array_is_empty(self->asked))
        frame = *(GstLmNetFrame *)gst_queue_array_pop_head_struct(self->asked);
    LmMask *mask = gst_lm_net_accept_result(self, result);
    if (mask && frame.ticket == result->ticket && frame.scene == self->last.scene)
        gst_lm_net_set_marks(self, mask, &frame, settings);
}

static void poll_masks(GstLmNet *self, const GstLmNetSettings *settings)
{
    LmResult result = {0};
    while (lm_session_poll_result(self->session, &result)) {
        take_result(self, &result, settings);
        lm_result_clear(&result);
    }
}

/* Waits for the frame's own mask, until max-wait after it came in. */
static void wait_for_mask(GstLmNet *self, const GstLmNetFrame *frame,
                          const GstLmNetSettings *settings)
{
    const gint64 deadline = frame->arrival + (gint64)settings->max_wait;
    guint64 ticket = 0;
    LmResult result = {0};
    while (ticket < frame->ticket &&
           lm_session_wait_result_until(self->session, deadline, &result)) {
        ticket = result.ticket;
        take_result(self, &result, settings);
        lm_result_clear(&result);
    }
}

/* Whether a mask of this frame, or of one identical to it, is there or on its way. */
static bool is_known(GstLmNet *self, const GstLmNetFrame *frame)
{
    if (self->marks.mask && self->marks_of.still == frame->still)
        return true;
    const guint n = gst_queue_array_get_length(self->asked);
    const GstLmNetFrame *asked = n ? gst_queue_array_peek_nth_struct(self->asked, n - 1) : NULL;
    return asked && asked->still == frame->still && asked->scene == frame->scene &&
           lm_session_outstanding(self->session) > 0;
}

static void submit(GstLmNet *self, const LmFrame *view, GstLmNetFrame *frame, double smoothing)
{
    const LmSubmitParams params = {.replace = true, .smoothing = smoothing, .shot = frame->scene};
    GError *error = NULL;
    if (!lm_session_submit(self->session, view, self->region, &params, &frame->ticket, &error)) {
        frame->ticket = 0;
        GST_LOG_OBJECT(self, "a frame passes without analysis");
        if (error)
            gst_lm_net_refused(self, error);
        return;
    }
    gst_queue_array_push_tail_struct(self->asked, frame);
}

/* How old the marks are for a frame: by running time where both have one, else by arrival. NONE
 * where the frame comes before the one that they are of. */
static GstClockTime marks_age(const GstLmNet *self, const GstLmNetFrame *frame)
{
    const GstLmNetFrame *of = &self->marks_of;
    if (GST_CLOCK_TIME_IS_VALID(of->running) && GST_CLOCK_TIME_IS_VALID(frame->running))
        return frame->running >= of->running ? frame->running - of->running : GST_CLOCK_TIME_NONE;
    return (GstClockTime)(frame->arrival - of->arrival);
}

/* Waiting is worth its time only where the mask will be there by then. */
static bool is_wait_likely(GstLmNet *self, const GstLmNetSettings *settings)
{
    GST_OBJECT_LOCK(self);
    const GstClockTime inference = gst_lm_net_stats_recent(&self->stats, RECENT, 75);
    GST_OBJECT_UNLOCK(self);
    return inference > 0 && inference <= settings->max_wait;
}

/* Marks would blink where masks get too old before the next one comes: then there are none, and
 * lmnet-state says why. So that a device which is just fast enough does not go back and forth, a
 * slow one must get to two thirds of the limit; and where
 * frames get their own masks, it is no matter how far apart they are. */
static bool is_slow(GstLmNet *self, const GstLmNetSettings *settings)
{
    GST_OBJECT_LOCK(self);
    const GstClockTime inference = gst_lm_net_stats_recent(&self->stats, RECENT, 50);
    const GstClockTime frame = self->frame_duration;
    GST_OBJECT_UNLOCK(self);
    const GstClockTime oldest = inference ? 2 * inference + frame : 0;
    const GstClockTime limit = settings->max_mask_age;
    const bool slow = oldest > (self->slow ? gst_util_uint64_scale(limit, 2, 3) : limit) &&
                      !is_wait_likely(self, settings);
    if (slow == self->slow)
        return slow;
    gst_lm_net_show_marks(
        self,
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

/* What there is to do for a frame's mask before the frame goes on. */
static void analyse(GstLmNet *self, GstBuffer *buffer, const GstLmNetSettings *settings,
                    GstLmNetFrame *frame)
{
    GstVideoFrame video;
    LmFrame view;
    if (!gst_lm_net_map(self, buffer, &video, &view))
        return;
    *frame = gst_lm_net_look(self, buffer, &view, settings);
    gst_lm_net_enter_scene(self, frame);
    poll_masks(self, settings);
    if (self->region.width > 0 && !frame->blank && !is_known(self, frame))
        submit(self, &view, frame, settings->smoothing);
    gst_video_frame_unmap(&video);
    if (frame->ticket && is_wait_likely(self, settings))
        wait_for_mask(self, frame, settings);
}

GstFlowReturn gst_lm_net_pass_latest(GstLmNet *self, GstBuffer **buffer)
{
    const LmSessionState state = lm_session_state(self->session);
    if (state == LM_SESSION_FAILED) {
        gst_lm_net_report_start_failure(self);
        return GST_FLOW_ERROR;
    }
    if (state == LM_SESSION_DEGRADED && self->marks.mask)
        gst_lm_net_new_scene(self);

    gst_lm_frame_sync_values(GST_BASE_TRANSFORM(self), *buffer);
    const GstLmNetSettings settings = gst_lm_net_get_settings(self);
    GstLmNetFrame frame = {0};
    analyse(self, *buffer, &settings, &frame);

    const bool slow = is_slow(self, &settings);
    GstClockTime age = GST_CLOCK_TIME_NONE;
    if (frame.arrival && self->marks.mask && self->region.width > 0) {
        if (self->marks_of.still == frame.still)
            self->marks_of = frame; /* Of an identical frame, so of this one too. */
        age = marks_age(self, &frame);
        if (slow || age > settings.max_mask_age) {
            age = GST_CLOCK_TIME_NONE;
            GST_OBJECT_LOCK(self);
            self->stats.stale++;
            GST_OBJECT_UNLOCK(self);
        }
    }
    gst_lm_net_draw(self, buffer, &settings, age);
    return GST_FLOW_OK;
}
