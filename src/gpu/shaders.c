/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Look-up in a table of shaders. */
#include "gpu/shaders.h"

static int rank(unsigned variant)
{
    return (variant & LM_VARIANT_FP16 ? 4 : 0) +
           (variant & (LM_VARIANT_LANES8 | LM_VARIANT_TILED) ? 2 : 0) +
           (variant & LM_VARIANT_HALF ? 1 : 0);
}

const LmShader *lm_shader_find(const LmShader *table, const char *name, unsigned variant)
{
    const LmShader *best = NULL;
    for (const LmShader *shader = table; shader->name; shader++) {
        if (g_str_equal(shader->name, name) && !(shader->variant & ~variant) &&
            (!best || rank(shader->variant) > rank(best->variant)))
            best = shader;
    }
    return best;
}
