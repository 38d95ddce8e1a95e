/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Changes a session's shared state. */
#include "session/state.h"

#include "util/clock.h"
#include "util/error.h"

void lm_state_init(LmState *state, unsigned n_slots, const char *device, gint64 stall_ns,
                   gint64 frame_timeout_ns)
{
    *state = (LmState){
        .n_slots = n_slots,
        .device = device,
        .stall_ns = stall_ns,
        .frame_timeout_ns = frame_timeout_ns,
        .next_ticket = 1,
    };
    pthread_mutex_init(&state->lock, NULL);
    lm_clock_cond_init(&state->wake);
    lm_clock_cond_init(&state->news);
    g_queue_init(&state->results);
}

void lm_state_finish(LmState *state)
{
    g_queue_clear_full(&state->results, lm_result_free);
    g_clear_error(&state->error);
    pthread_cond_destroy(&state->news);
    pthread_cond_destroy(&state->wake);
    pthread_mutex_destroy(&state->lock);
}

/* --- Errors ---------------------------------------------------------------------------------- */

static void set_session(LmState *state, LmSessionState session, GError *error)
{
    state->session = session;
    g_clear_error(&state->error);
    state->error = error;
    state->stalled = false;
    state->serial++;
    pthread_cond_broadcast(&state->news);
}

void lm_state_set_ready(LmState *state)
{
    set_session(state, LM_SESSION_READY, NULL);
}

/* The oldest request in one of the states (bits of 1 << LmRequestState), or NULL. awaited: a caller
 * must still wait for its result. */
static LmRequest *oldest(LmState *state, unsigned states, bool awaited)
{
    LmRequest *found = NULL;
    for (unsigned i = 0; i < state->n_slots; i++) {
        LmRequest *request = &state->requests[i];
        if (!(states >> request->state & 1) || (awaited && request->dropped))
            continue;
        if (!found || request->ticket < found->ticket)
            found = request;
    }
    return found;
}

static void answer_all(LmState *state)
{
    for (LmRequest *request;
         (request = oldest(state, 1u << LM_REQUEST_BUSY | 1u << LM_REQUEST_FILLED, true));) {
        LmResult *result = g_new0(LmResult, 1);
        result->ticket = request->ticket;
        result->error = g_error_copy(state->error);
        g_queue_push_tail(&state->results, result);
        request->dropped = true;
    }
}

static void free_requests(LmState *state, LmRequestState request)
{
    for (unsigned i = 0; i < state->n_slots; i++)
        if (state->requests[i].state == request)
            state->requests[i].state = LM_REQUEST_FREE;
}

void lm_state_set_error(LmState *state, LmSessionState session, GError *error)
{
    set_session(state, session, error);
    answer_all(state);
    free_requests(state, LM_REQUEST_BUSY);
    free_requests(state, LM_REQUEST_FILLED);
}

void lm_state_set_stalled(LmState *state, gint64 ns)
{
    set_session(state, LM_SESSION_DEGRADED,
                g_error_new(LM_ERROR, LM_ERROR_TIMEOUT, "%s has not answered for %.1f s",
                            state->device, (double)ns / (double)LM_SECOND_NS));
    state->stalled = true;
    answer_all(state);
    free_requests(state, LM_REQUEST_FILLED);
}

bool lm_state_in_error(const LmState *state)
{
    return state->session == LM_SESSION_DEGRADED || state->session == LM_SESSION_FAILED;
}

void lm_state_check_stuck(LmState *state)
{
    gint64 limit = state->stall_ns ? state->stall_ns : state->frame_timeout_ns / 6;
    gint64 since = state->job_since;
    if (state->session == LM_SESSION_READY && since && lm_clock_now() - since > limit)
        lm_state_set_stalled(state, limit);
}

/* --- Layouts --------------------------------------------------------------------------------- */

