/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The callers' side of a session: settings, frames in, results out. */
#include "session/session.h"

#include "session/worker.h"
#include "util/clock.h"
#include "util/error.h"

/* How often a waiting caller checks whether the worker is stuck. */
#define STUCK_STEP (LM_SECOND_NS / 4)

struct LmSession {
    LmWorker *worker;
};

static LmState *lock(LmSession *session)
{
    LmState *state = &session->worker->state;
    pthread_mutex_lock(&state->lock);
    return state;
}

static void unlock(LmState *state)
{
    pthread_mutex_unlock(&state->lock);
}

/* --- Life ------------------------------------------------------------------------------------ */

LmSession *lm_session_new(const LmSessionParams *params, GError **error)
{
    g_assert(params->slots <= LM_STATE_MAX_SLOTS);
    const LmEngineParams engine_params = {
        .model = params->model,
        .device = params->device,
        .precision = params->precision,
        .width = params->width,
        .height = params->height,
        .cache_dir = params->cache_dir,
    };
    LmEngine *engine = lm_engine_get(&engine_params, error);
    if (!engine)
        return NULL;
    LmSession *session = g_new0(LmSession, 1);
    session->worker = lm_worker_new(engine, params);
    return session;
}

void lm_session_free(LmSession **handle)
{
    LmSession *session = handle ? *handle : NULL;
    if (!session)
        return;
    *handle = NULL;
    lm_worker_free(&session->worker);
    g_free(session);
}

void lm_session_start(LmSession *session)
{
    lm_worker_start(session->worker);
}

/* --- Properties ------------------------------------------------------------------------------ */

LmSessionState lm_session_state(LmSession *session)
{
    LmState *state = lock(session);
    LmSessionState now = state->session;
    unlock(state);
    return now;
}

GError *lm_session_error(LmSession *session)
{
    LmState *state = lock(session);
    GError *error = state->error ? g_error_copy(state->error) : NULL;
    unlock(state);
    return error;
}

const LmModelInfo *lm_session_model(const LmSession *session)
{
    return lm_weights_info(session->worker->engine->weights);
}

const char *lm_session_model_path(const LmSession *session)
{
    return lm_weights_path(session->worker->engine->weights);
}

unsigned lm_session_n_classes(const LmSession *session)
{
    const LmGraph *graph = session->worker->engine->graph;
    return (unsigned)lm_graph_tensor(graph, graph->output)->channels;
}

const LmDeviceInfo *lm_session_device(const LmSession *session)
{
    return &session->worker->engine->info;
}

LmPrecision lm_session_precision(const LmSession *session)
{
    return session->worker->engine->precision;
}

/* --- Frames in ------------------------------------------------------------------------------- */

/* Callers must not wait any longer. */
static bool is_interrupted(const LmState *state)
{
    return state->flushing || state->quit;
}

/* Waits with the lock held, at most until `deadline`. */
static void wait_news(LmState *state, gint64 deadline)
{
    lm_clock_wait(&state->news, &state->lock, MIN(lm_clock_now() + STUCK_STEP, deadline));
    lm_state_check_stuck(state);
}

/* As lm_session_wait_ready(), with a copy of the error if the session is DEGRADED or has FAILED: it
 * may be READY again, and the error gone, before a caller can ask for it. */
static bool wait_ready(LmSession *session, GError **error)
{
    LmState *state = lock(session);
    while (!is_interrupted(state) && !lm_state_in_error(state) && !lm_state_accepts_frames(state))
        wait_news(state, G_MAXINT64);
    bool waited = !is_interrupted(state);
    if (waited && lm_state_in_error(state))
        g_propagate_error(error, g_error_copy(state->error));
    bool ready = waited && state->session == LM_SESSION_READY;
    unlock(state);
    return ready;
}

bool lm_session_wait_ready(LmSession *session)
{
    return wait_ready(session, NULL);
}

