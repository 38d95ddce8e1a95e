/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Combines lmnet's state from its session, its speed and its picture, and posts element messages.
 */
#include "gstlmnetstate.h"

#include "gstlmnetdebug.h"

void gst_lm_net_state_init(GstLmNetState *self, GstElement *element)
{
    self->element = element;
    pthread_mutex_init(&self->posting, NULL);
    pthread_mutex_init(&self->lock, NULL);
}

void gst_lm_net_state_finish(GstLmNetState *self)
{
    g_free(self->session_reason);
    g_free(self->slow_reason);
    pthread_mutex_destroy(&self->lock);
    pthread_mutex_destroy(&self->posting);
}

void gst_lm_net_state_reset(GstLmNetState *self)
{
    pthread_mutex_lock(&self->lock);
    self->session = LM_SESSION_IDLE;
    g_clear_pointer(&self->session_reason, g_free);
    self->reported = NULL;
    pthread_mutex_unlock(&self->lock);
}

/* --- lmnet-state ----------------------------------------------------------------------------- */

typedef struct {
    const char *name, *reason;
    GstLmIndicator indicator;
} Summary;

/* Under the lock. A session that does not work outweighs one that is slow, and that the picture. */
static Summary summarise(const GstLmNetState *self)
{
    static const Summary pictures[] = {
        [GST_LM_PICTURE_LIVE] = {"ready", "", GST_LM_INDICATOR_READY},
        [GST_LM_PICTURE_FROZEN] = {"frozen", "the picture does not change",
                                   GST_LM_INDICATOR_DEGRADED},
        [GST_LM_PICTURE_NO_SIGNAL] = {"no-signal", "the picture is missing, black or of one colour",
                                      GST_LM_INDICATOR_DEGRADED},
    };
    const char *reason = self->session_reason ? self->session_reason : "";
    switch (self->session) {
    case LM_SESSION_FAILED:
        return (Summary){"failed", reason, GST_LM_INDICATOR_FAILED};
    case LM_SESSION_DEGRADED:
        return (Summary){"degraded", reason, GST_LM_INDICATOR_DEGRADED};
    case LM_SESSION_IDLE:
    case LM_SESSION_STARTING:
        return (Summary){"starting", reason, GST_LM_INDICATOR_STARTING};
    case LM_SESSION_READY:
        break;
    }
    if (self->slow_reason)
        return (Summary){"degraded", self->slow_reason, GST_LM_INDICATOR_DEGRADED};
    return pictures[self->picture];
}

static bool has_news(const GstLmNetState *self)
{
    return g_strcmp0(summarise(self).name, self->reported) != 0;
}

/* Under the lock: the message's structure, which counts as reported, or NULL. */
static GstStructure *take_news(GstLmNetState *self)
{
    if (!has_news(self))
        return NULL;
    const Summary summary = summarise(self);
    self->reported = summary.name;
    return gst_structure_new("lmnet-state", "state", G_TYPE_STRING, summary.name, "reason",
                             G_TYPE_STRING, summary.reason, NULL);
}

static void post(GstLmNetState *self, GstStructure *structure)
{
    gst_element_post_message(self->element,
                             gst_message_new_element(GST_OBJECT(self->element), structure));
}

/* Releases the lock, and posts the state if it is another one than was reported last. */
static void unlock_and_report(GstLmNetState *self)
{
    const bool wanted = has_news(self);
    pthread_mutex_unlock(&self->lock);
    if (!wanted)
        return;

    pthread_mutex_lock(&self->posting);
    pthread_mutex_lock(&self->lock);
    GstStructure *news = take_news(self); /* NULL: another thread was faster. */
    pthread_mutex_unlock(&self->lock);
    if (news) {
        GST_INFO_OBJECT(self->element, "%" GST_PTR_FORMAT, (void *)news);
        post(self, news);
    }
    pthread_mutex_unlock(&self->posting);
}

void gst_lm_net_state_set_session(GstLmNetState *self, LmSessionState session, const char *reason)
{
    pthread_mutex_lock(&self->lock);
    self->session = session;
    g_free(self->session_reason);
    self->session_reason = g_strdup(reason);
    unlock_and_report(self);
}

void gst_lm_net_state_set_slow(GstLmNetState *self, char *reason)
{
    pthread_mutex_lock(&self->lock);
    g_free(self->slow_reason);
    self->slow_reason = reason;
    unlock_and_report(self);
}

void gst_lm_net_state_set_picture(GstLmNetState *self, GstLmPicture picture)
{
    pthread_mutex_lock(&self->lock);
    self->picture = picture;
    unlock_and_report(self);
}

const char *gst_lm_net_state_get(GstLmNetState *self, GstLmIndicator *indicator)
{
    pthread_mutex_lock(&self->lock);
    const Summary summary = summarise(self);
    pthread_mutex_unlock(&self->lock);
    *indicator = summary.indicator;
    return summary.name;
}

/* --- lmnet-detection ------------------------------------------------------------------------- */

void gst_lm_net_state_post_detection(GstLmNetState *self, LmTrackEvent event,
                                     const LmFinding *finding, const char *label, GstClockTime pts,
                                     GstClockTime stream_time)
{
    post(self,
         gst_structure_new(
             "lmnet-detection", "event", G_TYPE_STRING, event == LM_TRACK_ENTER ? "enter" : "leave",
             "id", G_TYPE_UINT, finding->id, "label", G_TYPE_STRING, label, "confidence",
             G_TYPE_DOUBLE, finding->confidence, "x", G_TYPE_INT, finding->box.x, "y", G_TYPE_INT,
             finding->box.y, "width", G_TYPE_INT, finding->box.width, "height", G_TYPE_INT,
             finding->box.height, "area", G_TYPE_DOUBLE, finding->area, "timestamp", G_TYPE_UINT64,
             pts, "stream-time", G_TYPE_UINT64, stream_time, NULL));
}