static bool layout_equal(const LmLayout *a, const LmLayout *b)
{
    return a->frame.format == b->frame.format && a->frame.width == b->frame.width &&
           a->frame.height == b->frame.height && a->frame.kr == b->frame.kr &&
           a->frame.kb == b->frame.kb && a->frame.full_range == b->frame.full_range &&
           lm_rect_equal(a->region, b->region);
}

bool lm_state_layout_is_current(const LmState *state)
{
    return state->has_current && layout_equal(&state->wanted, &state->current);
}

bool lm_state_layout_is_due(const LmState *state)
{
    if (!state->has_wanted || lm_state_layout_is_current(state))
        return false;
    for (unsigned i = 0; i < state->n_slots; i++)
        if (state->requests[i].state != LM_REQUEST_FREE)
            return false;
    return true;
}

/* The device still processes discarded frames, and no slot is free. */
static bool has_backpressure(const LmState *state)
{
    bool dropped = false;
    for (unsigned i = 0; i < state->n_slots; i++) {
        if (state->requests[i].state == LM_REQUEST_FREE)
            return false;
        dropped |= state->requests[i].dropped;
    }
    return dropped;
}

bool lm_state_accepts_frames(const LmState *state)
{
    return state->session == LM_SESSION_READY &&
           (!state->has_wanted || lm_state_layout_is_current(state)) && !has_backpressure(state);
}

/* --- Requests and results -------------------------------------------------------------------- */

LmRequest *lm_state_oldest(LmState *state, LmRequestState wanted)
{
    return oldest(state, 1u << wanted, false);
}

unsigned lm_state_slot(const LmState *state, const LmRequest *request)
{
    return (unsigned)(request - state->requests);
}

/* With `replace`, a request that still waits rather than a free one. */
static LmRequest *request_to_fill(LmState *state, bool replace)
{
    LmRequest *waiting = replace ? lm_state_oldest(state, LM_REQUEST_FILLED) : NULL;
    if (waiting)
        return waiting;
    for (unsigned i = 0; i < state->n_slots; i++)
        if (state->requests[i].state == LM_REQUEST_FREE)
            return &state->requests[i];
    return NULL;
}

LmRequest *lm_state_claim(LmState *state, const LmLayout *layout, const LmSubmitParams *params)
{
    if (state->session == LM_SESSION_FAILED || state->session == LM_SESSION_IDLE)
        return NULL;
    if (!state->has_wanted || !layout_equal(&state->wanted, layout)) {
        state->wanted = *layout;
        state->has_wanted = true;
        state->retry = state->bad_layout;
        pthread_cond_signal(&state->wake);
    }
    if (state->session != LM_SESSION_READY || !lm_state_layout_is_current(state))
        return NULL;
    LmRequest *request = request_to_fill(state, params->replace);
    if (!request)
        return NULL;
    if (request->state == LM_REQUEST_FILLED && !request->dropped)
        state->superseded++;
    *request = (LmRequest){
        .state = LM_REQUEST_FILLING,
        .ticket = state->next_ticket++,
        .alone = params->replace,
        .smoothing = params->smoothing,
        .shot = params->shot,
    };
    return request;
}

void lm_state_discard(LmState *state)
{
    for (unsigned i = 0; i < state->n_slots; i++) {
        LmRequest *request = &state->requests[i];
        if (request->state == LM_REQUEST_FILLED)
            request->state = LM_REQUEST_FREE;
        else
            request->dropped = true;
    }
    g_queue_clear_full(&state->results, lm_result_free);
    pthread_cond_broadcast(&state->news);
}

unsigned lm_state_outstanding(const LmState *state)
{
    unsigned n = state->results.length;
    for (unsigned i = 0; i < state->n_slots; i++)
        n += state->requests[i].state != LM_REQUEST_FREE && !state->requests[i].dropped;
    return n;
}

bool lm_state_take_result(LmState *state, LmResult *result)
{
    LmResult *head = g_queue_pop_head(&state->results);
    if (!head)
        return false;
    *result = *head;
    g_free(head);
    return true;
}
