/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The worker's thread: makes device and pipelines, prepares layouts, submits frames, takes answers,
 * and starts again after errors.
 */
#include "session/worker.h"

#ifdef __linux__
#include <sys/resource.h>
#endif

#include "session/orphans.h"
#include "util/clock.h"
#include "util/error.h"

/* How often the worker checks for other work while it waits for a frame. */
#define WAIT_STEP (LM_SECOND_NS / 10)
/* How often an idle worker checks whether the device has failed for another session. */
#define IDLE_STEP LM_SECOND_NS
/* How long lm_worker_free() waits for the thread. */
#define FREE_PATIENCE (LM_SECOND_NS / 2)
/* Niceness of the worker and of the threads that it starts, if the device is the CPU, which the
 * video needs, too: these threads get a tenth of a core that others want. */
#define NICENESS 10

#define FIRST_PAUSE (LM_SECOND_NS / 2)
#define LONGEST_PAUSE (30 * LM_SECOND_NS)
#define SHORTEST_STALL (2 * LM_SECOND_NS)
/* A frame stalls after STALL_FACTOR times the median of the last RECENT frames. */
#define STALL_FACTOR 20
#define RECENT 9
/* The most threads of the process that may wait for devices that hang; each holds the resources of
 * at least one session. */
#define MAX_ORPHANS 4

/* A device that takes longer for a frame is taken to hang: a minute, and another for every 5 G
 * multiply-adds, the cost of a network of 256 x 256, for which slow CPUs need a second or two. */
#define MACS_PER_MINUTE (5 * G_GUINT64_CONSTANT(1000000000))

static gint64 frame_timeout_ns(const LmGraph *graph)
{
    guint64 macs = 0;
    for (guint i = 0; i < graph->ops->len; i++)
        macs += lm_graph_op_macs(graph, lm_graph_op(graph, i));
    return 60 * LM_SECOND_NS * (gint64)(1 + macs / MACS_PER_MINUTE);
}

/* --- Reports --------------------------------------------------------------------------------- */

static bool is_quitting(void *user)
{
    LmWorker *worker = user;
    pthread_mutex_lock(&worker->state.lock);
    bool quit = worker->state.quit;
    pthread_mutex_unlock(&worker->state.lock);
    return quit;
}

/* Not after lm_worker_free() has been called. */
static void report(LmWorker *worker, const LmSessionReport *what)
{
    LmState *state = &worker->state;
    if (!worker->report)
        return;
    pthread_mutex_lock(&state->lock);
    bool wanted = state->reporting = !state->quit;
    pthread_mutex_unlock(&state->lock);
    if (!wanted)
        return;
    worker->report(worker->user, what);
    pthread_mutex_lock(&state->lock);
    state->reporting = false;
    pthread_cond_broadcast(&state->news);
    pthread_mutex_unlock(&state->lock);
}

/* With the lock held on entry and exit: reports a change of state or reason. */
static void report_changes(LmWorker *worker)
{
    LmState *state = &worker->state;
    if (state->reported == state->serial)
        return;
    state->reported = state->serial;
    LmSessionState session = state->session;
    g_autoptr(GError) error = state->error ? g_error_copy(state->error) : NULL;
    pthread_mutex_unlock(&state->lock);
    report(worker, &(LmSessionReport){.state = session, .percent = 100, .error = error});
    pthread_mutex_lock(&state->lock);
}

/* Reports only the first start: later ones happen while the session is DEGRADED. */
static void report_start(void *user, const char *step, int percent)
{
    LmWorker *worker = user;
    if (!worker->was_ready)
        report(worker,
               &(LmSessionReport){.state = LM_SESSION_STARTING, .step = step, .percent = percent});
}

/* --- Answers --------------------------------------------------------------------------------- */

/* How long a frame may take before the session is stalled, ns. */
static gint64 stall_limit(const LmWorker *worker)
{
    const LmState *state = &worker->state;
    if (state->stall_ns)
        return state->stall_ns;
    if (worker->inferences.count == 0)
        return state->frame_timeout_ns / 6;
    return MAX(STALL_FACTOR * lm_times_upper_median(&worker->inferences, RECENT), SHORTEST_STALL);
}

