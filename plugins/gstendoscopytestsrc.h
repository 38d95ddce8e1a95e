/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The element endoscopytestsrc. */
#pragma once

#include <gst/base/gstpushsrc.h>

G_BEGIN_DECLS

#define GST_TYPE_ENDOSCOPY_TEST_SRC (gst_endoscopy_test_src_get_type())
G_DECLARE_FINAL_TYPE(GstEndoscopyTestSrc, gst_endoscopy_test_src, GST, ENDOSCOPY_TEST_SRC,
                     GstPushSrc)
GST_ELEMENT_REGISTER_DECLARE(endoscopytestsrc)

G_END_DECLS
