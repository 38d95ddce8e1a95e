/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A session's result for one frame. */
#pragma once

#include "mask/mask.h"

G_BEGIN_DECLS

typedef struct {
    guint64 ticket;      /**< From lm_session_submit(). */
    LmMask *mask;        /**< A reference that the caller owns; NULL if `error` is set. */
    GError *error;       /**< Owned by the caller: why there is no mask. */
    gint64 inference_ns; /**< From submission to the device to its answer. */
    gint64 gpu_ns;       /**< Time on the device, by its timestamps; 0: it has none. */
} LmResult;

void lm_result_clear(LmResult *result);
/** Clears a result and frees its memory; data: an LmResult from g_new(). */
void lm_result_free(gpointer data);

G_END_DECLS
