/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The last durations of something, and their percentiles. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define LM_TIMES_MAX 512

/** Zeroed: none. One thread at a time. */
typedef struct {
    guint64 count; /**< How many were added; the newest is at (count - 1) % LM_TIMES_MAX. */
    gint64 ns[LM_TIMES_MAX];
} LmTimes;

/** Times below 0 count as 0. */
void lm_times_add(LmTimes *times, gint64 ns);
/** The time that `percent` of the last `most` times do not exceed; 0 if there are none. */
gint64 lm_times_percentile(const LmTimes *times, unsigned most, unsigned percent);
/** The median of the last `most` times, of an even number the upper one; 0 if there are none. */
gint64 lm_times_upper_median(const LmTimes *times, unsigned most);

G_END_DECLS
