/* SPDX-License-Identifier: LGPL-2.1-or-later
 * lmnet: the class, its properties, states, events and queries; the frames' way is in
 * gstlmnetflow.c. */
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
 * in mode `latest` no frame ever waits, and carries the newest mask that there is. `auto` takes
 * latest behind a live source. Not a medical device.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 filesrc location=in.mp4 ! decodebin ! videoconvert ! lmnet ! videoconvert !
 * autovideosink
 * ]| A file with each frame marked by its own mask.
 * |[
 * gst-launch-1.0 v4l2src ! video/x-raw,format=UYVY ! lmnet region=420,40,1080,1000 ! videoconvert !
 * autovideosink
 * ]| A capture card, live; only the given rectangle is analysed.
 */
#include "gstlmnet-private.h"

#include "gstlmframe.h"
#include "gstlmmodelpath.h"
#include "gstlmoverlayprops.h"
#include "util/error.h"

GST_DEBUG_CATEGORY(gst_lm_net_debug);
#define GST_CAT_DEFAULT gst_lm_net_debug

#define DEFAULT_DEVICE "auto"
#define DEFAULT_IN_FLIGHT 3
#define DEFAULT_MAX_MASK_AGE (500 * GST_MSECOND)
#define DEFAULT_THRESHOLD 0.5
#define DEFAULT_MIN_AREA 0.0005
#define DEFAULT_REGION "full"

enum {
    PROP_0,
    PROP_MODEL,
    PROP_DEVICE,
    PROP_PRECISION,
    PROP_MODE,
    PROP_IN_FLIGHT,
    PROP_MAX_MASK_AGE,
    PROP_THRESHOLD,
    PROP_MIN_AREA,
    PROP_REGION,
    PROP_STATS,
    PROP_DRAWING, /* GST_LM_N_OVERLAY_PROPS of them */
};

