/* SPDX-License-Identifier: LGPL-2.1-or-later
 * One dispatch: shader, constants, grid. */
#pragma once

#include "gpu/pipeline.h"
#include "util/numeric.h"

G_BEGIN_DECLS

typedef struct {
    const char *shader;
    unsigned variant; /**< The network's LmVariant bits; the shader may have no build for some. */
    guint32 spec[LM_MAX_SPEC];
    unsigned n_spec;
    gint32 push[LM_PUSH_BYTES / 4];
    unsigned n_push;
    guint32 groups[3];
} LmDispatch;

/** The planes of an operator's output that one dispatch writes. */
typedef struct {
    int first, n;
} LmPlanes;

/** Set the specialisation constants, or the push constants. */
#define LM_DISPATCH_SPEC(dispatch, ...)                                                            \
    lm_dispatch_set_spec(dispatch, sizeof((guint32[]){__VA_ARGS__}) / 4, (guint32[]){__VA_ARGS__})
#define LM_DISPATCH_PUSH(dispatch, ...)                                                            \
    lm_dispatch_set_push(dispatch, sizeof((gint32[]){__VA_ARGS__}) / 4, (gint32[]){__VA_ARGS__})
void lm_dispatch_set_spec(LmDispatch *dispatch, unsigned n, const guint32 *values);
void lm_dispatch_set_push(LmDispatch *dispatch, unsigned n, const gint32 *values);
void lm_dispatch_set_groups(LmDispatch *dispatch, int x, int y, int z);

G_END_DECLS
