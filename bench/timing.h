/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The clock, and a summary of many times. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** Statistics, in the unit of the values. */
typedef struct {
    double median, min, max;
    double p99; /**< The least value that 99 % of them do not exceed. */
} BenchSummary;

/** Monotonic, ms. */
double bench_now_ms(void);
/** Summarises n > 0 values, which it sorts. */
BenchSummary bench_summarise(double *values, unsigned n);

G_END_DECLS
