/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A ring of durations. */
#include "util/times.h"

#include <stdlib.h>

void lm_times_add(LmTimes *times, gint64 ns)
{
    times->ns[times->count++ % LM_TIMES_MAX] = MAX(ns, 0);
}

static int compare(const void *a, const void *b)
{
    gint64 left = *(const gint64 *)a, right = *(const gint64 *)b;
    return (left > right) - (left < right);
}

/* The last times by rising size; returns how many there are. */
static guint64 sort(const LmTimes *times, unsigned most, gint64 sorted[LM_TIMES_MAX])
{
    const guint64 n = MIN(times->count, MIN(most, LM_TIMES_MAX));
    for (guint64 i = 0; i < n; i++)
        sorted[i] = times->ns[(times->count - 1 - i) % LM_TIMES_MAX];
    qsort(sorted, (gsize)n, sizeof *sorted, compare);
    return n;
}

gint64 lm_times_percentile(const LmTimes *times, unsigned most, unsigned percent)
{
    gint64 sorted[LM_TIMES_MAX];
    const guint64 n = sort(times, most, sorted);
    g_assert(percent <= 100);
    return n ? sorted[(n - 1) * percent / 100] : 0;
}

gint64 lm_times_upper_median(const LmTimes *times, unsigned most)
{
    gint64 sorted[LM_TIMES_MAX];
    const guint64 n = sort(times, most, sorted);
    return n ? sorted[n / 2] : 0;
}
