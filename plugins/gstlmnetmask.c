/* SPDX-License-Identifier: LGPL-2.1-or-later
 * lmnetmask: converts lmnet's metadata to grey video. */
/**
 * SECTION:element-lmnetmask
 * @title: lmnetmask
 * @see_also: lmnet, lmnetoverlay
 *
 * Replaces each frame by the mask that #GstLmNet attached to it: probabilities, round(255 p) of the
 * first class, or with `content=class` the class of each marked pixel, as
 * round(255 class / (classes - 1)). With `size=network` the mask has the network's size and is not
 * resampled. Frames without metadata give zeros.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 filesrc location=polyp.jpg ! jpegdec ! videoconvert ! \
 *   lmnet overlay=0 ! lmnetmask ! pngenc ! filesink location=mask.png
 * ]| The probabilities of one picture, at its size.
 */
#include "gstlmnetmask.h"

#include <string.h>

#include "gstlmenum.h"
#include "gstlmframe.h"
#include "gstlmmeta.h"
#include "overlay/overlay.h"
#include "mask/resample.h"

GST_DEBUG_CATEGORY_STATIC(gst_lm_net_mask_debug);
#define GST_CAT_DEFAULT gst_lm_net_mask_debug

#define SRC_CAPS                                                                                   \
    "video/x-raw, format = (string) GRAY8, width = (int) [ 32, 4096 ], "                           \
    "height = (int) [ 32, 4096 ], framerate = (fraction) [ 0, max ]"

typedef enum { CONTENT_PROBABILITY, CONTENT_CLASS } Content;
typedef enum { SIZE_FRAME, SIZE_NETWORK } Size;

enum {
    PROP_0,
    PROP_CONTENT,
    PROP_SIZE,
    PROP_THRESHOLD,
};

struct _GstLmNetMask {
    GstVideoFilter parent;

    /* Under the object lock. */
    Content content;
    Size size;
    double threshold;
    int model_width, model_height; /* Of the last lmnet-model event; 0: none came. */

    /* Streaming thread. */
    bool network_size; /* As negotiated. */
    GstLmMarks marks;
    LmScratch scratch;
    GstEvent *held_caps, *held_segment; /* Until the model's event brings the size. */
};

G_DEFINE_TYPE(GstLmNetMask, gst_lm_net_mask, GST_TYPE_VIDEO_FILTER)
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE(lmnetmask, "lmnetmask", GST_RANK_NONE, GST_TYPE_LM_NET_MASK,
                                      GST_DEBUG_CATEGORY_INIT(gst_lm_net_mask_debug, "lmnetmask", 0,
                                                              "lmnet's metadata as video"))

static GST_LM_DEFINE_ENUM(gst_lm_net_mask_content_get_type, "GstLmNetMaskContent",
                          {CONTENT_PROBABILITY, "round(255 p) of the first class", "probability"},
                          {CONTENT_CLASS,
                           "round(255 class / (classes - 1)) of marked pixels, else 0", "class"});

static GST_LM_DEFINE_ENUM(gst_lm_net_mask_size_get_type, "GstLmNetMaskSize",
                          {SIZE_FRAME, "The frame's", "frame"},
                          {SIZE_NETWORK, "The network's; shows the analysed region only",
                           "network"});

static void gst_lm_net_mask_set_property(GObject *object, guint id, const GValue *value,
                                         GParamSpec *pspec)
{
    GstLmNetMask *self = GST_LM_NET_MASK(object);

    GST_OBJECT_LOCK(self);
    switch (id) {
    case PROP_CONTENT:
        self->content = (Content)g_value_get_enum(value);
        break;
    case PROP_SIZE:
        self->size = (Size)g_value_get_enum(value);
        break;
    case PROP_THRESHOLD:
        self->threshold = g_value_get_double(value);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    }
    GST_OBJECT_UNLOCK(self);
}

