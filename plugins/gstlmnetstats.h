/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The counts and times in lmnet's property `stats`. */
#pragma once

#include <gst/gst.h>

#include "util/times.h"

G_BEGIN_DECLS

/** Zeroed: nothing counted. The owner guards it. */
typedef struct {
    guint64 frames;                      /**< Taken in. */
    guint64 stale;                       /**< Left clean because the newest mask was too old. */
    GstClockTime mask_age, max_mask_age; /**< Of the last marked frame; of all. */
    LmTimes inference, gpu;              /**< Of each mask that came. */
} GstLmNetStats;

void gst_lm_net_stats_add_inference(GstLmNetStats *stats, gint64 inference_ns, gint64 gpu_ns);
void gst_lm_net_stats_add_age(GstLmNetStats *stats, GstClockTime age);
/** The time in ns that `percent` of the last `n` inferences stayed below, or of all if there were
 * fewer; 0 if there were none. */
guint64 gst_lm_net_stats_recent(const GstLmNetStats *stats, unsigned n, unsigned percent);
/** A new structure `lmnet-stats` with the counts and times: medians, and the 99th percentile, of
 * the last inferences. */
GstStructure *gst_lm_net_stats_to_structure(const GstLmNetStats *stats);

G_END_DECLS
