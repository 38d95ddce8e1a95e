/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Runs single passes of an executor and accesses single tensors, for tests and tools. */
#pragma once

#include "exec/executor.h"

G_BEGIN_DECLS

/** Copy a tensor to or from the device, by logical channel: channels x height x width floats. Both
 * wait for the device. */
bool lm_executor_io_write(LmExecutor *executor, LmTensorId tensor, const float *values,
                          GError **error);
bool lm_executor_io_read(LmExecutor *executor, LmTensorId tensor, float *values, GError **error);
/** Fills the arena with NaNs. Waits for the device. */
bool lm_executor_io_poison(LmExecutor *executor, GError **error);
/** Records, submits and waits for one pass. */
bool lm_executor_io_run(LmExecutor *executor, GError **error);

G_END_DECLS
