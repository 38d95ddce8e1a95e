/* SPDX-License-Identifier: LGPL-2.1-or-later
 * How every test program runs its suite, and a check for loops over pixels. */
#pragma once

#include <check.h>

/* For every pixel: libcheck's own assertions write a note on each call. */
#define require(condition, ...)                                                                    \
    do {                                                                                           \
        if (!(condition))                                                                          \
            ck_abort_msg(__VA_ARGS__);                                                             \
    } while (0)

/** Runs and frees the suite; verbosity is CK_VERBOSITY's. Returns how many checks failed. */
static inline int test_suite_run(Suite *suite, enum fork_status fork)
{
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, fork);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed;
}
