/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The callers' side of a session: settings, frames in, results out. */
#include "session/session-internal.h"

#include "session/orphans.h"
#include "util/error.h"

/* How long lm_session_free() waits for the worker. */
#define FREE_PATIENCE (LM_SECOND_NS / 2)
/* How soon a caller that waits sees that the worker is stuck. */
#define STUCK_STEP (LM_SECOND_NS / 4)

void lm_result_clear(LmResult *result)
{
    lm_mask_unref(&result->mask);
    g_clear_error(&result->error);
}

static void free_result(gpointer data)
{
    lm_result_clear(data);
    g_free(data);
}

/* A device that takes longer for one frame is taken to hang: a minute, and another for every 5 G
 * multiply-adds, which is a network of 256 x 256; slow CPUs need a second or two for that. */
#define MACS_PER_MINUTE (5 * G_GUINT64_CONSTANT(1000000000))

static gint64 frame_timeout_ns(const LmGraph *graph)
{
    guint64 macs = 0;
    for (guint i = 0; i < graph->ops->len; i++)
        macs += lm_graph_op_macs(graph, lm_graph_op(graph, i));
    return 60 * LM_SECOND_NS * (gint64)(1 + macs / MACS_PER_MINUTE);
}

LmPrecision lm_precision_resolve(LmPrecision precision, const LmDeviceInfo *device)
{
    if (precision != LM_PRECISION_AUTO)
        return precision;
    /* A CPU that knows half precision still computes in single. */
    bool fp16 = device->native_fp16 && device->type != LM_DEVICE_CPU;
    return fp16 ? LM_PRECISION_FP16 : LM_PRECISION_FP32;
}

LmSession *lm_session_new(const LmSessionParams *params, GError **error)
{
    g_assert(params->slots <= LM_SESSION_MAX_SLOTS);
    LmEngine *engine = lm_engine_get(params, error);
    if (!engine)
        return NULL;
    LmSession *session = g_new0(LmSession, 1);
    pthread_mutex_init(&session->lock, NULL);
    lm_clock_cond_init(&session->wake);
    lm_clock_cond_init(&session->news);
    g_queue_init(&session->results);
    session->engine = engine;
    session->next_ticket = 1;
    session->n_slots = params->slots ? params->slots : 3;
    session->report = params->report;
    session->user = params->user;
    session->stall_ns = (gint64)params->stall_ns;
    session->frame_timeout_ns = frame_timeout_ns(engine->graph);
    return session;
}

void lm_session_destroy(LmSession *session)
{
    g_queue_clear_full(&session->results, free_result);
    g_clear_error(&session->error);
    lm_engine_unref(&session->engine);
    pthread_cond_destroy(&session->news);
    pthread_cond_destroy(&session->wake);
    pthread_mutex_destroy(&session->lock);
    g_free(session);
}

/* Whether the worker has ended; else it has been left alone, and the session is its own. */
static bool stop_worker(LmSession *session)
{
    pthread_mutex_lock(&session->lock);
    session->quit = true;
    pthread_cond_broadcast(&session->wake);
    pthread_cond_broadcast(&session->news);
    while (session->reporting)
        pthread_cond_wait(&session->news, &session->lock);
    gint64 until = lm_clock_now() + FREE_PATIENCE;
    while (!session->finished && lm_clock_wait(&session->news, &session->lock, until))
        continue;
    bool ended = session->finished;
    pthread_t thread = session->thread;
    if (!ended) {
        session->orphaned = true;
        lm_orphans_enter(thread);
    }
    pthread_mutex_unlock(&session->lock);
    if (ended)
        pthread_join(thread, NULL);
    return ended;
}

void lm_session_free(LmSession **handle)
{
    LmSession *session = handle ? *handle : NULL;
    if (!session)
        return;
    *handle = NULL;
    if (!session->started || stop_worker(session))
        lm_session_destroy(session);
}

void lm_session_start(LmSession *session)
{
    g_assert(!session->started);
    pthread_mutex_lock(&session->lock);
    session->state = LM_SESSION_STARTING;
    int failed = pthread_create(&session->thread, NULL, lm_session_work, session);
    session->started = !failed;
    if (failed)
        lm_session_set_error(session, LM_SESSION_FAILED,
                             g_error_new(LM_ERROR, LM_ERROR_MEMORY,
                                         "cannot create the worker thread: %s",
                                         g_strerror(failed)));
    pthread_mutex_unlock(&session->lock);
}

LmSessionState lm_session_state(LmSession *session)
{
    pthread_mutex_lock(&session->lock);
    LmSessionState state = session->state;
    pthread_mutex_unlock(&session->lock);
    return state;
}

