/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Chooses a precision. */
#include "session/precision.h"

LmPrecision lm_precision_resolve(LmPrecision precision, const LmDeviceInfo *device)
{
    if (precision != LM_PRECISION_AUTO)
        return precision;
    /* A CPU that supports half precision still computes in single precision. */
    bool fp16 = device->native_fp16 && device->type != LM_DEVICE_CPU;
    return fp16 ? LM_PRECISION_FP16 : LM_PRECISION_FP32;
}
