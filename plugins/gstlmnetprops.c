/* SPDX-License-Identifier: LGPL-2.1-or-later
 * lmnet's properties. */
#include "gstlmnet-private.h"

#include "gstlmoverlayprops.h"
#include "model/bundled.h"

#define DEFAULT_DEVICE "auto"
#define DEFAULT_IN_FLIGHT 3
#define DEFAULT_MAX_WAIT (5 * GST_MSECOND)
#define DEFAULT_MAX_MASK_AGE (500 * GST_MSECOND)
#define DEFAULT_THRESHOLD 0.5
#define DEFAULT_SMOOTHING 0.0
#define DEFAULT_MIN_AREA 0.0005
#define DEFAULT_REGION "auto"

enum {
    PROP_0,
    PROP_MODEL,
    PROP_DEVICE,
    PROP_PRECISION,
    PROP_MODE,
    PROP_IN_FLIGHT,
    PROP_MAX_WAIT,
    PROP_MAX_MASK_AGE,
    PROP_THRESHOLD,
    PROP_SMOOTHING,
    PROP_MIN_AREA,
    PROP_REGION,
    PROP_STATS,
    PROP_DRAWING, /* GST_LM_N_OVERLAY_PROPS of them */
};

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
        {GST_LM_NET_MODE_LATEST, "Each frame goes on with the newest mask, after max-wait at most",
         "latest"},
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
    const bool find = g_str_equal(self->region_text, "auto");
    self->region_valid = find || gst_lm_region_parse(self->region_text, &self->settings.region);
    if (find)
        self->settings.region = (LmRect){0};
    if (self->region_valid) {
        self->settings.find_region = find;
        self->settings.region_serial++;
    }
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
    case PROP_MAX_WAIT:
        self->settings.max_wait = g_value_get_uint64(value);
        break;
    case PROP_MAX_MASK_AGE:
        self->settings.max_mask_age = g_value_get_uint64(value);
        break;
    case PROP_THRESHOLD:
        self->settings.overlay.threshold = g_value_get_double(value);
        break;
    case PROP_SMOOTHING:
        self->settings.smoothing = g_value_get_double(value);
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
    if (id == PROP_MAX_WAIT)
        gst_lm_net_settle_latency(self);
    if (refused)
        GST_ELEMENT_WARNING(self, RESOURCE, SETTINGS,
                            ("Property %s changes in READY or below only.", pspec->name), (NULL));
    if (bad_region)
        GST_ELEMENT_WARNING(
            self, RESOURCE, SETTINGS,
            (GST_LM_NET_BAD_REGION " The region before it stays.", g_value_get_string(value)),
            (NULL));
}

/* Under the object lock, for the session goes away under it. */
static GstStructure *make_stats(GstLmNet *self, const char *state)
{
    GstStructure *stats = gst_lm_net_stats_to_structure(&self->stats);
    GstLmNetMode mode = self->every_frame ? GST_LM_NET_MODE_EVERY_FRAME : GST_LM_NET_MODE_LATEST;
    gst_structure_set(stats, "mode", G_TYPE_STRING,
                      enum_nick(gst_lm_net_mode_get_type(), (int)mode), "superseded", G_TYPE_UINT64,
                      self->session ? lm_session_superseded(self->session) : G_GUINT64_CONSTANT(0),
                      "model", G_TYPE_STRING,
                      self->session ? lm_session_model_path(self->session) : "", "device",
                      G_TYPE_STRING, self->session ? lm_session_device(self->session)->name : "",
                      "precision", G_TYPE_STRING,
                      self->session ? enum_nick(gst_lm_net_precision_get_type(),
                                                (int)lm_session_precision(self->session))
                                    : "",
                      "state", G_TYPE_STRING, state, NULL);
    return stats;
}

