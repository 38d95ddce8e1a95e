/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The callers' side of a session: settings, frames in, results out. */
#include "run/session-internal.h"

#include <string.h>
#include <time.h>

#include "net/network.h"
#include "util/error.h"

gint64 lm_session_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (gint64)now.tv_sec * 1000000000 + now.tv_nsec;
}

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
#define MINUTE_NS (60 * G_GUINT64_CONSTANT(1000000000))
#define MACS_PER_MINUTE (5 * G_GUINT64_CONSTANT(1000000000))

static guint64 frame_timeout_ns(const LmGraph *graph)
{
    guint64 macs = 0;
    for (guint i = 0; i < graph->ops->len; i++)
        macs += lm_graph_op_macs(graph, lm_graph_op(graph, i));
    return MINUTE_NS * (1 + macs / MACS_PER_MINUTE);
}

LmPrecision lm_precision_settle(LmPrecision precision, const LmDeviceInfo *device)
{
    if (precision != LM_PRECISION_AUTO)
        return precision;
    /* A CPU that knows half precision still computes in single. */
    bool fp16 = device->native_fp16 && device->type != VK_PHYSICAL_DEVICE_TYPE_CPU;
    return fp16 ? LM_PRECISION_FP16 : LM_PRECISION_FP32;
}

LmSession *lm_session_new(const LmSessionParams *params, GError **error)
{
    g_assert(params->slots <= LM_SESSION_MAX_SLOTS);
    LmSession *session = g_new0(LmSession, 1);
    pthread_mutex_init(&session->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&session->wake, &monotonic);
    pthread_cond_init(&session->news, &monotonic);
    pthread_condattr_destroy(&monotonic);
    g_queue_init(&session->results);
    session->next_ticket = 1;
    session->device_selection = g_strdup(params->device);
    session->cache_dir = g_strdup(params->cache_dir);
    session->n_slots = params->slots ? params->slots : 3;
    session->progress = params->progress;
    session->user = params->user;

    if (!(session->weights = lm_weights_open(params->model, error)) ||
        !(session->graph =
              lm_network_build(session->weights, params->width, params->height, false, error)) ||
        !lm_device_choose(params->device, &session->info, error)) {
        lm_session_free(&session);
        return NULL;
    }
    lm_executor_plan(session->graph, &session->info, &(LmExecutorParams){0});
    session->frame_timeout_ns = frame_timeout_ns(session->graph);
    session->precision = lm_precision_settle(params->precision, &session->info);
    return session;
}

void lm_session_free(LmSession **handle)
{
    LmSession *session = handle ? *handle : NULL;
    if (!session)
        return;
    if (session->started) {
        pthread_mutex_lock(&session->lock);
        session->quit = true;
        pthread_cond_broadcast(&session->wake);
        pthread_cond_broadcast(&session->news);
        pthread_mutex_unlock(&session->lock);
        pthread_join(session->thread, NULL);
    }
    g_queue_clear_full(&session->results, free_result);
    g_clear_error(&session->error);
    lm_graph_free(&session->graph);
    lm_weights_free(&session->weights);
    g_free(session->device_selection);
    g_free(session->cache_dir);
    pthread_cond_destroy(&session->news);
    pthread_cond_destroy(&session->wake);
    pthread_mutex_destroy(&session->lock);
    g_clear_pointer(handle, g_free);
}

void lm_session_start(LmSession *session)
{
    g_assert(!session->started);
    session->state = LM_SESSION_STARTING;
    int failed = pthread_create(&session->thread, NULL, lm_session_work, session);
    session->started = !failed;
    if (failed) {
        session->state = LM_SESSION_FAILED;
        session->error = g_error_new(LM_ERROR, LM_ERROR_MEMORY,
                                     "cannot create the worker thread: %s", g_strerror(failed));
    }
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
    return lm_weights_info(session->weights);
}

unsigned lm_session_n_classes(const LmSession *session)
{
    return (unsigned)lm_graph_tensor(session->graph, session->graph->output)->channels;
}

const LmDeviceInfo *lm_session_device(const LmSession *session)
{
    return &session->info;
}

LmPrecision lm_session_precision(const LmSession *session)
{
    return session->precision;
}

bool lm_session_same_layout(const Layout *a, const Layout *b)
{
    return a->frame.format == b->frame.format && a->frame.width == b->frame.width &&
           a->frame.height == b->frame.height && a->frame.kr == b->frame.kr &&
           a->frame.kb == b->frame.kb && a->frame.full_range == b->frame.full_range &&
           a->region.x == b->region.x && a->region.y == b->region.y &&
           a->region.width == b->region.width && a->region.height == b->region.height;
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

bool lm_session_wait_ready(LmSession *session)
{
    pthread_mutex_lock(&session->lock);
    while (!session->flushing && !session->quit && session->state != LM_SESSION_FAILED &&
           !takes_frames(session))
        pthread_cond_wait(&session->news, &session->lock);
    bool ready = !session->flushing && !session->quit && session->state == LM_SESSION_READY;
    pthread_mutex_unlock(&session->lock);
    return ready;
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
static Slot *claim_slot(LmSession *session, const Layout *layout, bool replace)
{
    if (session->state != LM_SESSION_READY && session->state != LM_SESSION_STARTING)
        return NULL;
    if (!session->has_wanted || !lm_session_same_layout(&session->wanted, layout)) {
        session->wanted = *layout;
        session->has_wanted = true;
        pthread_cond_signal(&session->wake);
    }
    if (session->state != LM_SESSION_READY || !layout_is_current(session))
        return NULL;
    Slot *slot = slot_to_fill(session, replace);
    if (!slot)
        return NULL;
    if (slot->state == SLOT_FILLED && !slot->dropped)
        session->superseded++;
    slot->state = SLOT_FILLING;
    slot->ticket = session->next_ticket++;
    slot->alone = replace;
    slot->dropped = false;
    return slot;
}

bool lm_session_submit(LmSession *session, const LmFrame *frame, LmRect region, bool replace,
                       guint64 *ticket, GError **error)
{
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
    if (session->state == LM_SESSION_FAILED)
        g_propagate_error(error, g_error_copy(session->error));
    Slot *slot = claim_slot(session, &layout, replace);
    pthread_mutex_unlock(&session->lock);
    if (!slot)
        return false;

    bool ok = lm_slot_upload(&slot->gpu, session->preprocess, frame, error);

    pthread_mutex_lock(&session->lock);
    if (ok && session->state == LM_SESSION_FAILED) { /* meanwhile; nobody would answer it */
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
    const struct timespec until = {.tv_sec = (time_t)(deadline / 1000000000),
                                   .tv_nsec = (long)(deadline % 1000000000)};
    int expired = 0;
    pthread_mutex_lock(&session->lock);
    while (!expired && !session->flushing && !session->quit &&
           g_queue_is_empty(&session->results) && outstanding(session) > 0)
        expired = pthread_cond_timedwait(&session->news, &session->lock, &until);
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
    while (ok && !lm_session_submit(session, frame, region, false, &ticket, &reason))
        ok = !reason && lm_session_wait_ready(session);
    ok = ok && lm_session_wait_result(session, result);
    if (!ok && !reason)
        reason = lm_session_error(session);
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
