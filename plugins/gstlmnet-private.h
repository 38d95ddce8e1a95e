/* SPDX-License-Identifier: LGPL-2.1-or-later
 * lmnet's instance, shared by gstlmnet.c (states, negotiation), gstlmnetprops.c, gstlmnetsession.c,
 * gstlmnetmessages.c and the frames' way: gstlmnetflow.c for both modes, gstlmneteveryframe.c and
 * gstlmnetlatest.c. */
#pragma once

#include <gst/base/gstqueuearray.h>
#include <gst/video/video.h>
#include <pthread.h>

#include "gstlmerror.h"
#include "gstlmframe.h"
#include "gstlmmeta.h"
#include "gstlmnet.h"
#include "gstlmnetdebug.h"
#include "gstlmnetstats.h"
#include "gstlmpainter.h"
#include "vision/region-thread.h"
#include "session/session.h"
#include "mask/track.h"
#include "vision/scene-watch.h"
#include "util/clock.h"

G_BEGIN_DECLS

typedef enum {
    GST_LM_NET_MODE_AUTO,
    GST_LM_NET_MODE_EVERY_FRAME,
    GST_LM_NET_MODE_LATEST
} GstLmNetMode;

/** What a frame is treated by; changes while PLAYING. */
typedef struct {
    LmOverlayParams overlay; /**< With the threshold. */
    double smoothing;
    double min_area;
    GstClockTime max_wait;
    GstClockTime max_mask_age;
    bool find_region;       /**< region is "auto". */
    LmRect region;          /**< As asked for; 0 x 0: full. */
    unsigned region_serial; /**< Counts its changes. */
} GstLmNetSettings;

/** What the frames show. */
typedef enum { GST_LM_PICTURE_LIVE, GST_LM_PICTURE_FROZEN, GST_LM_PICTURE_NO_SIGNAL } GstLmPicture;

/** What lmnet is doing, and what of that was said on the bus. */
typedef struct {
    pthread_mutex_t telling; /* Held while a message is posted, for their order; taken first. */
    pthread_mutex_t lock;    /* Guards all that follows; never held while a message is posted. */
    LmSessionState session;
    char *session_reason;
    char *slow_reason; /* latest: why no mask is young enough; NULL: some are. */
    GstLmPicture picture;
    const char *told;
} GstLmNetState;

/** A frame as it came in. */
typedef struct {
    guint64 ticket; /**< 0: no mask will come for it. */
    GstClockTime pts, running;
    gint64 arrival; /**< lm_clock_now() */
    gint64 clock;   /**< ns that have gone by, in running time where that is known; never falls. */
    guint64 scene;  /**< Counts cuts, flushes, gaps: frames of one scene may share a mask. */
    guint64 still;  /**< Counts changes: frames of one number are identical. */
    bool blank;     /**< There is nothing to see. */
} GstLmNetFrame;

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

    GstLmNetState state; /* Under its own lock. */

    /* Made and freed by state changes, exchanged with the first caps (all under the object lock);
     * the first is there from READY on, and always while frames flow. */
    LmSession *session;
    LmSession *small;   /* auto, on a CPU: the one for latest, until the first caps. Then NULL. */
    bool model_by_mode; /* Whether there was one. */
    /* Atomic, for the session's worker reports at any time. */
    gint degraded, start_failed, progress_open;

    /* Streaming thread. */
    bool model_told; /* The model's event went downstream. */
    GstLmLayout layout;
    LmThumbnail *thumbnail; /* Of the frame at hand. */
    LmSceneWatch *watch;
    LmRegionThread *region_thread; /* region "auto": there from its first frame on. */
    LmRect region;                 /* Clipped to the frame; 0 wide: no overlap. */
    unsigned region_serial;        /* Of settings, that `region` was made from; 0: none. */
    bool refusal_told;             /* Of this layout. */
    GstQueueArray *pending;        /* every-frame: frames and events in order. */
    unsigned pending_frames;       /* Of them. */
    GstQueueArray *asked;          /* latest: GstLmNetFrames that a mask may still come for. */
    GstLmNetFrame last;            /* The frame before; arrival 0: none. */
    bool slow;                     /* latest: masks come too late to be shown. */
    guint64 scene;                 /* That the marks and the tracker are of. */
    GstLmMarks marks;
    GstLmNetFrame marks_of; /* The frame that the marks are of, or the last one identical to it. */
    LmTracker tracker;
    GstLmPainter painter;
};

