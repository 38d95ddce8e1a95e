/* SPDX-License-Identifier: LGPL-2.1-or-later
 * lmnet: the class, its states, events and queries. Its properties are in
 * gstlmnetprops.c, the frames' way in gstlmnetflow.c. */
/**
 * SECTION:element-lmnet
 * @title: lmnet
 * @see_also: lmnetoverlay, lmnetmask
 *
 * Segments each frame with LM-Net on a Vulkan device, marks the findings on it, and puts them on
 * the buffer as metadata (one GstVideoRegionOfInterestMeta per finding, and LmMaskMeta with the
 * mask). What is not marked stays bit-exact.
 *
 * In mode `every-frame` each frame gets its own mask, several frames being on the device at once;
 * in mode `latest` a frame waits for max-wait at most, and carries the newest mask that there is of
 * its scene. `auto` takes latest behind a live source. Where neither property nor environment
 * names a model, latest on a CPU takes the small one of the two bundled ones, and says so in an
 * INFO message; auto then chooses by the mode that the first caps find, and starts with them. Where
 * the device fails the frames go on without marks, and the element recovers by itself. Not a
 * medical device.
 *
 * Element messages: `lmnet-state` (state, reason) and `lmnet-detection` (event, id, label,
 * confidence, x, y, width, height, area, timestamp, stream-time).
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 filesrc location=in.mp4 ! decodebin ! videoconvert ! lmnet ! \
 *   videoconvert ! autovideosink
 * ]| A file with each frame marked by its own mask.
 * |[
 * gst-launch-1.0 v4l2src ! video/x-raw,format=UYVY ! \
 *   lmnet overlay=fill+contour+label+state ! videoconvert ! autovideosink
 * ]| A capture card, live; the endoscope's picture within the captured screen is analysed.
 */
#include "gstlmnet-private.h"

