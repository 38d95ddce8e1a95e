/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Queues frames until their masks come, and serialized events between them. */
#include "gstlmneteveryframe.h"

#include <gst/base/gstqueuearray.h>

#include "gstlmnetdebug.h"

/* A frame on its way, or an event between two. */
typedef struct {
    GstBuffer *buffer;
    GstEvent *event;
    GstLmNetFrame frame;
} Pending;

typedef struct {
    GstLmNetParts parts;
    unsigned in_flight;     /* As configured. */
    GstQueueArray *pending; /* Pending, in order. */
    unsigned n_frames;      /* Of them. */
} EveryFrame;

static gpointer every_frame_create(const GstLmNetParts *parts)
{
    EveryFrame *self = g_new0(EveryFrame, 1);
    self->parts = *parts;
    self->pending = gst_queue_array_new_for_struct(sizeof(Pending), 16);
    return self;
}

static void every_frame_free(gpointer mode)
{
    EveryFrame *self = mode;
    gst_queue_array_free(self->pending);
    g_free(self);
}

static GstClockTime every_frame_get_latency(const GstLmNetSettings *settings,
                                            GstClockTime frame_duration)
{
    return (settings->in_flight - 1) * frame_duration;
}

static guint every_frame_get_held(const GstLmNetSettings *settings)
{
    return settings->in_flight;
}

static void every_frame_configure(gpointer mode)
{
    EveryFrame *self = mode;
    GST_OBJECT_LOCK(self->parts.element);
    self->in_flight = self->parts.settings->in_flight;
    GST_OBJECT_UNLOCK(self->parts.element);
    /* Frames wait for their masks, however slow. */
    if (self->parts.marks->hidden)
        gst_lm_net_marks_set_slow(self->parts.marks, NULL);
}

/* --- In -------------------------------------------------------------------------------------- */

/* Waits for the session; OK also if it is degraded, for frames pass clean then. */
static GstFlowReturn wait_ready(EveryFrame *self)
{
    GstLmNetSession *session = self->parts.session;
    if (lm_session_wait_ready(session->current))
        return GST_FLOW_OK;
    if (gst_lm_net_session_is_flushing(session))
        return GST_FLOW_FLUSHING;
    if (lm_session_state(session->current) != LM_SESSION_FAILED)
        return GST_FLOW_OK;
    gst_lm_net_session_report_start_failure(session);
    return GST_FLOW_ERROR;
}

/* Waits until the session takes the frame; its ticket stays 0 if no mask will come. */
static GstFlowReturn submit(EveryFrame *self, const LmFrame *view, GstLmNetFrame *frame,
                            double smoothing)
{
    const LmSubmitParams params = {.smoothing = smoothing, .shot = frame->shot};
    GstFlowReturn ret;
    GError *error = NULL;
    bool taken = false;
    do {
        ret = wait_ready(self);
        if (ret == GST_FLOW_OK)
            taken = lm_session_submit(self->parts.session->current, view,
                                      self->parts.inspect->region, &params, &frame->ticket, &error);
    } while (ret == GST_FLOW_OK && !taken && !error);
    if (!taken)
        frame->ticket = 0;
    if (error)
        gst_lm_net_session_report_refusal(self->parts.session, error);
    return ret;
}

static GstFlowReturn every_frame_take(gpointer mode, GstBuffer *buffer)
{
    EveryFrame *self = mode;
    GstLmNetInspect *inspect = self->parts.inspect;
    GstFlowReturn ret = GST_FLOW_OK;
    const GstLmNetFrameSettings settings =
        gst_lm_net_settings_take(self->parts.settings, self->parts.element, buffer);
    Pending item = {.buffer = buffer};
    GstVideoFrame video;
    LmFrame view;
    if (gst_lm_net_inspect_map(inspect, buffer, &video, &view)) {
        item.frame = gst_lm_net_inspect_frame(inspect, buffer, &view, &settings, true);
        if (inspect->region.width > 0)
            ret = submit(self, &view, &item.frame, settings.smoothing);
        gst_video_frame_unmap(&video);
    }
    if (ret != GST_FLOW_OK) {
        gst_buffer_unref(buffer);
        return ret;
    }
    gst_queue_array_push_tail_struct(self->pending, &item);
    self->n_frames++;
    return GST_FLOW_OK;
}

