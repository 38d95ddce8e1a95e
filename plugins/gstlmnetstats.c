/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Counts frames and keeps recent times. */
#include "gstlmnetstats.h"

void gst_lm_net_stats_add_inference(GstLmNetStats *stats, gint64 inference_ns, gint64 gpu_ns)
{
    lm_times_add(&stats->inference, inference_ns);
    lm_times_add(&stats->gpu, gpu_ns);
}

void gst_lm_net_stats_add_age(GstLmNetStats *stats, GstClockTime age)
{
    stats->mask_age = age;
    stats->max_mask_age = MAX(stats->max_mask_age, age);
}

guint64 gst_lm_net_stats_recent(const GstLmNetStats *stats, unsigned n, unsigned percent)
{
    return (guint64)lm_times_percentile(&stats->inference, n, percent);
}

GstStructure *gst_lm_net_stats_to_structure(const GstLmNetStats *stats)
{
    return gst_structure_new(
        "lmnet-stats", "frames", G_TYPE_UINT64, stats->frames, "inferences", G_TYPE_UINT64,
        stats->inference.count, "stale", G_TYPE_UINT64, stats->stale, "dropped", G_TYPE_UINT64,
        G_GUINT64_CONSTANT(0), "mask-age", G_TYPE_UINT64, stats->mask_age, "max-mask-age",
        G_TYPE_UINT64, stats->max_mask_age, "inference-time", G_TYPE_UINT64,
        gst_lm_net_stats_recent(stats, LM_TIMES_MAX, 50), "inference-time-p99", G_TYPE_UINT64,
        gst_lm_net_stats_recent(stats, LM_TIMES_MAX, 99), "gpu-time", G_TYPE_UINT64,
        (guint64)lm_times_percentile(&stats->gpu, LM_TIMES_MAX, 50), NULL);
}
