/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A mask and the findings in it, as the elements draw them and metadata carry them. */
#pragma once

#include <gst/gst.h>

#include "mask/findings.h"

G_BEGIN_DECLS

/** Zeroed: no mask. Kept from frame to frame, so that the same mask is searched once only. One
 * thread at a time. */
typedef struct {
    LmMask *mask;
    GstBuffer *data; /**< The mask's probabilities as metadata carry them. */
    LmFindings findings;
    LmFindingsParams params; /**< Those that `findings` were made with. */
} GstLmMarks;

void gst_lm_marks_clear(GstLmMarks *marks);
/** Replaces the mask (adds a reference), unless it is there already, and searches it. False if
 * nothing has changed. */
bool gst_lm_marks_set(GstLmMarks *marks, LmMask *mask, const LmFindingsParams *params);

G_END_DECLS
