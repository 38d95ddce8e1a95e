/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Installs, sets and gets endoscopytestsrc's properties. */
#include "gstendoscopysettings.h"

#include <gst/gst.h>

#include "gstlmenum.h"

#define DEFAULT_SEED 0
#define DEFAULT_POLYPS 3
#define DEFAULT_MOTION 0.5
#define DEFAULT_NOISE 0.25
#define DEFAULT_SCREEN LM_SCENE_SCREEN_NONE
#define DEFAULT_CONTENT GST_ENDOSCOPY_VIEW
#define DEFAULT_N_THREADS 1

static GST_LM_DEFINE_ENUM(screen_get_type, "GstEndoscopyTestSrcScreen",
                          {LM_SCENE_SCREEN_NONE, "The picture alone fills the frame", "none"},
                          {LM_SCENE_SCREEN_ROUND, "A round picture in a captured screen", "round"},
                          {LM_SCENE_SCREEN_OCTAGON,
                           "A picture with cut corners in a captured screen", "octagon"});

static GST_LM_DEFINE_ENUM(content_get_type, "GstEndoscopyTestSrcContent",
                          {GST_ENDOSCOPY_VIEW, "The camera's view", "view"},
                          {GST_ENDOSCOPY_TRUTH, "255 in pixels that show a polyp, else 0",
                           "truth"});

bool gst_endoscopy_settings_set(GstEndoscopySettings *self, guint id, const GValue *value)
{
    switch (id) {
    case GST_ENDOSCOPY_PROP_SEED:
        self->scene.seed = g_value_get_uint(value);
        return true;
    case GST_ENDOSCOPY_PROP_POLYPS:
        self->scene.polyps = g_value_get_uint(value);
        return true;
    case GST_ENDOSCOPY_PROP_MOTION:
        self->scene.motion = g_value_get_double(value);
        return true;
    case GST_ENDOSCOPY_PROP_NOISE:
        self->scene.noise = g_value_get_double(value);
        return true;
    case GST_ENDOSCOPY_PROP_SCREEN:
        self->scene.screen = (LmSceneScreen)g_value_get_enum(value);
        return true;
    case GST_ENDOSCOPY_PROP_CONTENT:
        self->content = (GstEndoscopyContent)g_value_get_enum(value);
        return true;
    case GST_ENDOSCOPY_PROP_N_THREADS:
        self->scene.threads = g_value_get_uint(value);
        return true;
    default:
        return false;
    }
}

bool gst_endoscopy_settings_get(const GstEndoscopySettings *self, guint id, GValue *value)
{
    switch (id) {
    case GST_ENDOSCOPY_PROP_SEED:
        g_value_set_uint(value, self->scene.seed);
        return true;
    case GST_ENDOSCOPY_PROP_POLYPS:
        g_value_set_uint(value, self->scene.polyps);
        return true;
    case GST_ENDOSCOPY_PROP_MOTION:
        g_value_set_double(value, self->scene.motion);
        return true;
    case GST_ENDOSCOPY_PROP_NOISE:
        g_value_set_double(value, self->scene.noise);
        return true;
    case GST_ENDOSCOPY_PROP_SCREEN:
        g_value_set_enum(value, (gint)self->scene.screen);
        return true;
    case GST_ENDOSCOPY_PROP_CONTENT:
        g_value_set_enum(value, (gint)self->content);
        return true;
    case GST_ENDOSCOPY_PROP_N_THREADS:
        g_value_set_uint(value, self->scene.threads);
        return true;
    default:
        return false;
    }
}

void gst_endoscopy_settings_install(GObjectClass *klass)
{
    const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;

    g_object_class_install_property(klass, GST_ENDOSCOPY_PROP_SEED,
                                    g_param_spec_uint("seed", "Seed",
                                                      "Number of the colon that is drawn", 0,
                                                      G_MAXUINT32, DEFAULT_SEED, flags));
    g_object_class_install_property(
        klass, GST_ENDOSCOPY_PROP_POLYPS,
        g_param_spec_uint("polyps", "Polyps", "Number of polyps in each stretch of colon", 0,
                          LM_SCENE_MAX_POLYPS, DEFAULT_POLYPS, flags));
    g_object_class_install_property(klass, GST_ENDOSCOPY_PROP_MOTION,
                                    g_param_spec_double("motion", "Motion",
                                                        "Motion of the camera (0: it stands still)",
                                                        0, 1, DEFAULT_MOTION, flags));
    g_object_class_install_property(klass, GST_ENDOSCOPY_PROP_NOISE,
                                    g_param_spec_double("noise", "Noise",
                                                        "Noise of the camera's sensor (0: none)", 0,
                                                        1, DEFAULT_NOISE, flags));
    g_object_class_install_property(klass, GST_ENDOSCOPY_PROP_SCREEN,
                                    g_param_spec_enum("screen", "Screen",
                                                      "Captured screen around the picture",
                                                      screen_get_type(), DEFAULT_SCREEN, flags));
    g_object_class_install_property(klass, GST_ENDOSCOPY_PROP_CONTENT,
                                    g_param_spec_enum("content", "Content", "Content of the frames",
                                                      content_get_type(), DEFAULT_CONTENT, flags));
    g_object_class_install_property(
        klass, GST_ENDOSCOPY_PROP_IS_LIVE,
        g_param_spec_boolean("is-live", "Is live",
                             "Frames come at their time, as from a camera; no seeking", FALSE,
                             flags));
    g_object_class_install_property(
        klass, GST_ENDOSCOPY_PROP_N_THREADS,
        g_param_spec_uint(
            "n-threads", "Threads",
            "Number of drawing threads, on which frames do not depend (0: one per processor)", 0,
            LM_SCENE_MAX_THREADS, DEFAULT_N_THREADS, flags));
    gst_type_mark_as_plugin_api(screen_get_type(), 0);
    gst_type_mark_as_plugin_api(content_get_type(), 0);
}

void gst_endoscopy_settings_init(GstEndoscopySettings *self)
{
    self->scene = (LmSceneParams){
        .seed = DEFAULT_SEED,
        .polyps = DEFAULT_POLYPS,
        .motion = DEFAULT_MOTION,
        .noise = DEFAULT_NOISE,
        .screen = DEFAULT_SCREEN,
        .threads = DEFAULT_N_THREADS,
    };
    self->content = DEFAULT_CONTENT;
}
