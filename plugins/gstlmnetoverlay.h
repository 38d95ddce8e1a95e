/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The element lmnetoverlay. */
#pragma once

#include <gst/base/gstbasetransform.h>

G_BEGIN_DECLS

#define GST_TYPE_LM_NET_OVERLAY (gst_lm_net_overlay_get_type())
G_DECLARE_FINAL_TYPE(GstLmNetOverlay, gst_lm_net_overlay, GST, LM_NET_OVERLAY, GstBaseTransform)
GST_ELEMENT_REGISTER_DECLARE(lmnetoverlay)

G_END_DECLS
