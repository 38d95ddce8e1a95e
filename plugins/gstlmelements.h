/* SPDX-License-Identifier: LGPL-2.1-or-later
 * All elements of the plugin. */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/** Registers the metadata and the elements; the plugin's init function. */
gboolean gst_lm_elements_register(GstPlugin *plugin);

G_END_DECLS
