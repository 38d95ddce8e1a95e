/* SPDX-License-Identifier: LGPL-2.1-or-later
 * lmnetoverlay: draws findings from the metadata on the frames. */
/**
 * SECTION:element-lmnetoverlay
 * @title: lmnetoverlay
 * @see_also: lmnet, lmnetmask
 *
 * Draws the marks that #GstLmNet attached to the frames as metadata. `lmnet overlay=0 !
 * lmnetoverlay` gives the same bytes as `lmnet` (except the status indicator, which only `lmnet`
 * draws). With a tee between them, one inference yields a clean and a marked copy of the video.
 * Frames without metadata pass untouched and uncopied.
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

enum {
    PROP_0,
    PROP_THRESHOLD,
    PROP_DRAWING, /* GST_LM_N_OVERLAY_PROPS of them */
};

struct _GstLmNetOverlay {
    GstBaseTransform parent;

    LmOverlayParams params; /* Under the object lock; threshold < 0: GST_LM_META_THRESHOLD. */

    /* Streaming thread. */
    GstLmLayout layout;
    GstLmMarks marks;
    char **class_names; /* Of the model upstream; NULL: not known. */
    GstLmPainter painter;
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
    if (!gst_lm_frame_parse_caps(incaps, &self->layout))
        return FALSE;
    GST_OBJECT_LOCK(self);
    const bool labels = self->params.flags & GST_LM_OVERLAY_LABEL;
    GST_OBJECT_UNLOCK(self);
    if (labels)
        gst_lm_painter_load_fonts(self->layout.frame.height, self->class_names,
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

/* In place of transform_ip, for which the base class copies every frame that is not writable, even
 * if there is nothing to draw on it. */
static GstFlowReturn gst_lm_net_overlay_generate_output(GstBaseTransform *trans, GstBuffer **outbuf)
{
    GstLmNetOverlay *self = GST_LM_NET_OVERLAY(trans);
    GstBuffer *buffer = g_steal_pointer(&trans->queued_buf);
    if (!buffer)
        return GST_FLOW_OK;

    gst_lm_frame_sync_values(trans, buffer);
    GST_OBJECT_LOCK(self);
    LmOverlayParams params = self->params;
    GST_OBJECT_UNLOCK(self);

    if (gst_lm_meta_read(buffer, &self->layout.video, params.threshold, &self->marks)) {
        params.threshold = self->marks.params.threshold;
        const GstLmDrawing drawing = {
            .params = &params,
            .mask = self->marks.mask,
            .findings = &self->marks.findings,
            .class_names = self->class_names,
            .n_class_names = self->class_names ? g_strv_length(self->class_names) : 0,
        };
        if (!gst_lm_painter_draw(&self->painter, &buffer, &self->layout, &drawing))
            gst_lm_frame_report_mismatch(&self->layout, GST_ELEMENT(self),
                                         "they pass without marks");
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
                            "Probability above which a pixel is marked (-1: as in the metadata)", -1,
                            1, GST_LM_META_THRESHOLD,
                            G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_CONTROLLABLE |
                                GST_PARAM_MUTABLE_PLAYING));

    gst_element_class_set_static_metadata(
        element_class, "LM-Net overlay", "Filter/Effect/Video",
        "Draws the findings that lmnet attached to the frames as metadata",
        "The LM-Net live authors");
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
    self->params.threshold = GST_LM_META_THRESHOLD;
    gst_base_transform_set_qos_enabled(GST_BASE_TRANSFORM(self), FALSE);
}
