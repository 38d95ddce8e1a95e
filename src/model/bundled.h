/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The models that come with the program, and which model file is meant where none need be named. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Short names of the bundled models; their card says more (models/README.md). */
#define LM_MODEL_DEFAULT "kvasir-256" /**< The more accurate one. */
#define LM_MODEL_SMALL "kvasir-128"   /**< A quarter of the work: for a CPU, at video rate. */

/** The file of the model that is meant: by `asked`, where it is not NULL or empty; else by the
 * environment's LMNET_MODEL, likewise; else `otherwise`. Each is a bundled model's short name, or
 * else a path (a file of such a name is ./NAME).
 *
 * A bundled model is found from the place of the plugin or program that this code is linked into:
 * the build tree's, or that in the data directory of the prefix which the file lies in, so that a
 * prefix can be moved. Of these the first that exists; where none does, the place that it was
 * configured to be installed in. The caller frees it. Thread-safe. */
char *lm_model_path(const char *asked, const char *otherwise);

G_END_DECLS
