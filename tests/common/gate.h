/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Begins and ends every test on a Vulkan device. */
#pragma once

#include "gpu/device.h"
#include "gpu/pipeline.h"

#include <check.h>

G_BEGIN_DECLS

/** Returns true if $CI is "true", as the usual services set it: then everything that tests need
 * must exist. */
bool lm_test_in_ci(void);

/** Opens the device that $LMNET_TEST_DEVICE names (default: auto). If there is none, ends the
 * process with 77, or with 1 in CI, which must have a device. */
LmDevice *lm_test_device(void);

/** That device's pipelines, without a cache; ends the process if they cannot be created. */
LmPipelines *lm_test_pipelines(LmDevice *device);

/** Returns true if the validation layer is on in this process (see gpu_test_env in
 * tests/meson.build). */
bool lm_test_validated(void);

/** Runs the suite in this process (a forked child that inherits a device hangs) and returns the
 * exit status: 0 only if nothing failed and the validation layers sent no message. */
int lm_test_run(Suite *suite);

/** The exit status of a test that runs no suite of its own: 0 only if `failed` is 0 and the
 * validation layers sent no message. */
int lm_test_exit(int failed);

/** Runs this very program again, with one argument and these variables ("NAME=value",
 * NULL-terminated) in its environment. Returns its exit status, -1 if a signal ended it; *output
 * (free it with g_free()) is its stdout and stderr. */
int lm_test_spawn(const char *argument, const char *const *variables, char **output);

/** Fails with the error's message; never clears it, since the test ends there. */
#define lm_test_ok(condition, error)                                                               \
    ck_assert_msg(condition, "%s: %s", #condition, (error) ? (error)->message : "no error set")

G_END_DECLS
