/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The drawing properties, which lmnet and lmnetoverlay share. */
#pragma once

#include <gst/gst.h>

#include "overlay/overlay.h"

G_BEGIN_DECLS

/** The properties' ids, consecutive from the class's own `first`. */
typedef enum {
    GST_LM_OVERLAY_PROP_OVERLAY,
    GST_LM_OVERLAY_PROP_COLOR,
    GST_LM_OVERLAY_PROP_OPACITY,
    GST_LM_OVERLAY_PROP_CONTOUR_WIDTH,
    GST_LM_N_OVERLAY_PROPS
} GstLmOverlayProp;

GType gst_lm_overlay_flags_get_type(void);

/** Installs overlay, color, opacity and contour-width with the ids first .. first +
 * GST_LM_N_OVERLAY_PROPS - 1. */
void gst_lm_overlay_props_install(GObjectClass *klass, guint first);
/** The properties' defaults; the threshold is set to 0.5. */
void gst_lm_overlay_props_init(LmOverlayParams *params);
/** False if `prop` is not one of them. The caller holds the lock that guards `params`. */
bool gst_lm_overlay_props_set(LmOverlayParams *params, guint prop, const GValue *value);
bool gst_lm_overlay_props_get(const LmOverlayParams *params, guint prop, GValue *value);

G_END_DECLS
