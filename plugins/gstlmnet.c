/* SPDX-License-Identifier: LGPL-2.1-or-later
 * lmnet: its class, states, events and queries. Sees the instance, drives the modes' table, and
 * leaves the rest to the objects. */
/**
 * SECTION:element-lmnet
 * @title: lmnet
 * @see_also: lmnetoverlay, lmnetmask
 *
 * Segments each frame with LM-Net on a Vulkan device, marks the findings, and attaches them to the
 * buffer as metadata (one GstVideoRegionOfInterestMeta per finding, and LmMaskMeta with the mask).
 * Pixels outside the marks stay bit-exact.
 *
 * In mode `every-frame` each frame gets its own mask, and several frames are on the device at once.
 * In mode `latest` a frame waits for max-wait at most, and carries the newest mask of its shot.
 * `auto` chooses latest after a live source. If neither the property nor the environment names a
 * model, latest on a CPU runs the small one of the two bundled models, and reports it in an INFO
 * message; auto then chooses by the mode that the first caps find, and starts with them. If the
 * device fails, frames go on without marks, and the element recovers. Not a medical device.
 *
 * Element messages: `lmnet-state` (state, reason) and `lmnet-detection` (event, id, label,
 * confidence, x, y, width, height, area, timestamp, stream-time).
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 filesrc location=in.mp4 ! decodebin ! videoconvert ! lmnet ! \
 *   videoconvert ! autovideosink
 * ]| A file; each frame is marked by its own mask.
 * |[
 * gst-launch-1.0 v4l2src ! video/x-raw,format=UYVY ! \
 *   lmnet overlay=fill+contour+label+state ! videoconvert ! autovideosink
 * ]| A capture card, live; the endoscopic content area of the captured screen is analysed.
 */
#include "gstlmnet.h"

#include "gstlmerror.h"
#include "gstlmmeta.h"
#include "gstlmnetdebug.h"
#include "gstlmneteveryframe.h"
#include "gstlmnetlatest.h"

struct _GstLmNet {
    GstBaseTransform parent;

    /* Under the object lock. */
    GstLmNetSettings settings;
    GstLmNetStats stats;
    GstLmNetMode mode;    /* As resolved: EVERY_FRAME or LATEST. */
    GstClockTime latency; /* Added in that mode when live. */
    GstClockTime frame_duration;

    GstLmNetState state;     /* Has its own lock. */
    GstLmNetSession session; /* Under the object lock, see there. */

    /* Streaming thread. */
    GstLmLayout layout;
    GstLmNetInspect inspect;
    GstLmNetMarks marks;
    gpointer modes[GST_LM_NET_N_MODES]; /* Of `mode_funcs`. */
    bool model_reported;                /* The model's event went downstream. */
};

static const GstLmNetModeFuncs *const mode_funcs[GST_LM_NET_N_MODES] = {
    [GST_LM_NET_MODE_EVERY_FRAME] = &gst_lm_net_every_frame,
    [GST_LM_NET_MODE_LATEST] = &gst_lm_net_latest,
};

