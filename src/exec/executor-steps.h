/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The executor's steps: how each operator is computed and recorded. */
#pragma once

#include "exec/executor-state.h"

/** Chooses all operators' kernels. Returns the bytes of scratch memory that they need in the arena,
 * from executor->scratch on. */
VkDeviceSize lm_executor_steps_choose(LmExecutor *executor, LmWinogradUse use);
/** Builds the steps of all operators and of the softmax, and places the barriers; weights and arena
 * must be there. It does not make the pipelines. */
bool lm_executor_steps_build(LmExecutor *executor, GError **error);
