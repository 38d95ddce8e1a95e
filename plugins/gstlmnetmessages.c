/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What lmnet says on the bus: errors and warnings, progress, its state, findings that come and go.
 */
#include "gstlmnet-private.h"

/* --- Errors, warnings, progress ------------------------------------------------------------- */

void gst_lm_net_report_start_failure(GstLmNet *self)
{
    if (!g_atomic_int_compare_and_exchange(&self->start_failed, FALSE, TRUE))
        return;
    GST_OBJECT_LOCK(self);
    GError *error = self->session ? lm_session_error(self->session) : NULL;
    GST_OBJECT_UNLOCK(self);
    /* Without one the element is being stopped, which is no failure. */
    if (error)
        gst_lm_error_post(GST_ELEMENT(self), GST_MESSAGE_ERROR, NULL, error);
    g_clear_error(&error);
}

static void post_progress(GstLmNet *self, GstProgressType type, const char *what, int percent)
{
    char *text = g_strdup_printf("%s (%d %%)", what, percent);
    GstMessage *message = gst_message_new_progress(GST_OBJECT(self), type, "lmnet-start", text);
    gst_structure_set(gst_message_writable_structure(message), "percent", G_TYPE_INT, percent,
                      NULL);
    gst_element_post_message(GST_ELEMENT(self), message);
    g_free(text);
}

void gst_lm_net_cancel_progress(GstLmNet *self)
{
    if (g_atomic_int_compare_and_exchange(&self->progress_open, TRUE, FALSE))
        post_progress(self, GST_PROGRESS_TYPE_CANCELED, "stopped", 100);
}

void gst_lm_net_session_report(void *user, const LmSessionReport *report)
{
    GstLmNet *self = user;

    switch (report->state) {
    case LM_SESSION_IDLE:
        break;
    case LM_SESSION_STARTING: {
        bool first = g_atomic_int_compare_and_exchange(&self->progress_open, FALSE, TRUE);
        post_progress(self, first ? GST_PROGRESS_TYPE_START : GST_PROGRESS_TYPE_CONTINUE,
                      report->step, report->percent);
        break;
    }
    case LM_SESSION_READY: {
        bool first = !g_atomic_int_compare_and_exchange(&self->degraded, TRUE, FALSE);
        bool open = g_atomic_int_compare_and_exchange(&self->progress_open, TRUE, FALSE);
        /* Another session may have made all that there is to make. */
        if (first && !open)
            post_progress(self, GST_PROGRESS_TYPE_START, "ready", 0);
        if (first || open)
            post_progress(self, GST_PROGRESS_TYPE_COMPLETE, "ready", 100);
        break;
    }
    case LM_SESSION_DEGRADED:
        /* Further reasons come as it is tried again and again. */
        if (g_atomic_int_compare_and_exchange(&self->degraded, FALSE, TRUE))
            gst_lm_error_post(
                GST_ELEMENT(self), GST_MESSAGE_WARNING,
                "Analysis failed; frames pass without marks until it works again:", report->error);
        break;
    case LM_SESSION_FAILED:
        if (g_atomic_int_compare_and_exchange(&self->progress_open, TRUE, FALSE))
            post_progress(self, GST_PROGRESS_TYPE_ERROR, report->error->message, 100);
        gst_lm_net_report_start_failure(self);
        break;
    }
    gst_lm_net_set_session_state(self, report->state,
                                 report->error ? report->error->message : NULL);
}

/* --- State ----------------------------------------------------------------------------------- */

/* With the state's lock held. */
static const char *state_name(const GstLmNetState *state, const char **reason,
                              GstLmIndicator *light)
{
    static const struct {
        const char *name, *reason;
        GstLmIndicator light;
    } pictures[] = {
        [GST_LM_PICTURE_LIVE] = {"ready", "", GST_LM_INDICATOR_READY},
        [GST_LM_PICTURE_FROZEN] = {"frozen", "the picture does not change",
                                   GST_LM_INDICATOR_DEGRADED},
        [GST_LM_PICTURE_NO_SIGNAL] = {"no-signal", "the picture is missing, black or of one colour",
                                      GST_LM_INDICATOR_DEGRADED},
    };
    *reason = state->session_reason ? state->session_reason : "";
    switch (state->session) {
    case LM_SESSION_FAILED:
        *light = GST_LM_INDICATOR_FAILED;
        return "failed";
    case LM_SESSION_DEGRADED:
        *light = GST_LM_INDICATOR_DEGRADED;
        return "degraded";
    case LM_SESSION_IDLE:
    case LM_SESSION_STARTING:
        *light = GST_LM_INDICATOR_STARTING;
        return "starting";
    case LM_SESSION_READY:
        break;
    }
    if (state->slow_reason) {
        *reason = state->slow_reason;
        *light = GST_LM_INDICATOR_DEGRADED;
        return "degraded";
    }
    *reason = pictures[state->picture].reason;
    *light = pictures[state->picture].light;
    return pictures[state->picture].name;
}

