/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Writes and reads LmMaskMeta, regions of interest and the model's event. */
#include "gstlmmeta.h"

#include <math.h>

#define MAX_MASK_SIDE 4096

/* --- Metadata -------------------------------------------------------------------------------- */

static gboolean copy_field(GQuark field, const GValue *value, gpointer user)
{
    gst_structure_id_set_value(user, field, value);
    return TRUE;
}

/* True if a scaled picture fills its frame: if the display's aspect ratio changes, videoscale adds
 * borders, which its metadata transform does not mention. One pixel's difference is rounding. */
static bool fills_frame(const GstVideoMetaTransform *scale)
{
    const GstVideoInfo *in = scale->in_info, *out = scale->out_info;
    double aspect = (double)GST_VIDEO_INFO_WIDTH(in) * GST_VIDEO_INFO_PAR_N(in) /
                    ((double)GST_VIDEO_INFO_HEIGHT(in) * GST_VIDEO_INFO_PAR_D(in));
    double pixel = (double)GST_VIDEO_INFO_PAR_N(out) / GST_VIDEO_INFO_PAR_D(out);
    double width = GST_VIDEO_INFO_HEIGHT(out) * aspect / pixel;
    double height = GST_VIDEO_INFO_WIDTH(out) * pixel / aspect;
    return fabs(width - GST_VIDEO_INFO_WIDTH(out)) <= 1 ||
           fabs(height - GST_VIDEO_INFO_HEIGHT(out)) <= 1;
}

/* Copies the metadata if the picture stays whole. Scaling changes nothing, for all is relative to
 * the frame. */
static gboolean transform_mask_meta(GstBuffer *transbuf, GstCustomMeta *meta, GstBuffer *buffer,
                                    GQuark type, gpointer data, gpointer user)
{
    if (GST_META_TRANSFORM_IS_COPY(type)) {
        const GstMetaTransformCopy *copy = data;
        if (copy->region)
            return FALSE;
    } else if (!GST_VIDEO_META_TRANSFORM_IS_SCALE(type) || !fills_frame(data)) {
        return FALSE;
    }
    GstCustomMeta *out = gst_buffer_add_custom_meta(transbuf, GST_LM_MASK_META);
    if (!out)
        return FALSE;
    gst_structure_foreach(gst_custom_meta_get_structure(meta), copy_field,
                          gst_custom_meta_get_structure(out));
    return TRUE;
}

void gst_lm_meta_register(void)
{
    static gsize done = 0;
    if (!g_once_init_enter(&done))
        return;
    static const gchar *tags[] = {GST_META_TAG_VIDEO_STR, GST_META_TAG_VIDEO_SIZE_STR,
                                  GST_META_TAG_VIDEO_ORIENTATION_STR, NULL};
    gst_meta_register_custom(GST_LM_MASK_META, tags, transform_mask_meta, NULL, NULL);
    g_once_init_leave(&done, 1);
}

static void append_double(GValue *array, double number)
{
    GValue value = G_VALUE_INIT;
    g_value_init(&value, G_TYPE_DOUBLE);
    g_value_set_double(&value, number);
    gst_value_array_append_and_take_value(array, &value);
}

const char *gst_lm_class_name(char *const *names, unsigned n, unsigned class_index)
{
    return class_index < n ? names[class_index] : "unknown";
}

static void set_region(GstStructure *structure, LmRect region, const GstVideoInfo *info)
{
    GValue array = G_VALUE_INIT;
    gst_value_array_init(&array, 4);
    append_double(&array, region.x / (double)GST_VIDEO_INFO_WIDTH(info));
    append_double(&array, region.y / (double)GST_VIDEO_INFO_HEIGHT(info));
    append_double(&array, region.width / (double)GST_VIDEO_INFO_WIDTH(info));
    append_double(&array, region.height / (double)GST_VIDEO_INFO_HEIGHT(info));
    gst_structure_take_value(structure, "region", &array);
}

