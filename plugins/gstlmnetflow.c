/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The frames' way through lmnet: to the session, and with its masks onward, in both modes. */
#include "gstlmframe.h"
#include "gstlmnet-private.h"

#define GST_CAT_DEFAULT gst_lm_net_debug

/* every-frame: a frame on its way (ticket 0: no mask is to come), or an event between two. */
typedef struct {
    GstBuffer *buffer;
    GstEvent *event;
    guint64 ticket;
} Pending;

/* latest: what is to be known of a frame when its mask comes. */
typedef struct {
    guint64 ticket;
    GstClockTime pts, running;
    gint64 arrival;
} Asked;

void gst_lm_net_flow_init(GstLmNet *self)
{
    self->pending = gst_queue_array_new_for_struct(sizeof(Pending), 16);
    self->asked = gst_queue_array_new_for_struct(sizeof(Asked), 16);
}

void gst_lm_net_flow_finish(GstLmNet *self)
{
    gst_lm_net_flow_reset(self);
    gst_queue_array_free(self->pending);
    gst_queue_array_free(self->asked);
    lm_overlay_scratch_finish(&self->scratch);
}

/* Drops what is pending; but where only frames cannot be pushed, events still go downstream, for
 * some are sticky. */
static void clear_pending(GstLmNet *self, bool forward_events)
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

void gst_lm_net_flow_reset(GstLmNet *self)
{
    clear_pending(self, false);
    gst_queue_array_clear(self->asked);
    gst_lm_marks_clear(&self->marks);
    if (self->session)
        lm_session_discard(self->session);
}

void gst_lm_net_flow_configure(GstLmNet *self, const GstVideoInfo *info,
                               const LmFrameInfo *frame_info)
{
    /* A mere renegotiation downstream: frames may be pending, and their masks stay good. */
    if (self->info.finfo && gst_video_info_is_equal(info, &self->info))
        return;
    gst_lm_net_flow_reset(self);
    self->info = *info;
    self->frame_info = *frame_info;
    self->region_serial = 0;
    self->bad_frame_told = false;
}

/* --- Both modes ------------------------------------------------------------------------------ */

static GstLmNetSettings get_settings(GstLmNet *self)
{
    GST_OBJECT_LOCK(self);
    GstLmNetSettings settings = self->settings;
    GST_OBJECT_UNLOCK(self);
    return settings;
}