G_DEFINE_TYPE(GstLmNet, gst_lm_net, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE(lmnet, "lmnet", GST_RANK_NONE, GST_TYPE_LM_NET,
                                      GST_DEBUG_CATEGORY_INIT(gst_lm_net_debug, "lmnet", 0,
                                                              "LM-Net segmentation"))

/* --- The modes ------------------------------------------------------------------------------- */

static gboolean forward_event(GstBaseTransform *trans, GstEvent *event)
{
    return GST_BASE_TRANSFORM_CLASS(gst_lm_net_parent_class)->sink_event(trans, event);
}

static GstFlowReturn drain(GstLmNet *self)
{
    const GstLmNetModeFuncs *funcs = mode_funcs[self->mode];
    return funcs->drain ? funcs->drain(self->modes[self->mode]) : GST_FLOW_OK;
}

static bool queue_event(GstLmNet *self, GstEvent *event)
{
    const GstLmNetModeFuncs *funcs = mode_funcs[self->mode];
    return funcs->queue_event && funcs->queue_event(self->modes[self->mode], event);
}

/* The next frame belongs to another shot: marks from before are discarded. No frame may be held. */
static void begin_shot(GstLmNet *self)
{
    gst_lm_net_marks_enter_shot(&self->marks, gst_lm_net_inspect_begin_shot(&self->inspect));
}

/* Forgets every frame, event and mask. Streaming thread, or while there is none. */
static void reset(GstLmNet *self)
{
    for (GstLmNetMode mode = GST_LM_NET_MODE_EVERY_FRAME; mode < GST_LM_NET_N_MODES; mode++)
        mode_funcs[mode]->reset(self->modes[mode]);
    gst_lm_net_marks_enter_shot(&self->marks, gst_lm_net_inspect_reset(&self->inspect));
    if (self->session.current)
        lm_session_discard(self->session.current);
}

/* Updates the latency that the mode adds, and posts a message if it has changed. Any thread. */
static void update_latency(GstLmNet *self)
{
    GST_OBJECT_LOCK(self);
    const GstClockTime latency =
        mode_funcs[self->mode]->get_latency(&self->settings, self->frame_duration);
    const bool changed = self->settings.running && latency != self->latency;
    if (self->settings.running)
        self->latency = latency;
    GST_OBJECT_UNLOCK(self);
    GST_DEBUG_OBJECT(self, "latency %" GST_TIME_FORMAT, GST_TIME_ARGS(latency));
    if (changed)
        gst_element_post_message(GST_ELEMENT(self), gst_message_new_latency(GST_OBJECT(self)));
}

/* Resolves the property `mode` for the frames from now on. No frame may be held. */
static void resolve_mode(GstLmNet *self)
{
    gboolean live = FALSE;
    GstQuery *query = gst_query_new_latency();
    if (gst_pad_peer_query(GST_BASE_TRANSFORM_SINK_PAD(self), query))
        gst_query_parse_latency(query, &live, NULL, NULL);
    gst_query_unref(query);

    GST_OBJECT_LOCK(self);
    self->mode = self->settings.mode;
    if (self->mode == GST_LM_NET_MODE_AUTO)
        self->mode = live ? GST_LM_NET_MODE_LATEST : GST_LM_NET_MODE_EVERY_FRAME;
    GST_OBJECT_UNLOCK(self);
    GST_DEBUG_OBJECT(self, "mode %s", gst_lm_net_settings_mode_name(self->mode));
    if (mode_funcs[self->mode]->configure)
        mode_funcs[self->mode]->configure(self->modes[self->mode]);
}

/* --- States ---------------------------------------------------------------------------------- */

static bool start_running(GstLmNet *self)
{
    if (!gst_lm_net_session_reopen(&self->session, &self->settings))
        return false;

    GST_OBJECT_LOCK(self);
    self->settings.running = true;
    self->stats = (GstLmNetStats){0};
    self->latency = 0;
    /* auto: until caps come. */
    self->mode = self->settings.mode == GST_LM_NET_MODE_LATEST ? GST_LM_NET_MODE_LATEST
                                                               : GST_LM_NET_MODE_EVERY_FRAME;
    GST_OBJECT_UNLOCK(self);
    self->model_reported = false;
    gst_lm_net_marks_set_slow(&self->marks, NULL);
    gst_lm_net_state_set_picture(&self->state, GST_LM_PICTURE_LIVE);
    gst_lm_net_session_set_flushing(&self->session, false);
    gst_lm_net_session_set_stopping(&self->session, false);
    gst_lm_net_session_start(&self->session);
    return true;
}

static void stop_running(GstLmNet *self)
{
    reset(self);
    gst_lm_net_inspect_forget_region(&self->inspect);
    self->layout = (GstLmLayout){0};
    GST_OBJECT_LOCK(self);
    self->settings.running = false;
    GST_OBJECT_UNLOCK(self);
}

static GstStateChangeReturn gst_lm_net_change_state(GstElement *element, GstStateChange transition)
{
    GstLmNet *self = GST_LM_NET(element);

    switch (transition) {
    case GST_STATE_CHANGE_NULL_TO_READY:
        if (!gst_lm_net_session_open(&self->session, &self->settings))
            return GST_STATE_CHANGE_FAILURE;
        break;
    case GST_STATE_CHANGE_READY_TO_PAUSED:
        if (!start_running(self))
            return GST_STATE_CHANGE_FAILURE;
        break;
    case GST_STATE_CHANGE_PAUSED_TO_READY:
        /* Before the pads are shut, for that waits for the streaming thread. */
        gst_lm_net_session_set_stopping(&self->session, true);
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
        gst_lm_net_session_close(&self->session);
    return ret;
}

/* --- Negotiation, events, queries ------------------------------------------------------------ */

/* A variable rate counts as 25 frames a second, as encoders assume. */
static GstClockTime get_frame_duration(const GstVideoInfo *info)
{
    return GST_VIDEO_INFO_FPS_N(info) > 0
               ? gst_util_uint64_scale(GST_SECOND, (guint64)GST_VIDEO_INFO_FPS_D(info),
                                       (guint64)GST_VIDEO_INFO_FPS_N(info))
               : GST_SECOND / 25;
}

static gboolean gst_lm_net_set_caps(GstBaseTransform *trans, GstCaps *incaps, GstCaps *outcaps)
{
    GstLmNet *self = GST_LM_NET(trans);
    GstLmLayout layout;
    if (!gst_lm_frame_parse_caps(incaps, &layout))
        return FALSE;
    /* If downstream merely renegotiates, frames may be held, and their masks stay good. */
    if (self->layout.video.finfo && gst_video_info_is_equal(&layout.video, &self->layout.video))
        return TRUE;

    const GstClockTime duration = get_frame_duration(&layout.video);
    reset(self);
    self->layout = layout;
    gst_lm_net_session_configure(&self->session);
    gst_lm_net_inspect_configure(&self->inspect, duration);
    GST_OBJECT_LOCK(self);
    self->frame_duration = duration;
    const bool labels = self->settings.frame.overlay.flags & GST_LM_OVERLAY_LABEL;
    GST_OBJECT_UNLOCK(self);
    if (labels)
        gst_lm_net_marks_load_fonts(&self->marks);
    return TRUE;
}

/* Before the caps, so that lmnetmask can negotiate. */
static void report_model(GstLmNet *self)
{
    if (self->model_reported)
        return;
    self->model_reported = true;
    LmSession *session = self->session.current;
    gst_pad_push_event(
        GST_BASE_TRANSFORM_SRC_PAD(self),
        gst_lm_model_event_new(lm_session_model(session), lm_session_n_classes(session)));
}

/* True if the frames after this event are from elsewhere in the stream. */
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
        gst_lm_net_session_set_flushing(&self->session, true);
        return forward_event(trans, event);
    case GST_EVENT_FLUSH_STOP:
        reset(self);
        gst_lm_net_session_set_flushing(&self->session, false);
        return forward_event(trans, event);
    case GST_EVENT_STREAM_START:
        drain(self);
        begin_shot(self);
        self->model_reported = false;
        return forward_event(trans, event);
    case GST_EVENT_CAPS:
    case GST_EVENT_SEGMENT:
        drain(self);
        if (GST_EVENT_TYPE(event) == GST_EVENT_SEGMENT && is_other_segment(self, event))
            begin_shot(self);
        resolve_mode(self);
        gst_lm_net_session_choose(&self->session, self->mode);
        report_model(self);
        ret = forward_event(trans, event);
        update_latency(self);
        return ret;
    case GST_EVENT_GAP:
        gst_lm_net_state_set_picture(&self->state, GST_LM_PICTURE_NO_SIGNAL);
        /* fall through */
    case GST_EVENT_EOS:
    case GST_EVENT_SEGMENT_DONE:
        drain(self);
        begin_shot(self);
        return forward_event(trans, event);
    default:
        if (GST_EVENT_IS_SERIALIZED(event) && queue_event(self, event))
            return TRUE;
        return forward_event(trans, event);
    }
}

