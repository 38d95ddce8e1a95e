/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Holds the debug category of lmnet. */
#include "gstlmnetdebug.h"

GST_DEBUG_CATEGORY(gst_lm_net_debug);
