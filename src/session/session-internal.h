/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A session's insides, shared by its callers' side and its worker. */
#pragma once

#include "util/clock.h"
#include "session/engine.h"
#include "exec/slot.h"

#define LM_SESSION_MAX_SLOTS 8

/* What a slot is doing. FREE -> FILLING (a caller copies a frame, without the lock) -> FILLED ->
 * BUSY (on the device)
 * -> FREE. The caller owns the LmSlot while FILLING, the worker at all other times. */
typedef enum { SLOT_FREE, SLOT_FILLING, SLOT_FILLED, SLOT_BUSY } SlotState;

typedef struct {
    LmSlot gpu;
    SlotState state;
    guint64 ticket;
    bool alone; /* goes to the device only when nothing else is there: handed over with `replace` */
    bool dropped;     /* its result is not wanted any more */
    double smoothing; /* as handed over */
    guint64 shot;
    gint64 submitted; /* monotonic, ns */
} Slot;

/* A frame layout and the region that is analysed. */
typedef struct {
    LmFrameInfo frame;
    LmRect region;
} Layout;

#define LM_SESSION_RECENT 9

struct LmSession {
    /* Immutable after lm_session_new(). */
    LmEngine *engine;
    unsigned n_slots;
    void (*report)(void *user, const LmSessionReport *report);
    void *user;
    gint64 stall_ns; /* 0: by what frames take */
    gint64 frame_timeout_ns;

    /* The worker's own. */
    LmSeat *seat;
    gint64 backoff; /* the last pause before a new attempt, ns; 0: all is well since */
    gint64 recent[LM_SESSION_RECENT]; /* what the last inferences took, ns */
    unsigned n_recent;                /* how many there were; the newest is at (n - 1) % size */
    bool was_ready;
    LmBuffer history;     /* probabilities of the last frame that was smoothed, */
    bool has_history;     /* if it was the last one at all, */
    guint64 history_shot; /* and its shot */
    /* Written by the worker while no slot is FILLING, read by callers while one is. */
    LmPreprocess *preprocess;

    pthread_t thread;
    bool started;

    pthread_mutex_t lock; /* guards all that follows */
    pthread_cond_t wake;  /* to the worker: something to do */
    pthread_cond_t news;  /* to callers: state, layout, slots or results have changed */
    LmSessionState state;
    GError *error; /* DEGRADED, FAILED: why */
    bool quit, flushing;
    bool reporting;   /* the worker is in `report` */
    bool finished;    /* the worker is at its end */
    bool orphaned;    /* lm_session_free() did not wait: the worker frees the session */
    bool stalled;     /* DEGRADED, but nothing has failed: the worker still waits for the device */
    gint64 job_since; /* since when the worker prepares or submits on the device; 0: it does not */
    bool retry;       /* a new attempt is worth while at once */
    bool bad_layout;  /* what failed was the layout, which may be another now */
    Layout wanted, current; /* of the last frame offered, and what the slots are made for */
    bool has_wanted, has_current;
    unsigned changes, told; /* of state and error, and the last that `report` was called for */
    Slot slots[LM_SESSION_MAX_SLOTS];
    GQueue results; /* LmResult *, by ticket */
    guint64 next_ticket, superseded;
};

/** The worker thread's function. */
void *lm_session_work(void *session);
/** Frees all; the worker has ended, or calls it as its last. */
void lm_session_destroy(LmSession *session);
bool lm_session_same_layout(const Layout *a, const Layout *b);

/* With the lock held. */

/** The oldest slot in `state`, or NULL. */
Slot *lm_session_oldest(LmSession *session, SlotState state);
void lm_session_set_ready(LmSession *session);
/** The session is DEGRADED or FAILED, for this reason (taken over); every frame that a caller waits
 * for is answered with it. Slots become FREE. */
void lm_session_set_error(LmSession *session, LmSessionState state, GError *error);
/** The session is DEGRADED as the device has not answered for so long; slots that are BUSY stay so.
 */
void lm_session_set_stalled(LmSession *session, gint64 ns);

/* By the worker, without the lock. */

/** How long a frame may take before the session is stalled, ns. */
gint64 lm_session_stall_limit(const LmSession *session);
/** Gives back what the session has on the device; `hung`: it may never be done with it. Waits for
 * callers that still copy frames there. */
void lm_session_close_device(LmSession *session, bool hung);
/** Waits before the next attempt. */
void lm_session_back_off(LmSession *session);
