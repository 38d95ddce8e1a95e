/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The worker's side of a session: device and pipelines, frame layouts, submission and answers. */
#include "session/session-internal.h"

#ifdef __linux__
#include <sys/resource.h>
#endif

#include "session/orphans.h"
#include "util/error.h"

/* How soon the worker, while it waits for a frame, sees whatever else there is. */
#define WAIT_STEP (LM_SECOND_NS / 10)
/* How soon one that has nothing to do sees that the device has failed for another session. */
#define IDLE_STEP LM_SECOND_NS
/* Of the worker and of what it starts, where the device is the CPU that the video needs, too: these
 * threads then get a tenth of a core that others want. */
#define NICENESS 10

/* --- Reports --------------------------------------------------------------------------------- */

static bool quitting(LmSession *session)
{
    pthread_mutex_lock(&session->lock);
    bool quit = session->quit;
    pthread_mutex_unlock(&session->lock);
    return quit;
}

static bool is_cancelled(void *session)
{
    return quitting(session);
}

/* Not once lm_session_free() has been called. */
static void report(LmSession *session, const LmSessionReport *report)
{
    if (!session->report)
        return;
    pthread_mutex_lock(&session->lock);
    bool wanted = session->reporting = !session->quit;
    pthread_mutex_unlock(&session->lock);
    if (!wanted)
        return;
    session->report(session->user, report);
    pthread_mutex_lock(&session->lock);
    session->reporting = false;
    pthread_cond_broadcast(&session->news);
    pthread_mutex_unlock(&session->lock);
}

/* With the lock held on entry and exit: reports a change of state or reason. */
static void tell(LmSession *session)
{
    if (session->told == session->changes)
        return;
    session->told = session->changes;
    LmSessionState state = session->state;
    g_autoptr(GError) error = session->error ? g_error_copy(session->error) : NULL;
    pthread_mutex_unlock(&session->lock);
    report(session, &(LmSessionReport){.state = state, .percent = 100, .error = error});
    pthread_mutex_lock(&session->lock);
}

/* Only of the first start: later ones go on behind a degraded session. */
static void start_progress(void *data, const char *step, int percent)
{
    LmSession *session = data;
    if (!session->was_ready)
        report(session,
               &(LmSessionReport){.state = LM_SESSION_STARTING, .step = step, .percent = percent});
}

/* --- Layouts --------------------------------------------------------------------------------- */

/* The slots must be FREE, and stay so: callers take none while the layout is not current. */
static void drop_layout(LmSession *session)
{
    for (unsigned i = 0; i < session->n_slots; i++)
        if (session->slots[i].gpu.views)
            lm_slot_finish(&session->slots[i].gpu);
    lm_preprocess_free(&session->preprocess);
    lm_buffer_finish(&session->history);
    session->has_history = false;
}

static bool take_up_layout(LmSession *session, const Layout *layout, GError **error)
{
    const LmEngine *engine = session->engine;
    const LmModelInfo *model = lm_weights_info(engine->weights);
    const LmTensor *input = lm_graph_tensor(engine->graph, engine->graph->input);
    LmSeat *seat = session->seat;
    LmPreprocessParams params = {
        .frame = layout->frame,
        .region = layout->region,
        .width = input->width,
        .height = input->height,
        .bgr = model->bgr,
        .fp16 = engine->precision == LM_PRECISION_FP16,
    };
    for (int i = 0; i < 3; i++) {
        params.mean[i] = model->mean[i];
        params.std[i] = model->std[i];
    }

    drop_layout(session);
    if (!(session->preprocess = lm_preprocess_create(seat->pipelines, &params, error)) ||
        !lm_buffer_init(&session->history, lm_pipelines_device(seat->pipelines), LM_BUFFER_DEVICE,
                        lm_slot_history_size(engine->graph), "history", error))
        return false;
    for (unsigned i = 0; i < session->n_slots; i++)
        if (!lm_slot_init(&session->slots[i].gpu, seat->pipelines, seat->executor, engine->graph,
                          session->preprocess, &session->history, error))
            return false;
    lm_pipelines_save(seat->pipelines);
    return true;
}

/* With the lock held: whether the layout must change and may: no slot is in use. */
static bool layout_is_due(LmSession *session)
{
    if (!session->has_wanted ||
        (session->has_current && lm_session_same_layout(&session->wanted, &session->current)))
        return false;
    for (unsigned i = 0; i < session->n_slots; i++)
        if (session->slots[i].state != SLOT_FREE)
            return false;
    return true;
}

