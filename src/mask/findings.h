/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Connected findings of a mask: boxes, areas, confidences. */
#pragma once

#include "mask/mask.h"

G_BEGIN_DECLS

typedef struct {
    unsigned id;          /**< 1.. within the frame, by falling area. */
    unsigned class_index; /**< 1.. */
    LmRect box;           /**< Frame pixels, inside the region: the smallest box that holds
                               everything that lm_overlay_draw() marks for it. */
    double area;          /**< Share of the region, 0..1. */
    double confidence;    /**< Mean probability over the finding, 0..1. */
} LmFinding;

typedef struct {
    double threshold; /**< 0..1 */
    double min_area;  /**< Share of the region; smaller findings are dropped. */
} LmFindingsParams;

/** The findings of one mask, largest first, and a map of the mask's pixels that belong to them.
 */
typedef struct {
    LmFinding *items;
    unsigned n;
    guint8 *kept; /**< width * height of the mask: 0, or the class of the kept finding there. */
} LmFindings;

/** 8-connected components of equal class at network size, ids by falling area (equals: the upper
 * first). Never fails. Linear in the mask's size and in the boxes' margins. */
void lm_findings_init(LmFindings *findings, const LmMask *mask, const LmFindingsParams *params);
void lm_findings_finish(LmFindings *findings);

G_END_DECLS
