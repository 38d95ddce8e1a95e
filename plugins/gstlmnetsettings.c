/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Installs, checks, sets and gets lmnet's properties. */
#include "gstlmnetsettings.h"

#include "gstlmenum.h"
#include "gstlmframe.h"
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

static GST_LM_DEFINE_ENUM(precision_get_type, "GstLmNetPrecision",
                          {LM_PRECISION_AUTO,
                           "fp16 on a GPU that computes in it natively, else fp32", "auto"},
                          {LM_PRECISION_FP32, "Single precision", "fp32"},
                          {LM_PRECISION_FP16, "Half precision", "fp16"});

static GST_LM_DEFINE_ENUM(
    mode_get_type, "GstLmNetMode",
    {GST_LM_NET_MODE_AUTO, "latest after a live source, else every-frame", "auto"},
    {GST_LM_NET_MODE_EVERY_FRAME, "Each frame waits for its own mask", "every-frame"},
    {GST_LM_NET_MODE_LATEST, "Each frame goes on with the newest mask, after max-wait at most",
     "latest"});

static const char *value_name(GType type, int value)
{
    GEnumClass *klass = g_type_class_ref(type);
    const GEnumValue *found = g_enum_get_value(klass, value);
    g_type_class_unref(klass);
    return found ? found->value_nick : "unknown";
}

const char *gst_lm_net_settings_mode_name(GstLmNetMode mode)
{
    return value_name(mode_get_type(), (int)mode);
}

const char *gst_lm_net_settings_precision_name(LmPrecision precision)
{
    return value_name(precision_get_type(), (int)precision);
}

/* --- Values ---------------------------------------------------------------------------------- */

/* Parses "full" (*region becomes 0 x 0), or "x,y,width,height" in pixels; x and y may be negative,
 * width and height are at least 1. False for anything else; *region is left as it is then. */
static bool parse_region(const char *text, LmRect *region)
{
    if (g_str_equal(text, "full")) {
        *region = (LmRect){0};
        return true;
    }
    char **parts = g_strsplit(text, ",", -1);
    /* Sums of two such numbers stay far inside an int. */
    const gint64 limit = 1000000;
    gint64 number[4];
    bool ok = g_strv_length(parts) == G_N_ELEMENTS(number);
    for (unsigned i = 0; ok && i < G_N_ELEMENTS(number); i++)
        ok = g_ascii_string_to_signed(g_strstrip(parts[i]), 10, i < 2 ? -limit : 1, limit,
                                      &number[i], NULL);
    g_strfreev(parts);
    if (ok)
        *region = (LmRect){(int)number[0], (int)number[1], (int)number[2], (int)number[3]};
    return ok;
}

/* False if the text is no region; the former one stays in force then. */
static bool set_region(GstLmNetSettings *self, const char *text)
{
    g_free(self->region_text);
    self->region_text = g_strdup(text ? text : DEFAULT_REGION);
    const bool find = g_str_equal(self->region_text, "auto");
    self->region_valid = find || parse_region(self->region_text, &self->frame.region);
    if (find)
        self->frame.region = (LmRect){0};
    if (self->region_valid) {
        self->frame.find_region = find;
        self->frame.region_serial++;
    }
    return self->region_valid;
}

/* Sets a property that the session depends on. */
static GstLmNetSetResult set_ready_property(GstLmNetSettings *self, guint id, const GValue *value)
{
    if (self->running)
        return GST_LM_NET_SET_REFUSED;
    switch (id) {
    case GST_LM_NET_PROP_MODEL:
        g_free(self->model);
        self->model = g_value_dup_string(value);
        break;
    case GST_LM_NET_PROP_DEVICE:
        g_free(self->device);
        self->device = g_value_dup_string(value);
        break;
    case GST_LM_NET_PROP_PRECISION:
        self->precision = (LmPrecision)g_value_get_enum(value);
        break;
    case GST_LM_NET_PROP_MODE:
        self->mode = (GstLmNetMode)g_value_get_enum(value);
        break;
    case GST_LM_NET_PROP_IN_FLIGHT:
        self->in_flight = g_value_get_uint(value);
        break;
    }
    self->stale = true;
    return GST_LM_NET_SET_OK;
}