GError *lm_session_error(LmSession *session)
{
    pthread_mutex_lock(&session->lock);
    GError *error = session->error ? g_error_copy(session->error) : NULL;
    pthread_mutex_unlock(&session->lock);
    return error;
}

const LmModelInfo *lm_session_model(const LmSession *session)
{
    return lm_weights_info(session->engine->weights);
}

const char *lm_session_model_path(const LmSession *session)
{
    return lm_weights_path(session->engine->weights);
}

unsigned lm_session_n_classes(const LmSession *session)
{
    const LmGraph *graph = session->engine->graph;
    return (unsigned)lm_graph_tensor(graph, graph->output)->channels;
}

const LmDeviceInfo *lm_session_device(const LmSession *session)
{
    return &session->engine->info;
}

LmPrecision lm_session_precision(const LmSession *session)
{
    return session->engine->precision;
}

bool lm_session_same_layout(const Layout *a, const Layout *b)
{
    return a->frame.format == b->frame.format && a->frame.width == b->frame.width &&
           a->frame.height == b->frame.height && a->frame.kr == b->frame.kr &&
           a->frame.kb == b->frame.kb && a->frame.full_range == b->frame.full_range &&
           lm_rect_equal(a->region, b->region);
}

/* Whether the slots are made for the layout last asked for. */
static bool layout_is_current(const LmSession *session)
{
    return session->has_current && lm_session_same_layout(&session->wanted, &session->current);
}

/* Whether the device still works at what was discarded, and has no slot free but for that. */
static bool clogged(const LmSession *session)
{
    bool dropped = false;
    for (unsigned i = 0; i < session->n_slots; i++) {
        if (session->slots[i].state == SLOT_FREE)
            return false;
        dropped |= session->slots[i].dropped;
    }
    return dropped;
}

static bool takes_frames(const LmSession *session)
{
    return session->state == LM_SESSION_READY &&
           (!session->has_wanted || layout_is_current(session)) && !clogged(session);
}

/* Whether there is an error to give for every frame. */
static bool refuses(const LmSession *session)
{
    return session->state == LM_SESSION_DEGRADED || session->state == LM_SESSION_FAILED;
}

/* The worker sees by itself that a frame takes long; but it can be stuck in a call of the driver or
 * wait for the device elsewhere. */
static void check_stuck(LmSession *session)
{
    gint64 limit = session->stall_ns ? session->stall_ns : session->frame_timeout_ns / 6;
    gint64 since = session->job_since;
    if (session->state == LM_SESSION_READY && since && lm_clock_now() - since > limit)
        lm_session_set_stalled(session, limit);
}

/* With the lock held; no longer than until `deadline`. */
static void wait_news(LmSession *session, gint64 deadline)
{
    lm_clock_wait(&session->news, &session->lock, MIN(lm_clock_now() + STUCK_STEP, deadline));
    check_stuck(session);
}

/* As lm_session_wait_ready(), with a copy of the error where the session is DEGRADED or has FAILED:
 * it may be READY again, and the error gone, before it can be asked for. */
static bool wait_ready(LmSession *session, GError **error)
{
    pthread_mutex_lock(&session->lock);
    while (!session->flushing && !session->quit && !refuses(session) && !takes_frames(session))
        wait_news(session, G_MAXINT64);
    bool waited = !session->flushing && !session->quit;
    if (waited && refuses(session))
        g_propagate_error(error, g_error_copy(session->error));
    bool ready = waited && session->state == LM_SESSION_READY;
    pthread_mutex_unlock(&session->lock);
    return ready;
}

bool lm_session_wait_ready(LmSession *session)
{
    return wait_ready(session, NULL);
}

/* A slot to fill: with `replace`, one that still waits rather than a free one. */
static Slot *slot_to_fill(LmSession *session, bool replace)
{
    Slot *found = NULL;
    for (unsigned i = 0; i < session->n_slots; i++) {
        Slot *slot = &session->slots[i];
        if (replace && slot->state == SLOT_FILLED)
            return slot;
        if (slot->state == SLOT_FREE && !found)
            found = slot;
    }
    return found;
}

