/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Percentiles of the last times. */
#include <check.h>
#include <stdlib.h>

#include "suite.h"
#include "util/times.h"

START_TEST(percentiles)
{
    LmTimes times = {0};
    ck_assert_int_eq(lm_times_percentile(&times, 9, 50), 0);
    for (int i = 100; i >= 1; i--)
        lm_times_add(&times, i);
    ck_assert_int_eq(lm_times_percentile(&times, LM_TIMES_MAX, 0), 1);
    ck_assert_int_eq(lm_times_percentile(&times, LM_TIMES_MAX, 50), 50);
    ck_assert_int_eq(lm_times_percentile(&times, LM_TIMES_MAX, 99), 99);
    ck_assert_int_eq(lm_times_percentile(&times, LM_TIMES_MAX, 100), 100);
    /* The last nine are 9 .. 1. */
    ck_assert_int_eq(lm_times_percentile(&times, 9, 50), 5);
}
END_TEST

START_TEST(upper_medians)
{
    static const gint64 added[] = {3000, 3000, 60, 60, 60},
                        medians[] = {3000, 3000, 3000, 3000, 60};
    LmTimes times = {0};
    ck_assert_int_eq(lm_times_upper_median(&times, 9), 0);
    for (unsigned i = 0; i < G_N_ELEMENTS(added); i++) {
        lm_times_add(&times, added[i]);
        ck_assert_int_eq(lm_times_upper_median(&times, 9), medians[i]);
    }
    ck_assert_int_eq(lm_times_upper_median(&times, 3), 60);
}
END_TEST

START_TEST(old_times_are_forgotten)
{
    LmTimes times = {0};
    lm_times_add(&times, G_MAXINT64);
    lm_times_add(&times, -5);
    ck_assert_int_eq(lm_times_percentile(&times, 1, 50), 0);
    for (int i = 0; i < LM_TIMES_MAX; i++)
        lm_times_add(&times, 7);
    ck_assert_int_eq(lm_times_percentile(&times, LM_TIMES_MAX, 100), 7);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("times");
    TCase *tcase = tcase_create("times");
    tcase_add_test(tcase, percentiles);
    tcase_add_test(tcase, upper_medians);
    tcase_add_test(tcase, old_times_are_forgotten);
    suite_add_tcase(suite, tcase);
    return test_suite_run(suite, CK_FORK_GETENV) ? EXIT_FAILURE : EXIT_SUCCESS;
}
