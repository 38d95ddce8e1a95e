/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Holds a mask and searches it for findings. */
#include "gstlmmarks.h"

void gst_lm_marks_clear(GstLmMarks *marks)
{
    lm_findings_finish(&marks->findings);
    lm_mask_unref(&marks->mask);
    gst_clear_buffer(&marks->data);
    *marks = (GstLmMarks){0};
}

static gsize mask_bytes(const LmMask *mask)
{
    return (gsize)mask->width * (gsize)mask->height * (mask->n_classes - 1);
}

static void unref_mask(gpointer data)
{
    LmMask *mask = data;
    lm_mask_unref(&mask);
}

bool gst_lm_marks_set(GstLmMarks *marks, LmMask *mask, const LmFindingsParams *params)
{
    bool known = marks->mask == mask;
    if (known && marks->params.threshold == params->threshold &&
        marks->params.min_area == params->min_area)
        return false;

    if (!known) {
        gst_lm_marks_clear(marks);
        marks->mask = lm_mask_ref(mask);
        gsize size = mask_bytes(mask);
        marks->data = gst_buffer_new_wrapped_full(GST_MEMORY_FLAG_READONLY, mask->data, size, 0,
                                                  size, lm_mask_ref(mask), unref_mask);
    } else {
        lm_findings_finish(&marks->findings);
    }
    marks->params = *params;
    lm_findings_init(&marks->findings, marks->mask, params);
    return true;
}
