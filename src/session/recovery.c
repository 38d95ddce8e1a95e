/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What becomes of a session whose device fails or hangs: answers, giving back, a new attempt. */
#include <stdlib.h>

#include "session/orphans.h"
#include "session/session-internal.h"
#include "util/error.h"

#define FIRST_PAUSE (LM_SECOND_NS / 2)
#define LONGEST_PAUSE (30 * LM_SECOND_NS)
#define LEAST_STALL (2 * LM_SECOND_NS)
/* Medians of frames' times that are a stall. */
#define STALL_FACTOR 20
/* As many threads of the process may wait for devices that hang; each holds what a session or more
 * have there. */
#define MOST_DETACHED 4

Slot *lm_session_oldest(LmSession *session, SlotState state)
{
    Slot *found = NULL;
    for (unsigned i = 0; i < session->n_slots; i++) {
        Slot *slot = &session->slots[i];
        if (slot->state == state && (!found || slot->ticket < found->ticket))
            found = slot;
    }
    return found;
}

/* --- States ---------------------------------------------------------------------------------- */

static void set_state(LmSession *session, LmSessionState state, GError *error)
{
    session->state = state;
    g_clear_error(&session->error);
    session->error = error;
    session->stalled = false;
    session->changes++;
    pthread_cond_broadcast(&session->news);
}

void lm_session_set_ready(LmSession *session)
{
    set_state(session, LM_SESSION_READY, NULL);
}

/* The oldest frame that a caller waits for; NULL: there is none. */
static Slot *oldest_awaited(LmSession *session)
{
    Slot *found = NULL;
    for (unsigned i = 0; i < session->n_slots; i++) {
        Slot *slot = &session->slots[i];
        if ((slot->state == SLOT_BUSY || slot->state == SLOT_FILLED) && !slot->dropped &&
            (!found || slot->ticket < found->ticket))
            found = slot;
    }
    return found;
}

static void answer_all(LmSession *session)
{
    for (Slot *slot; (slot = oldest_awaited(session));) {
        LmResult *result = g_new0(LmResult, 1);
        result->ticket = slot->ticket;
        result->error = g_error_copy(session->error);
        g_queue_push_tail(&session->results, result);
        slot->dropped = true;
    }
}

static void free_slots(LmSession *session, SlotState state)
{
    for (unsigned i = 0; i < session->n_slots; i++)
        if (session->slots[i].state == state)
            session->slots[i].state = SLOT_FREE;
}

void lm_session_set_error(LmSession *session, LmSessionState state, GError *error)
{
    set_state(session, state, error);
    answer_all(session);
    free_slots(session, SLOT_BUSY);
    free_slots(session, SLOT_FILLED);
}

void lm_session_set_stalled(LmSession *session, gint64 ns)
{
    set_state(session, LM_SESSION_DEGRADED,
              g_error_new(LM_ERROR, LM_ERROR_TIMEOUT, "%s has not answered for %.1f s",
                          session->engine->info.name, (double)ns / (double)LM_SECOND_NS));
    session->stalled = true;
    answer_all(session);
    free_slots(session, SLOT_FILLED);
}

/* --- A device that takes long ---------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    gint64 left = *(const gint64 *)a, right = *(const gint64 *)b;
    return (left > right) - (left < right);
}

gint64 lm_session_stall_limit(const LmSession *session)
{
    gint64 sorted[LM_SESSION_RECENT];
    unsigned n = MIN(session->n_recent, LM_SESSION_RECENT);
    if (session->stall_ns)
        return session->stall_ns;
    if (n == 0)
        return session->frame_timeout_ns / 6;
    memcpy(sorted, session->recent, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, compare);
    return MAX(STALL_FACTOR * sorted[n / 2], LEAST_STALL);
}

/* --- Giving back ----------------------------------------------------------------------------- */

/* What a session has on a device. */
typedef struct {
    LmSlot slots[LM_SESSION_MAX_SLOTS];
    LmBuffer history;
    LmPreprocess *preprocess;
    LmSeat *seat;
} Remains;

/* Waits for the device. */
static void give_back(Remains *remains)
{
    for (unsigned i = 0; i < LM_SESSION_MAX_SLOTS; i++)
        if (remains->slots[i].views)
            lm_slot_finish(&remains->slots[i]);
    lm_buffer_finish(&remains->history);
    lm_preprocess_free(&remains->preprocess);
    lm_seat_free(&remains->seat);
}

static void *give_back_some_time(void *data)
{
    give_back(data);
    g_free(data);
    lm_orphans_leave();
    return NULL;
}

void lm_session_close_device(LmSession *session, bool hung)
{
    Remains remains = {
        .history = session->history, .preprocess = session->preprocess, .seat = session->seat};
    pthread_mutex_lock(&session->lock);
    while (lm_session_oldest(session, SLOT_FILLING))
        pthread_cond_wait(&session->wake, &session->lock);
    session->has_current = false;
    pthread_mutex_unlock(&session->lock);

    for (unsigned i = 0; i < session->n_slots; i++) {
        remains.slots[i] = session->slots[i].gpu;
        session->slots[i].gpu = (LmSlot){0};
    }
    session->history = (LmBuffer){0};
    session->has_history = false;
    session->preprocess = NULL;
    session->seat = NULL;
    if (!hung) {
        give_back(&remains);
        return;
    }
    Remains *left = g_memdup2(&remains, sizeof remains);
    if (!lm_orphans_start(give_back_some_time, left))
        g_warning("no thread to wait for %s, which hangs: its memory is lost",
                  session->engine->info.name);
}

void lm_session_back_off(LmSession *session)
{
    session->backoff = session->backoff ? MIN(2 * session->backoff, LONGEST_PAUSE) : FIRST_PAUSE;
    gint64 until = lm_clock_now() + session->backoff;
    pthread_mutex_lock(&session->lock);
    while (!session->quit && !session->retry && lm_clock_now() < until)
        lm_clock_wait(&session->wake, &session->lock, until);
    while (!session->quit && lm_orphans_count() >= MOST_DETACHED)
        lm_clock_wait(&session->wake, &session->lock, lm_clock_now() + LM_SECOND_NS);
    session->retry = session->bad_layout = false;
    pthread_mutex_unlock(&session->lock);
}
