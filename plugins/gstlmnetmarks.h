/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A frame after its analysis: masks become marks, which are tracked, drawn and attached. */
#pragma once

#include "gstlmmarks.h"
#include "gstlmnetinspect.h"
#include "gstlmnetsession.h"
#include "gstlmnetstats.h"
#include "gstlmpainter.h"
#include "mask/track.h"

G_BEGIN_DECLS

/** Streaming thread only, or while there is none. */
typedef struct {
    GstBaseTransform *element; /**< Not owned: it owns this. */
    GstLmNetState *state;      /**< The element's, as the next three. */
    GstLmNetSession *session;
    GstLmNetStats *stats; /**< Under the element's object lock. */
    GstLmLayout *layout;
    guint64 shot;     /**< Of the marks and of the tracker. */
    GstLmMarks marks; /**< The newest mask and its findings. */
    GstLmNetFrame of; /**< The frame that the marks are of, or the last one identical to it. */
    bool hidden;      /**< Masks come too late to be shown. */
    LmTracker tracker;
    GstLmPainter painter;
} GstLmNetMarks;

void gst_lm_net_marks_init(GstLmNetMarks *self, GstBaseTransform *element, GstLmNetState *state,
                           GstLmNetSession *session, GstLmNetStats *stats, GstLmLayout *layout);
void gst_lm_net_marks_finish(GstLmNetMarks *self);

/** Loads the fonts for labels on frames of the layout, before a frame has to wait for it. */
void gst_lm_net_marks_load_fonts(GstLmNetMarks *self);

/** Discards the marks unless they are of this shot, to which the next frame belongs; their findings
 * leave. */
void gst_lm_net_marks_enter_shot(GstLmNetMarks *self, guint64 shot);
/** Counts a result; its mask, or NULL if the device failed, which discards the marks. The caller
 * clears the result. */
LmMask *gst_lm_net_marks_accept(GstLmNetMarks *self, const LmResult *result);
/** Makes marks of the mask of a frame, and tracks their findings. */
void gst_lm_net_marks_set(GstLmNetMarks *self, LmMask *mask, const GstLmNetFrame *of,
                          const GstLmNetFrameSettings *settings);
/** Hides marks because masks come too late, for this reason (takes it), or shows them again (NULL).
 * Findings of masks that are not shown leave, and are not reported. */
void gst_lm_net_marks_set_slow(GstLmNetMarks *self, char *reason);
/** Draws the state and the marks, and attaches the marks as metadata. age: of the marks, ns;
 * GST_CLOCK_TIME_NONE: no marks for this frame. */
void gst_lm_net_marks_draw(GstLmNetMarks *self, GstBuffer **buffer, LmRect region,
                           const GstLmNetFrameSettings *settings, GstClockTime age);

G_END_DECLS
