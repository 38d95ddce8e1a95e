/* SPDX-License-Identifier: LGPL-2.1-or-later
 * lmnet's mode every-frame: frames in order, each with its own mask, several on the device at once.
 */
#pragma once

#include "gstlmnetmode.h"

G_BEGIN_DECLS

extern const GstLmNetModeFuncs gst_lm_net_every_frame;

G_END_DECLS
