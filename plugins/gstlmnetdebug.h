/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The debug category of lmnet, for all its files. The element initialises it. */
#pragma once

#include <gst/gst.h>

GST_DEBUG_CATEGORY_EXTERN(gst_lm_net_debug);
#define GST_CAT_DEFAULT gst_lm_net_debug