G_DEFINE_TYPE(GstLmNet, gst_lm_net, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE(lmnet, "lmnet", GST_RANK_NONE, GST_TYPE_LM_NET,
                                      GST_DEBUG_CATEGORY_INIT(gst_lm_net_debug, "lmnet", 0,
                                                              "LM-Net segmentation"))

/* --- States ---------------------------------------------------------------------------------- */

static bool start_running(GstLmNet *self)
{
    GST_OBJECT_LOCK(self);
    /* Which model it is may be another one this time. */
    const bool chosen = self->model_by_mode && !self->small;
    bool remake = !self->session || self->session_stale || !self->region_valid || chosen ||
                  lm_session_state(self->session) == LM_SESSION_FAILED;
    GST_OBJECT_UNLOCK(self);
    if (remake && !gst_lm_net_open_sessions(self))
        return false;

    GST_OBJECT_LOCK(self);
    self->running = true;
    self->stopping = self->flushing = false;
    self->stats = (GstLmNetStats){0};
    self->latency = 0;
    self->every_frame = self->mode != GST_LM_NET_MODE_LATEST; /* auto: until caps come */
    GST_OBJECT_UNLOCK(self);
    self->model_told = false;
    self->slow = false;
    gst_lm_net_set_slow(self, NULL);
    gst_lm_net_set_picture(self, GST_LM_PICTURE_LIVE);
    gst_lm_net_update_flushing(self);
    gst_lm_net_start_session(self);
    return true;
}

static void stop_running(GstLmNet *self)
{
    gst_lm_net_flow_reset(self);
    lm_region_thread_free(&self->region_thread); /* The next video may be another one. */
    self->layout.video.finfo = NULL;
    GST_OBJECT_LOCK(self);
    self->running = false;
    GST_OBJECT_UNLOCK(self);
}

static GstStateChangeReturn gst_lm_net_change_state(GstElement *element, GstStateChange transition)
{
    GstLmNet *self = GST_LM_NET(element);

    switch (transition) {
    case GST_STATE_CHANGE_NULL_TO_READY:
        if (!gst_lm_net_open_sessions(self))
            return GST_STATE_CHANGE_FAILURE;
        break;
    case GST_STATE_CHANGE_READY_TO_PAUSED:
        if (!start_running(self))
            return GST_STATE_CHANGE_FAILURE;
        break;
    case GST_STATE_CHANGE_PAUSED_TO_READY:
        /* Before the pads are shut, for that waits for the streaming thread. */
        GST_OBJECT_LOCK(self);
        self->stopping = true;
        GST_OBJECT_UNLOCK(self);
        gst_lm_net_update_flushing(self);
        break;
    default:
        break;
    }

    GstStateChangeReturn ret =
        GST_ELEMENT_CLASS(gst_lm_net_parent_class)->change_state(element, transition);

    if (transition == GST_STATE_CHANGE_PAUSED_TO_READY ||
        (transition == GST_STATE_CHANGE_READY_TO_PAUSED && ret == GST_STATE_CHANGE_FAILURE))
        stop_running(self);
    if (transition == GST_STATE_CHANGE_READY_TO_NULL)
        gst_lm_net_close_sessions(self);
    return ret;
}

/* --- Negotiation, events, queries ------------------------------------------------------------ */

void gst_lm_net_settle_latency(GstLmNet *self)
{
    GST_OBJECT_LOCK(self);
    GstClockTime latency =
        self->every_frame ? (self->in_flight - 1) * self->frame_duration : self->settings.max_wait;
    bool changed = self->running && latency != self->latency;
    if (self->running)
        self->latency = latency;
    GST_OBJECT_UNLOCK(self);
    GST_DEBUG_OBJECT(self, "latency %" GST_TIME_FORMAT, GST_TIME_ARGS(latency));
    if (changed)
        gst_element_post_message(GST_ELEMENT(self), gst_message_new_latency(GST_OBJECT(self)));
}

/* Which mode holds. Nothing may be pending. */
static void settle_mode(GstLmNet *self)
{
    gboolean live = FALSE;
    GstQuery *query = gst_query_new_latency();
    if (gst_pad_peer_query(GST_BASE_TRANSFORM_SINK_PAD(self), query))
        gst_query_parse_latency(query, &live, NULL, NULL);
    gst_query_unref(query);

    GST_OBJECT_LOCK(self);
    self->every_frame =
        self->mode == GST_LM_NET_MODE_EVERY_FRAME || (self->mode == GST_LM_NET_MODE_AUTO && !live);
    bool every_frame = self->every_frame;
    GST_OBJECT_UNLOCK(self);
    GST_DEBUG_OBJECT(self, "mode %s", every_frame ? "every-frame" : "latest");
    if (every_frame && self->slow)
        gst_lm_net_show_marks(self, NULL);
}

static gboolean gst_lm_net_set_caps(GstBaseTransform *trans, GstCaps *incaps, GstCaps *outcaps)
{
    GstLmNet *self = GST_LM_NET(trans);
    GstLmLayout layout;
    if (!gst_lm_frame_parse_caps(incaps, &layout))
        return FALSE;
    gst_lm_net_flow_configure(self, &layout);

    GST_OBJECT_LOCK(self);
    /* Frames of a variable rate: as encoders do, 25 a second are taken for granted. */
    self->frame_duration =
        GST_VIDEO_INFO_FPS_N(&layout.video) > 0
            ? gst_util_uint64_scale(GST_SECOND, (guint64)GST_VIDEO_INFO_FPS_D(&layout.video),
                                    (guint64)GST_VIDEO_INFO_FPS_N(&layout.video))
            : GST_SECOND / 25;
    GST_OBJECT_UNLOCK(self);
    return TRUE;
}

gboolean gst_lm_net_forward_event(GstLmNet *self, GstEvent *event)
{
    return GST_BASE_TRANSFORM_CLASS(gst_lm_net_parent_class)
        ->sink_event(GST_BASE_TRANSFORM(self), event);
}

/* Before the caps, so that lmnetmask can negotiate. */
static void tell_model(GstLmNet *self)
{
    if (self->model_told)
        return;
    self->model_told = true;
    gst_pad_push_event(GST_BASE_TRANSFORM_SRC_PAD(self),
                       gst_lm_model_event_new(lm_session_model(self->session),
                                              lm_session_n_classes(self->session)));
}

static void set_flushing(GstLmNet *self, bool flushing)
{
    GST_OBJECT_LOCK(self);
    self->flushing = flushing;
    GST_OBJECT_UNLOCK(self);
    gst_lm_net_update_flushing(self);
}

/* Whether the frames after this event are from elsewhere in the stream. */
static bool is_other_segment(GstLmNet *self, GstEvent *event)
{
    const GstSegment *now = &GST_BASE_TRANSFORM(self)->segment;
    GstSegment next;
    gst_event_copy_segment(event, &next);
    next.position = now->position;
    return !gst_segment_is_equal(&next, now);
}

static gboolean gst_lm_net_sink_event(GstBaseTransform *trans, GstEvent *event)
{
    GstLmNet *self = GST_LM_NET(trans);
    gboolean ret;

    switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_FLUSH_START:
        set_flushing(self, true);
        return gst_lm_net_forward_event(self, event);
    case GST_EVENT_FLUSH_STOP:
        gst_lm_net_flow_reset(self);
        set_flushing(self, false);
        return gst_lm_net_forward_event(self, event);
    case GST_EVENT_STREAM_START:
        gst_lm_net_drain(self);
        gst_lm_net_new_scene(self);
        self->model_told = false;
        return gst_lm_net_forward_event(self, event);
    case GST_EVENT_CAPS:
    case GST_EVENT_SEGMENT:
        gst_lm_net_drain(self);
        if (GST_EVENT_TYPE(event) == GST_EVENT_SEGMENT && is_other_segment(self, event))
            gst_lm_net_new_scene(self);
        settle_mode(self);
        gst_lm_net_settle_model(self);
        tell_model(self);
        ret = gst_lm_net_forward_event(self, event);
        gst_lm_net_settle_latency(self);
        return ret;
    case GST_EVENT_GAP:
        gst_lm_net_set_picture(self, GST_LM_PICTURE_NO_SIGNAL);
        /* fall through */
    case GST_EVENT_EOS:
    case GST_EVENT_SEGMENT_DONE:
        gst_lm_net_drain(self);
        gst_lm_net_new_scene(self);
        return gst_lm_net_forward_event(self, event);
    default:
        if (GST_EVENT_IS_SERIALIZED(event) && gst_lm_net_queue_event(self, event))
            return TRUE;
        return gst_lm_net_forward_event(self, event);
    }
}