/* The layout that a frame needs. Returns false with an error if it is impossible. */
static bool layout_of(const LmFrame *frame, LmRect region, LmLayout *layout, GError **error)
{
    *layout = (LmLayout){
        frame->info, lm_rect_clip(region, (LmRect){0, 0, frame->info.width, frame->info.height})};
    if (!lm_frame_info_check(&frame->info, error))
        return false;
    if (layout->region.width > 0 && layout->region.height > 0)
        return true;
    g_set_error(error, LM_ERROR, LM_ERROR_ARGUMENT,
                "region %d,%d,%d,%d does not overlap the %dx%d frame", region.x, region.y,
                region.width, region.height, frame->info.width, frame->info.height);
    return false;
}

bool lm_session_submit(LmSession *session, const LmFrame *frame, LmRect region,
                       const LmSubmitParams *params, guint64 *ticket, GError **error)
{
    static const LmSubmitParams defaults = {0};
    LmLayout layout;
    if (!layout_of(frame, region, &layout, error))
        return false;

    LmState *state = lock(session);
    lm_state_check_stuck(state);
    if (lm_state_in_error(state))
        g_propagate_error(error, g_error_copy(state->error));
    LmRequest *request = lm_state_claim(state, &layout, params ? params : &defaults);
    unlock(state);
    if (!request)
        return false;

    bool ok = lm_resources_upload(&session->worker->resources, lm_state_slot(state, request), frame,
                                  error);

    pthread_mutex_lock(&state->lock);
    if (ok && lm_state_in_error(state)) { /* in the meantime, so nothing would answer the request */
        g_propagate_error(error, g_error_copy(state->error));
        ok = false;
    }
    *ticket = request->ticket;
    request->state = ok && !request->dropped ? LM_REQUEST_FILLED : LM_REQUEST_FREE;
    pthread_cond_signal(&state->wake);
    /* Callers that wait for a slot, or for this frame's result, must check again. */
    if (request->state == LM_REQUEST_FREE)
        pthread_cond_broadcast(&state->news);
    unlock(state);
    return ok;
}

/* --- Results out ----------------------------------------------------------------------------- */

bool lm_session_wait_result_until(LmSession *session, gint64 deadline, LmResult *result)
{
    LmState *state = lock(session);
    while (!is_interrupted(state) && g_queue_is_empty(&state->results) &&
           lm_state_outstanding(state) > 0 && lm_clock_now() < deadline)
        wait_news(state, deadline);
    bool taken = !is_interrupted(state) && lm_state_take_result(state, result);
    unlock(state);
    return taken;
}

bool lm_session_wait_result(LmSession *session, LmResult *result)
{
    return lm_session_wait_result_until(session, G_MAXINT64, result);
}

bool lm_session_segment(LmSession *session, const LmFrame *frame, LmRect region, LmResult *result,
                        GError **error)
{
    GError *reason = NULL;
    guint64 ticket;
    bool ok = true;

    *result = (LmResult){0};
    while (ok && !lm_session_submit(session, frame, region, NULL, &ticket, &reason))
        ok = !reason && wait_ready(session, &reason);
    ok = ok && lm_session_wait_result(session, result);
    if (ok)
        reason = g_steal_pointer(&result->error);
    if (reason)
        g_propagate_error(error, reason);
    return result->mask != NULL;
}

bool lm_session_poll_result(LmSession *session, LmResult *result)
{
    LmState *state = lock(session);
    bool taken = lm_state_take_result(state, result);
    unlock(state);
    return taken;
}

unsigned lm_session_outstanding(LmSession *session)
{
    LmState *state = lock(session);
    unsigned n = lm_state_outstanding(state);
    unlock(state);
    return n;
}

guint64 lm_session_superseded(LmSession *session)
{
    LmState *state = lock(session);
    guint64 n = state->superseded;
    unlock(state);
    return n;
}

void lm_session_set_flushing(LmSession *session, bool flushing)
{
    LmState *state = lock(session);
    state->flushing = flushing;
    pthread_cond_broadcast(&state->news);
    unlock(state);
}

void lm_session_discard(LmSession *session)
{
    LmState *state = lock(session);
    lm_state_discard(state);
    unlock(state);
}
