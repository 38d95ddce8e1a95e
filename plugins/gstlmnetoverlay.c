/* SPDX-License-Identifier: LGPL-2.1-or-later
 * lmnetoverlay: draws what lmnet found, from the metadata on the frames. */
/**
 * SECTION:element-lmnetoverlay
 * @title: lmnetoverlay
 * @see_also: lmnet, lmnetmask
 *
 * Draws the marks that #GstLmNet put on the frames as metadata. `lmnet overlay=0 ! lmnetoverlay`
 * gives the same bytes as `lmnet` (but for the state's light, which only `lmnet` draws); apart,
 * they keep a clean and a marked copy of the video from one inference. Frames without metadata pass
 * untouched and uncopied.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 -e filesrc location=in.mp4 ! decodebin ! videoconvert ! \
 *   lmnet overlay=0 ! tee name=t \
 *   t. ! queue ! videoconvert ! x264enc ! mp4mux ! filesink location=clean.mp4 \
 *   t. ! queue ! lmnetoverlay ! videoconvert ! x264enc ! mp4mux ! filesink location=marked.mp4
 * ]| One analysis, one clean and one marked file.
 */
#include "gstlmnetoverlay.h"

#include "gstlmframe.h"
#include "gstlmmeta.h"
#include "gstlmoverlayprops.h"
#include "gstlmpainter.h"

GST_DEBUG_CATEGORY_STATIC(gst_lm_net_overlay_debug);
#define GST_CAT_DEFAULT gst_lm_net_overlay_debug

#define THRESHOLD_OF_METADATA (-1.0)

enum {
    PROP_0,
    PROP_THRESHOLD,
    PROP_DRAWING, /* GST_LM_N_OVERLAY_PROPS of them */
};

struct _GstLmNetOverlay {
    GstBaseTransform parent;

    LmOverlayParams params; /* Under the object lock; threshold < 0: the metadata's. */

    /* Streaming thread. */
    GstVideoInfo info;
    LmFrameInfo frame_info;
    GstLmMarks marks;
    char **class_names; /* Of the model upstream; NULL: not told. */
    GstLmPainter painter;
    bool bad_frame_told; /* Of this layout. */
};