static gboolean gst_lm_net_query(GstBaseTransform *trans, GstPadDirection direction,
                                 GstQuery *query)
{
    GstLmNet *self = GST_LM_NET(trans);
    GstBaseTransformClass *parent = GST_BASE_TRANSFORM_CLASS(gst_lm_net_parent_class);

    if (direction == GST_PAD_SINK &&
        (GST_QUERY_TYPE(query) == GST_QUERY_ALLOCATION || GST_QUERY_TYPE(query) == GST_QUERY_DRAIN))
        gst_lm_net_drain(self);

    if (!parent->query(trans, direction, query))
        return FALSE;

    if (direction == GST_PAD_SRC && GST_QUERY_TYPE(query) == GST_QUERY_LATENCY) {
        gboolean live;
        GstClockTime min, max;
        gst_query_parse_latency(query, &live, &min, &max);
        if (live) {
            GST_OBJECT_LOCK(self);
            GstClockTime latency = self->latency;
            GST_OBJECT_UNLOCK(self);
            gst_query_set_latency(query, live, min + latency,
                                  GST_CLOCK_TIME_IS_VALID(max) ? max + latency : max);
        }
    }
    return TRUE;
}

/* Upstream allocates from downstream's proposal, for frames pass in place; but every-frame keeps
 * some of its buffers, whether downstream has a proposal or not. */
