/* SPDX-License-Identifier: LGPL-2.1-or-later
 * lmnet's properties: plain data and its checks. */
#pragma once

#include <gst/base/gstbasetransform.h>

#include "overlay/overlay.h"
#include "session/session.h"

G_BEGIN_DECLS

/** The property `mode`. */
typedef enum {
    GST_LM_NET_MODE_AUTO,
    GST_LM_NET_MODE_EVERY_FRAME,
    GST_LM_NET_MODE_LATEST,
    GST_LM_NET_N_MODES
} GstLmNetMode;

/** Property ids. */
enum {
    GST_LM_NET_PROP_0,
    GST_LM_NET_PROP_MODEL,
    GST_LM_NET_PROP_DEVICE,
    GST_LM_NET_PROP_PRECISION,
    GST_LM_NET_PROP_MODE,
    GST_LM_NET_PROP_IN_FLIGHT,
    GST_LM_NET_PROP_MAX_WAIT,
    GST_LM_NET_PROP_MAX_MASK_AGE,
    GST_LM_NET_PROP_THRESHOLD,
    GST_LM_NET_PROP_SMOOTHING,
    GST_LM_NET_PROP_MIN_AREA,
    GST_LM_NET_PROP_REGION,
    GST_LM_NET_PROP_STATS,   /**< No setting: the element answers it. */
    GST_LM_NET_PROP_DRAWING, /**< The first of GST_LM_N_OVERLAY_PROPS. */
};

/** Settings that apply to each frame. They change while PLAYING, so each frame takes a copy. */
typedef struct {
    LmOverlayParams overlay; /**< With the threshold. */
    double smoothing;
    double min_area;
    GstClockTime max_wait;
    GstClockTime max_mask_age;
    bool find_region;       /**< region is "auto". */
    LmRect region;          /**< As set; 0 x 0: full. */
    unsigned region_serial; /**< Counts changes of the region; never 0. */
} GstLmNetFrameSettings;

/** Guarded by the element's object lock, which callers hold unless a function says otherwise. */
typedef struct {
    GstLmNetFrameSettings frame;
    /* Change in READY or below only. */
    char *model, *device; /**< model: NULL if not set. */
    LmPrecision precision;
    GstLmNetMode mode;
    unsigned in_flight;

    char *region_text; /**< As set, even if it is refused. */
    bool region_valid; /**< frame.region is what region_text says. */
    bool running;      /**< From READY to PAUSED until back; set by the element. */
    bool stale;        /**< Changed since the session was opened, which clears it. */
} GstLmNetSettings;

/** The outcome of setting a property. */
typedef enum {
    GST_LM_NET_SET_OK,
    GST_LM_NET_SET_UNKNOWN,    /**< No such property. */
    GST_LM_NET_SET_REFUSED,    /**< It changes in READY or below only. */
    GST_LM_NET_SET_BAD_REGION, /**< While running: the former region stays. */
} GstLmNetSetResult;

/** Format of the message about a bad region; its argument is the region. */
#define GST_LM_NET_BAD_REGION                                                                      \
    "Property region is \"%s\": expected \"auto\", \"full\", or x,y,width,height in whole "        \
    "pixels, width and height 1 or more."

/** Installs all properties; the class sets set_property and get_property. No lock. */
void gst_lm_net_settings_install(GObjectClass *klass);
/** Sets the defaults; no lock. */
void gst_lm_net_settings_init(GstLmNetSettings *self);
void gst_lm_net_settings_finish(GstLmNetSettings *self);

GstLmNetSetResult gst_lm_net_settings_set(GstLmNetSettings *self, guint id, const GValue *value);
/** False if the property is not among the settings. */
bool gst_lm_net_settings_get(const GstLmNetSettings *self, guint id, GValue *value);

/** Sets controlled properties to their values at the frame's time, and returns a copy of the
 * settings for it. Takes the object lock of the element. Streaming thread. */
GstLmNetFrameSettings gst_lm_net_settings_take(const GstLmNetSettings *self,
                                               GstBaseTransform *element, const GstBuffer *buffer);

/** The value's name as users type it, static; no lock. */
const char *gst_lm_net_settings_mode_name(GstLmNetMode mode);
const char *gst_lm_net_settings_precision_name(LmPrecision precision);

G_END_DECLS
