/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The worker's side of a session: device and pipelines, frame layouts, submission and answers. */
#include "run/session-internal.h"

#include "util/error.h"

static void report(LmSession *session, LmSessionState state, const char *what, int percent)
{
    if (session->progress)
        session->progress(session->user, state, what, percent);
}

static bool quitting(LmSession *session)
{
    pthread_mutex_lock(&session->lock);
    bool quit = session->quit;
    pthread_mutex_unlock(&session->lock);
    return quit;
}

static bool warm_up_progress(void *user, unsigned done, unsigned total)
{
    LmSession *session = user;
    report(session, LM_SESSION_STARTING, "compiling shaders", 20 + (int)(done * 80 / total));
    return !quitting(session);
}

static bool open_device(LmSession *session, GError **error)
{
    report(session, LM_SESSION_STARTING, "opening the device", 0);
    if (!(session->device = lm_device_create(session->device_selection, error)) ||
        !(session->pipelines = lm_pipelines_create(session->device, session->cache_dir, error)))
        return false;
    report(session, LM_SESSION_STARTING, "loading the model", 10);
    const LmExecutorParams params = {.fp16 = session->precision == LM_PRECISION_FP16};
    session->executor = lm_executor_create(session->pipelines, session->graph, &params, error);
    if (!session->executor ||
        !lm_executor_warm_up(session->executor, warm_up_progress, session, error))
        return false;
    lm_pipelines_save(session->pipelines);
    return true;
}

/* The slots must be FREE, and stay so: callers take none while the layout is not current. */
static void drop_layout(LmSession *session)
{
    for (unsigned i = 0; i < session->n_slots; i++)
        if (session->slots[i].gpu.views)
            lm_slot_finish(&session->slots[i].gpu);
    lm_preprocess_free(&session->preprocess);
}

static bool take_up_layout(LmSession *session, const Layout *layout, GError **error)
{
    const LmModelInfo *model = lm_weights_info(session->weights);
    const LmTensor *input = lm_graph_tensor(session->graph, session->graph->input);
    LmPreprocessParams params = {
        .frame = layout->frame,
        .region = layout->region,
        .width = input->width,
        .height = input->height,
        .bgr = model->bgr,
        .fp16 = session->precision == LM_PRECISION_FP16,
    };
    for (int i = 0; i < 3; i++) {
        params.mean[i] = model->mean[i];
        params.std[i] = model->std[i];
    }

    drop_layout(session);
    if (!(session->preprocess = lm_preprocess_create(session->pipelines, &params, error)))
        return false;
    for (unsigned i = 0; i < session->n_slots; i++)
        if (!lm_slot_init(&session->slots[i].gpu, session->pipelines, session->executor,
                          session->graph, session->preprocess, error))
            return false;
    lm_pipelines_save(session->pipelines);
    return true;
}

/* With the lock held: the oldest slot in `state`, or NULL. */
static Slot *oldest(LmSession *session, SlotState state)
{
    Slot *found = NULL;
    for (unsigned i = 0; i < session->n_slots; i++) {
        Slot *slot = &session->slots[i];
        if (slot->state == state && (!found || slot->ticket < found->ticket))
            found = slot;
    }
    return found;
}

/* With the lock held: the next slot to submit, or NULL: not before an older one that another caller
 * still fills. */
static Slot *next_to_submit(LmSession *session)
{
    Slot *slot = oldest(session, SLOT_FILLED), *filling = oldest(session, SLOT_FILLING);
    if (!slot || (filling && filling->ticket < slot->ticket))
        return NULL;
    return slot->alone && oldest(session, SLOT_BUSY) ? NULL : slot;
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

/* With the lock held: every frame that a caller waits for is answered with the error. */
static void fail(LmSession *session, GError *error)
{
    session->state = LM_SESSION_FAILED;
    session->error = error;
    for (Slot *slot;
         (slot = oldest(session, SLOT_BUSY)) || (slot = oldest(session, SLOT_FILLED));) {
        slot->state = SLOT_FREE;
        if (slot->dropped)
            continue;
        LmResult *result = g_new0(LmResult, 1);
        result->ticket = slot->ticket;
        result->error = g_error_copy(error);
        g_queue_push_tail(&session->results, result);
    }
    pthread_cond_broadcast(&session->news);
}

/* Waits for one slot's answer, without the lock. */
static LmResult *finish_slot(LmSession *session, Slot *slot, GError **error)
{
    const LmTensor *logits = lm_graph_tensor(session->graph, session->graph->output);
    LmResult *result = g_new0(LmResult, 1);
    result->ticket = slot->ticket;
    result->mask = lm_mask_new(logits->width, logits->height, (unsigned)logits->channels,
                               session->current.region);
    if (!lm_slot_wait(&slot->gpu, session->frame_timeout_ns, result->mask->data, &result->gpu_ns,
                      error)) {
        lm_result_clear(result);
        g_free(result);
        return NULL;
    }
    result->inference_ns = lm_session_now() - slot->submitted;
    return result;
}

/* One step of work, with the lock held on entry and exit; it waits where there is none. */
static bool work_once(LmSession *session, GError **error)
{
    Slot *slot;
    if (layout_is_due(session)) {
        Layout layout = session->wanted;
        session->has_current = false;
        pthread_mutex_unlock(&session->lock);
        bool ok = take_up_layout(session, &layout, error);
        pthread_mutex_lock(&session->lock);
        session->current = layout;
        session->has_current = ok;
        pthread_cond_broadcast(&session->news);
        return ok;
    }
    if ((slot = next_to_submit(session))) {
        slot->state = SLOT_BUSY;
        pthread_mutex_unlock(&session->lock);
        slot->submitted = lm_session_now();
        bool ok = lm_slot_submit(&slot->gpu, error);
        pthread_mutex_lock(&session->lock);
        return ok;
    }
    if ((slot = oldest(session, SLOT_BUSY))) {
        pthread_mutex_unlock(&session->lock);
        LmResult *result = finish_slot(session, slot, error);
        pthread_mutex_lock(&session->lock);
        if (!result)
            return false;
        slot->state = SLOT_FREE;
        if (slot->dropped) {
            lm_result_clear(result);
            g_free(result);
        } else {
            g_queue_push_tail(&session->results, result);
        }
        pthread_cond_broadcast(&session->news);
        return true;
    }
    pthread_cond_wait(&session->wake, &session->lock);
    return true;
}

static void close_device(LmSession *session)
{
    drop_layout(session);
    lm_executor_free(&session->executor);
    lm_pipelines_free(&session->pipelines);
    lm_device_free(&session->device);
}

void *lm_session_work(void *data)
{
    LmSession *session = data;
    GError *error = NULL;
    bool ok = open_device(session, &error);

    pthread_mutex_lock(&session->lock);
    if (ok)
        session->state = LM_SESSION_READY;
    else
        fail(session, error);
    pthread_cond_broadcast(&session->news);
    pthread_mutex_unlock(&session->lock);
    report(session, ok ? LM_SESSION_READY : LM_SESSION_FAILED, ok ? "ready" : error->message, 100);

    pthread_mutex_lock(&session->lock);
    while (ok && !session->quit) {
        ok = work_once(session, &error);
        if (!ok)
            fail(session, error);
    }
    /* A caller may still be copying into a slot. */
    while (oldest(session, SLOT_FILLING))
        pthread_cond_wait(&session->wake, &session->lock);
    pthread_mutex_unlock(&session->lock);
    close_device(session);
    return NULL;
}
