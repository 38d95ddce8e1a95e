/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The compiled shaders, embedded as SPIR-V by shaders/meson.build. */
#pragma once

#include "gpu/pipeline.h"

G_BEGIN_DECLS

/** One build of one shader; a table of them ends with a NULL name. */
typedef struct LmShader {
    const char *name; /**< Its file in shaders/, without the ending. */
    unsigned variant; /**< LmVariant bits. */
    const guint32 *code;
    gsize size; /**< Bytes of code. */
} LmShader;

/** The table of the shaders in shaders/. */
extern const LmShader lm_shaders[];

/** The build of `name` with as many of the variant's bits as possible; FP16 counts before the
 * others (it changes the layout of buffers, the others only the speed). NULL: no such shader. */
const LmShader *lm_shader_find(const LmShader *table, const char *name, unsigned variant);

G_END_DECLS