/** With the text that is no region. */
#define GST_LM_NET_BAD_REGION                                                                      \
    "Property region is \"%s\": expected \"auto\", \"full\", or x,y,width,height in whole "        \
    "pixels, width and height 1 or more."

/* --- gstlmnetprops.c ------------------------------------------------------------------------- */

/** Installs all properties, with their set and get functions. */
void gst_lm_net_props_install(GObjectClass *klass);
void gst_lm_net_props_init(GstLmNet *self);
void gst_lm_net_props_finish(GstLmNet *self);

/* --- gstlmnetsession.c ----------------------------------------------------------------------- */

/** Checks all that can be wrong before frames flow: the region, the model, the device. False with
 * an error on the bus, and without a session. No frames may flow. */
bool gst_lm_net_open_sessions(GstLmNet *self);
void gst_lm_net_close_sessions(GstLmNet *self);
/** Unless it goes on from before, or caps have yet to decide which one it is. No frames may flow,
 * or streaming thread. */
void gst_lm_net_start_session(GstLmNet *self);
/** Takes the model of the mode as settled, where it depends on that, and starts its session; from
 * then on it stays for as long as frames flow. Streaming thread. */
void gst_lm_net_settle_model(GstLmNet *self);
/** Hands on whether anything may wait. */
void gst_lm_net_update_flushing(GstLmNet *self);

/* --- gstlmnetmessages.c ---------------------------------------------------------------------- */

/** Posts why start-up failed as the element's error; the first call only. */
void gst_lm_net_report_start_failure(GstLmNet *self);
/** As LmSessionParams.report, from the session's worker; user: the element. */
void gst_lm_net_session_report(void *user, const LmSessionReport *report);
/** Ends the progress that is being reported, if any. */
void gst_lm_net_cancel_progress(GstLmNet *self);

void gst_lm_net_state_init(GstLmNet *self);
void gst_lm_net_state_finish(GstLmNet *self);
/** There is no session any more; nothing is posted. */
void gst_lm_net_state_reset(GstLmNet *self);
/** Each posts lmnet-state where what they tell changes it. Any thread. */
void gst_lm_net_set_session_state(GstLmNet *self, LmSessionState session, const char *reason);
void gst_lm_net_set_slow(GstLmNet *self, char *reason); /**< Takes the reason; NULL: not slow. */
void gst_lm_net_set_picture(GstLmNet *self, GstLmPicture picture);
/** The state's name in lmnet-state, static, and its light. Any thread. */
const char *gst_lm_net_get_state(GstLmNet *self, GstLmIndicator *light);

/** Posts lmnet-detection; user: the element. Streaming thread. */
void gst_lm_net_tell_detection(void *user, LmTrackEvent event, const LmFinding *finding);

/* --- gstlmnetflow.c -------------------------------------------------------------------------- */

void gst_lm_net_flow_init(GstLmNet *self);
void gst_lm_net_flow_finish(GstLmNet *self);
/** Forgets every frame, event and mask. Streaming thread, or while there is none. */
void gst_lm_net_flow_reset(GstLmNet *self);
/** Forgets the masks: frames from now on are of another scene. Nothing may be pending. */
void gst_lm_net_new_scene(GstLmNet *self);
/** Forgets them where the frame, the next one to be drawn on, is of another scene. */
void gst_lm_net_enter_scene(GstLmNet *self, const GstLmNetFrame *frame);
/** Takes up the layout of the frames from now on; no frames of another may be pending. */
void gst_lm_net_flow_configure(GstLmNet *self, const GstLmLayout *layout);
/** Takes the base class's queued buffer, unless the mode leaves it there for
 * gst_lm_net_next_output(). */
