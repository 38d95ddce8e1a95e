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

/** Those of shaders/. */
extern const LmShader lm_shaders[];

/** The build of `name` with as many of the variant's bits as there is a build for, FP16 before
 * the others (it decides how buffers are laid out, the others only how fast it goes). NULL: no such
 * shader. */
const LmShader *lm_shader_find(const LmShader *table, const char *name, unsigned variant);

G_END_DECLS