/* --- Frames ---------------------------------------------------------------------------------- */

/* With the lock held: the next slot to submit, or NULL: not before an older one that another caller
 * still fills. */
static Slot *next_to_submit(LmSession *session)
{
    Slot *slot = lm_session_oldest(session, SLOT_FILLED);
    const Slot *filling = lm_session_oldest(session, SLOT_FILLING);
    if (!slot || (filling && filling->ticket < slot->ticket))
        return NULL;
    bool more = lm_session_oldest(session, SLOT_BUSY) != NULL;
    return more && (slot->alone || !lm_seat_may_add(session->seat)) ? NULL : slot;
}

/* Waits for one slot's answer, without the lock; false with an error, or without one when quitting.
 * What is counted are the waits that ended without an answer, not the time that goes by, which a
 * process that is stopped or a machine that is overloaded would spend, too. */
static bool await_slot(LmSession *session, Slot *slot, guint8 *data, gint64 *gpu_ns, GError **error)
{
    gint64 limit = lm_session_stall_limit(session);
    gint64 step = MIN(WAIT_STEP, limit);
    for (gint64 waited = 0;; waited += step) {
        GError *reason = NULL;
        if (lm_slot_wait(&slot->gpu, (guint64)step, data, gpu_ns, &reason))
            return true;
        if (!g_error_matches(reason, LM_ERROR, LM_ERROR_TIMEOUT)) {
            g_propagate_error(error, reason);
            return false;
        }
        g_clear_error(&reason);
        if (waited >= session->frame_timeout_ns) {
            g_set_error(error, LM_ERROR, LM_ERROR_TIMEOUT, "%s did not answer within %.0f s",
                        session->engine->info.name,
                        (double)session->frame_timeout_ns / (double)LM_SECOND_NS);
            return false;
        }
        if (!lm_seat_check(session->seat, error))
            return false;

        pthread_mutex_lock(&session->lock);
        if (!session->stalled && waited + step >= limit)
            lm_session_set_stalled(session, limit);
        tell(session);
        bool quit = session->quit;
        pthread_mutex_unlock(&session->lock);
        if (quit)
            return false;
    }
}

/* The same: an answer, or NULL. */
static LmResult *finish_slot(LmSession *session, Slot *slot, GError **error)
{
    const LmGraph *graph = session->engine->graph;
    const LmTensor *logits = lm_graph_tensor(graph, graph->output);
    LmResult *result = g_new0(LmResult, 1);
    result->ticket = slot->ticket;
    result->mask = lm_mask_new(logits->width, logits->height, (unsigned)logits->channels,
                               session->current.region);
    if (!await_slot(session, slot, result->mask->data, &result->gpu_ns, error)) {
        lm_result_clear(result);
        g_free(result);
        return NULL;
    }
    result->inference_ns = lm_clock_now() - slot->submitted;
    session->recent[session->n_recent++ % LM_SESSION_RECENT] = result->inference_ns;
    session->backoff = 0;
    lm_seat_answered(session->seat, result->inference_ns);
    return result;
}

/* --- Steps, with the lock held on entry and exit --------------------------------------------- */

/* After whatever waited for the device or the driver, and is over: callers, too, may have found
 * that it took long. */
static void end_stall(LmSession *session)
{
    if (!session->stalled)
        return;
    tell(session);
    lm_session_set_ready(session);
}

static void begin_job(LmSession *session)
{
    session->job_since = lm_clock_now();
    pthread_mutex_unlock(&session->lock);
}

static void end_job(LmSession *session, bool ok)
{
    pthread_mutex_lock(&session->lock);
    session->job_since = 0;
    if (ok)
        end_stall(session);
}

static bool change_layout(LmSession *session, GError **error)
{
    Layout layout = session->wanted;
    session->has_current = false;
    begin_job(session);
    bool ok = take_up_layout(session, &layout, error);
    end_job(session, ok);
    session->current = layout;
    session->has_current = ok;
    session->bad_layout = !ok;
    pthread_cond_broadcast(&session->news);
    return ok;
}

/* The weight of history as lm_slot_submit() takes it. Frames go to the device one after another,
 * so what the last one left there is this one's history. */
static float weigh_history(LmSession *session, const Slot *slot)
{
    const bool smooth = slot->smoothing > 0;
    const bool has_history = session->has_history && session->history_shot == slot->shot;
    session->has_history = smooth;
    session->history_shot = slot->shot;
    return !smooth ? 0 : has_history ? (float)slot->smoothing : -1;
}

