/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What lmnet tells the elements after it: the metadata on frames and the sticky event about the
 * model.
 *
 * LmMaskMeta is a GstCustomMeta (tags video, size, orientation) whose structure holds
 *   mask (GstBuffer: GRAY8 round(255 p), one plane per class above background), width, height,
 * classes (int; with background), region (array of four doubles: x, y, width, height as shares of
 * the frame), pts and age (uint64, ns), threshold, min-area (double), findings (array of structures
 * `finding`: id, class (uint), label, confidence, area, x, y, width, height (double, shares of the
 * frame)). All is relative to the frame, so that scaling keeps it valid; whatever else changes the
 * picture's size or orientation drops it.
 *
 * The event lmnet-model (custom, downstream, sticky) holds width, height, classes (int) and
 * class-names (array).
 */
#pragma once

#include <gst/video/video.h>

#include "model/weights.h"
#include "mask/findings.h"

G_BEGIN_DECLS

#define GST_LM_MASK_META "LmMaskMeta"
#define GST_LM_MODEL_EVENT "lmnet-model"

/** A mask and what was found in it; zeroed: none. Kept from frame to frame, so that nothing is done
 * twice. */
typedef struct {
    LmMask *mask;
    GstBuffer *data; /**< The mask's probabilities as metadata carry them. */
    LmFindings findings;
    LmFindingsParams params; /**< That `findings` were made with. */
} GstLmMarks;

void gst_lm_marks_clear(GstLmMarks *marks);
/** Takes up `mask` (a reference is added), unless it is there already, and finds what is in it.
 * False where nothing has changed. */
bool gst_lm_marks_set(GstLmMarks *marks, LmMask *mask, const LmFindingsParams *params);

/** Registers the meta with GStreamer. Idempotent. */
void gst_lm_meta_register(void);

/** Puts the marks on a writable buffer: LmMaskMeta (replacing an earlier one) and a
 * GstVideoRegionOfInterestMeta per finding. pts: of the frame that the mask was computed from; age:
 * ns between that frame and this one. */
void gst_lm_meta_attach(GstBuffer *buffer, const GstVideoInfo *info, const GstLmMarks *marks,
                        const LmModelInfo *model, GstClockTime pts, GstClockTime age);

/** Reads a frame's marks back; `threshold` < 0: the metadata's own. False where it has none (or a
 * damaged one): marks are left as they are. */
bool gst_lm_meta_read(GstBuffer *buffer, const GstVideoInfo *info, double threshold,
                      GstLmMarks *marks);

/** The name of a class, borrowed from `names`; "unknown" where there are fewer. */
const char *gst_lm_class_name(char *const *names, unsigned n, unsigned class_index);

GstEvent *gst_lm_model_event_new(const LmModelInfo *model, unsigned n_classes);
/** False where `event` is another. */
bool gst_lm_model_event_parse(GstEvent *event, int *width, int *height);
/** The class names of such an event, background's first; owned by the caller. */
char **gst_lm_model_event_class_names(GstEvent *event);

G_END_DECLS
