/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A session's insides, shared by its callers' side and its worker. */
#pragma once

#include <pthread.h>

#include "run/session.h"
#include "run/slot.h"

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
    gint64 submitted; /* monotonic, ns */
} Slot;

/* A frame layout and the region that is analysed. */
typedef struct {
    LmFrameInfo frame;
    LmRect region;
} Layout;

struct LmSession {
    /* Immutable after lm_session_new(). */
    char *device_selection, *cache_dir;
    unsigned n_slots;
    void (*progress)(void *user, LmSessionState state, const char *what, int percent);
    void *user;
    LmWeights *weights;
    LmGraph *graph;
    LmDeviceInfo info;
    LmPrecision precision;
    guint64 frame_timeout_ns;

    /* The worker's own. */
    LmDevice *device;
    LmPipelines *pipelines;
    LmExecutor *executor;
    /* Written by the worker while no slot is FILLING, read by callers while one is. */
    LmPreprocess *preprocess;

    pthread_t thread;
    bool started;

    pthread_mutex_t lock; /* guards all that follows */
    pthread_cond_t wake;  /* to the worker: something to do */
    pthread_cond_t news;  /* to callers: state, layout, slots or results have changed */
    LmSessionState state;
    GError *error;
    bool quit, flushing;
    Layout wanted, current; /* of the last frame offered, and what the slots are made for */
    bool has_wanted, has_current;
    Slot slots[LM_SESSION_MAX_SLOTS];
    GQueue results; /* LmResult *, by ticket */
    guint64 next_ticket, superseded;
};

/** The worker thread's function. */
void *lm_session_work(void *session);
bool lm_session_same_layout(const Layout *a, const Layout *b);