static bool every_frame_queue_event(gpointer mode, GstEvent *event)
{
    EveryFrame *self = mode;
    if (self->n_frames == 0)
        return false;
    Pending item = {.event = event};
    gst_queue_array_push_tail_struct(self->pending, &item);
    return true;
}

/* --- Out ------------------------------------------------------------------------------------- */

/* Waits for the frame's mask and marks it; false when flushing. */
static bool complete_frame(EveryFrame *self, GstBuffer **buffer, const GstLmNetFrame *frame)
{
    GstLmNetMarks *marks = self->parts.marks;
    GstClockTime age = GST_CLOCK_TIME_NONE;
    LmResult result = {0};
    bool waited = true;
    while (waited && result.ticket < frame->ticket) {
        lm_result_clear(&result);
        waited = lm_session_wait_result(self->parts.session->current, &result);
    }
    if (!waited && gst_lm_net_session_is_flushing(self->parts.session))
        return false;

    const GstLmNetFrameSettings settings =
        gst_lm_net_settings_take(self->parts.settings, self->parts.element, *buffer);
    if (frame->arrival)
        gst_lm_net_marks_enter_shot(marks, frame->shot);
    LmMask *mask = waited && frame->ticket ? gst_lm_net_marks_accept(marks, &result) : NULL;
    if (mask && result.ticket == frame->ticket) {
        gst_lm_net_marks_set(marks, mask, frame, &settings);
        age = 0;
    }
    gst_lm_net_marks_draw(marks, buffer, self->parts.inspect->region, &settings, age);
    lm_result_clear(&result);
    return true;
}

/* The next frame in order, if at least `least` are pending. Events before it go downstream. */
static GstFlowReturn take_next(EveryFrame *self, unsigned least, GstBuffer **outbuf)
{
    Pending *head;
    while ((head = gst_queue_array_peek_head_struct(self->pending)) && head->event) {
        Pending item = *(Pending *)gst_queue_array_pop_head_struct(self->pending);
        self->parts.forward_event(self->parts.element, item.event);
    }
    *outbuf = NULL;
    if (!head || self->n_frames < least)
        return GST_FLOW_OK;

    Pending item = *(Pending *)gst_queue_array_pop_head_struct(self->pending);
    self->n_frames--;
    if (!complete_frame(self, &item.buffer, &item.frame)) {
        gst_buffer_unref(item.buffer);
        return GST_FLOW_FLUSHING;
    }
    *outbuf = item.buffer;
    return GST_FLOW_OK;
}

static GstFlowReturn every_frame_next(gpointer mode, GstBuffer **outbuf)
{
    EveryFrame *self = mode;
    return take_next(self, self->in_flight, outbuf);
}

static void clear_pending(EveryFrame *self, bool forward_events)
{
    Pending *head;
    while ((head = gst_queue_array_pop_head_struct(self->pending))) {
        Pending item = *head;
        gst_clear_buffer(&item.buffer);
        if (item.event && forward_events)
            self->parts.forward_event(self->parts.element, item.event);
        else
            gst_clear_event(&item.event);
    }
    self->n_frames = 0;
}

static GstFlowReturn every_frame_drain(gpointer mode)
{
    EveryFrame *self = mode;
    GstFlowReturn ret = GST_FLOW_OK;
    GstBuffer *buffer;
    do {
        ret = take_next(self, 0, &buffer);
        if (buffer)
            ret = gst_pad_push(GST_BASE_TRANSFORM_SRC_PAD(self->parts.element), buffer);
    } while (ret == GST_FLOW_OK && !gst_queue_array_is_empty(self->pending));
    if (ret != GST_FLOW_OK) {
        GST_DEBUG_OBJECT(self->parts.element, "draining ended with %s", gst_flow_get_name(ret));
        /* Unless flushing, events still go downstream, for some are sticky. */
        clear_pending(self, ret != GST_FLOW_FLUSHING);
        lm_session_discard(self->parts.session->current);
    }
    return ret;
}

static void every_frame_reset(gpointer mode)
{
    clear_pending(mode, false);
}

const GstLmNetModeFuncs gst_lm_net_every_frame = {
    .create = every_frame_create,
    .free = every_frame_free,
    .get_latency = every_frame_get_latency,
    .get_held = every_frame_get_held,
    .configure = every_frame_configure,
    .take = every_frame_take,
    .next = every_frame_next,
    .drain = every_frame_drain,
    .queue_event = every_frame_queue_event,
    .reset = every_frame_reset,
};