static void gst_lm_net_mask_get_property(GObject *object, guint id, GValue *value,
                                         GParamSpec *pspec)
{
    GstLmNetMask *self = GST_LM_NET_MASK(object);

    GST_OBJECT_LOCK(self);
    switch (id) {
    case PROP_CONTENT:
        g_value_set_enum(value, self->content);
        break;
    case PROP_SIZE:
        g_value_set_enum(value, self->size);
        break;
    case PROP_THRESHOLD:
        g_value_set_double(value, self->threshold);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    }
    GST_OBJECT_UNLOCK(self);
}

/* --- Negotiation ----------------------------------------------------------------------------- */

static bool wants_network_size(GstLmNetMask *self, int *width, int *height)
{
    GST_OBJECT_LOCK(self);
    bool wanted = self->size == SIZE_NETWORK;
    *width = self->model_width;
    *height = self->model_height;
    GST_OBJECT_UNLOCK(self);
    return wanted;
}

/* A mask keeps the frame's timing, and with size=frame its size. */
static GstCaps *gst_lm_net_mask_transform_caps(GstBaseTransform *trans, GstPadDirection direction,
                                               GstCaps *caps, GstCaps *filter)
{
    GstLmNetMask *self = GST_LM_NET_MASK(trans);
    int width, height;
    bool network = wants_network_size(self, &width, &height);

    GstCaps *result = gst_caps_copy(caps);
    for (guint i = 0; i < gst_caps_get_size(result); i++) {
        GstStructure *structure = gst_caps_get_structure(result, i);
        gst_structure_remove_fields(structure, "format", "colorimetry", "chroma-site", NULL);
        if (network) {
            gst_structure_remove_fields(structure, "width", "height", "pixel-aspect-ratio",
                                        "interlace-mode", "field-order", NULL);
            if (direction == GST_PAD_SINK && width > 0)
                gst_structure_set(structure, "width", G_TYPE_INT, width, "height", G_TYPE_INT,
                                  height, NULL);
        }
    }
    /* The other pad's template brings the formats, and the sizes if none are known. */
    GstCaps *templ = gst_pad_get_pad_template_caps(direction == GST_PAD_SINK
                                                       ? GST_BASE_TRANSFORM_SRC_PAD(trans)
                                                       : GST_BASE_TRANSFORM_SINK_PAD(trans));
    GstCaps *allowed = gst_caps_intersect_full(result, templ, GST_CAPS_INTERSECT_FIRST);
    gst_caps_unref(templ);
    gst_caps_unref(result);
    if (filter) {
        result = gst_caps_intersect_full(filter, allowed, GST_CAPS_INTERSECT_FIRST);
        gst_caps_unref(allowed);
        return result;
    }
    return allowed;
}

static void report_missing_model(GstLmNetMask *self)
{
    GST_ELEMENT_ERROR(self, CORE, NEGOTIATION,
                      ("size=network needs lmnet upstream, which reports the network's size."),
                      ("no %s event came before the first frame", GST_LM_MODEL_EVENT));
}

static gboolean gst_lm_net_mask_set_info(GstVideoFilter *filter, GstCaps *incaps,
                                         GstVideoInfo *in_info, GstCaps *outcaps,
                                         GstVideoInfo *out_info)
{
    GstLmNetMask *self = GST_LM_NET_MASK(filter);
    int width, height;
    self->network_size = wants_network_size(self, &width, &height);
    if (self->network_size && width == 0) {
        report_missing_model(self);
        return FALSE;
    }
    gst_lm_marks_clear(&self->marks);
    return GST_VIDEO_INFO_INTERLACE_MODE(in_info) != GST_VIDEO_INTERLACE_MODE_ALTERNATE;
}

static gboolean forward_held(GstLmNetMask *self)
{
    GstBaseTransform *trans = GST_BASE_TRANSFORM(self);
    GstEvent *held[] = {g_steal_pointer(&self->held_caps), g_steal_pointer(&self->held_segment)};
    gboolean ok = TRUE;
    for (unsigned i = 0; i < G_N_ELEMENTS(held); i++)
        if (held[i])
            ok &=
                GST_BASE_TRANSFORM_CLASS(gst_lm_net_mask_parent_class)->sink_event(trans, held[i]);
    return ok;
}

/* lmnet sends its event before the caps; but a pad that is linked late gets the sticky events in
 * another order. So caps wait for the model's event, and the segment waits with them. */
