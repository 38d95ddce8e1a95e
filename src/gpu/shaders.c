/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Look-up in a table of shaders. */
#include "gpu/shaders.h"

const LmShader *lm_shader_find(const LmShader *table, const char *name, unsigned variant)
{
    const LmShader *best = NULL;
    for (const LmShader *shader = table; shader->name; shader++) {
        if (!g_str_equal(shader->name, name) || (shader->variant & ~variant))
            continue;
        unsigned gain = best ? shader->variant & ~best->variant : 0;
        if (!best || (gain & LM_VARIANT_FP16) ||
            (gain && !(best->variant & ~shader->variant & LM_VARIANT_FP16)))
            best = shader;
    }
    return best;
}
