/* SPDX-License-Identifier: LGPL-2.1-or-later
 * lmnet's mode every-frame: frames in order, each with its own mask, several on the device at once.
 */
#include "gstlmnet-private.h"

/* A frame on its way, or an event between two. */
typedef struct {
    GstBuffer *buffer;
    GstEvent *event;
    GstLmNetFrame frame;
} Pending;

void gst_lm_net_every_frame_init(GstLmNet *self)
{
    self->pending = gst_queue_array_new_for_struct(sizeof(Pending), 16);
}

void gst_lm_net_every_frame_finish(GstLmNet *self)
{
    gst_queue_array_free(self->pending);
}

void gst_lm_net_clear_pending(GstLmNet *self, bool forward_events)
{
    Pending *head;
    while ((head = gst_queue_array_pop_head_struct(self->pending))) {
        Pending item = *head;
        gst_clear_buffer(&item.buffer);
        if (item.event && forward_events)
            gst_lm_net_forward_event(self, item.event);
        else
            gst_clear_event(&item.event);
    }
    self->pending_frames = 0;
}

/* Waits for the session; OK too where it is degraded, for frames then pass clean. */
static GstFlowReturn wait_ready(GstLmNet *self)
{
    if (lm_session_wait_ready(self->session))
        return GST_FLOW_OK;
    if (gst_lm_net_is_flushing(self))
        return GST_FLOW_FLUSHING;
    if (lm_session_state(self->session) != LM_SESSION_FAILED)
        return GST_FLOW_OK;
    gst_lm_net_report_start_failure(self);
    return GST_FLOW_ERROR;
}

/* Waits until the session takes the frame; its ticket stays 0 where no mask will come. */
static GstFlowReturn submit(GstLmNet *self, const LmFrame *view, GstLmNetFrame *frame,
                            double smoothing)
{
    const LmSubmitParams params = {.smoothing = smoothing, .shot = frame->scene};
    GstFlowReturn ret;
    GError *error = NULL;
    bool taken = false;
    do {
        ret = wait_ready(self);
        if (ret == GST_FLOW_OK)
            taken = lm_session_submit(self->session, view, self->region, &params, &frame->ticket,
                                      &error);
    } while (ret == GST_FLOW_OK && !taken && !error);
    if (!taken)
        frame->ticket = 0;
    if (error)
        gst_lm_net_refused(self, error);
    return ret;
}

GstFlowReturn gst_lm_net_take_frame(GstLmNet *self, GstBuffer *buffer)
{
    GstFlowReturn ret = GST_FLOW_OK;
    gst_lm_frame_sync_values(GST_BASE_TRANSFORM(self), buffer);
    GstLmNetSettings settings = gst_lm_net_get_settings(self);
    Pending item = {.buffer = buffer};
    GstVideoFrame video;
    LmFrame view;
    if (gst_lm_net_map(self, buffer, &video, &view)) {
        item.frame = gst_lm_net_look(self, buffer, &view, &settings);
        if (self->region.width > 0)
            ret = submit(self, &view, &item.frame, settings.smoothing);
        gst_video_frame_unmap(&video);
    }
    if (ret != GST_FLOW_OK) {
        gst_buffer_unref(buffer);
        return ret;
    }
    gst_queue_array_push_tail_struct(self->pending, &item);
    self->pending_frames++;
    return GST_FLOW_OK;
}

/* Waits for the frame's mask and marks it; false when flushing. */
static bool complete_frame(GstLmNet *self, GstBuffer **buffer, const GstLmNetFrame *frame)
{
    GstClockTime age = GST_CLOCK_TIME_NONE;
    LmResult result = {0};
    bool waited = true;
    while (waited && result.ticket < frame->ticket) {
        lm_result_clear(&result);
        waited = lm_session_wait_result(self->session, &result);
    }
    if (!waited && gst_lm_net_is_flushing(self))
        return false;

    gst_lm_frame_sync_values(GST_BASE_TRANSFORM(self), *buffer);
    GstLmNetSettings settings = gst_lm_net_get_settings(self);
    if (frame->arrival)
        gst_lm_net_enter_scene(self, frame);
    LmMask *mask = waited && frame->ticket ? gst_lm_net_accept_result(self, &result) : NULL;
    if (mask && result.ticket == frame->ticket) {
        gst_lm_net_set_marks(self, mask, frame, &settings);
        age = 0;
    }
    gst_lm_net_draw(self, buffer, &settings, age);
    lm_result_clear(&result);
    return true;
}

GstFlowReturn gst_lm_net_next_frame(GstLmNet *self, unsigned in_flight, GstBuffer **outbuf)
{
    Pending *head;
    while ((head = gst_queue_array_peek_head_struct(self->pending)) && head->event) {
        Pending item = *(Pending *)gst_queue_array_pop_head_struct(self->pending);
        gst_lm_net_forward_event(self, item.event);
    }
    *outbuf = NULL;
    if (!head || self->pending_frames < in_flight)
        return GST_FLOW_OK;

    Pending item = *(Pending *)gst_queue_array_pop_head_struct(self->pending);
    self->pending_frames--;
    if (!complete_frame(self, &item.buffer, &item.frame)) {
        gst_buffer_unref(item.buffer);
        return GST_FLOW_FLUSHING;
    }
    *outbuf = item.buffer;
    return GST_FLOW_OK;
}

GstFlowReturn gst_lm_net_drain(GstLmNet *self)
{
    GstFlowReturn ret = GST_FLOW_OK;
    GstBuffer *buffer;
    do {
        ret = gst_lm_net_next_frame(self, 0, &buffer);
        if (buffer)
            ret = gst_pad_push(GST_BASE_TRANSFORM_SRC_PAD(self), buffer);
    } while (ret == GST_FLOW_OK && !gst_queue_array_is_empty(self->pending));
    if (ret != GST_FLOW_OK) {
        GST_DEBUG_OBJECT(self, "draining ended with %s", gst_flow_get_name(ret));
        /* Where only frames cannot be pushed, events still go downstream, for some are sticky. */
        gst_lm_net_clear_pending(self, ret != GST_FLOW_FLUSHING);
        lm_session_discard(self->session);
    }
    return ret;
}

bool gst_lm_net_queue_event(GstLmNet *self, GstEvent *event)
{
    if (self->pending_frames == 0)
        return false;
    Pending item = {.event = event};
    gst_queue_array_push_tail_struct(self->pending, &item);
    return true;
}
