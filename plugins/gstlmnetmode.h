/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The table of functions that each of lmnet's modes fills in, and the objects that a mode works
 * with. */
#pragma once

#include "gstlmnetinspect.h"
#include "gstlmnetmarks.h"
#include "gstlmnetsession.h"
#include "gstlmnetsettings.h"
#include "gstlmnetstats.h"

G_BEGIN_DECLS

/** The element's objects, borrowed: they live longer than the modes. */
typedef struct {
    GstBaseTransform *element;
    const GstLmNetSettings *settings; /**< Under the element's object lock. */
    GstLmNetStats *stats;             /**< Likewise. */
    GstLmNetSession *session;
    GstLmNetInspect *inspect;
    GstLmNetMarks *marks;
    /** Forwards a sink event as GstBaseTransform does; takes it. */
    gboolean (*forward_event)(GstBaseTransform *element, GstEvent *event);
} GstLmNetParts;

/** A way to queue frames for the device. create() returns the `mode` that the other functions take;
 * the streaming thread calls them, or a state change while there is no such thread. */
typedef struct {
    gpointer (*create)(const GstLmNetParts *parts);
    void (*free)(gpointer mode);

    /** The latency that the mode adds when live, and the number of frames that it holds at most.
     * Any thread, under the object lock. */
    GstClockTime (*get_latency)(const GstLmNetSettings *settings, GstClockTime frame_duration);
    guint (*get_held)(const GstLmNetSettings *settings);

    /** The frames from now on go through this mode: called at caps and segments, while the mode
     * holds no frame. NULL: there is nothing to do. */
    void (*configure)(gpointer mode);
    /** Takes a frame, with its reference. */
    GstFlowReturn (*take)(gpointer mode, GstBuffer *buffer);
    /** The next frame to push; *outbuf stays NULL if the mode needs more input first. */
    GstFlowReturn (*next)(gpointer mode, GstBuffer **outbuf);
    /** Pushes every held frame and event, in order; waits for the frames' masks. NULL: the mode
     * holds none. */
    GstFlowReturn (*drain)(gpointer mode);
    /** Keeps a serialized event in its place after held frames (true; takes it); false if there are
     * none. NULL: there never are. */
    bool (*queue_event)(gpointer mode, GstEvent *event);
    /** Drops every held frame and event. */
    void (*reset)(gpointer mode);
} GstLmNetModeFuncs;

G_END_DECLS