G_DEFINE_TYPE(GstLmNetOverlay, gst_lm_net_overlay, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE(
    lmnetoverlay, "lmnetoverlay", GST_RANK_NONE, GST_TYPE_LM_NET_OVERLAY,
    GST_DEBUG_CATEGORY_INIT(gst_lm_net_overlay_debug, "lmnetoverlay", 0, "draws lmnet's metadata"))

static void gst_lm_net_overlay_set_property(GObject *object, guint id, const GValue *value,
                                            GParamSpec *pspec)
{
    GstLmNetOverlay *self = GST_LM_NET_OVERLAY(object);
    bool known = true;

    GST_OBJECT_LOCK(self);
    if (id == PROP_THRESHOLD)
        self->params.threshold = g_value_get_double(value);
    else
        known = gst_lm_overlay_props_set(&self->params, id - PROP_DRAWING, value);
    GST_OBJECT_UNLOCK(self);
    if (!known)
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

static void gst_lm_net_overlay_get_property(GObject *object, guint id, GValue *value,
                                            GParamSpec *pspec)
{
    GstLmNetOverlay *self = GST_LM_NET_OVERLAY(object);
    bool known = true;

    GST_OBJECT_LOCK(self);
    if (id == PROP_THRESHOLD)
        g_value_set_double(value, self->params.threshold);
    else
        known = gst_lm_overlay_props_get(&self->params, id - PROP_DRAWING, value);
    GST_OBJECT_UNLOCK(self);
    if (!known)
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

static gboolean gst_lm_net_overlay_set_caps(GstBaseTransform *trans, GstCaps *incaps,
                                            GstCaps *outcaps)
{
    GstLmNetOverlay *self = GST_LM_NET_OVERLAY(trans);
    self->bad_frame_told = false;
    if (!gst_lm_frame_parse_caps(incaps, &self->info, &self->frame_info))
        return FALSE;
    GST_OBJECT_LOCK(self);
    const bool labels = self->params.flags & GST_LM_OVERLAY_LABEL;
    GST_OBJECT_UNLOCK(self);
    if (labels)
        gst_lm_painter_load_fonts(self->frame_info.height, self->class_names,
                                  self->class_names ? g_strv_length(self->class_names) : 0);
    return TRUE;
}

static gboolean gst_lm_net_overlay_sink_event(GstBaseTransform *trans, GstEvent *event)
{
    GstLmNetOverlay *self = GST_LM_NET_OVERLAY(trans);
    int width, height;
    if (gst_lm_model_event_parse(event, &width, &height)) {
        g_strfreev(self->class_names);
        self->class_names = gst_lm_model_event_class_names(event);
    }
    return GST_BASE_TRANSFORM_CLASS(gst_lm_net_overlay_parent_class)->sink_event(trans, event);
}

/* Takes the buffer itself rather than through transform_ip, which gets every frame copied that is
 * not writable, whether there is something to draw on it or not. */
static GstFlowReturn gst_lm_net_overlay_generate_output(GstBaseTransform *trans, GstBuffer **outbuf)
{
    GstLmNetOverlay *self = GST_LM_NET_OVERLAY(trans);
    GstBuffer *buffer = g_steal_pointer(&trans->queued_buf);
    if (!buffer)
        return GST_FLOW_OK;

    GstClockTime time = gst_lm_stream_time(&trans->segment, GST_BUFFER_PTS(buffer));
    if (GST_CLOCK_TIME_IS_VALID(time))
        gst_object_sync_values(GST_OBJECT(self), time);
    GST_OBJECT_LOCK(self);
    LmOverlayParams params = self->params;
    GST_OBJECT_UNLOCK(self);

    if (gst_lm_meta_read(buffer, &self->info, params.threshold, &self->marks)) {
        params.threshold = self->marks.params.threshold;
        const GstLmDrawing drawing = {
            .params = &params,
            .mask = self->marks.mask,
            .findings = &self->marks.findings,
            .class_names = self->class_names,
            .n_class_names = self->class_names ? g_strv_length(self->class_names) : 0,
        };
        bool drawn =
            gst_lm_painter_draw(&self->painter, &buffer, &self->info, &self->frame_info, &drawing);
        /* Told once for each layout: where one is bad, all may be. */
        if (!drawn && !self->bad_frame_told)
            GST_ELEMENT_WARNING(self, STREAM, FORMAT, ("Frames are not what their caps say."),
                                ("they pass without marks"));
        self->bad_frame_told |= !drawn;
    }
    *outbuf = buffer;
    return GST_FLOW_OK;
}

static gboolean gst_lm_net_overlay_stop(GstBaseTransform *trans)
{
    GstLmNetOverlay *self = GST_LM_NET_OVERLAY(trans);
    gst_lm_marks_clear(&self->marks);
    gst_lm_painter_finish(&self->painter);
    g_clear_pointer(&self->class_names, g_strfreev);
    return TRUE;
}

static void gst_lm_net_overlay_class_init(GstLmNetOverlayClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS(klass);
    GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
    GstBaseTransformClass *transform_class = GST_BASE_TRANSFORM_CLASS(klass);

    object_class->set_property = gst_lm_net_overlay_set_property;
    object_class->get_property = gst_lm_net_overlay_get_property;
    gst_lm_overlay_props_install(object_class, PROP_DRAWING);
    g_object_class_install_property(
        object_class, PROP_THRESHOLD,
        g_param_spec_double("threshold", "Threshold",
                            "Probability at which a pixel is marked (-1: as in the metadata)", -1,
                            1, THRESHOLD_OF_METADATA,
                            G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_CONTROLLABLE |
                                GST_PARAM_MUTABLE_PLAYING));

    gst_element_class_set_static_metadata(
        element_class, "LM-Net overlay", "Filter/Effect/Video",
        "Draws the findings that lmnet left on the frames as metadata", "The LM-Net live authors");
    gst_lm_frame_add_pad_template(element_class, GST_PAD_SINK, GST_LM_VIDEO_CAPS);
    gst_lm_frame_add_pad_template(element_class, GST_PAD_SRC, GST_LM_VIDEO_CAPS);

    transform_class->set_caps = gst_lm_net_overlay_set_caps;
    transform_class->sink_event = gst_lm_net_overlay_sink_event;
    transform_class->generate_output = gst_lm_net_overlay_generate_output;
    transform_class->stop = gst_lm_net_overlay_stop;
}

static void gst_lm_net_overlay_init(GstLmNetOverlay *self)
{
    gst_lm_overlay_props_init(&self->params);
    self->params.threshold = THRESHOLD_OF_METADATA;
    gst_base_transform_set_qos_enabled(GST_BASE_TRANSFORM(self), FALSE);
}
