/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Installs, sets and gets the drawing properties. */
#include "gstlmoverlayprops.h"

#include "gstlmenum.h"
#include "gstlmpainter.h"

#define DEFAULT_FLAGS (LM_OVERLAY_FILL | LM_OVERLAY_CONTOUR)
#define DEFAULT_COLOR 0x00e5ff
#define DEFAULT_OPACITY 0.25
#define DEFAULT_CONTOUR_WIDTH 0.0
#define MAX_CONTOUR_WIDTH 100.0

GST_LM_DEFINE_FLAGS(gst_lm_overlay_flags_get_type, "GstLmOverlayFlags",
                    {LM_OVERLAY_FILL, "Tint over each finding", "fill"},
                    {LM_OVERLAY_CONTOUR, "Line along the edge of each finding", "contour"},
                    {GST_LM_OVERLAY_LABEL, "Class and confidence of each finding", "label"},
                    {GST_LM_OVERLAY_STATE, "Status indicator and the region's corners (lmnet only)",
                     "state"});

void gst_lm_overlay_props_install(GObjectClass *klass, guint first)
{
    const GParamFlags flags =
        G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING;

    g_object_class_install_property(
        klass, first + GST_LM_OVERLAY_PROP_OVERLAY,
        g_param_spec_flags("overlay", "Overlay", "Marks drawn on the frames; 0 draws nothing",
                           gst_lm_overlay_flags_get_type(), DEFAULT_FLAGS, flags));
    g_object_class_install_property(
        klass, first + GST_LM_OVERLAY_PROP_COLOR,
        g_param_spec_uint("color", "Color",
                          "Colour of the first class as 0xRRGGBB; others get well-separated hues",
                          0, 0xffffff, DEFAULT_COLOR, flags));
    g_object_class_install_property(klass, first + GST_LM_OVERLAY_PROP_OPACITY,
                                    g_param_spec_double("opacity", "Opacity", "Of the fill", 0, 1,
                                                        DEFAULT_OPACITY,
                                                        flags | GST_PARAM_CONTROLLABLE));
    g_object_class_install_property(
        klass, first + GST_LM_OVERLAY_PROP_CONTOUR_WIDTH,
        g_param_spec_double("contour-width", "Contour width",
                            "In pixels; 0: the frame's height / 360, at least 1.5", 0,
                            MAX_CONTOUR_WIDTH, DEFAULT_CONTOUR_WIDTH, flags));
    gst_type_mark_as_plugin_api(gst_lm_overlay_flags_get_type(), 0);
}

void gst_lm_overlay_props_init(LmOverlayParams *params)
{
    *params = (LmOverlayParams){
        .flags = DEFAULT_FLAGS,
        .color = DEFAULT_COLOR,
        .opacity = DEFAULT_OPACITY,
        .contour_width = DEFAULT_CONTOUR_WIDTH,
        .threshold = 0.5,
    };
}

bool gst_lm_overlay_props_set(LmOverlayParams *params, guint prop, const GValue *value)
{
    switch (prop) {
    case GST_LM_OVERLAY_PROP_OVERLAY:
        params->flags = g_value_get_flags(value);
        return true;
    case GST_LM_OVERLAY_PROP_COLOR:
        params->color = g_value_get_uint(value);
        return true;
    case GST_LM_OVERLAY_PROP_OPACITY:
        params->opacity = g_value_get_double(value);
        return true;
    case GST_LM_OVERLAY_PROP_CONTOUR_WIDTH:
        params->contour_width = g_value_get_double(value);
        return true;
    default:
        return false;
    }
}

bool gst_lm_overlay_props_get(const LmOverlayParams *params, guint prop, GValue *value)
{
    switch (prop) {
    case GST_LM_OVERLAY_PROP_OVERLAY:
        g_value_set_flags(value, params->flags);
        return true;
    case GST_LM_OVERLAY_PROP_COLOR:
        g_value_set_uint(value, params->color);
        return true;
    case GST_LM_OVERLAY_PROP_OPACITY:
        g_value_set_double(value, params->opacity);
        return true;
    case GST_LM_OVERLAY_PROP_CONTOUR_WIDTH:
        g_value_set_double(value, params->contour_width);
        return true;
    default:
        return false;
    }
}
