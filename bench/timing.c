/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Reads the clock and summarises times. */
#include "timing.h"

#include <stdlib.h>

#include "util/clock.h"

double bench_now_ms(void)
{
    return (double)lm_clock_now() / 1e6;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

BenchSummary bench_summarise(double *values, unsigned n)
{
    g_assert(n > 0);
    qsort(values, n, sizeof *values, compare);
    return (BenchSummary){
        .median = (values[(n - 1) / 2] + values[n / 2]) / 2,
        .min = values[0],
        .max = values[n - 1],
        .p99 = values[((guint64)n * 99 + 99) / 100 - 1],
    };
}
