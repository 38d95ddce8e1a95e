/* SPDX-License-Identifier: LGPL-2.1-or-later
 * lmnet's mode latest: each frame goes on at once, or after max-wait at most, with the newest mask
 * there is. */
#pragma once

#include "gstlmnetmode.h"

G_BEGIN_DECLS

extern const GstLmNetModeFuncs gst_lm_net_latest;

G_END_DECLS