/* Waits for a slot's answer, without the lock. Returns false with an error, or without one when
 * quitting. It counts waits that ended without an answer instead of the elapsed time, which would
 * also pass in a stopped process or on an overloaded machine. */
static bool await_slot(LmWorker *worker, unsigned slot, guint8 *data, gint64 *gpu_ns,
                       GError **error)
{
    LmState *state = &worker->state;
    gint64 limit = stall_limit(worker);
    gint64 step = MIN(WAIT_STEP, limit);
    for (gint64 waited = 0;; waited += step) {
        GError *reason = NULL;
        if (lm_slot_wait(&worker->resources.slots[slot], (guint64)step, data, gpu_ns, &reason))
            return true;
        if (!g_error_matches(reason, LM_ERROR, LM_ERROR_TIMEOUT)) {
            g_propagate_error(error, reason);
            return false;
        }
        g_clear_error(&reason);
        if (waited >= state->frame_timeout_ns) {
            g_set_error(error, LM_ERROR, LM_ERROR_TIMEOUT, "%s did not answer within %.0f s",
                        state->device, (double)state->frame_timeout_ns / (double)LM_SECOND_NS);
            return false;
        }
        if (!lm_engine_client_check(worker->resources.client, error))
            return false;

        pthread_mutex_lock(&state->lock);
        if (!state->stalled && waited + step >= limit)
            lm_state_set_stalled(state, limit);
        report_changes(worker);
        bool quit = state->quit;
        pthread_mutex_unlock(&state->lock);
        if (quit)
            return false;
    }
}

/* Waits in the same way; returns a request's result, or NULL. */
static LmResult *finish_request(LmWorker *worker, const LmRequest *request, GError **error)
{
    const LmGraph *graph = worker->engine->graph;
    const LmTensor *logits = lm_graph_tensor(graph, graph->output);
    const unsigned slot = lm_state_slot(&worker->state, request);
    LmResult *result = g_new0(LmResult, 1);
    result->ticket = request->ticket;
    result->mask = lm_mask_new(logits->width, logits->height, (unsigned)logits->channels,
                               worker->state.current.region);
    if (!await_slot(worker, slot, result->mask->data, &result->gpu_ns, error)) {
        lm_result_free(result);
        return NULL;
    }
    result->inference_ns = lm_clock_now() - worker->submitted[slot];
    lm_times_add(&worker->inferences, result->inference_ns);
    worker->backoff = 0;
    lm_engine_client_answered(worker->resources.client, result->inference_ns);
    return result;
}

/* --- Steps, with the lock held on entry and exit --------------------------------------------- */

/* After a wait for the device or the driver: callers may have set the state to stalled. */
static void end_stall(LmWorker *worker)
{
    if (!worker->state.stalled)
        return;
    report_changes(worker);
    lm_state_set_ready(&worker->state);
}

static void begin_job(LmWorker *worker)
{
    worker->state.job_since = lm_clock_now();
    pthread_mutex_unlock(&worker->state.lock);
}

static void end_job(LmWorker *worker, bool ok)
{
    pthread_mutex_lock(&worker->state.lock);
    worker->state.job_since = 0;
    if (ok)
        end_stall(worker);
}

static bool change_layout(LmWorker *worker, GError **error)
{
    LmState *state = &worker->state;
    LmLayout layout = state->wanted;
    state->has_current = false;
    begin_job(worker);
    bool ok =
        lm_resources_set_layout(&worker->resources, worker->engine, &layout, state->n_slots, error);
    end_job(worker, ok);
    state->current = layout;
    state->has_current = ok;
    state->bad_layout = !ok;
    pthread_cond_broadcast(&state->news);
    return ok;
}

static bool submit(LmWorker *worker, LmRequest *request, GError **error)
{
    const unsigned slot = lm_state_slot(&worker->state, request);
    request->state = LM_REQUEST_BUSY;
    const double smoothing = request->smoothing;
    const guint64 shot = request->shot;
    begin_job(worker);
    worker->submitted[slot] = lm_clock_now();
    bool ok = lm_resources_submit(&worker->resources, slot, smoothing, shot, error);
    if (ok)
        lm_engine_client_submitted(worker->resources.client);
    end_job(worker, ok);
    return ok;
}

