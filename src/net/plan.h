/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Plans where a graph's tensors lie and when its operators run. */
#pragma once

#include "net/graph.h"

G_BEGIN_DECLS

/** Places every tensor in the arena; tensors that are never alive together share memory, unless
 * keep_all is set: then every named output can be read afterwards. Returns false with the sticky
 * error. */
bool lm_graph_plan(LmGraph *graph, bool keep_all, GError **error);
/** Plans again for a GPU: every operator runs as early as it can, together with all others that do
 * not depend on it. So the device waits less often, and layers too small to fill it run together.
 * Takes more memory, since more tensors are alive at once. Indices of operators change. */
void lm_graph_plan_steps(LmGraph *graph);

G_END_DECLS
