/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The plugin file's entry. */
#include "gstlmelements.h"
#include "plugin-config.h"

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, lmnet,
                  "LM-Net segmentation of endoscopy video on Vulkan", gst_lm_elements_register,
                  PACKAGE_VERSION, "LGPL", PACKAGE, PACKAGE_URL)
