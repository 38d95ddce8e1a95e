/* SPDX-License-Identifier: LGPL-2.1-or-later
 * How the tiled builds of the shaders are dispatched. */
#pragma once

#include "exec/dispatch.h"

G_BEGIN_DECLS

/** Gives the dispatch of an operator the workgroups and tile constants of its shader's tiled build,
 * where it has one; what it reads and writes stays. */
void lm_tile_op(const LmGraph *graph, const LmOp *op, LmPlanes planes, LmDispatch *dispatch);

G_END_DECLS