static bool take_answer(LmWorker *worker, LmRequest *request, GError **error)
{
    LmState *state = &worker->state;
    GError *reason = NULL;
    pthread_mutex_unlock(&state->lock);
    LmResult *result = finish_request(worker, request, &reason);
    pthread_mutex_lock(&state->lock);
    if (reason)
        g_propagate_error(error, reason);
    if (!result)
        return !reason;
    request->state = LM_REQUEST_FREE;
    if (request->dropped)
        lm_result_free(result);
    else
        g_queue_push_tail(&state->results, result);
    end_stall(worker);
    pthread_cond_broadcast(&state->news);
    return true;
}

/* The next request to submit, or NULL. Never one before an older one that a caller still fills. */
static LmRequest *next_to_submit(LmWorker *worker)
{
    LmState *state = &worker->state;
    LmRequest *request = lm_state_oldest(state, LM_REQUEST_FILLED);
    const LmRequest *filling = lm_state_oldest(state, LM_REQUEST_FILLING);
    if (!request || (filling && filling->ticket < request->ticket))
        return NULL;
    bool more = lm_state_oldest(state, LM_REQUEST_BUSY) != NULL;
    return more && (request->alone || !lm_engine_client_may_submit(worker->resources.client))
               ? NULL
               : request;
}

/* Waits a while if there is nothing to do. */
static bool work_once(LmWorker *worker, GError **error)
{
    LmState *state = &worker->state;
    LmRequest *request;
    if (!lm_engine_client_check(worker->resources.client, error))
        return false;
    if (lm_state_layout_is_due(state))
        return change_layout(worker, error);
    if ((request = next_to_submit(worker)))
        return submit(worker, request, error);
    if ((request = lm_state_oldest(state, LM_REQUEST_BUSY)))
        return take_answer(worker, request, error);
    lm_clock_wait(&state->wake, &state->lock, lm_clock_now() + IDLE_STEP);
    return true;
}

/* --- Attempts -------------------------------------------------------------------------------- */

/* Returns true if the device is unusable for all sessions; after other errors only this session's
 * request was too large. */
static bool breaks_device(const GError *error)
{
    return g_error_matches(error, LM_ERROR, LM_ERROR_LOST) ||
           g_error_matches(error, LM_ERROR, LM_ERROR_TIMEOUT) ||
           g_error_matches(error, LM_ERROR, LM_ERROR_VULKAN);
}

/* Waits for callers that still copy frames to slots, then frees everything. */
static void close_device(LmWorker *worker, bool hangs)
{
    LmState *state = &worker->state;
    pthread_mutex_lock(&state->lock);
    while (lm_state_oldest(state, LM_REQUEST_FILLING))
        pthread_cond_wait(&state->wake, &state->lock);
    state->has_current = false;
    pthread_mutex_unlock(&state->lock);
    lm_resources_give_back(&worker->resources, hangs, state->device);
}

/* Runs from opening the device until it fails or the session quits. Returns true if a new attempt
 * makes sense. */
static bool run(LmWorker *worker)
{
    const LmEngineWaiter waiter = {report_start, is_quitting, worker};
    LmState *state = &worker->state;
    GError *error = NULL;
    LmEngineClient *client = worker->resources.client =
        lm_engine_open(worker->engine, &waiter, &error);
    pthread_mutex_lock(&state->lock);
    if (client) {
        worker->was_ready = true;
        lm_state_set_ready(state);
        do
            report_changes(worker);
        while (!state->quit && work_once(worker, &error));
        /* The session was freed while it waited for a device that may hang: the next session must
         * not wait for it, too. */
        if (state->stalled)
            lm_engine_client_retire(client);
    }
    pthread_mutex_unlock(&state->lock);

    bool hangs = g_error_matches(error, LM_ERROR, LM_ERROR_TIMEOUT), failed = error != NULL;
    if (failed) {
        if (client && breaks_device(error))
            lm_engine_client_break(client, error);
        pthread_mutex_lock(&state->lock);
        lm_state_set_error(state, worker->was_ready ? LM_SESSION_DEGRADED : LM_SESSION_FAILED,
                           error);
        report_changes(worker);
        pthread_mutex_unlock(&state->lock);
    }
    close_device(worker, hangs);
    return failed && worker->was_ready;
}