static gboolean gst_lm_net_mask_sink_event(GstBaseTransform *trans, GstEvent *event)
{
    GstLmNetMask *self = GST_LM_NET_MASK(trans);
    GstBaseTransformClass *parent = GST_BASE_TRANSFORM_CLASS(gst_lm_net_mask_parent_class);
    int width, height;

    if (gst_lm_model_event_parse(event, &width, &height)) {
        GST_OBJECT_LOCK(self);
        bool changed = self->model_width != width || self->model_height != height;
        self->model_width = width;
        self->model_height = height;
        GST_OBJECT_UNLOCK(self);
        if (changed && !self->held_caps)
            gst_base_transform_reconfigure_src(trans);
        return forward_held(self) & parent->sink_event(trans, event);
    }

    switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_CAPS:
        if (wants_network_size(self, &width, &height) && width == 0) {
            gst_event_take(&self->held_caps, event);
            return TRUE;
        }
        break;
    case GST_EVENT_SEGMENT:
        if (self->held_caps) {
            gst_event_take(&self->held_segment, event);
            return TRUE;
        }
        break;
    case GST_EVENT_FLUSH_STOP:
        gst_event_replace(&self->held_segment, NULL);
        break;
    default:
        break;
    }
    return parent->sink_event(trans, event);
}

static GstFlowReturn gst_lm_net_mask_submit_input_buffer(GstBaseTransform *trans,
                                                         gboolean is_discont, GstBuffer *input)
{
    GstLmNetMask *self = GST_LM_NET_MASK(trans);
    if (self->held_caps) {
        gst_buffer_unref(input);
        report_missing_model(self);
        return GST_FLOW_NOT_NEGOTIATED;
    }
    return GST_BASE_TRANSFORM_CLASS(gst_lm_net_mask_parent_class)
        ->submit_input_buffer(trans, is_discont, input);
}

/* --- Masks ----------------------------------------------------------------------------------- */

static void classes_to_grey(guint8 *data, gsize stride, int width, int height, unsigned n_classes)
{
    guint8 grey[LM_MAX_CLASSES] = {0};
    for (unsigned i = 1; i < n_classes; i++)
        grey[i] = (guint8)((2 * 255 * i + n_classes - 1) / (2 * (n_classes - 1)));
    for (int y = 0; y < height; y++, data += stride)
        for (int x = 0; x < width; x++)
            data[x] = grey[data[x]];
}

static void copy_plane(guint8 *data, gsize stride, const guint8 *plane, int width, int height)
{
    for (int y = 0; y < height; y++)
        memcpy(data + (gsize)y * stride, plane + (gsize)y * (gsize)width, (gsize)width);
}

static void write_mask(const GstLmMarks *marks, LmScratch *scratch, Content content,
                       bool network_size, guint8 *data, gsize stride, int width, int height)
{
    const LmMask *mask = marks->mask;
    const LmRect frame = {0, 0, width, height};

    if (network_size)
        copy_plane(data, stride, content == CONTENT_CLASS ? marks->findings.kept : mask->data,
                   width, height);
    else if (content == CONTENT_CLASS)
        lm_resample_classes(mask, marks->findings.kept, marks->params.threshold, frame, data,
                            stride, scratch);
    else
        lm_resample_probabilities(mask, 1, frame, data, stride, scratch);
    if (content == CONTENT_CLASS)
        classes_to_grey(data, stride, width, height, mask->n_classes);
}

