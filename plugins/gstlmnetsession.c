/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Which model lmnet runs, on which device: its session, opened in READY and started in PAUSED, or
 * with the first caps. */
#include "gstlmnet-private.h"

#include "model/bundled.h"
#include "util/error.h"

void gst_lm_net_close_sessions(GstLmNet *self)
{
    GST_OBJECT_LOCK(self);
    LmSession *session = g_steal_pointer(&self->session), *small = g_steal_pointer(&self->small);
    GST_OBJECT_UNLOCK(self);
    lm_session_free(&session);
    lm_session_free(&small);
    gst_lm_net_cancel_progress(self);
    gst_lm_net_state_reset(self);
}

/* What sessions are made of, as it is at one time. */
typedef struct {
    char *model, *small_model; /* Paths; the same where one is named. */
    char *device;
    char *bad_region; /* NULL: it is not. */
    GstLmNetMode mode;
    LmPrecision precision;
    unsigned slots;
} Settings;

static Settings take_settings(GstLmNet *self)
{
    GST_OBJECT_LOCK(self);
    const Settings settings = {
        .model = lm_model_path(self->model, LM_MODEL_DEFAULT),
        .small_model = lm_model_path(self->model, LM_MODEL_SMALL),
        .device = g_strdup(self->device),
        .bad_region = self->region_valid ? NULL : g_strdup(self->region_text),
        .mode = self->mode,
        .precision = self->precision,
        .slots = self->in_flight,
    };
    self->session_stale = false;
    GST_OBJECT_UNLOCK(self);
    return settings;
}

static void clear_settings(Settings *settings)
{
    g_free(settings->model);
    g_free(settings->small_model);
    g_free(settings->device);
    g_free(settings->bad_region);
}

static LmSession *new_session(GstLmNet *self, const Settings *settings, const char *model,
                              GError **error)
{
    const LmSessionParams params = {
        .model = model,
        .device = settings->device,
        .precision = settings->precision,
        .slots = settings->slots,
        .report = gst_lm_net_session_report,
        .user = self,
    };
    LmSession *session = lm_session_new(&params, error);
    if (session) {
        const LmDeviceInfo *device = lm_session_device(session);
        GST_INFO_OBJECT(self, "model %s on device %s (%s)", model, device->name, device->uuid);
    }
    return session;
}

static void tell_small_model(GstLmNet *self)
{
    static const char text[] =
        "The device is a CPU, and the mode latest: the small bundled model, " LM_MODEL_SMALL
        ", is taken. model=" LM_MODEL_DEFAULT
        " takes the larger one, for CPUs that need less than half of max-mask-age for a mask.";
    /* gst-launch-1.0 prints the details of an INFO message alone. */
    GST_ELEMENT_INFO(self, RESOURCE, SETTINGS, ("%s", text), ("%s", text));
}

/* On a CPU, which the session's device tells, the default model is too slow for latest, which takes
 * the small one where none is named: now where that is the mode; in auto both stay open, so that
 * either is known to be good, and caps decide. */
static bool open_small(GstLmNet *self, const Settings *settings, LmSession **session,
                       LmSession **small, GError **error)
{
    if (g_str_equal(settings->model, settings->small_model) ||
        settings->mode == GST_LM_NET_MODE_EVERY_FRAME ||
        lm_session_device(*session)->type != LM_DEVICE_CPU)
        return true;
    if (!(*small = new_session(self, settings, settings->small_model, error)))
        return false;
    if (settings->mode == GST_LM_NET_MODE_LATEST) {
        lm_session_free(session);
        *session = g_steal_pointer(small);
        tell_small_model(self);
    }
    return true;
}

bool gst_lm_net_open_sessions(GstLmNet *self)
{
    gst_lm_net_close_sessions(self);

    Settings settings = take_settings(self);
    LmSession *session = NULL, *small = NULL;
    GError *error = NULL;
    if (settings.bad_region)
        g_set_error(&error, LM_ERROR, LM_ERROR_ARGUMENT, GST_LM_NET_BAD_REGION,
                    settings.bad_region);
    bool ok = !error && (session = new_session(self, &settings, settings.model, &error)) &&
              open_small(self, &settings, &session, &small, &error);
    clear_settings(&settings);
    if (!ok) {
        lm_session_free(&session);
        gst_lm_error_post(GST_ELEMENT(self), GST_MESSAGE_ERROR, NULL, error);
        g_error_free(error);
        return false;
    }
    GST_OBJECT_LOCK(self);
    self->session = session;
    self->small = small;
    self->model_by_mode = small != NULL;
    GST_OBJECT_UNLOCK(self);
    return true;
}

void gst_lm_net_update_flushing(GstLmNet *self)
{
    GST_OBJECT_LOCK(self);
    if (self->session)
        lm_session_set_flushing(self->session, self->stopping || self->flushing);
    GST_OBJECT_UNLOCK(self);
}

void gst_lm_net_start_session(GstLmNet *self)
{
    if (self->small || lm_session_state(self->session) != LM_SESSION_IDLE)
        return;
    g_atomic_int_set(&self->degraded, FALSE);
    g_atomic_int_set(&self->start_failed, FALSE);
    lm_session_start(self->session);
}

void gst_lm_net_settle_model(GstLmNet *self)
{
    GST_OBJECT_LOCK(self);
    LmSession *other = self->stopping ? NULL : g_steal_pointer(&self->small);
    const bool take_other = other && !self->every_frame;
    if (take_other) {
        LmSession *small = other;
        other = self->session;
        self->session = small;
    }
    GST_OBJECT_UNLOCK(self);
    if (!other)
        return;
    lm_session_free(&other); /* Never started: no worker to wait for. */
    if (take_other)
        tell_small_model(self);
    gst_lm_net_update_flushing(self);
    gst_lm_net_start_session(self);
}