GstFlowReturn gst_lm_net_take_input(GstLmNet *self);
/** The next frame to push, NULL where it needs more input first. */
GstFlowReturn gst_lm_net_next_output(GstLmNet *self, GstBuffer **outbuf);

/* What the modes share. Streaming thread. */
GstLmNetSettings gst_lm_net_get_settings(GstLmNet *self);
bool gst_lm_net_is_flushing(GstLmNet *self);
/** Maps a frame for reading; false where it is not what the caps say, which is told once. */
bool gst_lm_net_map(GstLmNet *self, GstBuffer *buffer, GstVideoFrame *video, LmFrame *frame);
/** Looks at a frame before it is analysed: its times, whether it is of the scene before, its
 * region. Those before it may be pending. */
GstLmNetFrame gst_lm_net_look(GstLmNet *self, GstBuffer *buffer, const LmFrame *frame,
                              const GstLmNetSettings *settings);
/** Counts a result; its mask, or NULL where the device failed. The caller clears the result. */
LmMask *gst_lm_net_accept_result(GstLmNet *self, const LmResult *result);
/** Takes up a mask, of that frame, as the marks. */
void gst_lm_net_set_marks(GstLmNet *self, LmMask *mask, const GstLmNetFrame *of,
                          const GstLmNetSettings *settings);
/** Masks come too late to be shown, for this reason (taken over), or no longer (NULL): findings of
 * masks that are not shown leave, and are not told. */
void gst_lm_net_show_marks(GstLmNet *self, char *slow_reason);
/** Draws on a frame: the marks, `age` ns old, unless that is GST_CLOCK_TIME_NONE, and the state. */
void gst_lm_net_draw(GstLmNet *self, GstBuffer **buffer, const GstLmNetSettings *settings,
                     GstClockTime age);
/** A frame that the session refused: told once where that is not the session's own failure, which
 * it tells by itself. Takes the error. */
void gst_lm_net_refused(GstLmNet *self, GError *error);

/* --- gstlmneteveryframe.c -------------------------------------------------------------------- */

/** Takes a frame in: the mode's gst_lm_net_take_input(). */
GstFlowReturn gst_lm_net_take_frame(GstLmNet *self, GstBuffer *buffer);
/** The next frame in order, once `in_flight` are pending; NULL where it is not yet time for one.
 * Events that are first in the queue go downstream on the way. */
GstFlowReturn gst_lm_net_next_frame(GstLmNet *self, unsigned in_flight, GstBuffer **outbuf);
/** Pushes every pending frame and event, in order; waits for the frames' masks. */
GstFlowReturn gst_lm_net_drain(GstLmNet *self);
/** Keeps a serialized event in its place behind pending frames (true; takes it), or says that there
 * are none. */
bool gst_lm_net_queue_event(GstLmNet *self, GstEvent *event);
/** Drops what is pending; events go downstream all the same where asked for. */
void gst_lm_net_clear_pending(GstLmNet *self, bool forward_events);
void gst_lm_net_every_frame_init(GstLmNet *self);
void gst_lm_net_every_frame_finish(GstLmNet *self);

/* --- gstlmnetlatest.c ------------------------------------------------------------------------ */

/** Hands a frame on, and what marks there are for it. */
GstFlowReturn gst_lm_net_pass_latest(GstLmNet *self, GstBuffer **buffer);

/* --- gstlmnet.c ------------------------------------------------------------------------------ */

/** Works out what latency the mode adds, and posts a message where that has changed. Any thread. */
void gst_lm_net_settle_latency(GstLmNet *self);
/** Forwards an event as GstBaseTransform does. */
gboolean gst_lm_net_forward_event(GstLmNet *self, GstEvent *event);

G_END_DECLS
