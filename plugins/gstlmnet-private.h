/* SPDX-License-Identifier: LGPL-2.1-or-later
 * lmnet's instance, shared by gstlmnet.c (states, negotiation), gstlmnetprops.c and gstlmnetflow.c
 * (the frames' way). */
#pragma once

#include <gst/base/gstqueuearray.h>
#include <gst/video/video.h>

#include "gstlmmeta.h"
#include "gstlmnet.h"
#include "gstlmnetstats.h"
#include "run/overlay.h"
#include "run/session.h"

G_BEGIN_DECLS

GST_DEBUG_CATEGORY_EXTERN(gst_lm_net_debug);

typedef enum {
    GST_LM_NET_MODE_AUTO,
    GST_LM_NET_MODE_EVERY_FRAME,
    GST_LM_NET_MODE_LATEST
} GstLmNetMode;

/** What a frame is treated by; changes while PLAYING. */
typedef struct {
    LmOverlayParams overlay; /**< With the threshold. */
    double min_area;
    GstClockTime max_mask_age;
    LmRect region;          /**< As asked for; 0 x 0: full. */
    unsigned region_serial; /**< Counts its changes. */
} GstLmNetSettings;

struct _GstLmNet {
    GstBaseTransform parent;

    /* Under the object lock. */
    GstLmNetSettings settings;
    char *model, *device;
    char *region_text;
    bool region_valid; /* Whether settings.region is what region_text says. */
    LmPrecision precision;
    GstLmNetMode mode;
    unsigned in_flight;
    bool running; /* From READY to PAUSED until back: what the session is made of stays. */
    bool stopping, flushing; /* Either: nothing waits. */
    bool session_stale;      /* Settings changed since the session was made. */
    bool every_frame;        /* The mode as settled. */
    GstClockTime latency;    /* Added in that mode when live. */
    GstClockTime frame_duration;
    GstLmNetStats stats;

    /* Made and freed by state changes (under the object lock); there from READY on. */
    LmSession *session;
    /* Atomic, for the session's worker reports at any time. */
    gint was_ready, start_failed, failure_told, progress_open;

    /* Streaming thread. */
    bool model_told; /* The model's event went downstream. */
    GstVideoInfo info;
    LmFrameInfo frame_info;
    LmRect region;           /* Clipped to the frame; 0 wide: no overlap. */
    unsigned region_serial;  /* Of settings, that `region` was made from; 0: none. */
    bool bad_frame_told;     /* Of this layout. */
    GstQueueArray *pending;  /* every-frame: frames and events in order. */
    unsigned pending_frames; /* Of them. */
    GstQueueArray *asked;    /* latest: frames that a mask may still come for. */
    GstLmMarks marks;
    GstClockTime marks_pts;     /* latest: of the frame that the marks were computed from, */
    GstClockTime marks_running; /* its running time, */
    gint64 marks_arrival;       /* and when it came in, microseconds. */
    LmOverlayScratch scratch;
};

/** Installs all properties, with their set and get functions. */
void gst_lm_net_props_install(GObjectClass *klass);
void gst_lm_net_props_init(GstLmNet *self);
void gst_lm_net_props_finish(GstLmNet *self);

void gst_lm_net_flow_init(GstLmNet *self);
void gst_lm_net_flow_finish(GstLmNet *self);
/** Forgets every frame, event and mask. Streaming thread, or while there is none. */
void gst_lm_net_flow_reset(GstLmNet *self);
/** Takes up the layout of the frames from now on; no frames of another may be pending. */
void gst_lm_net_flow_configure(GstLmNet *self, const GstVideoInfo *info,
                               const LmFrameInfo *frame_info);
/** Takes the base class's queued buffer, unless the mode leaves it there for
 * gst_lm_net_next_output(). */
GstFlowReturn gst_lm_net_take_input(GstLmNet *self);
/** The next frame to push, NULL where it needs more input first. */
GstFlowReturn gst_lm_net_next_output(GstLmNet *self, GstBuffer **outbuf);
/** Pushes every pending frame and event, in order; waits for the frames' masks. */
GstFlowReturn gst_lm_net_drain(GstLmNet *self);
/** Keeps a serialized event in its place behind pending frames (true; takes it), or says that there
 * are none. */
bool gst_lm_net_queue_event(GstLmNet *self, GstEvent *event);

/** Forwards an event as GstBaseTransform does. */
gboolean gst_lm_net_forward_event(GstLmNet *self, GstEvent *event);
/** Posts why start-up failed as the element's error; the first call only. */
void gst_lm_net_report_start_failure(GstLmNet *self);
/** Posts a message of `type` (error or warning) for an error of the layers below. */
void gst_lm_net_post(GstLmNet *self, GstMessageType type, const char *text, const GError *error);

G_END_DECLS
