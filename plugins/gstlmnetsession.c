/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Opens sessions in READY, starts one in PAUSED or with the first caps, and posts how it fares. */
#include "gstlmnetsession.h"

#include "gstlmerror.h"
#include "gstlmnetdebug.h"
#include "model/bundled.h"
#include "util/error.h"

void gst_lm_net_session_init(GstLmNetSession *self, GstElement *element, GstLmNetState *state)
{
    self->element = element;
    self->state = state;
}

void gst_lm_net_session_finish(GstLmNetSession *self)
{
    lm_session_free(&self->current);
    lm_session_free(&self->small);
}

/* --- Reports --------------------------------------------------------------------------------- */

void gst_lm_net_session_report_start_failure(GstLmNetSession *self)
{
    if (!g_atomic_int_compare_and_exchange(&self->start_failed, FALSE, TRUE))
        return;
    GST_OBJECT_LOCK(self->element);
    GError *error = self->current ? lm_session_error(self->current) : NULL;
    GST_OBJECT_UNLOCK(self->element);
    /* Without one the element is being stopped, which is no failure. */
    if (error)
        gst_lm_error_post(self->element, GST_MESSAGE_ERROR, NULL, error);
    g_clear_error(&error);
}

void gst_lm_net_session_report_refusal(GstLmNetSession *self, GError *error)
{
    if (!self->refusal_reported && lm_session_state(self->current) == LM_SESSION_READY) {
        gst_lm_error_post(self->element, GST_MESSAGE_WARNING,
                          "Frames pass without analysis:", error);
        self->refusal_reported = true;
    }
    g_error_free(error);
}

static void post_progress(GstLmNetSession *self, GstProgressType type, const char *step,
                          int percent)
{
    char *text = g_strdup_printf("%s (%d %%)", step, percent);
    GstMessage *message =
        gst_message_new_progress(GST_OBJECT(self->element), type, "lmnet-start", text);
    gst_structure_set(gst_message_writable_structure(message), "percent", G_TYPE_INT, percent,
                      NULL);
    gst_element_post_message(self->element, message);
    g_free(text);
}

static void cancel_progress(GstLmNetSession *self)
{
    if (g_atomic_int_compare_and_exchange(&self->progress_open, TRUE, FALSE))
        post_progress(self, GST_PROGRESS_TYPE_CANCELED, "stopped", 100);
}

/* LmSessionParams.report, by the session's worker. */
static void report(void *user, const LmSessionReport *report)
{
    GstLmNetSession *self = user;

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
        /* Another session may have done all the work. */
        if (first && !open)
            post_progress(self, GST_PROGRESS_TYPE_START, "ready", 0);
        if (first || open)
            post_progress(self, GST_PROGRESS_TYPE_COMPLETE, "ready", 100);
        break;
    }
    case LM_SESSION_DEGRADED:
        /* Further reasons come with each attempt to recover. */
        if (g_atomic_int_compare_and_exchange(&self->degraded, FALSE, TRUE))
            gst_lm_error_post(
                self->element, GST_MESSAGE_WARNING,
                "Analysis failed; frames pass without marks until it works again:", report->error);
        break;
    case LM_SESSION_FAILED:
        if (g_atomic_int_compare_and_exchange(&self->progress_open, TRUE, FALSE))
            post_progress(self, GST_PROGRESS_TYPE_ERROR, report->error->message, 100);
        gst_lm_net_session_report_start_failure(self);
        break;
    }
    gst_lm_net_state_set_session(self->state, report->state,
                                 report->error ? report->error->message : NULL);
}

static void report_small_model(GstLmNetSession *self)
{
    static const char text[] =
        "The device is a CPU, and the mode latest: lmnet runs the small bundled "
        "model, " LM_MODEL_SMALL ". Set model=" LM_MODEL_DEFAULT
        " for the larger one if this CPU computes a mask in less than half of max-mask-age.";
    /* gst-launch-1.0 prints the details of an INFO message alone. */
    GST_ELEMENT_INFO(self->element, RESOURCE, SETTINGS, ("%s", text), ("%s", text));
}

/* --- Opening --------------------------------------------------------------------------------- */

void gst_lm_net_session_close(GstLmNetSession *self)
{
    GST_OBJECT_LOCK(self->element);
    LmSession *current = g_steal_pointer(&self->current), *small = g_steal_pointer(&self->small);
    GST_OBJECT_UNLOCK(self->element);
    lm_session_free(&current);
    lm_session_free(&small);
    cancel_progress(self);
    gst_lm_net_state_reset(self->state);
}

/* A copy of the settings that make a session. */
typedef struct {
    char *model, *small_model; /* Paths; equal if the user names a model. */
    char *device;
    char *bad_region; /* NULL: the region is valid. */
    GstLmNetMode mode;
    LmPrecision precision;
    unsigned slots;
} Recipe;

static Recipe take_recipe(GstLmNetSession *self, GstLmNetSettings *settings)
{
    GST_OBJECT_LOCK(self->element);
    const Recipe recipe = {
        .model = lm_model_path(settings->model, LM_MODEL_DEFAULT),
        .small_model = lm_model_path(settings->model, LM_MODEL_SMALL),
        .device = g_strdup(settings->device),
        .bad_region = settings->region_valid ? NULL : g_strdup(settings->region_text),
        .mode = settings->mode,
        .precision = settings->precision,
        .slots = settings->in_flight,
    };
    settings->stale = false;
    GST_OBJECT_UNLOCK(self->element);
    return recipe;
}

static void clear_recipe(Recipe *recipe)
{
    g_free(recipe->model);
    g_free(recipe->small_model);
    g_free(recipe->device);
    g_free(recipe->bad_region);
}

