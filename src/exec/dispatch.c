/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Setters of a dispatch. */
#include "exec/dispatch.h"

#include <string.h>

void lm_dispatch_set_spec(LmDispatch *dispatch, unsigned n, const guint32 *values)
{
    memcpy(dispatch->spec, values, n * sizeof *values);
    dispatch->n_spec = n;
}

void lm_dispatch_set_push(LmDispatch *dispatch, unsigned n, const gint32 *values)
{
    memcpy(dispatch->push, values, n * sizeof *values);
    dispatch->n_push = n;
}

void lm_dispatch_set_groups(LmDispatch *dispatch, int x, int y, int z)
{
    dispatch->groups[0] = (guint32)x;
    dispatch->groups[1] = (guint32)y;
    dispatch->groups[2] = (guint32)z;
}