/* With the lock held: the slot for this frame, now FILLING; NULL where it cannot be taken now. */
static Slot *claim_slot(LmSession *session, const Layout *layout, const LmSubmitParams *params)
{
    if (session->state == LM_SESSION_FAILED || session->state == LM_SESSION_IDLE)
        return NULL;
    if (!session->has_wanted || !lm_session_same_layout(&session->wanted, layout)) {
        session->wanted = *layout;
        session->has_wanted = true;
        session->retry = session->bad_layout;
        pthread_cond_signal(&session->wake);
    }
    if (session->state != LM_SESSION_READY || !layout_is_current(session))
        return NULL;
    Slot *slot = slot_to_fill(session, params->replace);
    if (!slot)
        return NULL;
    if (slot->state == SLOT_FILLED && !slot->dropped)
        session->superseded++;
    slot->state = SLOT_FILLING;
    slot->ticket = session->next_ticket++;
    slot->alone = params->replace;
    slot->smoothing = params->smoothing;
    slot->shot = params->shot;
    slot->dropped = false;
    return slot;
}

bool lm_session_submit(LmSession *session, const LmFrame *frame, LmRect region,
                       const LmSubmitParams *params, guint64 *ticket, GError **error)
{
    static const LmSubmitParams defaults = {0};
    Layout layout = {frame->info,
                     lm_rect_clip(region, (LmRect){0, 0, frame->info.width, frame->info.height})};
    if (!lm_frame_info_check(&frame->info, error))
        return false;
    if (layout.region.width == 0 || layout.region.height == 0) {
        g_set_error(error, LM_ERROR, LM_ERROR_ARGUMENT,
                    "region %d,%d,%d,%d does not overlap the %dx%d frame", region.x, region.y,
                    region.width, region.height, frame->info.width, frame->info.height);
        return false;
    }

    pthread_mutex_lock(&session->lock);
    check_stuck(session);
    if (refuses(session))
        g_propagate_error(error, g_error_copy(session->error));
    Slot *slot = claim_slot(session, &layout, params ? params : &defaults);
    pthread_mutex_unlock(&session->lock);
    if (!slot)
        return false;

    bool ok = lm_slot_upload(&slot->gpu, session->preprocess, frame, error);

    pthread_mutex_lock(&session->lock);
    if (ok && refuses(session)) { /* meanwhile; nobody would answer it */
        g_propagate_error(error, g_error_copy(session->error));
        ok = false;
    }
    *ticket = slot->ticket;
    slot->state = ok && !slot->dropped ? SLOT_FILLED : SLOT_FREE;
    pthread_cond_signal(&session->wake);
    if (slot->state ==
        SLOT_FREE) /* who waits for a slot, or for this frame's result, must look again */
        pthread_cond_broadcast(&session->news);
    pthread_mutex_unlock(&session->lock);
    return ok;
}

/* With the lock held. */
static unsigned outstanding(LmSession *session)
{
    unsigned n = g_queue_get_length(&session->results);
    for (unsigned i = 0; i < session->n_slots; i++)
        n += session->slots[i].state != SLOT_FREE && !session->slots[i].dropped;
    return n;
}

static bool take_result(LmSession *session, LmResult *result)
{
    LmResult *head = g_queue_pop_head(&session->results);
    if (!head)
        return false;
    *result = *head;
    g_free(head);
    return true;
}

bool lm_session_wait_result_until(LmSession *session, gint64 deadline, LmResult *result)
{
    pthread_mutex_lock(&session->lock);
    while (!session->flushing && !session->quit && g_queue_is_empty(&session->results) &&
           outstanding(session) > 0 && lm_clock_now() < deadline)
        wait_news(session, deadline);
    bool taken = !session->flushing && !session->quit && take_result(session, result);
    pthread_mutex_unlock(&session->lock);
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
    pthread_mutex_lock(&session->lock);
    bool taken = take_result(session, result);
    pthread_mutex_unlock(&session->lock);
    return taken;
}

unsigned lm_session_outstanding(LmSession *session)
{
    pthread_mutex_lock(&session->lock);
    unsigned n = outstanding(session);
    pthread_mutex_unlock(&session->lock);
    return n;
}

guint64 lm_session_superseded(LmSession *session)
{
    pthread_mutex_lock(&session->lock);
    guint64 n = session->superseded;
    pthread_mutex_unlock(&session->lock);
    return n;
}

void lm_session_set_flushing(LmSession *session, bool flushing)
{
    pthread_mutex_lock(&session->lock);
    session->flushing = flushing;
    pthread_cond_broadcast(&session->news);
    pthread_mutex_unlock(&session->lock);
}

void lm_session_discard(LmSession *session)
{
    pthread_mutex_lock(&session->lock);
    for (unsigned i = 0; i < session->n_slots; i++) {
        Slot *slot = &session->slots[i];
        if (slot->state == SLOT_FILLED)
            slot->state = SLOT_FREE;
        else
            slot->dropped = true;
    }
    g_queue_clear_full(&session->results, free_result);
    pthread_cond_broadcast(&session->news);
    pthread_mutex_unlock(&session->lock);
}
