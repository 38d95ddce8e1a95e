/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The precision in which a device computes a network. */
#pragma once

#include "gpu/device-info.h"

G_BEGIN_DECLS

typedef enum { LM_PRECISION_AUTO, LM_PRECISION_FP32, LM_PRECISION_FP16 } LmPrecision;

/** Resolves AUTO for this device: FP16 if it computes in half precision natively, else FP32. */
LmPrecision lm_precision_resolve(LmPrecision precision, const LmDeviceInfo *device);

G_END_DECLS