/* Clips the region to the frame; tells once for each region and size where that changes it. */
static void settle_region(GstLmNet *self, const GstLmNetSettings *settings)
{
    if (self->region_serial == settings->region_serial)
        return;
    const LmRect frame = {0, 0, self->frame_info.width, self->frame_info.height};
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

static bool is_flushing(GstLmNet *self)
{
    GST_OBJECT_LOCK(self);
    bool flushing = self->stopping || self->flushing;
    GST_OBJECT_UNLOCK(self);
    return flushing;
}

/* The video goes on without marks; told once a run, for a failing device fails at every frame. */
static void tell_failure(GstLmNet *self, const GError *error)
{
    if (g_atomic_int_compare_and_exchange(&self->failure_told, FALSE, TRUE))
        gst_lm_net_post(self, GST_MESSAGE_WARNING,
                        "Analysis failed; frames pass without marks from now on.", error);
}

/* Told once for each layout: where one is bad, all may be. */
static void warn_bad_frame(GstLmNet *self)
{
    if (!self->bad_frame_told)
        GST_ELEMENT_WARNING(self, STREAM, FORMAT, ("Frames are not what their caps say."),
                            ("they pass without analysis"));
    self->bad_frame_told = true;
}

/* Waits for the session's start; OK too where it failed later than that, for frames then pass
 * clean. */
static GstFlowReturn wait_ready(GstLmNet *self)
{
    if (lm_session_wait_ready(self->session)) {
        g_atomic_int_set(&self->was_ready, TRUE);
        return GST_FLOW_OK;
    }
    if (is_flushing(self))
        return GST_FLOW_FLUSHING;
    if (g_atomic_int_get(&self->was_ready))
        return GST_FLOW_OK;
    gst_lm_net_report_start_failure(self);
    return GST_FLOW_ERROR;
}

/* Hands a frame to the session; *ticket is 0 where no mask will come for it. every-frame waits
 * until the session takes it; latest does not, and supersedes a frame that still waits. */
static GstFlowReturn submit(GstLmNet *self, GstBuffer *buffer, bool every_frame, guint64 *ticket)
{
    GstFlowReturn ret = GST_FLOW_OK;
    GstVideoFrame video;
    *ticket = 0;
    if (self->region.width == 0)
        return ret;
    if (!gst_video_frame_map(&video, &self->info, buffer, GST_MAP_READ)) {
        warn_bad_frame(self);
        return ret;
    }

    LmFrame frame;
    GError *error = NULL;
    bool taken = false;
    if (gst_lm_frame_wrap(&video, &self->frame_info, &frame)) {
        do {
            if (every_frame)
                ret = wait_ready(self);
            if (ret == GST_FLOW_OK)
                taken = lm_session_submit(self->session, &frame, self->region, !every_frame, ticket,
                                          &error);
        } while (every_frame && ret == GST_FLOW_OK && !taken && !error);
    } else {
        warn_bad_frame(self);
    }
    gst_video_frame_unmap(&video);
    if (!taken) {
        *ticket = 0;
        GST_LOG_OBJECT(self, "a frame passes without analysis");
    }
    if (error)
        tell_failure(self, error);
    g_clear_error(&error);
    return ret;
}

/* Counts a result; its mask, or NULL where the device failed. The caller clears the result. */
static LmMask *accept_result(GstLmNet *self, const LmResult *result)
{
    if (!result->mask) {
        tell_failure(self, result->error);
        return NULL;
    }
    GST_LOG_OBJECT(self, "mask %" G_GUINT64_FORMAT " after %" GST_TIME_FORMAT, result->ticket,
                   GST_TIME_ARGS((GstClockTime)result->inference_ns));
    GST_OBJECT_LOCK(self);
    gst_lm_net_stats_add_inference(&self->stats, result->inference_ns, result->gpu_ns);
    GST_OBJECT_UNLOCK(self);
    return result->mask;
}

/* Puts the marks on a frame: pts of the frame that they are of, and how old they are. */
static void mark(GstLmNet *self, GstBuffer **buffer, LmMask *mask, const GstLmNetSettings *settings,
                 GstClockTime pts, GstClockTime age)
{
    const LmFindingsParams params = {settings->overlay.threshold, settings->min_area};
    gst_lm_marks_set(&self->marks, mask, &params);
    if (!gst_lm_frame_draw(buffer, &self->info, &self->frame_info, self->marks.mask,
                           &self->marks.findings, &settings->overlay, &self->scratch)) {
        warn_bad_frame(self);
        return;
    }
    *buffer = gst_buffer_make_writable(*buffer);
    gst_lm_meta_attach(*buffer, &self->info, &self->marks, lm_session_model(self->session), pts,
                       age);
    GST_OBJECT_LOCK(self);
    gst_lm_net_stats_add_age(&self->stats, age);
    GST_OBJECT_UNLOCK(self);
}

/* Controlled properties take their values at the frame's own time. */
static void sync_properties(GstLmNet *self, GstBuffer *buffer)
{
    GstClockTime time = gst_segment_to_stream_time(&GST_BASE_TRANSFORM(self)->segment,
                                                   GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
    if (GST_CLOCK_TIME_IS_VALID(time))
        gst_object_sync_values(GST_OBJECT(self), time);
}

/* --- every-frame ----------------------------------------------------------------------------- */

static GstFlowReturn take_frame(GstLmNet *self, GstBuffer *buffer)
{
    Pending item = {.buffer = buffer};
    GstFlowReturn ret = submit(self, buffer, true, &item.ticket);
    if (ret != GST_FLOW_OK) {
        gst_buffer_unref(buffer);
        return ret;
    }
    gst_queue_array_push_tail_struct(self->pending, &item);
    self->pending_frames++;
    return GST_FLOW_OK;
}

/* Waits for the mask of the frame with `ticket` and marks it; false when flushing. */
static bool complete_frame(GstLmNet *self, GstBuffer **buffer, guint64 ticket)
{
    LmResult result = {0};
    do {
        lm_result_clear(&result);
        if (!lm_session_wait_result(self->session, &result))
            return !is_flushing(self);
    } while (result.ticket < ticket);

    LmMask *mask = accept_result(self, &result);
    if (mask && result.ticket == ticket) {
        sync_properties(self, *buffer);
        GstLmNetSettings settings = get_settings(self);
        mark(self, buffer, mask, &settings, GST_BUFFER_PTS(*buffer), 0);
    }
    lm_result_clear(&result);
    return true;
}

/* The next frame in order, once `in_flight` are pending or when draining; NULL where it is not yet
 * time for one. Events that are first in the queue go downstream on the way. */
static GstFlowReturn next_frame(GstLmNet *self, unsigned in_flight, GstBuffer **outbuf)
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
    if (item.ticket && !complete_frame(self, &item.buffer, item.ticket)) {
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
        ret = next_frame(self, 0, &buffer);
        if (buffer)
            ret = gst_pad_push(GST_BASE_TRANSFORM_SRC_PAD(self), buffer);
    } while (ret == GST_FLOW_OK && !gst_queue_array_is_empty(self->pending));
    if (ret != GST_FLOW_OK) {
        GST_DEBUG_OBJECT(self, "draining ended with %s", gst_flow_get_name(ret));
        clear_pending(self, ret != GST_FLOW_FLUSHING);
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

/* --- latest ---------------------------------------------------------------------------------- */

/* Takes up the newest mask that has come. */
static void poll_masks(GstLmNet *self, const GstLmNetSettings *settings)
{
    const LmFindingsParams params = {settings->overlay.threshold, settings->min_area};
    LmResult result = {0};
    while (lm_session_poll_result(self->session, &result)) {
        Asked asked = {0};
        /* Tickets before this one were superseded. */
        while (asked.ticket < result.ticket && !gst_queue_array_is_empty(self->asked))
            asked = *(Asked *)gst_queue_array_pop_head_struct(self->asked);
        LmMask *mask = accept_result(self, &result);
        if (mask && asked.ticket == result.ticket) {
            gst_lm_marks_set(&self->marks, mask, &params);
            self->marks_pts = asked.pts;
            self->marks_running = asked.running;
            self->marks_arrival = asked.arrival;
        }
        lm_result_clear(&result);
    }
}

/* How old the marks are for a frame: by running time where both have one, else by arrival. NONE
 * where the frame comes before the one that they are of. */
static GstClockTime marks_age(const GstLmNet *self, const Asked *frame)
{
    if (GST_CLOCK_TIME_IS_VALID(self->marks_running) && GST_CLOCK_TIME_IS_VALID(frame->running))
        return frame->running >= self->marks_running ? frame->running - self->marks_running
                                                     : GST_CLOCK_TIME_NONE;
    return (GstClockTime)(frame->arrival - self->marks_arrival) * 1000;
}

static GstFlowReturn pass_latest(GstLmNet *self, GstBuffer **buffer)
{
    LmSessionState state = lm_session_state(self->session);
    if (state == LM_SESSION_READY)
        g_atomic_int_set(&self->was_ready, TRUE);
    if (state == LM_SESSION_FAILED && !g_atomic_int_get(&self->was_ready)) {
        gst_lm_net_report_start_failure(self);
        return GST_FLOW_ERROR;
    }
    if (state == LM_SESSION_STARTING || state == LM_SESSION_IDLE)
        return GST_FLOW_OK;

    sync_properties(self, *buffer);
    GstLmNetSettings settings = get_settings(self);
    settle_region(self, &settings);
    Asked frame = {
        .pts = GST_BUFFER_PTS(*buffer),
        .running = gst_segment_to_running_time(&GST_BASE_TRANSFORM(self)->segment, GST_FORMAT_TIME,
                                               GST_BUFFER_PTS(*buffer)),
        .arrival = g_get_monotonic_time(),
    };
    poll_masks(self, &settings);
    submit(self, *buffer, false, &frame.ticket);
    if (frame.ticket)
        gst_queue_array_push_tail_struct(self->asked, &frame);

    if (!self->marks.mask || self->region.width == 0)
        return GST_FLOW_OK;
    GstClockTime age = marks_age(self, &frame);
    if (age <= settings.max_mask_age && GST_CLOCK_TIME_IS_VALID(age)) {
        mark(self, buffer, self->marks.mask, &settings, self->marks_pts, age);
    } else {
        GST_OBJECT_LOCK(self);
        self->stats.stale++;
        GST_OBJECT_UNLOCK(self);
    }
    return GST_FLOW_OK;
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

    GstLmNetSettings settings = get_settings(self);
    settle_region(self, &settings);
    return take_frame(self, g_steal_pointer(&GST_BASE_TRANSFORM(self)->queued_buf));
}

GstFlowReturn gst_lm_net_next_output(GstLmNet *self, GstBuffer **outbuf)
{
    GST_OBJECT_LOCK(self);
    bool every_frame = self->every_frame;
    unsigned in_flight = self->in_flight;
    GST_OBJECT_UNLOCK(self);
    if (every_frame)
        return next_frame(self, in_flight, outbuf);

    *outbuf = g_steal_pointer(&GST_BASE_TRANSFORM(self)->queued_buf);
    return *outbuf ? pass_latest(self, outbuf) : GST_FLOW_OK;
}
