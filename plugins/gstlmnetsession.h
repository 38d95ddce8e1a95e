/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The model that lmnet runs and the device it runs on: sessions, their start and its progress. */
#pragma once

#include "gstlmnetsettings.h"
#include "gstlmnetstate.h"

G_BEGIN_DECLS

typedef struct {
    GstElement *element;  /**< Not owned: it owns this. */
    GstLmNetState *state; /**< The element's. */

    /* Under the element's object lock. State changes make and free sessions while no frames flow;
     * the first caps exchange them. `current` is there from READY on and stays the same while
     * frames flow, so that the streaming thread reads it without the lock. */
    LmSession *current;
    LmSession *small;    /**< mode auto on a CPU: for latest, until the first caps; then NULL. */
    bool chosen_by_mode; /**< There was a small one. */
    bool stopping, flushing; /**< Either: nothing waits. */

    /* Atomic, for the session's worker reports at any time. */
    gint degraded, start_failed, progress_open;

    bool refusal_reported; /**< Streaming thread: of this layout. */
} GstLmNetSession;

void gst_lm_net_session_init(GstLmNetSession *self, GstElement *element, GstLmNetState *state);
void gst_lm_net_session_finish(GstLmNetSession *self);

/** Checks all that can be wrong before frames flow: the region, the model, the device. False with
 * an error on the bus, and without a session. No frames may flow. */
bool gst_lm_net_session_open(GstLmNetSession *self, GstLmNetSettings *settings);
/** The same, unless the session that is there still holds. */
bool gst_lm_net_session_reopen(GstLmNetSession *self, GstLmNetSettings *settings);
/** No frames may flow. */
void gst_lm_net_session_close(GstLmNetSession *self);

/** Starts the session, unless it is running, or caps have yet to choose one. No frames may flow, or
 * by the streaming thread. */
void gst_lm_net_session_start(GstLmNetSession *self);
/** If there are two sessions, keeps that for the mode and starts it. Streaming thread, with the
 * first caps. */
void gst_lm_net_session_choose(GstLmNetSession *self, GstLmNetMode mode);

/** The next frames have another layout. Streaming thread. */
void gst_lm_net_session_configure(GstLmNetSession *self);

/** While stopping or flushing, nothing waits. Any thread. */
void gst_lm_net_session_set_stopping(GstLmNetSession *self, bool stopping);
void gst_lm_net_session_set_flushing(GstLmNetSession *self, bool flushing);
bool gst_lm_net_session_is_flushing(GstLmNetSession *self);

/** Posts why the start failed as the element's error; the first call only. Any thread. */
void gst_lm_net_session_report_start_failure(GstLmNetSession *self);
/** Warns that the session refused a frame, once for each layout, unless the session itself is
 * failing, which it reports on its own. Takes the error. Streaming thread. */
void gst_lm_net_session_report_refusal(GstLmNetSession *self, GError *error);

/** Adds the session's fields to lmnet-stats. Under the object lock. */
void gst_lm_net_session_add_stats(const GstLmNetSession *self, GstStructure *stats);

G_END_DECLS