G_DEFINE_TYPE(GstLmNet, gst_lm_net, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE(lmnet, "lmnet", GST_RANK_NONE, GST_TYPE_LM_NET,
                                      GST_DEBUG_CATEGORY_INIT(gst_lm_net_debug, "lmnet", 0,
                                                              "LM-Net segmentation"))

static GType gst_lm_net_precision_get_type(void)
{
    static gsize type = 0;
    static const GEnumValue values[] = {
        {LM_PRECISION_AUTO, "fp16 where the device computes in it natively and it is faster",
         "auto"},
        {LM_PRECISION_FP32, "Single precision", "fp32"},
        {LM_PRECISION_FP16, "Half precision", "fp16"},
        {0, NULL, NULL},
    };
    if (g_once_init_enter(&type))
        g_once_init_leave(&type, g_enum_register_static("GstLmNetPrecision", values));
    return type;
}

static GType gst_lm_net_mode_get_type(void)
{
    static gsize type = 0;
    static const GEnumValue values[] = {
        {GST_LM_NET_MODE_AUTO, "latest behind a live source, else every-frame", "auto"},
        {GST_LM_NET_MODE_EVERY_FRAME, "Each frame waits for its own mask", "every-frame"},
        {GST_LM_NET_MODE_LATEST, "No frame waits; each carries the newest mask", "latest"},
        {0, NULL, NULL},
    };
    if (g_once_init_enter(&type))
        g_once_init_leave(&type, g_enum_register_static("GstLmNetMode", values));
    return type;
}

static const char *enum_nick(GType type, int value)
{
    GEnumClass *klass = g_type_class_ref(type);
    const GEnumValue *found = g_enum_get_value(klass, value);
    g_type_class_unref(klass);
    return found ? found->value_nick : "unknown";
}

/* --- Messages
 * ---------------------------------------------------------------------------------------------------
 */

static void resource_or_library(const GError *error, GQuark *domain, gint *code)
{
    *domain = GST_RESOURCE_ERROR;
    *code = GST_RESOURCE_ERROR_FAILED;
    if (error->domain != LM_ERROR)
        return;
    switch ((LmErrorCode)error->code) {
    case LM_ERROR_FILE:
        *code = GST_RESOURCE_ERROR_OPEN_READ;
        break;
    case LM_ERROR_MODEL:
        *code = GST_RESOURCE_ERROR_READ;
        break;
    case LM_ERROR_ARGUMENT:
        *code = GST_RESOURCE_ERROR_SETTINGS;
        break;
    case LM_ERROR_DEVICE:
        *code = GST_RESOURCE_ERROR_NOT_FOUND;
        break;
    case LM_ERROR_VULKAN:
        *domain = GST_LIBRARY_ERROR;
        *code = GST_LIBRARY_ERROR_FAILED;
        break;
    case LM_ERROR_TIMEOUT:
        *code = GST_RESOURCE_ERROR_BUSY;
        break;
    case LM_ERROR_MEMORY:
        *code = GST_RESOURCE_ERROR_NO_SPACE_LEFT;
        break;
    case LM_ERROR_LOST:
        break;
    }
}

void gst_lm_net_post(GstLmNet *self, GstMessageType type, const char *text, const GError *error)
{
    GQuark domain;
    gint code;
    resource_or_library(error, &domain, &code);
    gst_element_message_full(GST_ELEMENT(self), type, domain, code,
                             text ? g_strdup_printf("%s %s", text, error->message)
                                  : g_strdup(error->message),
                             NULL, __FILE__, G_STRFUNC, __LINE__);
}

void gst_lm_net_report_start_failure(GstLmNet *self)
{
    if (!g_atomic_int_compare_and_exchange(&self->start_failed, FALSE, TRUE))
        return;
    GError *error = lm_session_error(self->session);
    if (!error)
        error = g_error_new_literal(LM_ERROR, LM_ERROR_VULKAN, "The device could not be started.");
    gst_lm_net_post(self, GST_MESSAGE_ERROR, NULL, error);
    g_error_free(error);
}

static void post_progress(GstLmNet *self, GstProgressType type, const char *text)
{
    gst_element_post_message(GST_ELEMENT(self),
                             gst_message_new_progress(GST_OBJECT(self), type, "lmnet-start", text));
}

/* From the session's worker. */
static void session_progress(void *user, LmSessionState state, const char *what, int percent)
{
    GstLmNet *self = user;

    if (state == LM_SESSION_STARTING) {
        bool first = g_atomic_int_compare_and_exchange(&self->progress_open, FALSE, TRUE);
        char *text = g_strdup_printf("%s (%d %%)", what ? what : "starting", percent);
        post_progress(self, first ? GST_PROGRESS_TYPE_START : GST_PROGRESS_TYPE_CONTINUE, text);
        g_free(text);
    } else if (state == LM_SESSION_READY) {
        g_atomic_int_set(&self->was_ready, TRUE);
        g_atomic_int_set(&self->progress_open, FALSE);
        post_progress(self, GST_PROGRESS_TYPE_COMPLETE, "ready");
    } else if (state == LM_SESSION_FAILED && !g_atomic_int_get(&self->was_ready)) {
        if (g_atomic_int_compare_and_exchange(&self->progress_open, TRUE, FALSE))
            post_progress(self, GST_PROGRESS_TYPE_ERROR, what ? what : "failed");
        gst_lm_net_report_start_failure(self);
    }
}

/* --- Properties
 * -------------------------------------------------------------------------------------------------
 */

/* What the session is made of: set only while no frames flow. */
static bool set_ready_property(GstLmNet *self, guint id, const GValue *value)
{
    switch (id) {
    case PROP_MODEL:
        g_free(self->model);
        self->model = g_value_dup_string(value);
        break;
    case PROP_DEVICE:
        g_free(self->device);
        self->device = g_value_dup_string(value);
        break;
    case PROP_PRECISION:
        self->precision = (LmPrecision)g_value_get_enum(value);
        break;
    case PROP_MODE:
        self->mode = (GstLmNetMode)g_value_get_enum(value);
        break;
    case PROP_IN_FLIGHT:
        self->in_flight = g_value_get_uint(value);
        break;
    default:
        return false;
    }
    self->session_stale = true;
    return true;
}

/* False where the text is no region. What it replaces stays in force then. */
static bool set_region(GstLmNet *self, const char *text)
{
    g_free(self->region_text);
    self->region_text = g_strdup(text ? text : DEFAULT_REGION);
    self->region_valid = gst_lm_region_parse(self->region_text, &self->settings.region);
    if (self->region_valid)
        self->settings.region_serial++;
    return self->region_valid;
}

static void gst_lm_net_set_property(GObject *object, guint id, const GValue *value,
                                    GParamSpec *pspec)
{
    GstLmNet *self = GST_LM_NET(object);
    bool known = true, refused = false, bad_region = false;

    GST_OBJECT_LOCK(self);
    bool running = self->running;
    switch (id) {
    case PROP_MODEL:
    case PROP_DEVICE:
    case PROP_PRECISION:
    case PROP_MODE:
    case PROP_IN_FLIGHT:
        refused = running;
        if (!running)
            set_ready_property(self, id, value);
        break;
    case PROP_MAX_MASK_AGE:
        self->settings.max_mask_age = g_value_get_uint64(value);
        break;
    case PROP_THRESHOLD:
        self->settings.overlay.threshold = g_value_get_double(value);
        break;
    case PROP_MIN_AREA:
        self->settings.min_area = g_value_get_double(value);
        break;
    case PROP_REGION:
        bad_region = !set_region(self, g_value_get_string(value)) && running;
        break;
    default:
        known = gst_lm_overlay_props_set(&self->settings.overlay, id - PROP_DRAWING, value);
    }
    GST_OBJECT_UNLOCK(self);

    if (!known)
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    if (refused)
        GST_ELEMENT_WARNING(self, RESOURCE, SETTINGS,
                            ("Property %s changes in READY or below only.", pspec->name), (NULL));
    if (bad_region)
        GST_ELEMENT_WARNING(self, RESOURCE, SETTINGS,
                            ("Property region is \"%s\": neither \"full\" nor x,y,width,height.",
                             g_value_get_string(value)),
                            (NULL));
}

/* Under the object lock, for the session goes away under it. */
static GstStructure *make_stats(GstLmNet *self)
{
    static const char *const states[] = {
        [LM_SESSION_IDLE] = "idle",
        [LM_SESSION_STARTING] = "starting",
        [LM_SESSION_READY] = "ready",
        [LM_SESSION_FAILED] = "failed",
    };
    GstStructure *stats = gst_lm_net_stats_to_structure(&self->stats);
    GstLmNetMode mode = self->every_frame ? GST_LM_NET_MODE_EVERY_FRAME : GST_LM_NET_MODE_LATEST;
    gst_structure_set(
        stats, "mode", G_TYPE_STRING, enum_nick(gst_lm_net_mode_get_type(), (int)mode),
        "superseded", G_TYPE_UINT64,
        self->session ? lm_session_superseded(self->session) : G_GUINT64_CONSTANT(0), "device",
        G_TYPE_STRING, self->session ? lm_session_device(self->session)->name : "", "precision",
        G_TYPE_STRING,
        self->session
            ? enum_nick(gst_lm_net_precision_get_type(), (int)lm_session_precision(self->session))
            : "",
        "state", G_TYPE_STRING,
        states[self->session ? lm_session_state(self->session) : LM_SESSION_IDLE], NULL);
    return stats;
}

static void gst_lm_net_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    GstLmNet *self = GST_LM_NET(object);
    bool known = true;

    GST_OBJECT_LOCK(self);
    switch (id) {
    case PROP_MODEL:
        g_value_set_string(value, self->model);
        break;
    case PROP_DEVICE:
        g_value_set_string(value, self->device);
        break;
    case PROP_PRECISION:
        g_value_set_enum(value, (int)self->precision);
        break;
    case PROP_MODE:
        g_value_set_enum(value, (int)self->mode);
        break;
    case PROP_IN_FLIGHT:
        g_value_set_uint(value, self->in_flight);
        break;
    case PROP_MAX_MASK_AGE:
        g_value_set_uint64(value, self->settings.max_mask_age);
        break;
    case PROP_THRESHOLD:
        g_value_set_double(value, self->settings.overlay.threshold);
        break;
    case PROP_MIN_AREA:
        g_value_set_double(value, self->settings.min_area);
        break;
    case PROP_REGION:
        g_value_set_string(value, self->region_text);
        break;
    case PROP_STATS:
        g_value_take_boxed(value, make_stats(self));
        break;
    default:
        known = gst_lm_overlay_props_get(&self->settings.overlay, id - PROP_DRAWING, value);
    }
    GST_OBJECT_UNLOCK(self);
    if (!known)
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

/* --- States
 * -----------------------------------------------------------------------------------------------------
 */

static void close_session(GstLmNet *self)
{
    GST_OBJECT_LOCK(self);
    LmSession *session = g_steal_pointer(&self->session);
    GST_OBJECT_UNLOCK(self);
    lm_session_free(&session);
    if (g_atomic_int_compare_and_exchange(&self->progress_open, TRUE, FALSE))
        post_progress(self, GST_PROGRESS_TYPE_CANCELED, "stopped");
}

/* Checks all that can be wrong before frames flow: the region, the model, the device. */
static bool open_session(GstLmNet *self)
{
    close_session(self);

    GST_OBJECT_LOCK(self);
    char *model = gst_lm_model_path(self->model);
    char *device = g_strdup(self->device);
    char *bad_region = self->region_valid ? NULL : g_strdup(self->region_text);
    LmSessionParams params = {
        .model = model,
        .device = device,
        .precision = self->precision,
        .slots = self->in_flight,
        .progress = session_progress,
        .user = self,
    };
    self->session_stale = false;
    GST_OBJECT_UNLOCK(self);

    LmSession *session = NULL;
    GError *error = NULL;
    if (bad_region)
        g_set_error(&error, LM_ERROR, LM_ERROR_ARGUMENT,
                    "Property region is \"%s\": neither \"full\" nor x,y,width,height.",
                    bad_region);
    else
        session = lm_session_new(&params, &error);
    if (error) {
        gst_lm_net_post(self, GST_MESSAGE_ERROR, NULL, error);
        g_error_free(error);
    } else {
        const LmDeviceInfo *chosen = lm_session_device(session);
        GST_INFO_OBJECT(self, "model %s on device %s (%s)", model, chosen->name, chosen->uuid);
        GST_OBJECT_LOCK(self);
        self->session = session;
        GST_OBJECT_UNLOCK(self);
    }
    g_free(bad_region);
    g_free(device);
    g_free(model);
    return session != NULL;
}

static void update_flushing(GstLmNet *self)
{
    GST_OBJECT_LOCK(self);
    if (self->session)
        lm_session_set_flushing(self->session, self->stopping || self->flushing);
    GST_OBJECT_UNLOCK(self);
}

static bool start_running(GstLmNet *self)
{
    GST_OBJECT_LOCK(self);
    bool remake = self->session_stale || !self->region_valid ||
                  lm_session_state(self->session) == LM_SESSION_FAILED;
    GST_OBJECT_UNLOCK(self);
    if (remake && !open_session(self))
        return false;

    GST_OBJECT_LOCK(self);
    self->running = true;
    self->stopping = self->flushing = false;
    self->stats = (GstLmNetStats){0};
    self->latency = 0;
    GST_OBJECT_UNLOCK(self);
    self->model_told = false;
    g_atomic_int_set(&self->failure_told, FALSE);
    update_flushing(self);
    if (lm_session_state(self->session) == LM_SESSION_IDLE) {
        g_atomic_int_set(&self->was_ready, FALSE);
        g_atomic_int_set(&self->start_failed, FALSE);
        lm_session_start(self->session);
    }
    return true;
}

static void stop_running(GstLmNet *self)
{
    gst_lm_net_flow_reset(self);
    self->info.finfo = NULL;
    GST_OBJECT_LOCK(self);
    self->running = false;
    GST_OBJECT_UNLOCK(self);
}

static GstStateChangeReturn gst_lm_net_change_state(GstElement *element, GstStateChange transition)
{
    GstLmNet *self = GST_LM_NET(element);

    switch (transition) {
    case GST_STATE_CHANGE_NULL_TO_READY:
        if (!open_session(self))
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
        update_flushing(self);
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
        close_session(self);
    return ret;
}

/* --- Negotiation, events, queries
 * ------------------------------------------------------------------------------- */

/* Which mode holds, and what latency it adds. Nothing may be pending. */
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
    GstClockTime latency = self->every_frame ? (self->in_flight - 1) * self->frame_duration : 0;
    bool changed = latency != self->latency;
    self->latency = latency;
    GST_OBJECT_UNLOCK(self);
    if (changed)
        gst_element_post_message(GST_ELEMENT(self), gst_message_new_latency(GST_OBJECT(self)));
}

static gboolean gst_lm_net_set_caps(GstBaseTransform *trans, GstCaps *incaps, GstCaps *outcaps)
{
    GstLmNet *self = GST_LM_NET(trans);
    GstVideoInfo info;
    LmFrameInfo frame_info;
    if (!gst_lm_frame_parse_caps(incaps, &info, &frame_info))
        return FALSE;
    gst_lm_net_flow_configure(self, &info, &frame_info);

    GST_OBJECT_LOCK(self);
    /* Frames of a variable rate: as encoders do, 25 a second are taken for granted. */
    self->frame_duration =
        GST_VIDEO_INFO_FPS_N(&info) > 0
            ? gst_util_uint64_scale(GST_SECOND, (guint64)GST_VIDEO_INFO_FPS_D(&info),
                                    (guint64)GST_VIDEO_INFO_FPS_N(&info))
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
    update_flushing(self);
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
        self->model_told = false;
        return gst_lm_net_forward_event(self, event);
    case GST_EVENT_CAPS:
    case GST_EVENT_SEGMENT:
        gst_lm_net_drain(self);
        tell_model(self);
        ret = gst_lm_net_forward_event(self, event);
        settle_mode(self);
        return ret;
    case GST_EVENT_EOS:
    case GST_EVENT_GAP:
    case GST_EVENT_SEGMENT_DONE:
        gst_lm_net_drain(self);
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
 * some of its buffers. */
static gboolean gst_lm_net_propose_allocation(GstBaseTransform *trans, GstQuery *decide_query,
                                              GstQuery *query)
{
    GstLmNet *self = GST_LM_NET(trans);
    if (!GST_BASE_TRANSFORM_CLASS(gst_lm_net_parent_class)
             ->propose_allocation(trans, decide_query, query))
        return FALSE;

    GST_OBJECT_LOCK(self);
    guint kept = self->every_frame ? self->in_flight : 0;
    GST_OBJECT_UNLOCK(self);
    guint n_pools = gst_query_get_n_allocation_pools(query);
    if (kept && n_pools == 0)
        gst_query_add_allocation_pool(query, NULL, (guint)GST_VIDEO_INFO_SIZE(&self->info), kept,
                                      0);
    for (guint i = n_pools; kept && i-- > 0;) {
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

/* --- The class
 * --------------------------------------------------------------------------------------------------
 */

static void install_ready_properties(GObjectClass *klass)
{
    const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;

    g_object_class_install_property(
        klass, PROP_MODEL,
        g_param_spec_string("model", "Model",
                            "Safetensors file (NULL: the environment's LMNET_MODEL, else the "
                            "bundled model)",
                            NULL, flags));
    g_object_class_install_property(
        klass, PROP_DEVICE,
        g_param_spec_string("device", "Device",
                            "Vulkan device: auto, cpu, an index, a UUID, or part of its name",
                            DEFAULT_DEVICE, flags));
    g_object_class_install_property(
        klass, PROP_PRECISION,
        g_param_spec_enum("precision", "Precision", "What the network computes in",
                          gst_lm_net_precision_get_type(), LM_PRECISION_AUTO, flags));
    g_object_class_install_property(
        klass, PROP_MODE,
        g_param_spec_enum("mode", "Mode", "Whether frames wait for their masks",
                          gst_lm_net_mode_get_type(), GST_LM_NET_MODE_AUTO, flags));
    g_object_class_install_property(
        klass, PROP_IN_FLIGHT,
        g_param_spec_uint("in-flight", "In flight",
                          "every-frame: frames on the device at once; adds in-flight - 1 frames of "
                          "latency when live",
                          1, 8, DEFAULT_IN_FLIGHT, flags));
    gst_type_mark_as_plugin_api(gst_lm_net_precision_get_type(), 0);
    gst_type_mark_as_plugin_api(gst_lm_net_mode_get_type(), 0);
}

static void install_playing_properties(GObjectClass *klass)
{
    const GParamFlags flags =
        G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING;

    g_object_class_install_property(
        klass, PROP_MAX_MASK_AGE,
        g_param_spec_uint64("max-mask-age", "Max mask age",
                            "latest: a mask older than this is not shown, in ns", 0, G_MAXUINT64,
                            DEFAULT_MAX_MASK_AGE, flags));
    g_object_class_install_property(
        klass, PROP_THRESHOLD,
        g_param_spec_double("threshold", "Threshold", "Probability at which a pixel is marked", 0,
                            1, DEFAULT_THRESHOLD, flags | GST_PARAM_CONTROLLABLE));
    g_object_class_install_property(
        klass, PROP_MIN_AREA,
        g_param_spec_double("min-area", "Min area",
                            "Smallest finding kept, as a share of the analysed region", 0, 1,
                            DEFAULT_MIN_AREA, flags));
    g_object_class_install_property(
        klass, PROP_REGION,
        g_param_spec_string("region", "Region",
                            "What is analysed: full, or x,y,width,height in pixels", DEFAULT_REGION,
                            flags));
    g_object_class_install_property(
        klass, PROP_STATS,
        g_param_spec_boxed("stats", "Statistics", "Counts and times; times in ns",
                           GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
    gst_lm_overlay_props_install(klass, PROP_DRAWING);
}

static void gst_lm_net_finalize(GObject *object)
{
    GstLmNet *self = GST_LM_NET(object);
    gst_lm_net_flow_finish(self);
    lm_session_free(&self->session);
    g_free(self->model);
    g_free(self->device);
    g_free(self->region_text);
    G_OBJECT_CLASS(gst_lm_net_parent_class)->finalize(object);
}

static void gst_lm_net_class_init(GstLmNetClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS(klass);
    GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
    GstBaseTransformClass *transform_class = GST_BASE_TRANSFORM_CLASS(klass);

    object_class->set_property = gst_lm_net_set_property;
    object_class->get_property = gst_lm_net_get_property;
    object_class->finalize = gst_lm_net_finalize;
    install_ready_properties(object_class);
    install_playing_properties(object_class);

    gst_element_class_set_static_metadata(
        element_class, "LM-Net segmentation", "Filter/Analyzer/Effect/Video",
        "Segments video with LM-Net on Vulkan and marks the findings", "The LM-Net live authors");
    GstCaps *caps = gst_caps_from_string(GST_LM_VIDEO_CAPS);
    gst_element_class_add_pad_template(
        element_class, gst_pad_template_new("sink", GST_PAD_SINK, GST_PAD_ALWAYS, caps));
    gst_element_class_add_pad_template(
        element_class, gst_pad_template_new("src", GST_PAD_SRC, GST_PAD_ALWAYS, caps));
    gst_caps_unref(caps);

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
    self->device = g_strdup(DEFAULT_DEVICE);
    self->in_flight = DEFAULT_IN_FLIGHT;
    self->every_frame = true;
    gst_lm_overlay_props_init(&self->settings.overlay);
    self->settings.overlay.threshold = DEFAULT_THRESHOLD;
    self->settings.min_area = DEFAULT_MIN_AREA;
    self->settings.max_mask_age = DEFAULT_MAX_MASK_AGE;
    set_region(self, DEFAULT_REGION);
    gst_lm_net_flow_init(self);
    /* Nothing is dropped for being late. */
    gst_base_transform_set_qos_enabled(GST_BASE_TRANSFORM(self), FALSE);
}
