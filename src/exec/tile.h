/* SPDX-License-Identifier: LGPL-2.1-or-later
 * How the tiled builds of the shaders are dispatched. */
#pragma once

#include "exec/dispatch.h"
#include "exec/kernel.h"

G_BEGIN_DECLS

/** Gives an operator's dispatch the workgroups and tile constants of its shader's tiled build; what
 * it reads and writes stays. */
typedef void LmTileFunc(const LmKernel *kernel, LmPlanes planes, LmDispatch *dispatch);

LmTileFunc lm_tile_conv, lm_tile_linear, lm_tile_depthwise, lm_tile_squeeze_excite, lm_tile_norm,
    lm_tile_global_attention, lm_tile_pool;

G_END_DECLS