static void set_findings(GstStructure *structure, const LmFindings *findings,
                         const GstVideoInfo *info, const LmModelInfo *model)
{
    double width = GST_VIDEO_INFO_WIDTH(info), height = GST_VIDEO_INFO_HEIGHT(info);
    GValue array = G_VALUE_INIT;
    gst_value_array_init(&array, findings->n);
    for (unsigned i = 0; i < findings->n; i++) {
        const LmFinding *finding = &findings->items[i];
        GValue value = G_VALUE_INIT;
        g_value_init(&value, GST_TYPE_STRUCTURE);
        g_value_take_boxed(
            &value,
            gst_structure_new(
                "finding", "id", G_TYPE_UINT, finding->id, "class", G_TYPE_UINT,
                finding->class_index, "label", G_TYPE_STRING,
                gst_lm_class_name(model->class_names, model->n_class_names, finding->class_index),
                "confidence", G_TYPE_DOUBLE, finding->confidence, "area", G_TYPE_DOUBLE,
                finding->area, "x", G_TYPE_DOUBLE, finding->box.x / width, "y", G_TYPE_DOUBLE,
                finding->box.y / height, "width", G_TYPE_DOUBLE, finding->box.width / width,
                "height", G_TYPE_DOUBLE, finding->box.height / height, NULL));
        gst_value_array_append_and_take_value(&array, &value);
    }
    gst_structure_take_value(structure, "findings", &array);
}

static void attach_regions_of_interest(GstBuffer *buffer, const LmFindings *findings,
                                       const LmModelInfo *model)
{
    for (unsigned i = 0; i < findings->n; i++) {
        const LmFinding *finding = &findings->items[i];
        const char *label =
            gst_lm_class_name(model->class_names, model->n_class_names, finding->class_index);
        GstVideoRegionOfInterestMeta *roi = gst_buffer_add_video_region_of_interest_meta(
            buffer, label, (guint)finding->box.x, (guint)finding->box.y, (guint)finding->box.width,
            (guint)finding->box.height);
        roi->id = (gint)finding->id;
        gst_video_region_of_interest_meta_add_param(
            roi,
            gst_structure_new("detection", "confidence", G_TYPE_DOUBLE, finding->confidence,
                              "label", G_TYPE_STRING, label, "id", G_TYPE_UINT, finding->id, NULL));
    }
}

void gst_lm_meta_attach(GstBuffer *buffer, const GstVideoInfo *info, const GstLmMarks *marks,
                        const LmModelInfo *model, GstClockTime pts, GstClockTime age)
{
    GstCustomMeta *old = gst_buffer_get_custom_meta(buffer, GST_LM_MASK_META);
    if (old)
        gst_buffer_remove_meta(buffer, (GstMeta *)old);

    GstCustomMeta *meta = gst_buffer_add_custom_meta(buffer, GST_LM_MASK_META);
    GstStructure *structure = gst_custom_meta_get_structure(meta);
    const LmMask *mask = marks->mask;
    gst_structure_set(structure, "mask", GST_TYPE_BUFFER, marks->data, "width", G_TYPE_INT,
                      mask->width, "height", G_TYPE_INT, mask->height, "classes", G_TYPE_INT,
                      (int)mask->n_classes, "pts", G_TYPE_UINT64, pts, "age", G_TYPE_UINT64, age,
                      "threshold", G_TYPE_DOUBLE, marks->params.threshold, "min-area",
                      G_TYPE_DOUBLE, marks->params.min_area, NULL);
    set_region(structure, mask->region, info);
    set_findings(structure, &marks->findings, info, model);
    attach_regions_of_interest(buffer, &marks->findings, model);
}

/* Converts shares of the frame to whole pixels, clipped to the frame. */
static bool get_region(const GstStructure *structure, const GstVideoInfo *info, LmRect *region)
{
    const GValue *array = gst_structure_get_value(structure, "region");
    if (!array || !GST_VALUE_HOLDS_ARRAY(array) || gst_value_array_get_size(array) != 4)
        return false;
    double share[4];
    for (guint i = 0; i < 4; i++) {
        const GValue *value = gst_value_array_get_value(array, i);
        if (!G_VALUE_HOLDS_DOUBLE(value))
            return false;
        share[i] = g_value_get_double(value);
        if (!(share[i] >= 0 && share[i] <= 1))
            return false;
    }
    int width = GST_VIDEO_INFO_WIDTH(info), height = GST_VIDEO_INFO_HEIGHT(info);
    int left = (int)lround(share[0] * width), right = (int)lround((share[0] + share[2]) * width);
    int top = (int)lround(share[1] * height), bottom = (int)lround((share[1] + share[3]) * height);
    *region = lm_rect_clip((LmRect){left, top, right - left, bottom - top},
                           (LmRect){0, 0, width, height});
    return region->width > 0 && region->height > 0;
}

