/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Metadata on frames and the sticky event about the model, which lmnet sends to the elements after
 * it.
 *
 * LmMaskMeta is a GstCustomMeta (tags video, size, orientation) whose structure holds
 *   mask (GstBuffer: GRAY8 round(255 p), one plane per class above background), width, height,
 * classes (int; with background), region (array of four doubles: x, y, width, height as shares of
 * the frame), pts and age (uint64, ns), threshold, min-area (double), findings (array of structures
 * `finding`: id, class (uint), label, confidence, area, x, y, width, height (double, shares of the
 * frame)). All is relative to the frame, so that scaling keeps it valid; elements that crop, flip
 * or pad drop it.
 *
 * The event lmnet-model (custom, downstream, sticky) holds width, height, classes (int) and
 * class-names (array).
 */
#pragma once

#include <gst/video/video.h>

#include "gstlmmarks.h"
#include "model/weights.h"

G_BEGIN_DECLS

#define GST_LM_MASK_META "LmMaskMeta"
#define GST_LM_MODEL_EVENT "lmnet-model"

/** Registers the meta with GStreamer. Idempotent. */
void gst_lm_meta_register(void);

/** Attaches the marks to a writable buffer: LmMaskMeta (replaces an earlier one) and a
 * GstVideoRegionOfInterestMeta per finding. pts: of the frame that the mask was computed from; age:
 * ns between that frame and this one. */
void gst_lm_meta_attach(GstBuffer *buffer, const GstVideoInfo *info, const GstLmMarks *marks,
                        const LmModelInfo *model, GstClockTime pts, GstClockTime age);

/** The threshold in the metadata itself, in place of another one. */
#define GST_LM_META_THRESHOLD (-1.0)

/** Reads a frame's marks back; `threshold` < 0: GST_LM_META_THRESHOLD. False if the frame has none,
 * or damaged ones; marks are left as they are then. */
bool gst_lm_meta_read(GstBuffer *buffer, const GstVideoInfo *info, double threshold,
                      GstLmMarks *marks);

/** The name of a class, borrowed from `names`; "unknown" if there are fewer. */
const char *gst_lm_class_name(char *const *names, unsigned n, unsigned class_index);

GstEvent *gst_lm_model_event_new(const LmModelInfo *model, unsigned n_classes);
/** False if `event` is another one. */
bool gst_lm_model_event_parse(GstEvent *event, int *width, int *height);
/** The class names of such an event, background's first; owned by the caller. */
char **gst_lm_model_event_class_names(GstEvent *event);

G_END_DECLS
