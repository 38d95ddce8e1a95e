/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The state that a session's callers and its worker share under one lock: state, requests and
 * results. Nothing here waits for the device. */
#pragma once

#include <pthread.h>

#include "session/session.h"

G_BEGIN_DECLS

#define LM_STATE_MAX_SLOTS 8

/** FREE -> FILLING (a caller copies a frame, without the lock) -> FILLED -> BUSY (on the device) ->
 * FREE. The slot of the same number in LmResources belongs to the caller while FILLING, else to the
 * worker. */
typedef enum {
    LM_REQUEST_FREE,
    LM_REQUEST_FILLING,
    LM_REQUEST_FILLED,
    LM_REQUEST_BUSY
} LmRequestState;

/** A submitted frame. */
typedef struct {
    LmRequestState state;
    guint64 ticket;
    bool alone;   /**< Goes to the device only when no other frame is there. */
    bool dropped; /**< Its result is no longer wanted. */
    double smoothing;
    guint64 shot;
} LmRequest;

/** A frame layout and the region that is analysed. */
typedef struct {
    LmFrameInfo frame;
    LmRect region;
} LmLayout;

typedef struct {
    /* Immutable after lm_state_init(). */
    unsigned n_slots;
    const char *device;      /**< Its name, for messages. */
    gint64 stall_ns;         /**< As in LmSessionParams; 0: derived from the times of frames. */
    gint64 frame_timeout_ns; /**< A device that takes longer for a frame is taken to hang. */

    pthread_mutex_t lock; /**< Guards all fields below. */
    pthread_cond_t wake;  /**< To the worker: there is work. */
    pthread_cond_t news;  /**< To callers: state, layout, requests or results have changed. */

    LmSessionState session;
    GError *error;             /**< DEGRADED, FAILED: the reason. */
    unsigned serial, reported; /**< Number of the last change of state or error; number of the last
                                    reported one. */
    bool stalled;              /**< DEGRADED though nothing failed: the device is slow. */
    gint64 job_since;          /**< When the worker began to prepare or submit, ns; 0: it does
                                    neither. */
    bool retry;                /**< A new attempt makes sense at once. */
    bool bad_layout;           /**< This layout failed; another one may work. */
    bool quit, flushing;       /**< Set by callers: all waits end. */
    bool reporting;            /**< The worker is calling LmSessionParams.report. */
    bool finished;             /**< The worker has ended. */
    bool orphaned;             /**< Nobody waits for the worker: it frees itself. */
    LmLayout wanted, current;  /**< The layout of the last frame; the one that the slots are made
                                    for. */
    bool has_wanted, has_current;
    LmRequest requests[LM_STATE_MAX_SLOTS];
    GQueue results; /**< LmResult *, by ticket. */
    guint64 next_ticket, superseded;
} LmState;

/** device: borrowed. */
void lm_state_init(LmState *state, unsigned n_slots, const char *device, gint64 stall_ns,
                   gint64 frame_timeout_ns);
void lm_state_finish(LmState *state);

/* Call all functions below with the lock held. */

void lm_state_set_ready(LmState *state);
/** Sets DEGRADED or FAILED with this error (taken over), which is also the answer to every
 * outstanding frame. Requests become FREE. */
void lm_state_set_error(LmState *state, LmSessionState session, GError *error);
/** Sets DEGRADED, since the device has not answered for `ns`; BUSY requests stay BUSY. */
void lm_state_set_stalled(LmState *state, gint64 ns);
/** Returns true if DEGRADED or FAILED: every frame gets the error. */
bool lm_state_in_error(const LmState *state);
/** Degrades a READY session whose worker is stuck in a call of the driver. The worker notices slow
 * frames itself. */
void lm_state_check_stuck(LmState *state);

/** Returns true if the slots are made for the wanted layout. */
bool lm_state_layout_is_current(const LmState *state);
/** Returns true if the layout must change, and no slot is in use. */
bool lm_state_layout_is_due(const LmState *state);
/** Returns true if a frame of the current layout would get a slot, now or when results are
 * taken. */
bool lm_state_accepts_frames(const LmState *state);

/** The oldest request in that state, or NULL. */
LmRequest *lm_state_oldest(LmState *state, LmRequestState request);
/** The number of a request's slot. */
unsigned lm_state_slot(const LmState *state, const LmRequest *request);
/** A request for this frame, now FILLING; NULL if the frame cannot be taken now. Asks the worker
 * for the layout if it is not the current one. */
LmRequest *lm_state_claim(LmState *state, const LmLayout *layout, const LmSubmitParams *params);
/** Drops every frame and result. */
void lm_state_discard(LmState *state);

/** The number of frames whose results have not been taken. */
unsigned lm_state_outstanding(const LmState *state);
/** Takes the oldest result; false if there is none. */
bool lm_state_take_result(LmState *state, LmResult *result);

G_END_DECLS
