/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Frees what a result owns. */
#include "session/result.h"

void lm_result_clear(LmResult *result)
{
    lm_mask_unref(&result->mask);
    g_clear_error(&result->error);
}

void lm_result_free(gpointer data)
{
    lm_result_clear(data);
    g_free(data);
}
