/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A session's worker: the thread that opens the device, submits frames, waits for answers, and
 * starts again when the device fails. */
#pragma once

#include "session/engine.h"
#include "session/resources.h"
#include "session/state.h"
#include "util/times.h"

G_BEGIN_DECLS

typedef struct {
    /* Immutable. */
    LmEngine *engine; /**< A reference. */
    void (*report)(void *user, const LmSessionReport *report);
    void *user;

    LmState state; /**< Has its own lock. */

    /* Used by the thread only, except that callers call lm_resources_upload(). */
    LmResources resources;
    gint64 submitted[LM_STATE_MAX_SLOTS]; /**< When a slot's frame went to the device, ns. */
    LmTimes inferences;                   /**< Times of the last inferences. */
    gint64 backoff; /**< The last pause before a new attempt, ns; 0: no error since. */
    bool was_ready;

    /* Used by the owner only. */
    pthread_t thread;
    bool started;
} LmWorker;

/** Takes over the engine. Uses slots, stall_ns, report and user of params. */
LmWorker *lm_worker_new(LmEngine *engine, const LmSessionParams *params);
/** Starts the thread; call it only once. If the system grants no thread, the state is FAILED. */
void lm_worker_start(LmWorker *worker);
/** Stops the thread and frees everything. If it does not end within half a second, since the device
 * or a driver does not answer, the thread is orphaned and frees everything when it can. */
void lm_worker_free(LmWorker **worker);

G_END_DECLS
