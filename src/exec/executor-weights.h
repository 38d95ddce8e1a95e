/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The executor's buffer of weights and biases. */
#pragma once

#include "exec/executor-state.h"

/** Places all operators' parameters, creates their buffer and fills it. The kernels must have been
 * chosen. Waits for the device. */
bool lm_executor_weights_upload(LmExecutor *executor, GError **error);