static gboolean gst_lm_net_query(GstBaseTransform *trans, GstPadDirection direction,
                                 GstQuery *query)
{
    GstLmNet *self = GST_LM_NET(trans);
    GstBaseTransformClass *parent = GST_BASE_TRANSFORM_CLASS(gst_lm_net_parent_class);

    if (direction == GST_PAD_SINK &&
        (GST_QUERY_TYPE(query) == GST_QUERY_ALLOCATION || GST_QUERY_TYPE(query) == GST_QUERY_DRAIN))
        drain(self);

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

/* Upstream allocates from downstream's proposal, for frames pass in place; but the mode holds back
 * some of the buffers, whether downstream has a proposal or not. */
static gboolean gst_lm_net_propose_allocation(GstBaseTransform *trans, GstQuery *decide_query,
                                              GstQuery *query)
{
    GstLmNet *self = GST_LM_NET(trans);
    gboolean answered = GST_BASE_TRANSFORM_CLASS(gst_lm_net_parent_class)
                            ->propose_allocation(trans, decide_query, query);

    GST_OBJECT_LOCK(self);
    const guint kept = mode_funcs[self->mode]->get_held(&self->settings);
    GST_OBJECT_UNLOCK(self);
    if (!kept)
        return answered;
    guint n_pools = gst_query_get_n_allocation_pools(query);
    /* The query's own caps: after an imagefreeze it comes before the element's caps. */
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
        /* A pool with fewer buffers would never release the next frame. */
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
        ret = drain(self);
    if (ret != GST_FLOW_OK) {
        gst_buffer_unref(input);
        return ret;
    }
    ret = GST_BASE_TRANSFORM_CLASS(gst_lm_net_parent_class)
              ->submit_input_buffer(trans, is_discont, input);
    if (ret != GST_FLOW_OK)
        return ret;
    GST_OBJECT_LOCK(self);
    self->stats.frames++;
    GST_OBJECT_UNLOCK(self);
    return mode_funcs[self->mode]->take(self->modes[self->mode],
                                        g_steal_pointer(&trans->queued_buf));
}

static GstFlowReturn gst_lm_net_generate_output(GstBaseTransform *trans, GstBuffer **outbuf)
{
    GstLmNet *self = GST_LM_NET(trans);
    return mode_funcs[self->mode]->next(self->modes[self->mode], outbuf);
}

/* --- Properties ------------------------------------------------------------------------------ */

static void gst_lm_net_set_property(GObject *object, guint id, const GValue *value,
                                    GParamSpec *pspec)
{
    GstLmNet *self = GST_LM_NET(object);
    GST_OBJECT_LOCK(self);
    const GstLmNetSetResult result = gst_lm_net_settings_set(&self->settings, id, value);
    GST_OBJECT_UNLOCK(self);

    switch (result) {
    case GST_LM_NET_SET_OK:
        if (id == GST_LM_NET_PROP_MAX_WAIT)
            update_latency(self);
        break;
    case GST_LM_NET_SET_UNKNOWN:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
        break;
    case GST_LM_NET_SET_REFUSED:
        gst_lm_error_refuse_property(GST_ELEMENT(self), pspec);
        break;
    case GST_LM_NET_SET_BAD_REGION:
        GST_ELEMENT_WARNING(
            self, RESOURCE, SETTINGS,
            (GST_LM_NET_BAD_REGION " The former region stays.", g_value_get_string(value)), (NULL));
        break;
    }
}

static GstStructure *make_stats(GstLmNet *self)
{
    GstLmIndicator indicator;
    const char *state = gst_lm_net_state_get(&self->state, &indicator);

    /* The lock keeps the session. */
    GST_OBJECT_LOCK(self);
    GstStructure *stats = gst_lm_net_stats_to_structure(&self->stats);
    gst_structure_set(stats, "mode", G_TYPE_STRING, gst_lm_net_settings_mode_name(self->mode),
                      NULL);
    gst_lm_net_session_add_stats(&self->session, stats);
    GST_OBJECT_UNLOCK(self);
    gst_structure_set(stats, "state", G_TYPE_STRING, state, NULL);
    return stats;
}

static void gst_lm_net_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    GstLmNet *self = GST_LM_NET(object);
    if (id == GST_LM_NET_PROP_STATS) {
        g_value_take_boxed(value, make_stats(self));
        return;
    }
    GST_OBJECT_LOCK(self);
    const bool known = gst_lm_net_settings_get(&self->settings, id, value);
    GST_OBJECT_UNLOCK(self);
    if (!known)
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

/* --- The class ------------------------------------------------------------------------------- */

static void gst_lm_net_finalize(GObject *object)
{
    GstLmNet *self = GST_LM_NET(object);
    reset(self);
    for (GstLmNetMode mode = GST_LM_NET_MODE_EVERY_FRAME; mode < GST_LM_NET_N_MODES; mode++)
        mode_funcs[mode]->free(self->modes[mode]);
    gst_lm_net_marks_finish(&self->marks);
    gst_lm_net_inspect_finish(&self->inspect);
    gst_lm_net_session_finish(&self->session);
    gst_lm_net_state_finish(&self->state);
    gst_lm_net_settings_finish(&self->settings);
    G_OBJECT_CLASS(gst_lm_net_parent_class)->finalize(object);
}

static void gst_lm_net_class_init(GstLmNetClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS(klass);
    GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
    GstBaseTransformClass *transform_class = GST_BASE_TRANSFORM_CLASS(klass);

    object_class->finalize = gst_lm_net_finalize;
    object_class->set_property = gst_lm_net_set_property;
    object_class->get_property = gst_lm_net_get_property;
    gst_lm_net_settings_install(object_class);

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
    GstBaseTransform *trans = GST_BASE_TRANSFORM(self);
    const GstLmNetParts parts = {
        .element = trans,
        .settings = &self->settings,
        .stats = &self->stats,
        .session = &self->session,
        .inspect = &self->inspect,
        .marks = &self->marks,
        .forward_event = forward_event,
    };
    gst_lm_net_settings_init(&self->settings);
    gst_lm_net_state_init(&self->state, GST_ELEMENT(self));
    gst_lm_net_session_init(&self->session, GST_ELEMENT(self), &self->state);
    gst_lm_net_inspect_init(&self->inspect, trans, &self->state, &self->layout);
    gst_lm_net_marks_init(&self->marks, trans, &self->state, &self->session, &self->stats,
                          &self->layout);
    self->mode = GST_LM_NET_MODE_EVERY_FRAME;
    for (GstLmNetMode mode = GST_LM_NET_MODE_EVERY_FRAME; mode < GST_LM_NET_N_MODES; mode++)
        self->modes[mode] = mode_funcs[mode]->create(&parts);
    /* Never drop a frame for being late. */
    gst_base_transform_set_qos_enabled(trans, FALSE);
}
