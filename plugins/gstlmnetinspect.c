/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Inspects frames before they are analysed. */
#include "gstlmnetinspect.h"

#include "gstlmnetdebug.h"
#include "util/clock.h"

/* Of running time: longer than this, and than a few frames, and the shot counts as another one. */
#define MAX_GAP (500 * GST_MSECOND)
#define MAX_GAP_FRAMES 3

void gst_lm_net_inspect_init(GstLmNetInspect *self, GstBaseTransform *element, GstLmNetState *state,
                             GstLmLayout *layout)
{
    self->element = element;
    self->state = state;
    self->layout = layout;
    self->thumbnail = g_new0(LmThumbnail, 1);
    self->watch = lm_scene_watch_create();
}

void gst_lm_net_inspect_finish(GstLmNetInspect *self)
{
    g_free(self->thumbnail);
    lm_scene_watch_free(&self->watch);
    lm_region_thread_free(&self->region_thread);
}

void gst_lm_net_inspect_configure(GstLmNetInspect *self, GstClockTime frame_duration)
{
    self->frame_duration = frame_duration;
    self->region_serial = 0;
}

guint64 gst_lm_net_inspect_reset(GstLmNetInspect *self)
{
    self->last.arrival = 0;
    lm_scene_watch_reset(self->watch);
    return gst_lm_net_inspect_begin_shot(self);
}

void gst_lm_net_inspect_forget_region(GstLmNetInspect *self)
{
    lm_region_thread_free(&self->region_thread);
}

guint64 gst_lm_net_inspect_begin_shot(GstLmNetInspect *self)
{
    return ++self->last.shot;
}

bool gst_lm_net_inspect_map(GstLmNetInspect *self, GstBuffer *buffer, GstVideoFrame *video,
                            LmFrame *view)
{
    if (gst_lm_frame_map(self->layout, buffer, GST_MAP_READ, video, view))
        return true;
    gst_lm_frame_report_mismatch(self->layout, GST_ELEMENT(self->element),
                                 "they pass without analysis");
    return false;
}

/* --- Region ---------------------------------------------------------------------------------- */

/* Clips the region that was set to the frame; warns once for each region and size if that changes
 * it. */
static void clip_region(GstLmNetInspect *self, const GstLmNetFrameSettings *settings)
{
    if (self->region_serial == settings->region_serial)
        return;
    const LmRect frame = {0, 0, self->layout->frame.width, self->layout->frame.height};
    const LmRect set = settings->region;
    self->region_serial = settings->region_serial;
    self->region = set.width ? lm_rect_clip(set, frame) : frame;

    GST_DEBUG_OBJECT(self->element, "region %d,%d,%d,%d of %d x %d", self->region.x, self->region.y,
                     self->region.width, self->region.height, frame.width, frame.height);
    if (self->region.width <= 0 || self->region.height <= 0) {
        self->region = (LmRect){0};
        GST_ELEMENT_WARNING(self->element, RESOURCE, SETTINGS,
                            ("Region %d,%d,%d,%d does not overlap the frames of %d x %d, which "
                             "stay clean.",
                             set.x, set.y, set.width, set.height, frame.width, frame.height),
                            (NULL));
    } else if (set.width &&
               (self->region.width != set.width || self->region.height != set.height)) {
        GST_ELEMENT_WARNING(
            self->element, RESOURCE, SETTINGS,
            ("Region %d,%d,%d,%d reaches beyond the frames of %d x %d: clipped to %d,%d,%d,%d.",
             set.x, set.y, set.width, set.height, frame.width, frame.height, self->region.x,
             self->region.y, self->region.width, self->region.height),
            (NULL));
    }
}

/* Takes the endoscopic content area as it is known by now. */
static void find_region(GstLmNetInspect *self, GstClockTime running, bool wait)
{
    GError *error = NULL;
    if (!self->region_thread && !(self->region_thread = lm_region_thread_create(&error))) {
        GST_DEBUG_OBJECT(self->element, "%s", error->message);
        g_error_free(error);
        self->region = (LmRect){0, 0, self->layout->frame.width, self->layout->frame.height};
        return;
    }
    lm_region_thread_post(self->region_thread, self->thumbnail, running);
    if (wait)
        lm_region_thread_wait(self->region_thread);
    self->region = lm_region_thread_get(self->region_thread).rect;
}

static void resolve_region(GstLmNetInspect *self, const GstLmNetFrameSettings *settings,
                           GstClockTime running, bool wait)
{
    const LmRect before = self->region;
    if (settings->find_region)
        find_region(self, running, wait);
    else
        clip_region(self, settings);
    if (!lm_rect_equal(before, self->region))
        GST_INFO_OBJECT(self->element, "region %d,%d,%d,%d of %d x %d", self->region.x,
                        self->region.y, self->region.width, self->region.height,
                        self->layout->frame.width, self->layout->frame.height);
}

/* --- Times and shots ------------------------------------------------------------------------- */

static bool both_have_times(const GstLmNetFrame *a, const GstLmNetFrame *b)
{
    return GST_CLOCK_TIME_IS_VALID(a->running) && GST_CLOCK_TIME_IS_VALID(b->running);
}

/* True if frames may be missing before this one, or times start anew. */
static bool is_gap(const GstLmNetInspect *self, const GstLmNetFrame *frame, bool discont)
{
    const GstLmNetFrame *before = &self->last;
    const GstClockTime most = MAX(MAX_GAP, MAX_GAP_FRAMES * self->frame_duration);
    return before->arrival == 0 || discont ||
           (both_have_times(before, frame) &&
            (frame->running > before->running + most || before->running > frame->running + most));
}

/* The time from one frame to the next. */
static gint64 step(const GstLmNetFrame *before, const GstLmNetFrame *frame)
{
    if (before->arrival == 0)
        return 0;
    if (both_have_times(before, frame))
        return frame->running > before->running ? (gint64)(frame->running - before->running) : 0;
    return frame->arrival - before->arrival;
}

/* Capture elements flag frames that they make up while there is no signal. */
static bool is_made_up(GstBuffer *buffer)
{
    return GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_GAP);
}

GstLmNetFrame gst_lm_net_inspect_frame(GstLmNetInspect *self, GstBuffer *buffer,
                                       const LmFrame *view, const GstLmNetFrameSettings *settings,
                                       bool wait)
{
    GstLmNetFrame frame = {
        .pts = GST_BUFFER_PTS(buffer),
        .running = gst_lm_frame_running_time(&self->element->segment, GST_BUFFER_PTS(buffer)),
        .arrival = lm_clock_now(),
    };
    frame.clock = self->last.clock + step(&self->last, &frame);
    lm_thumbnail_take(self->thumbnail, view);
    resolve_region(self, settings, frame.running, wait);
    const LmSceneReport report =
        lm_scene_watch_frame(self->watch, self->thumbnail, self->region, frame.running);
    gst_lm_net_state_set_picture(self->state, report.no_signal || is_made_up(buffer)
                                                  ? GST_LM_PICTURE_NO_SIGNAL
                                              : report.frozen ? GST_LM_PICTURE_FROZEN
                                                              : GST_LM_PICTURE_LIVE);

    frame.blank = report.blank || is_made_up(buffer);
    const bool cut = report.cut || frame.blank != self->last.blank ||
                     is_gap(self, &frame, GST_BUFFER_IS_DISCONT(buffer));
    frame.shot = self->last.shot + cut;
    frame.still = report.same ? self->last.still : self->last.still + 1;
    self->last = frame;
    return frame;
}
