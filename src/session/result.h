/* SPDX-License-Identifier: LGPL-2.1-or-later
 * One frame's answer from a session. */
#pragma once

#include "mask/mask.h"

G_BEGIN_DECLS

typedef struct {
    guint64 ticket;      /**< From lm_session_submit(). */
    LmMask *mask;        /**< A reference of the caller's; NULL if `error` is set. */
    GError *error;       /**< Owned by the caller: why there is no mask. */
    gint64 inference_ns; /**< From submission to the device to its answer. */
    gint64 gpu_ns;       /**< On the device by its own timestamps; 0: it has none. */
} LmResult;

void lm_result_clear(LmResult *result);
/** Clears a result and frees its memory; data: an LmResult from g_new(). */
void lm_result_free(gpointer data);

G_END_DECLS
