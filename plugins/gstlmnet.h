/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The element lmnet. */
#pragma once

#include <gst/base/gstbasetransform.h>

G_BEGIN_DECLS

#define GST_TYPE_LM_NET (gst_lm_net_get_type())
G_DECLARE_FINAL_TYPE(GstLmNet, gst_lm_net, GST, LM_NET, GstBaseTransform)
GST_ELEMENT_REGISTER_DECLARE(lmnet)

G_END_DECLS
