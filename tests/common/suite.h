/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Runs a test program's suite. */
#pragma once

#include <check.h>

/** Fails the test without a note for each success, as libcheck's assertions write: for checks of
 * every pixel. */
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