/* Pauses before the next attempt. */
static void back_off(LmWorker *worker)
{
    LmState *state = &worker->state;
    worker->backoff = worker->backoff ? MIN(2 * worker->backoff, LONGEST_PAUSE) : FIRST_PAUSE;
    gint64 until = lm_clock_now() + worker->backoff;
    pthread_mutex_lock(&state->lock);
    while (!state->quit && !state->retry && lm_clock_now() < until)
        lm_clock_wait(&state->wake, &state->lock, until);
    while (!state->quit && lm_orphans_count() >= MAX_ORPHANS)
        lm_clock_wait(&state->wake, &state->lock, lm_clock_now() + LM_SECOND_NS);
    state->retry = state->bad_layout = false;
    pthread_mutex_unlock(&state->lock);
}

/* --- The thread ------------------------------------------------------------------------------ */

/* Linux has a niceness for each thread, which the threads that it starts inherit: so do the
 * driver's threads of a device that this thread opens. */
static void lower_priority(void)
{
    pthread_setschedparam(pthread_self(), SCHED_OTHER, &(struct sched_param){0});
#ifdef __linux__
    if (getpriority(PRIO_PROCESS, 0) < NICENESS)
        setpriority(PRIO_PROCESS, 0, NICENESS);
#endif
}

static void destroy(LmWorker *worker)
{
    lm_state_finish(&worker->state);
    lm_engine_unref(&worker->engine);
    g_free(worker);
}

static void *work(void *data)
{
    LmWorker *worker = data;
    LmState *state = &worker->state;
    if (worker->engine->info.type == LM_DEVICE_CPU)
        lower_priority();
    while (!is_quitting(worker) && run(worker))
        back_off(worker);

    pthread_mutex_lock(&state->lock);
    state->finished = true;
    bool orphaned = state->orphaned;
    pthread_cond_broadcast(&state->news);
    pthread_mutex_unlock(&state->lock);
    if (orphaned) {
        destroy(worker);
        lm_orphans_leave();
    }
    return NULL;
}

/* --- The owner's side ------------------------------------------------------------------------ */

LmWorker *lm_worker_new(LmEngine *engine, const LmSessionParams *params)
{
    LmWorker *worker = g_new0(LmWorker, 1);
    worker->engine = engine;
    worker->report = params->report;
    worker->user = params->user;
    lm_state_init(&worker->state, params->slots ? params->slots : 3, engine->info.name,
                  (gint64)params->stall_ns, frame_timeout_ns(engine->graph));
    return worker;
}

void lm_worker_start(LmWorker *worker)
{
    LmState *state = &worker->state;
    g_assert(!worker->started);
    pthread_mutex_lock(&state->lock);
    state->session = LM_SESSION_STARTING;
    int failed = pthread_create(&worker->thread, NULL, work, worker);
    worker->started = !failed;
    if (failed)
        lm_state_set_error(state, LM_SESSION_FAILED,
                           g_error_new(LM_ERROR, LM_ERROR_MEMORY,
                                       "cannot create the worker thread: %s", g_strerror(failed)));
    pthread_mutex_unlock(&state->lock);
}

/* Returns true if the thread has ended; else it is orphaned, and frees the worker. */
static bool stop(LmWorker *worker)
{
    LmState *state = &worker->state;
    pthread_mutex_lock(&state->lock);
    state->quit = true;
    pthread_cond_broadcast(&state->wake);
    pthread_cond_broadcast(&state->news);
    while (state->reporting)
        pthread_cond_wait(&state->news, &state->lock);
    gint64 until = lm_clock_now() + FREE_PATIENCE;
    while (!state->finished && lm_clock_wait(&state->news, &state->lock, until))
        continue;
    bool ended = state->finished;
    pthread_t thread = worker->thread;
    if (!ended) {
        state->orphaned = true;
        lm_orphans_enter(thread);
    }
    pthread_mutex_unlock(&state->lock);
    if (ended)
        pthread_join(thread, NULL);
    return ended;
}

void lm_worker_free(LmWorker **handle)
{
    LmWorker *worker = *handle;
    *handle = NULL;
    if (worker && (!worker->started || stop(worker)))
        destroy(worker);
}