GstLmNetSetResult gst_lm_net_settings_set(GstLmNetSettings *self, guint id, const GValue *value)
{
    switch (id) {
    case GST_LM_NET_PROP_MODEL:
    case GST_LM_NET_PROP_DEVICE:
    case GST_LM_NET_PROP_PRECISION:
    case GST_LM_NET_PROP_MODE:
    case GST_LM_NET_PROP_IN_FLIGHT:
        return set_ready_property(self, id, value);
    case GST_LM_NET_PROP_MAX_WAIT:
        self->frame.max_wait = g_value_get_uint64(value);
        break;
    case GST_LM_NET_PROP_MAX_MASK_AGE:
        self->frame.max_mask_age = g_value_get_uint64(value);
        break;
    case GST_LM_NET_PROP_THRESHOLD:
        self->frame.overlay.threshold = g_value_get_double(value);
        break;
    case GST_LM_NET_PROP_SMOOTHING:
        self->frame.smoothing = g_value_get_double(value);
        break;
    case GST_LM_NET_PROP_MIN_AREA:
        self->frame.min_area = g_value_get_double(value);
        break;
    case GST_LM_NET_PROP_REGION:
        /* Before that, a bad region is an error of the next start. */
        if (!set_region(self, g_value_get_string(value)) && self->running)
            return GST_LM_NET_SET_BAD_REGION;
        break;
    default:
        if (!gst_lm_overlay_props_set(&self->frame.overlay, id - GST_LM_NET_PROP_DRAWING, value))
            return GST_LM_NET_SET_UNKNOWN;
    }
    return GST_LM_NET_SET_OK;
}

bool gst_lm_net_settings_get(const GstLmNetSettings *self, guint id, GValue *value)
{
    switch (id) {
    case GST_LM_NET_PROP_MODEL:
        g_value_set_string(value, self->model);
        break;
    case GST_LM_NET_PROP_DEVICE:
        g_value_set_string(value, self->device);
        break;
    case GST_LM_NET_PROP_PRECISION:
        g_value_set_enum(value, (int)self->precision);
        break;
    case GST_LM_NET_PROP_MODE:
        g_value_set_enum(value, (int)self->mode);
        break;
    case GST_LM_NET_PROP_IN_FLIGHT:
        g_value_set_uint(value, self->in_flight);
        break;
    case GST_LM_NET_PROP_MAX_WAIT:
        g_value_set_uint64(value, self->frame.max_wait);
        break;
    case GST_LM_NET_PROP_MAX_MASK_AGE:
        g_value_set_uint64(value, self->frame.max_mask_age);
        break;
    case GST_LM_NET_PROP_THRESHOLD:
        g_value_set_double(value, self->frame.overlay.threshold);
        break;
    case GST_LM_NET_PROP_SMOOTHING:
        g_value_set_double(value, self->frame.smoothing);
        break;
    case GST_LM_NET_PROP_MIN_AREA:
        g_value_set_double(value, self->frame.min_area);
        break;
    case GST_LM_NET_PROP_REGION:
        g_value_set_string(value, self->region_text);
        break;
    default:
        return gst_lm_overlay_props_get(&self->frame.overlay, id - GST_LM_NET_PROP_DRAWING, value);
    }
    return true;
}

GstLmNetFrameSettings gst_lm_net_settings_take(const GstLmNetSettings *self,
                                               GstBaseTransform *element, const GstBuffer *buffer)
{
    gst_lm_frame_sync_values(element, buffer);
    GST_OBJECT_LOCK(element);
    const GstLmNetFrameSettings settings = self->frame;
    GST_OBJECT_UNLOCK(element);
    return settings;
}

/* --- The class ------------------------------------------------------------------------------- */

