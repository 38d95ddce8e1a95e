/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Counts frames and keeps recent times. */
#include "gstlmnetstats.h"

#include <stdlib.h>

void gst_lm_net_stats_add_inference(GstLmNetStats *stats, gint64 inference_ns, gint64 gpu_ns)
{
    guint64 slot = stats->inferences++ % GST_LM_N_TIMES;
    stats->inference_ns[slot] = (guint64)MAX(inference_ns, 0);
    stats->gpu_ns[slot] = (guint64)MAX(gpu_ns, 0);
}

void gst_lm_net_stats_add_age(GstLmNetStats *stats, GstClockTime age)
{
    stats->mask_age = age;
    stats->max_mask_age = MAX(stats->max_mask_age, age);
}

static int compare_times(const void *a, const void *b)
{
    guint64 x = *(const guint64 *)a, y = *(const guint64 *)b;
    return (x > y) - (x < y);
}

/* The value below which `percent` of the last times lie, of at most `most` times; 0 if there are
 * none. */
static guint64 percentile(const guint64 *times, guint64 count, guint64 most, unsigned percent)
{
    guint64 sorted[GST_LM_N_TIMES];
    const gsize n = (gsize)MIN(count, most);
    if (n == 0)
        return 0;
    for (gsize i = 0; i < n; i++)
        sorted[i] = times[(count - 1 - i) % GST_LM_N_TIMES];
    qsort(sorted, n, sizeof *sorted, compare_times);
    return sorted[(n - 1) * percent / 100];
}

guint64 gst_lm_net_stats_recent(const GstLmNetStats *stats, unsigned n, unsigned percent)
{
    return percentile(stats->inference_ns, stats->inferences, MIN(n, GST_LM_N_TIMES), percent);
}

GstStructure *gst_lm_net_stats_to_structure(const GstLmNetStats *stats)
{
    return gst_structure_new(
        "lmnet-stats", "frames", G_TYPE_UINT64, stats->frames, "inferences", G_TYPE_UINT64,
        stats->inferences, "stale", G_TYPE_UINT64, stats->stale, "dropped", G_TYPE_UINT64,
        G_GUINT64_CONSTANT(0), "mask-age", G_TYPE_UINT64, stats->mask_age, "max-mask-age",
        G_TYPE_UINT64, stats->max_mask_age, "inference-time", G_TYPE_UINT64,
        percentile(stats->inference_ns, stats->inferences, GST_LM_N_TIMES, 50),
        "inference-time-p99", G_TYPE_UINT64,
        percentile(stats->inference_ns, stats->inferences, GST_LM_N_TIMES, 99), "gpu-time",
        G_TYPE_UINT64, percentile(stats->gpu_ns, stats->inferences, GST_LM_N_TIMES, 50), NULL);
}
