/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Fusion of operators for GPUs. */
#pragma once

#include "net/graph.h"

G_BEGIN_DECLS

/** Merges small operators into the layers beside them, so that there are fewer steps. Call it
 * before lm_graph_plan_steps(), for an executor that uses only the tiled shaders. Operators
 * vanish. */
void lm_graph_fuse(LmGraph *graph);

G_END_DECLS
