/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What every test on a Vulkan device begins and ends with. */
#pragma once

#include "gpu/device.h"
#include "gpu/pipeline.h"

#include <check.h>

G_BEGIN_DECLS

/** Whether $CI is "true", as the usual services set it: what tests need must be there. */
bool lm_test_in_ci(void);

/** Opens the device that $LMNET_TEST_DEVICE names (default: auto). Where there is none, ends the
 * process: with 77, or, in CI, with 1, for there a device must be. */
LmDevice *lm_test_device(void);

/** That device's pipelines, without a cache; ends the process where there can be none. */
LmPipelines *lm_test_pipelines(LmDevice *device);

/** Whether the validation layer is on in this process (see gpu_test_env in tests/meson.build). */
bool lm_test_validated(void);

/** Runs the suite in this process (a forked child that inherits a device hangs) and returns the
 * exit status: 0 only if nothing failed and the validation layers had nothing to say. */
int lm_test_run(Suite *suite);

/** The exit status of a test that runs no suite of its own: 0 only if `failed` is 0 and the
 * validation layers had nothing to say. */
int lm_test_exit(int failed);

/** Runs this very program again, with one argument and these variables ("NAME=value",
 * NULL-terminated) in its environment. Returns its exit status, -1 where it died; *output (g_free()
 * it) is what it wrote, to stdout and stderr. */
int lm_test_spawn(const char *argument, const char *const *variables, char **output);

/** Fails with the error's message; clears it never, for the test ends there. */
#define lm_test_ok(condition, error)                                                               \
    ck_assert_msg(condition, "%s: %s", #condition, (error) ? (error)->message : "no error set")

G_END_DECLS