static GstFlowReturn gst_lm_net_mask_transform_frame(GstVideoFilter *filter, GstVideoFrame *in,
                                                     GstVideoFrame *out)
{
    GstLmNetMask *self = GST_LM_NET_MASK(filter);
    gst_lm_frame_sync_values(GST_BASE_TRANSFORM(filter), in->buffer);
    GST_OBJECT_LOCK(self);
    Content content = self->content;
    double threshold = self->threshold;
    GST_OBJECT_UNLOCK(self);

    int width = GST_VIDEO_FRAME_WIDTH(out), height = GST_VIDEO_FRAME_HEIGHT(out);
    guint8 *data = GST_VIDEO_FRAME_PLANE_DATA(out, 0);
    gsize stride = (gsize)GST_VIDEO_FRAME_PLANE_STRIDE(out, 0);

    bool found = gst_lm_meta_read(in->buffer, &filter->in_info, threshold, &self->marks);
    if (found && self->network_size &&
        (self->marks.mask->width != width || self->marks.mask->height != height)) {
        GST_WARNING_OBJECT(self, "a mask of %d x %d does not match the model's event: %d x %d",
                           self->marks.mask->width, self->marks.mask->height, width, height);
        found = false;
    }
    if (found)
        write_mask(&self->marks, &self->scratch, content, self->network_size, data, stride, width,
                   height);
    else
        for (int y = 0; y < height; y++)
            memset(data + (gsize)y * stride, 0, (gsize)width);
    return GST_FLOW_OK;
}

static gboolean gst_lm_net_mask_stop(GstBaseTransform *trans)
{
    GstLmNetMask *self = GST_LM_NET_MASK(trans);
    gst_lm_marks_clear(&self->marks);
    lm_scratch_finish(&self->scratch);
    gst_event_replace(&self->held_caps, NULL);
    gst_event_replace(&self->held_segment, NULL);
    GST_OBJECT_LOCK(self);
    self->model_width = self->model_height = 0;
    GST_OBJECT_UNLOCK(self);
    return TRUE;
}

static void gst_lm_net_mask_class_init(GstLmNetMaskClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS(klass);
    GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
    GstBaseTransformClass *transform_class = GST_BASE_TRANSFORM_CLASS(klass);
    const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;

    object_class->set_property = gst_lm_net_mask_set_property;
    object_class->get_property = gst_lm_net_mask_get_property;
    g_object_class_install_property(
        object_class, PROP_CONTENT,
        g_param_spec_enum("content", "Content", "Meaning of the mask's levels",
                          gst_lm_net_mask_content_get_type(), CONTENT_PROBABILITY,
                          flags | GST_PARAM_MUTABLE_PLAYING));
    g_object_class_install_property(object_class, PROP_SIZE,
                                    g_param_spec_enum("size", "Size", "The mask's size",
                                                      gst_lm_net_mask_size_get_type(), SIZE_FRAME,
                                                      flags | GST_PARAM_MUTABLE_READY));
    g_object_class_install_property(
        object_class, PROP_THRESHOLD,
        g_param_spec_double(
            "threshold", "Threshold",
            "content=class: probability at which a pixel is marked (-1: as in the metadata)", -1, 1,
            GST_LM_META_THRESHOLD, flags | GST_PARAM_CONTROLLABLE | GST_PARAM_MUTABLE_PLAYING));
    gst_type_mark_as_plugin_api(gst_lm_net_mask_content_get_type(), 0);
    gst_type_mark_as_plugin_api(gst_lm_net_mask_size_get_type(), 0);

    gst_element_class_set_static_metadata(
        element_class, "LM-Net mask", "Filter/Converter/Video",
        "Converts the masks that lmnet attached to the frames as metadata to grey video",
        "The LM-Net live authors");
    gst_lm_frame_add_pad_template(element_class, GST_PAD_SINK, GST_LM_VIDEO_CAPS);
    gst_lm_frame_add_pad_template(element_class, GST_PAD_SRC, SRC_CAPS);

    transform_class->transform_caps = gst_lm_net_mask_transform_caps;
    transform_class->sink_event = gst_lm_net_mask_sink_event;
    transform_class->submit_input_buffer = gst_lm_net_mask_submit_input_buffer;
    transform_class->stop = gst_lm_net_mask_stop;
    GST_VIDEO_FILTER_CLASS(klass)->set_info = gst_lm_net_mask_set_info;
    GST_VIDEO_FILTER_CLASS(klass)->transform_frame = gst_lm_net_mask_transform_frame;
}

static void gst_lm_net_mask_init(GstLmNetMask *self)
{
    self->threshold = GST_LM_META_THRESHOLD;
    gst_base_transform_set_qos_enabled(GST_BASE_TRANSFORM(self), FALSE);
}