static void gst_lm_net_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    GstLmNet *self = GST_LM_NET(object);
    bool known = true;
    GstLmIndicator light;
    const char *state = gst_lm_net_get_state(self, &light);

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
    case PROP_MAX_WAIT:
        g_value_set_uint64(value, self->settings.max_wait);
        break;
    case PROP_MAX_MASK_AGE:
        g_value_set_uint64(value, self->settings.max_mask_age);
        break;
    case PROP_THRESHOLD:
        g_value_set_double(value, self->settings.overlay.threshold);
        break;
    case PROP_SMOOTHING:
        g_value_set_double(value, self->settings.smoothing);
        break;
    case PROP_MIN_AREA:
        g_value_set_double(value, self->settings.min_area);
        break;
    case PROP_REGION:
        g_value_set_string(value, self->region_text);
        break;
    case PROP_STATS:
        g_value_take_boxed(value, make_stats(self, state));
        break;
    default:
        known = gst_lm_overlay_props_get(&self->settings.overlay, id - PROP_DRAWING, value);
    }
    GST_OBJECT_UNLOCK(self);
    if (!known)
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

static void install_ready_properties(GObjectClass *klass)
{
    const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;

    g_object_class_install_property(
        klass, PROP_MODEL,
        g_param_spec_string("model", "Model",
                            "Safetensors file, or a bundled model: " LM_MODEL_DEFAULT
                            " or " LM_MODEL_SMALL " (NULL: the environment's LMNET_MODEL, else "
                            "the first, but the second in mode latest on a CPU)",
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
        klass, PROP_MAX_WAIT,
        g_param_spec_uint64(
            "max-wait", "Max wait",
            "latest: how long a frame may wait for its own mask, in ns; waited only "
            "where recent inferences make it likely, and reported as latency",
            0, GST_SECOND, DEFAULT_MAX_WAIT, flags));
    g_object_class_install_property(
        klass, PROP_MAX_MASK_AGE,
        g_param_spec_uint64("max-mask-age", "Max mask age",
                            "latest: a mask older than this is not shown, in ns (0: only a "
                            "frame's own mask is)",
                            0, G_MAXUINT64, DEFAULT_MAX_MASK_AGE, flags));
    g_object_class_install_property(
        klass, PROP_THRESHOLD,
        g_param_spec_double("threshold", "Threshold", "Probability at which a pixel is marked", 0,
                            1, DEFAULT_THRESHOLD, flags | GST_PARAM_CONTROLLABLE));
    g_object_class_install_property(
        klass, PROP_SMOOTHING,
        g_param_spec_double("smoothing", "Smoothing",
                            "Weight of the past in a filter over time, per pixel of the mask", 0, 1,
                            DEFAULT_SMOOTHING, flags | GST_PARAM_CONTROLLABLE));
    g_object_class_install_property(
        klass, PROP_MIN_AREA,
        g_param_spec_double("min-area", "Min area",
                            "Smallest finding kept, as a share of the analysed region", 0, 1,
                            DEFAULT_MIN_AREA, flags));
    g_object_class_install_property(
        klass, PROP_REGION,
        g_param_spec_string("region", "Region",
                            "What is analysed: auto (the endoscope's picture within the "
                            "frame), full, or x,y,width,height in pixels",
                            DEFAULT_REGION, flags));
    g_object_class_install_property(
        klass, PROP_STATS,
        g_param_spec_boxed("stats", "Statistics", "Counts and times; times in ns",
                           GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
    gst_lm_overlay_props_install(klass, PROP_DRAWING);
}

void gst_lm_net_props_install(GObjectClass *klass)
{
    klass->set_property = gst_lm_net_set_property;
    klass->get_property = gst_lm_net_get_property;
    install_ready_properties(klass);
    install_playing_properties(klass);
}

void gst_lm_net_props_init(GstLmNet *self)
{
    self->device = g_strdup(DEFAULT_DEVICE);
    self->in_flight = DEFAULT_IN_FLIGHT;
    gst_lm_overlay_props_init(&self->settings.overlay);
    self->settings.overlay.threshold = DEFAULT_THRESHOLD;
    self->settings.min_area = DEFAULT_MIN_AREA;
    self->settings.smoothing = DEFAULT_SMOOTHING;
    self->settings.max_wait = DEFAULT_MAX_WAIT;
    self->settings.max_mask_age = DEFAULT_MAX_MASK_AGE;
    set_region(self, DEFAULT_REGION);
}

void gst_lm_net_props_finish(GstLmNet *self)
{
    g_free(self->model);
    g_free(self->device);
    g_free(self->region_text);
}
