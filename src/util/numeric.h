/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Integer arithmetic. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** How many parts of size b > 0 cover a >= 0. */
static inline int lm_ceil_div(int a, int b)
{
    return (a + b - 1) / b;
}

/** The smallest multiple of b > 0 that is at least a. */
static inline gsize lm_round_up(gsize a, gsize b)
{
    return (a + b - 1) / b * b;
}

G_END_DECLS