static gboolean gst_lm_net_propose_allocation(GstBaseTransform *trans, GstQuery *decide_query,
                                              GstQuery *query)
{
    GstLmNet *self = GST_LM_NET(trans);
    gboolean answered = GST_BASE_TRANSFORM_CLASS(gst_lm_net_parent_class)
                            ->propose_allocation(trans, decide_query, query);

    GST_OBJECT_LOCK(self);
    guint kept = self->every_frame ? self->in_flight : 0;
    GST_OBJECT_UNLOCK(self);
    if (!kept)
        return answered;
    guint n_pools = gst_query_get_n_allocation_pools(query);
    /* The query's own caps: from behind an imagefreeze it comes before the element's. */
    GstCaps *caps = NULL;
    GstVideoInfo info;
    gst_query_parse_allocation(query, &caps, NULL);
    if (n_pools == 0 && caps && gst_video_info_from_caps(&info, caps))
        gst_query_add_allocation_pool(query, NULL, (guint)GST_VIDEO_INFO_SIZE(&info), kept, 0);
    for (guint i = 0; i < n_pools; i++) {
        GstBufferPool *pool;
        guint size, min, max;
        gst_query_parse_nth_allocation_pool(query, i, &pool, &size, &min, &max);
        min += kept;
        /* A pool that cannot hold so many would never let go of the next frame. */
        if (max != 0 && max < min) {
            gst_clear_object(&pool);
            max = 0;
        }
        gst_query_set_nth_allocation_pool(query, i, pool, size, min, max);
        if (pool)
            gst_object_unref(pool);
    }
    return TRUE;
}

static GstFlowReturn gst_lm_net_submit_input_buffer(GstBaseTransform *trans, gboolean is_discont,
                                                    GstBuffer *input)
{
    GstLmNet *self = GST_LM_NET(trans);
    GstFlowReturn ret = GST_FLOW_OK;

    /* The base class marks the next frame that leaves as discontinuous: it must be this one. */
    if (GST_BUFFER_IS_DISCONT(input))
        ret = gst_lm_net_drain(self);
    if (ret != GST_FLOW_OK) {
        gst_buffer_unref(input);
        return ret;
    }
    ret = GST_BASE_TRANSFORM_CLASS(gst_lm_net_parent_class)
              ->submit_input_buffer(trans, is_discont, input);
    return ret == GST_FLOW_OK ? gst_lm_net_take_input(self) : ret;
}

static GstFlowReturn gst_lm_net_generate_output(GstBaseTransform *trans, GstBuffer **outbuf)
{
    return gst_lm_net_next_output(GST_LM_NET(trans), outbuf);
}

/* --- The class ------------------------------------------------------------------------------- */

static void gst_lm_net_finalize(GObject *object)
{
    GstLmNet *self = GST_LM_NET(object);
    gst_lm_net_flow_finish(self);
    lm_session_free(&self->session);
    lm_session_free(&self->small);
    gst_lm_net_state_finish(self);
    gst_lm_net_props_finish(self);
    G_OBJECT_CLASS(gst_lm_net_parent_class)->finalize(object);
}

static void gst_lm_net_class_init(GstLmNetClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS(klass);
    GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
    GstBaseTransformClass *transform_class = GST_BASE_TRANSFORM_CLASS(klass);

    object_class->finalize = gst_lm_net_finalize;
    gst_lm_net_props_install(object_class);

    gst_element_class_set_static_metadata(
        element_class, "LM-Net segmentation", "Filter/Analyzer/Effect/Video",
        "Segments video with LM-Net on Vulkan and marks the findings", "The LM-Net live authors");
    gst_lm_frame_add_pad_template(element_class, GST_PAD_SINK, GST_LM_VIDEO_CAPS);
    gst_lm_frame_add_pad_template(element_class, GST_PAD_SRC, GST_LM_VIDEO_CAPS);

    element_class->change_state = gst_lm_net_change_state;
    transform_class->set_caps = gst_lm_net_set_caps;
    transform_class->sink_event = gst_lm_net_sink_event;
    transform_class->query = gst_lm_net_query;
    transform_class->propose_allocation = gst_lm_net_propose_allocation;
    transform_class->submit_input_buffer = gst_lm_net_submit_input_buffer;
    transform_class->generate_output = gst_lm_net_generate_output;
}

static void gst_lm_net_init(GstLmNet *self)
{
    self->every_frame = true;
    gst_lm_net_props_init(self);
    gst_lm_net_state_init(self);
    gst_lm_net_flow_init(self);
    /* Nothing is dropped for being late. */
    gst_base_transform_set_qos_enabled(GST_BASE_TRANSFORM(self), FALSE);
}
