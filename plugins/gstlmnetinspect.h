/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A frame before its analysis: its times, its shot, whether it is identical to the one before, and
 * the region to analyse. */
#pragma once

#include <gst/base/gstbasetransform.h>

#include "gstlmframe.h"
#include "gstlmnetsettings.h"
#include "gstlmnetstate.h"
#include "vision/region-thread.h"
#include "vision/scene-watch.h"

G_BEGIN_DECLS

/** A frame as it came in. Zeroed: it could not be inspected. */
typedef struct {
    guint64 ticket; /**< The session's, set by the mode; 0: no mask will come for the frame. */
    GstClockTime pts, running;
    gint64 arrival; /**< lm_clock_now() */
    gint64 clock;   /**< ns that have passed, in running time if that is known; never falls. */
    guint64 shot;   /**< Counts cuts, flushes, gaps: frames of one shot may share a mask. */
    guint64 still;  /**< Counts changes: frames of one number are identical. */
    bool blank;     /**< There is nothing to see. */
} GstLmNetFrame;

/** Streaming thread only, or while there is none. */
typedef struct {
    GstBaseTransform *element;   /**< Not owned: it owns this. */
    GstLmNetState *state;        /**< The element's. */
    GstLmLayout *layout;         /**< The element's. */
    GstClockTime frame_duration; /**< By the caps. */
    LmThumbnail *thumbnail;      /**< Of the current frame. */
    LmSceneWatch *watch;
    LmRegionThread *region_thread; /**< region "auto": from its first frame on; else NULL. */
    LmRect region;                 /**< Of the current frame; 0 wide: nothing to analyse. */
    unsigned region_serial;        /**< Of the settings that `region` was clipped by; 0: none. */
    GstLmNetFrame last;            /**< The previous frame; arrival 0: none. */
} GstLmNetInspect;

void gst_lm_net_inspect_init(GstLmNetInspect *self, GstBaseTransform *element, GstLmNetState *state,
                             GstLmLayout *layout);
void gst_lm_net_inspect_finish(GstLmNetInspect *self);
/** The next frames have another layout. */
void gst_lm_net_inspect_configure(GstLmNetInspect *self, GstClockTime frame_duration);
/** Forgets the frames so far: the next one is the first, and begins the shot that this returns. */
guint64 gst_lm_net_inspect_reset(GstLmNetInspect *self);
/** The next video may be another one: forgets its region, too. */
void gst_lm_net_inspect_forget_region(GstLmNetInspect *self);
/** The next frame begins another shot, whose number this returns. */
guint64 gst_lm_net_inspect_begin_shot(GstLmNetInspect *self);

/** Maps a frame for reading; false if it does not match its caps, which is reported. */
bool gst_lm_net_inspect_map(GstLmNetInspect *self, GstBuffer *buffer, GstVideoFrame *video,
                            LmFrame *view);
/** Inspects the next frame; `self->region` is its region from then on. wait: until the region
 * thread has seen this frame, so that results do not depend on that thread's pace. */
GstLmNetFrame gst_lm_net_inspect_frame(GstLmNetInspect *self, GstBuffer *buffer,
                                       const LmFrame *view, const GstLmNetFrameSettings *settings,
                                       bool wait);

G_END_DECLS
