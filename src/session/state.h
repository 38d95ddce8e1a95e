/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What a session's callers and its worker exchange, under one lock: the state, frames on their way
 * and their results. Nothing here waits for the device. */
#pragma once

#include <pthread.h>

#include "session/session.h"

G_BEGIN_DECLS

#define LM_STATE_MAX_SLOTS 8

/** FREE -> FILLING (a caller copies a frame, without the lock) -> FILLED -> BUSY (on the device) ->
 * FREE. The slot of that number in LmResources is the caller's while FILLING, the worker's at all
 * other times. */
typedef enum {
    LM_REQUEST_FREE,
    LM_REQUEST_FILLING,
    LM_REQUEST_FILLED,
    LM_REQUEST_BUSY
} LmRequestState;

/** A frame that was handed over. */
typedef struct {
    LmRequestState state;
    guint64 ticket;
    bool alone;   /**< Goes to the device only when nothing else is there. */
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
    gint64 stall_ns;         /**< As in LmSessionParams; 0: by what frames take. */
    gint64 frame_timeout_ns; /**< A device that takes longer for one frame hangs. */

    pthread_mutex_t lock; /**< Guards everything below. */
    pthread_cond_t wake;  /**< To the worker: there is something to do. */
    pthread_cond_t news;  /**< To callers: state, layout, requests or results have changed. */

    LmSessionState session;
    GError *error;             /**< DEGRADED, FAILED: the reason. */
    unsigned serial, reported; /**< Of state and error, and the last one that was reported. */
    bool stalled;              /**< DEGRADED though nothing failed: the device is slow. */
    gint64 job_since;          /**< When the worker began to prepare or submit; 0: it does not. */
    bool retry;                /**< A new attempt is worth while at once. */
    bool bad_layout;           /**< The layout failed; another one may not. */
    bool quit, flushing;       /**< Set by callers: nothing waits. */
    bool reporting;            /**< The worker is in LmSessionParams.report. */
    bool finished;             /**< The worker is at its end. */
    bool orphaned;             /**< Nobody waits for the worker: it frees itself. */
    LmLayout wanted, current;  /**< Of the last frame offered; that the slots are made for. */
    bool has_wanted, has_current;
    LmRequest requests[LM_STATE_MAX_SLOTS];
    GQueue results; /**< LmResult *, by ticket. */
    guint64 next_ticket, superseded;
} LmState;

/** device: borrowed. */
void lm_state_init(LmState *state, unsigned n_slots, const char *device, gint64 stall_ns,
                   gint64 frame_timeout_ns);
void lm_state_finish(LmState *state);

/* All that follow: with the lock held. */

void lm_state_set_ready(LmState *state);
/** DEGRADED or FAILED, for this reason (taken over); answers with it every frame that a caller
 * waits for. Requests become FREE. */
void lm_state_set_error(LmState *state, LmSessionState session, GError *error);
/** DEGRADED, since the device has not answered for so long; BUSY requests stay so. */
void lm_state_set_stalled(LmState *state, gint64 ns);
/** DEGRADED or FAILED: there is an error to return for every frame. */
bool lm_state_in_error(const LmState *state);
/** DEGRADES a READY session whose worker is stuck in a call of the driver. The worker notices slow
 * frames itself. */
void lm_state_check_stuck(LmState *state);

/** The slots are made for the layout last asked for. */
bool lm_state_layout_is_current(const LmState *state);
/** The layout must change, and may: no slot is in use. */
bool lm_state_layout_is_due(const LmState *state);
/** A frame of the current layout would get a slot, now or when results are taken. */
bool lm_state_accepts_frames(const LmState *state);

/** The oldest request in that state, or NULL. */
LmRequest *lm_state_oldest(LmState *state, LmRequestState request);
/** The number of a request's slot. */
unsigned lm_state_slot(const LmState *state, const LmRequest *request);
/** A request for this frame, now FILLING; NULL if it cannot be taken now. Asks the worker for the
 * layout if it is not the current one. */
LmRequest *lm_state_claim(LmState *state, const LmLayout *layout, const LmSubmitParams *params);
/** Drops every frame and result. */
void lm_state_discard(LmState *state);

/** Frames whose results have yet to be taken. */
unsigned lm_state_outstanding(const LmState *state);
/** Takes the oldest result; false if there is none. */
bool lm_state_take_result(LmState *state, LmResult *result);

G_END_DECLS