static bool submit(LmSession *session, Slot *slot, GError **error)
{
    slot->state = SLOT_BUSY;
    begin_job(session);
    slot->submitted = lm_clock_now();
    bool ok = lm_slot_submit(&slot->gpu, weigh_history(session, slot), error);
    if (ok)
        lm_seat_add(session->seat);
    end_job(session, ok);
    return ok;
}

static bool take_answer(LmSession *session, Slot *slot, GError **error)
{
    GError *reason = NULL;
    pthread_mutex_unlock(&session->lock);
    LmResult *result = finish_slot(session, slot, &reason);
    pthread_mutex_lock(&session->lock);
    if (reason)
        g_propagate_error(error, reason);
    if (!result)
        return !reason;
    slot->state = SLOT_FREE;
    if (slot->dropped) {
        lm_result_clear(result);
        g_free(result);
    } else {
        g_queue_push_tail(&session->results, result);
    }
    end_stall(session);
    pthread_cond_broadcast(&session->news);
    return true;
}

/* Waits a while where there is nothing to do. */
static bool work_once(LmSession *session, GError **error)
{
    Slot *slot;
    if (!lm_seat_check(session->seat, error))
        return false;
    if (layout_is_due(session))
        return change_layout(session, error);
    if ((slot = next_to_submit(session)))
        return submit(session, slot, error);
    if ((slot = lm_session_oldest(session, SLOT_BUSY)))
        return take_answer(session, slot, error);
    lm_clock_wait(&session->wake, &session->lock, lm_clock_now() + IDLE_STEP);
    return true;
}

/* --- The thread ------------------------------------------------------------------------------ */

/* Linux has a niceness for each thread, and those that a thread starts inherit it: the driver's, of
 * a device that this one opens. */
static void lower_priority(void)
{
    pthread_setschedparam(pthread_self(), SCHED_OTHER, &(struct sched_param){0});
#ifdef __linux__
    if (getpriority(PRIO_PROCESS, 0) < NICENESS)
        setpriority(PRIO_PROCESS, 0, NICENESS);
#endif
}

/* Whether the device is of no use to any session after that; else it is this one that asked for too
 * much. */
static bool breaks_device(const GError *error)
{
    return g_error_matches(error, LM_ERROR, LM_ERROR_LOST) ||
           g_error_matches(error, LM_ERROR, LM_ERROR_TIMEOUT) ||
           g_error_matches(error, LM_ERROR, LM_ERROR_VULKAN);
}

/* From opening the device until it fails or the session quits; whether to try again. */
static bool run(LmSession *session)
{
    const LmEngineWaiter waiter = {start_progress, is_cancelled, session};
    GError *error = NULL;
    session->seat = lm_engine_open(session->engine, &waiter, &error);
    pthread_mutex_lock(&session->lock);
    if (session->seat) {
        session->was_ready = true;
        lm_session_set_ready(session);
        do
            tell(session);
        while (!session->quit && work_once(session, &error));
        /* Freed while it waited for a device that may hang: the next one must not, too. */
        if (session->stalled)
            lm_seat_retire(session->seat);
    }
    pthread_mutex_unlock(&session->lock);

    bool hung = g_error_matches(error, LM_ERROR, LM_ERROR_TIMEOUT), failed = error != NULL;
    if (failed) {
        if (session->seat && breaks_device(error))
            lm_seat_break(session->seat, error);
        pthread_mutex_lock(&session->lock);
        lm_session_set_error(session, session->was_ready ? LM_SESSION_DEGRADED : LM_SESSION_FAILED,
                             error);
        tell(session);
        pthread_mutex_unlock(&session->lock);
    }
    lm_session_close_device(session, hung);
    return failed && session->was_ready;
}

void *lm_session_work(void *data)
{
    LmSession *session = data;
    if (session->engine->info.type == LM_DEVICE_CPU)
        lower_priority();
    while (!quitting(session) && run(session))
        lm_session_back_off(session);

    pthread_mutex_lock(&session->lock);
    session->finished = true;
    bool orphaned = session->orphaned;
    pthread_cond_broadcast(&session->news);
    pthread_mutex_unlock(&session->lock);
    if (orphaned) {
        lm_session_destroy(session);
        lm_orphans_leave();
    }
    return NULL;
}
