/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Workgroups and tile sizes for the tiled builds of the shaders. */
#pragma once

#include "exec/dispatch.h"
#include "exec/kernel.h"

G_BEGIN_DECLS

/** Sets the workgroups and tile constants of the shader's tiled build in an operator's dispatch;
 * its inputs and outputs stay the same. */
typedef void LmTileFunc(const LmKernel *kernel, LmPlanes planes, LmDispatch *dispatch);

LmTileFunc lm_tile_conv, lm_tile_linear, lm_tile_depthwise, lm_tile_squeeze_excite, lm_tile_norm,
    lm_tile_global_attention, lm_tile_pool;

G_END_DECLS
