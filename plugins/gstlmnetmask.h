/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The element lmnetmask. */
#pragma once

#include <gst/video/gstvideofilter.h>

G_BEGIN_DECLS

#define GST_TYPE_LM_NET_MASK (gst_lm_net_mask_get_type())
G_DECLARE_FINAL_TYPE(GstLmNetMask, gst_lm_net_mask, GST, LM_NET_MASK, GstVideoFilter)
GST_ELEMENT_REGISTER_DECLARE(lmnetmask)

G_END_DECLS
