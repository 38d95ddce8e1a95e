/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Fusion of operators for GPUs. */
#pragma once

#include "net/graph.h"

G_BEGIN_DECLS

/** Before lm_graph_plan_steps(), for an executor that uses the tiled shaders and no other: lets
 * layers do what is between them, so that there are fewer steps. Operators vanish. */
void lm_graph_fuse(LmGraph *graph);

G_END_DECLS