bool gst_lm_meta_read(GstBuffer *buffer, const GstVideoInfo *info, double threshold,
                      GstLmMarks *marks)
{
    GstCustomMeta *meta = gst_buffer_get_custom_meta(buffer, GST_LM_MASK_META);
    if (!meta)
        return false;

    const GstStructure *structure = gst_custom_meta_get_structure(meta);
    int width, height, n_classes;
    LmFindingsParams params;
    LmRect region;
    const GValue *data = gst_structure_get_value(structure, "mask");
    if (!data || !GST_VALUE_HOLDS_BUFFER(data) || !gst_value_get_buffer(data) ||
        !gst_structure_get_int(structure, "width", &width) || width < 1 || width > MAX_MASK_SIDE ||
        !gst_structure_get_int(structure, "height", &height) || height < 1 ||
        height > MAX_MASK_SIDE || !gst_structure_get_int(structure, "classes", &n_classes) ||
        n_classes < 2 || n_classes > LM_MAX_CLASSES ||
        !gst_structure_get_double(structure, "threshold", &params.threshold) ||
        !gst_structure_get_double(structure, "min-area", &params.min_area) ||
        !get_region(structure, info, &region))
        return false;
    if (threshold >= 0)
        params.threshold = threshold;
    if (!(params.threshold >= 0 && params.threshold <= 1))
        return false;

    GstBuffer *mask_buffer = gst_value_get_buffer(data);
    if (marks->data == mask_buffer && marks->mask->width == width &&
        marks->mask->height == height && marks->mask->n_classes == (unsigned)n_classes &&
        lm_rect_equal(marks->mask->region, region)) {
        gst_lm_marks_set(marks, marks->mask, &params);
        return true;
    }

    gsize size = (gsize)width * (gsize)height * ((gsize)n_classes - 1);
    if (gst_buffer_get_size(mask_buffer) != size)
        return false;
    LmMask *mask = lm_mask_new(width, height, (unsigned)n_classes, region);
    gst_buffer_extract(mask_buffer, 0, mask->data, size);
    gst_lm_marks_set(marks, mask, &params);
    lm_mask_unref(&mask);
    /* From now on the mask is recognised by the buffer that it came in. */
    gst_buffer_replace(&marks->data, mask_buffer);
    return true;
}

/* --- The model's event ----------------------------------------------------------------------- */

GstEvent *gst_lm_model_event_new(const LmModelInfo *model, unsigned n_classes)
{
    GstStructure *structure = gst_structure_new(
        GST_LM_MODEL_EVENT, "width", G_TYPE_INT, (int)model->input_width, "height", G_TYPE_INT,
        (int)model->input_height, "classes", G_TYPE_INT, (int)n_classes, NULL);
    GValue names = G_VALUE_INIT;
    gst_value_array_init(&names, model->n_class_names);
    for (unsigned i = 0; i < model->n_class_names; i++) {
        GValue name = G_VALUE_INIT;
        g_value_init(&name, G_TYPE_STRING);
        g_value_set_string(&name, model->class_names[i]);
        gst_value_array_append_and_take_value(&names, &name);
    }
    gst_structure_take_value(structure, "class-names", &names);
    return gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM_STICKY, structure);
}

bool gst_lm_model_event_parse(GstEvent *event, int *width, int *height)
{
    if (GST_EVENT_TYPE(event) != GST_EVENT_CUSTOM_DOWNSTREAM_STICKY ||
        !gst_event_has_name(event, GST_LM_MODEL_EVENT))
        return false;
    const GstStructure *structure = gst_event_get_structure(event);
    return gst_structure_get_int(structure, "width", width) && *width > 0 &&
           gst_structure_get_int(structure, "height", height) && *height > 0;
}

char **gst_lm_model_event_class_names(GstEvent *event)
{
    const GValue *names = gst_structure_get_value(gst_event_get_structure(event), "class-names");
    const guint n = names && GST_VALUE_HOLDS_ARRAY(names) ? gst_value_array_get_size(names) : 0;
    char **out = g_new0(char *, n + 1);
    for (guint i = 0; i < n; i++) {
        const GValue *name = gst_value_array_get_value(names, i);
        out[i] = g_strdup(G_VALUE_HOLDS_STRING(name) && g_value_get_string(name)
                              ? g_value_get_string(name)
                              : "unknown");
    }
    return out;
}
