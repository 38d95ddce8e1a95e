/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The bundled models, and the choice of the model file. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Short names of the bundled models; their card says more (models/README.md). */
#define LM_MODEL_DEFAULT "kvasir-256" /**< The more accurate one. */
#define LM_MODEL_SMALL "kvasir-128"   /**< A quarter of the work: runs at video rate on a CPU. */

/** Returns the path of the model file. The first that is not NULL or empty counts: `asked`, the
 * LMNET_MODEL environment variable, `otherwise`. Each is a bundled model's short name, or else a
 * path (./NAME for a file that has such a name).
 *
 * A bundled model is found relative to the plugin or program that this code is linked into: in its
 * build tree, or in the data directory of the prefix that it is installed in, so that a prefix can
 * be moved. The first file that exists counts; if none does, the result is the configured install
 * path. The caller frees the result. Thread-safe. */
char *lm_model_path(const char *asked, const char *otherwise);

G_END_DECLS