static LmSession *new_session(GstLmNetSession *self, const Recipe *recipe, const char *model,
                              GError **error)
{
    const LmSessionParams params = {
        .model = model,
        .device = recipe->device,
        .precision = recipe->precision,
        .slots = recipe->slots,
        .report = report,
        .user = self,
    };
    LmSession *session = lm_session_new(&params, error);
    if (session) {
        const LmDeviceInfo *device = lm_session_device(session);
        GST_INFO_OBJECT(self->element, "model %s on device %s (%s)", model, device->name,
                        device->uuid);
    }
    return session;
}

/* On a CPU the default model is too slow for latest, which takes the small one if the user names
 * none. In mode latest it does so now; in auto both stay open, so that either is known to be good,
 * and caps choose. */
static bool open_small(GstLmNetSession *self, const Recipe *recipe, LmSession **session,
                       LmSession **small, GError **error)
{
    if (g_str_equal(recipe->model, recipe->small_model) ||
        recipe->mode == GST_LM_NET_MODE_EVERY_FRAME ||
        lm_session_device(*session)->type != LM_DEVICE_CPU)
        return true;
    if (!(*small = new_session(self, recipe, recipe->small_model, error)))
        return false;
    if (recipe->mode == GST_LM_NET_MODE_LATEST) {
        lm_session_free(session);
        *session = g_steal_pointer(small);
        report_small_model(self);
    }
    return true;
}

bool gst_lm_net_session_open(GstLmNetSession *self, GstLmNetSettings *settings)
{
    gst_lm_net_session_close(self);

    Recipe recipe = take_recipe(self, settings);
    LmSession *session = NULL, *small = NULL;
    GError *error = NULL;
    if (recipe.bad_region)
        g_set_error(&error, LM_ERROR, LM_ERROR_ARGUMENT, GST_LM_NET_BAD_REGION, recipe.bad_region);
    bool ok = !error && (session = new_session(self, &recipe, recipe.model, &error)) &&
              open_small(self, &recipe, &session, &small, &error);
    clear_recipe(&recipe);
    if (!ok) {
        lm_session_free(&session);
        gst_lm_error_post(self->element, GST_MESSAGE_ERROR, NULL, error);
        g_error_free(error);
        return false;
    }
    GST_OBJECT_LOCK(self->element);
    self->current = session;
    self->small = small;
    self->chosen_by_mode = small != NULL;
    GST_OBJECT_UNLOCK(self->element);
    return true;
}

bool gst_lm_net_session_reopen(GstLmNetSession *self, GstLmNetSettings *settings)
{
    GST_OBJECT_LOCK(self->element);
    /* Caps may choose the other model this time. */
    const bool chosen = self->chosen_by_mode && !self->small;
    const bool holds = self->current && !settings->stale && settings->region_valid && !chosen &&
                       lm_session_state(self->current) != LM_SESSION_FAILED;
    GST_OBJECT_UNLOCK(self->element);
    return holds || gst_lm_net_session_open(self, settings);
}

/* --- Starting -------------------------------------------------------------------------------- */

void gst_lm_net_session_start(GstLmNetSession *self)
{
    if (self->small || lm_session_state(self->current) != LM_SESSION_IDLE)
        return;
    g_atomic_int_set(&self->degraded, FALSE);
    g_atomic_int_set(&self->start_failed, FALSE);
    lm_session_start(self->current);
}

void gst_lm_net_session_configure(GstLmNetSession *self)
{
    self->refusal_reported = false;
}

/* Under the object lock. */
static void update_flushing(GstLmNetSession *self)
{
    if (self->current)
        lm_session_set_flushing(self->current, self->stopping || self->flushing);
}

void gst_lm_net_session_choose(GstLmNetSession *self, GstLmNetMode mode)
{
    GST_OBJECT_LOCK(self->element);
    LmSession *other = self->stopping ? NULL : g_steal_pointer(&self->small);
    const bool take_small = other && mode == GST_LM_NET_MODE_LATEST;
    if (take_small) {
        LmSession *small = other;
        other = self->current;
        self->current = small;
    }
    if (other)
        update_flushing(self);
    GST_OBJECT_UNLOCK(self->element);
    if (!other)
        return;
    lm_session_free(&other); /* Never started: no worker to wait for. */
    if (take_small)
        report_small_model(self);
    gst_lm_net_session_start(self);
}

void gst_lm_net_session_set_stopping(GstLmNetSession *self, bool stopping)
{
    GST_OBJECT_LOCK(self->element);
    self->stopping = stopping;
    update_flushing(self);
    GST_OBJECT_UNLOCK(self->element);
}

void gst_lm_net_session_set_flushing(GstLmNetSession *self, bool flushing)
{
    GST_OBJECT_LOCK(self->element);
    self->flushing = flushing;
    update_flushing(self);
    GST_OBJECT_UNLOCK(self->element);
}

bool gst_lm_net_session_is_flushing(GstLmNetSession *self)
{
    GST_OBJECT_LOCK(self->element);
    const bool flushing = self->stopping || self->flushing;
    GST_OBJECT_UNLOCK(self->element);
    return flushing;
}

/* --- Statistics ------------------------------------------------------------------------------ */

void gst_lm_net_session_add_stats(const GstLmNetSession *self, GstStructure *stats)
{
    LmSession *session = self->current;
    gst_structure_set(
        stats, "superseded", G_TYPE_UINT64,
        session ? lm_session_superseded(session) : G_GUINT64_CONSTANT(0), "model", G_TYPE_STRING,
        session ? lm_session_model_path(session) : "", "device", G_TYPE_STRING,
        session ? lm_session_device(session)->name : "", "precision", G_TYPE_STRING,
        session ? gst_lm_net_settings_precision_name(lm_session_precision(session)) : "", NULL);
}