/* With the state's lock held. Reasons alone are no news. */
static bool has_news(const GstLmNetState *state)
{
    const char *reason;
    GstLmIndicator light;
    return g_strcmp0(state_name(state, &reason, &light), state->told) != 0;
}

/* The same: what there is to tell, which counts as told; or NULL. */
static GstStructure *take_news(GstLmNetState *state)
{
    const char *reason;
    GstLmIndicator light;
    if (!has_news(state))
        return NULL;
    state->told = state_name(state, &reason, &light);
    return gst_structure_new("lmnet-state", "state", G_TYPE_STRING, state->told, "reason",
                             G_TYPE_STRING, reason, NULL);
}

/* With the state's lock held, which it gives back: a bus may call the application from within
 * gst_element_post_message(), and that may ask for `stats`. */
static void tell_state(GstLmNet *self)
{
    bool wanted = has_news(&self->state);
    pthread_mutex_unlock(&self->state.lock);
    if (!wanted)
        return;

    pthread_mutex_lock(&self->state.telling);
    pthread_mutex_lock(&self->state.lock);
    GstStructure *news = take_news(&self->state); /* NULL: another thread was faster. */
    pthread_mutex_unlock(&self->state.lock);
    if (news) {
        GST_INFO_OBJECT(self, "%" GST_PTR_FORMAT, (void *)news);
        gst_element_post_message(GST_ELEMENT(self),
                                 gst_message_new_element(GST_OBJECT(self), news));
    }
    pthread_mutex_unlock(&self->state.telling);
}

void gst_lm_net_set_session_state(GstLmNet *self, LmSessionState session, const char *reason)
{
    pthread_mutex_lock(&self->state.lock);
    self->state.session = session;
    g_free(self->state.session_reason);
    self->state.session_reason = g_strdup(reason);
    tell_state(self);
}

void gst_lm_net_set_slow(GstLmNet *self, char *reason)
{
    pthread_mutex_lock(&self->state.lock);
    g_free(self->state.slow_reason);
    self->state.slow_reason = reason;
    tell_state(self);
}

void gst_lm_net_set_picture(GstLmNet *self, GstLmPicture picture)
{
    pthread_mutex_lock(&self->state.lock);
    self->state.picture = picture;
    tell_state(self);
}

const char *gst_lm_net_get_state(GstLmNet *self, GstLmIndicator *light)
{
    pthread_mutex_lock(&self->state.lock);
    const char *reason, *name = state_name(&self->state, &reason, light);
    pthread_mutex_unlock(&self->state.lock);
    return name;
}

void gst_lm_net_state_init(GstLmNet *self)
{
    pthread_mutex_init(&self->state.telling, NULL);
    pthread_mutex_init(&self->state.lock, NULL);
}

void gst_lm_net_state_reset(GstLmNet *self)
{
    pthread_mutex_lock(&self->state.lock);
    self->state.session = LM_SESSION_IDLE;
    g_clear_pointer(&self->state.session_reason, g_free);
    self->state.told = NULL;
    pthread_mutex_unlock(&self->state.lock);
}

void gst_lm_net_state_finish(GstLmNet *self)
{
    g_free(self->state.session_reason);
    g_free(self->state.slow_reason);
    pthread_mutex_destroy(&self->state.lock);
    pthread_mutex_destroy(&self->state.telling);
}

/* --- Findings -------------------------------------------------------------------------------- */

void gst_lm_net_tell_detection(void *user, LmTrackEvent event, const LmFinding *finding)
{
    GstLmNet *self = user;
    const LmModelInfo *model = lm_session_model(self->session);
    const char *label =
        gst_lm_class_name(model->class_names, model->n_class_names, finding->class_index);
    GstClockTime stream_time =
        gst_lm_frame_stream_time(&GST_BASE_TRANSFORM(self)->segment, self->marks_of.pts);
    GstStructure *structure = gst_structure_new(
        "lmnet-detection", "event", G_TYPE_STRING, event == LM_TRACK_ENTER ? "enter" : "leave",
        "id", G_TYPE_UINT, finding->id, "label", G_TYPE_STRING, label, "confidence", G_TYPE_DOUBLE,
        finding->confidence, "x", G_TYPE_INT, finding->box.x, "y", G_TYPE_INT, finding->box.y,
        "width", G_TYPE_INT, finding->box.width, "height", G_TYPE_INT, finding->box.height, "area",
        G_TYPE_DOUBLE, finding->area, "timestamp", G_TYPE_UINT64, self->marks_of.pts, "stream-time",
        G_TYPE_UINT64, stream_time, NULL);
    gst_element_post_message(GST_ELEMENT(self),
                             gst_message_new_element(GST_OBJECT(self), structure));
}
