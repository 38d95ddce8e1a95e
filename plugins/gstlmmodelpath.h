/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Which model file is meant. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** `property` where it is not NULL or empty; else the environment's LMNET_MODEL; else the bundled
 * model: beside the plugin file (an uninstalled build), or in the data directory of the prefix that
 * the plugin file lies in. Of these the first that exists; the last one's name where none does. The
 * caller frees it. */
char *gst_lm_model_path(const char *property);

G_END_DECLS
