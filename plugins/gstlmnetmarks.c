/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Turns masks into marks on frames, and reports findings that enter and leave. */
#include "gstlmnetmarks.h"

#include "gstlmmeta.h"
#include "gstlmnetdebug.h"

void gst_lm_net_marks_init(GstLmNetMarks *self, GstBaseTransform *element, GstLmNetState *state,
                           GstLmNetSession *session, GstLmNetStats *stats, GstLmLayout *layout)
{
    self->element = element;
    self->state = state;
    self->session = session;
    self->stats = stats;
    self->layout = layout;
}

void gst_lm_net_marks_finish(GstLmNetMarks *self)
{
    gst_lm_marks_clear(&self->marks);
    gst_lm_painter_finish(&self->painter);
}

void gst_lm_net_marks_load_fonts(GstLmNetMarks *self)
{
    const LmModelInfo *model = lm_session_model(self->session->current);
    gst_lm_painter_load_fonts(self->layout->frame.height, model->class_names, model->n_class_names);
}

/* LmTrackFunc */
static void report_detection(void *user, LmTrackEvent event, const LmFinding *finding)
{
    GstLmNetMarks *self = user;
    const LmModelInfo *model = lm_session_model(self->session->current);
    gst_lm_net_state_post_detection(
        self->state, event, finding,
        gst_lm_class_name(model->class_names, model->n_class_names, finding->class_index),
        self->of.pts, gst_lm_frame_stream_time(&self->element->segment, self->of.pts));
}

static void track(GstLmNetMarks *self)
{
    lm_tracker_update(&self->tracker, &self->marks.findings, self->of.clock, report_detection,
                      self);
}

static void discard(GstLmNetMarks *self)
{
    gst_lm_marks_clear(&self->marks);
    lm_tracker_clear(&self->tracker, report_detection, self);
}

void gst_lm_net_marks_enter_shot(GstLmNetMarks *self, guint64 shot)
{
    if (shot == self->shot)
        return;
    discard(self);
    self->shot = shot;
}

LmMask *gst_lm_net_marks_accept(GstLmNetMarks *self, const LmResult *result)
{
    if (!result->mask) {
        GST_DEBUG_OBJECT(self->element, "no mask: %s", result->error->message);
        discard(self);
        return NULL;
    }
    GST_LOG_OBJECT(self->element, "mask %" G_GUINT64_FORMAT " after %" GST_TIME_FORMAT,
                   result->ticket, GST_TIME_ARGS((GstClockTime)result->inference_ns));
    GST_OBJECT_LOCK(self->element);
    gst_lm_net_stats_add_inference(self->stats, result->inference_ns, result->gpu_ns);
    GST_OBJECT_UNLOCK(self->element);
    return result->mask;
}

void gst_lm_net_marks_set(GstLmNetMarks *self, LmMask *mask, const GstLmNetFrame *of,
                          const GstLmNetFrameSettings *settings)
{
    const LmFindingsParams params = {settings->overlay.threshold, settings->min_area};
    self->of = *of;
    if (gst_lm_marks_set(&self->marks, mask, &params) && !self->hidden)
        track(self);
}

void gst_lm_net_marks_set_slow(GstLmNetMarks *self, char *reason)
{
    self->hidden = reason != NULL;
    if (self->hidden)
        lm_tracker_clear(&self->tracker, report_detection, self);
    else
        track(self);
    gst_lm_net_state_set_slow(self->state, reason);
}

void gst_lm_net_marks_draw(GstLmNetMarks *self, GstBuffer **buffer, LmRect region,
                           const GstLmNetFrameSettings *settings, GstClockTime age)
{
    const LmModelInfo *model = lm_session_model(self->session->current);
    const bool marked = GST_CLOCK_TIME_IS_VALID(age);
    GstLmDrawing drawing = {
        .params = &settings->overlay,
        .class_names = model->class_names,
        .n_class_names = model->n_class_names,
        .region = region,
    };
    if (marked) {
        /* The threshold may have changed since. */
        gst_lm_net_marks_set(self, self->marks.mask, &self->of, settings);
        drawing.mask = self->marks.mask;
        drawing.findings = &self->marks.findings;
    }
    gst_lm_net_state_get(self->state, &drawing.indicator);
    if (!gst_lm_painter_draw(&self->painter, buffer, self->layout, &drawing)) {
        gst_lm_frame_report_mismatch(self->layout, GST_ELEMENT(self->element),
                                     "they pass without analysis");
        return;
    }
    if (!marked)
        return;
    *buffer = gst_buffer_make_writable(*buffer);
    gst_lm_meta_attach(*buffer, &self->layout->video, &self->marks, model, self->of.pts, age);
    GST_OBJECT_LOCK(self->element);
    gst_lm_net_stats_add_age(self->stats, age);
    GST_OBJECT_UNLOCK(self->element);
}
