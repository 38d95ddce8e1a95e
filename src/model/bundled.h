/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Which model file is meant where none need be named. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** `asked` where it is not NULL or empty; else the environment's LMNET_MODEL; else the bundled
 * model, found from the place of the plugin or program that this code is linked into: the build
 * tree's, or that in the data directory of the prefix which the file lies in, so that a prefix can
 * be moved. Of these the first that exists; where none does, the place that it was configured to be
 * installed in. The caller frees it. Thread-safe. */
char *lm_model_path(const char *asked);

G_END_DECLS