static void install_ready_properties(GObjectClass *klass)
{
    const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;

    g_object_class_install_property(
        klass, GST_LM_NET_PROP_MODEL,
        g_param_spec_string("model", "Model",
                            "Safetensors file, or a bundled model: " LM_MODEL_DEFAULT
                            " or " LM_MODEL_SMALL " (NULL: the environment variable LMNET_MODEL, "
                            "else the first, or the second in mode latest on a CPU)",
                            NULL, flags));
    g_object_class_install_property(
        klass, GST_LM_NET_PROP_DEVICE,
        g_param_spec_string("device", "Device",
                            "Vulkan device: auto, cpu, an index, a UUID, or part of its name",
                            DEFAULT_DEVICE, flags));
    g_object_class_install_property(
        klass, GST_LM_NET_PROP_PRECISION,
        g_param_spec_enum("precision", "Precision", "Number format that the network computes in",
                          precision_get_type(), LM_PRECISION_AUTO, flags));
    g_object_class_install_property(
        klass, GST_LM_NET_PROP_MODE,
        g_param_spec_enum("mode", "Mode", "Whether frames wait for their masks", mode_get_type(),
                          GST_LM_NET_MODE_AUTO, flags));
    g_object_class_install_property(
        klass, GST_LM_NET_PROP_IN_FLIGHT,
        g_param_spec_uint("in-flight", "In flight",
                          "every-frame: frames on the device at once; adds in-flight - 1 frames of "
                          "latency when live",
                          1, 8, DEFAULT_IN_FLIGHT, flags));
    gst_type_mark_as_plugin_api(precision_get_type(), 0);
    gst_type_mark_as_plugin_api(mode_get_type(), 0);
}

static void install_playing_properties(GObjectClass *klass)
{
    const GParamFlags flags =
        G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING;

    g_object_class_install_property(
        klass, GST_LM_NET_PROP_MAX_WAIT,
        g_param_spec_uint64(
            "max-wait", "Max wait",
            "latest: how long a frame may wait for its own mask, in ns; it waits only if recent "
            "inferences were fast enough; reported as latency",
            0, GST_SECOND, DEFAULT_MAX_WAIT, flags));
    g_object_class_install_property(
        klass, GST_LM_NET_PROP_MAX_MASK_AGE,
        g_param_spec_uint64(
            "max-mask-age", "Max mask age",
            "latest: a mask older than this is not shown, in ns (0: only a frame's own "
            "mask is shown)",
            0, G_MAXUINT64, DEFAULT_MAX_MASK_AGE, flags));
    g_object_class_install_property(
        klass, GST_LM_NET_PROP_THRESHOLD,
        g_param_spec_double("threshold", "Threshold", "Probability above which a pixel is marked", 0,
                            1, DEFAULT_THRESHOLD, flags | GST_PARAM_CONTROLLABLE));
    g_object_class_install_property(
        klass, GST_LM_NET_PROP_SMOOTHING,
        g_param_spec_double("smoothing", "Smoothing",
                            "Weight of the past in a filter over time, per pixel of the mask", 0, 1,
                            DEFAULT_SMOOTHING, flags | GST_PARAM_CONTROLLABLE));
    g_object_class_install_property(
        klass, GST_LM_NET_PROP_MIN_AREA,
        g_param_spec_double("min-area", "Min area",
                            "Smallest finding kept, as a share of the analysed region", 0, 1,
                            DEFAULT_MIN_AREA, flags));
    g_object_class_install_property(
        klass, GST_LM_NET_PROP_REGION,
        g_param_spec_string(
            "region", "Region",
            "Analysed part of the frame: auto (the endoscopic content area), full, or "
            "x,y,width,height in pixels",
            DEFAULT_REGION, flags));
    g_object_class_install_property(
        klass, GST_LM_NET_PROP_STATS,
        g_param_spec_boxed("stats", "Statistics", "Counts and times; times in ns",
                           GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
    gst_lm_overlay_props_install(klass, GST_LM_NET_PROP_DRAWING);
}

void gst_lm_net_settings_install(GObjectClass *klass)
{
    install_ready_properties(klass);
    install_playing_properties(klass);
}

void gst_lm_net_settings_init(GstLmNetSettings *self)
{
    self->device = g_strdup(DEFAULT_DEVICE);
    self->in_flight = DEFAULT_IN_FLIGHT;
    gst_lm_overlay_props_init(&self->frame.overlay);
    self->frame.overlay.threshold = DEFAULT_THRESHOLD;
    self->frame.min_area = DEFAULT_MIN_AREA;
    self->frame.smoothing = DEFAULT_SMOOTHING;
    self->frame.max_wait = DEFAULT_MAX_WAIT;
    self->frame.max_mask_age = DEFAULT_MAX_MASK_AGE;
    set_region(self, DEFAULT_REGION);
}

void gst_lm_net_settings_finish(GstLmNetSettings *self)
{
    g_free(self->model);
    g_free(self->device);
    g_free(self->region_text);
}
