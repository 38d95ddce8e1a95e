/* SPDX-License-Identifier: LGPL-2.1-or-later
 * endoscopytestsrc's properties: plain data. */
#pragma once

#include <glib-object.h>
#include <stdbool.h>

#include "scene/scene.h"

G_BEGIN_DECLS

/** The property `content`. */
typedef enum { GST_ENDOSCOPY_VIEW, GST_ENDOSCOPY_TRUTH } GstEndoscopyContent;

/** Property ids. */
enum {
    GST_ENDOSCOPY_PROP_0,
    GST_ENDOSCOPY_PROP_SEED,
    GST_ENDOSCOPY_PROP_POLYPS,
    GST_ENDOSCOPY_PROP_MOTION,
    GST_ENDOSCOPY_PROP_NOISE,
    GST_ENDOSCOPY_PROP_SCREEN,
    GST_ENDOSCOPY_PROP_CONTENT,
    GST_ENDOSCOPY_PROP_IS_LIVE, /**< No setting: the base class keeps it. */
    GST_ENDOSCOPY_PROP_N_THREADS,
};

/** Guarded by the element's object lock, which callers hold. */
typedef struct {
    LmSceneParams scene; /**< threads is the property: 0 means one per processor. Size and colour
                            belong to the element. */
    GstEndoscopyContent content;
} GstEndoscopySettings;

/** Installs all properties; the class sets set_property and get_property. No lock. */
void gst_endoscopy_settings_install(GObjectClass *klass);
/** Sets the defaults; no lock. */
void gst_endoscopy_settings_init(GstEndoscopySettings *self);
/** False if the property is not among the settings. */
bool gst_endoscopy_settings_set(GstEndoscopySettings *self, guint id, const GValue *value);
bool gst_endoscopy_settings_get(const GstEndoscopySettings *self, guint id, GValue *value);

G_END_DECLS
