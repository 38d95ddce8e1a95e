/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A block, and an overflow list for requests that do not fit it. */
#include "util/scratch.h"

#include "util/numeric.h"

/* Rows of pixels taken one after another begin in cache lines of their own. */
#define ALIGNMENT 64

void lm_scratch_reset(LmScratch *scratch)
{
    g_clear_pointer(&scratch->overflow, g_ptr_array_unref);
    if (scratch->peak > scratch->size) {
        g_free(scratch->block);
        scratch->block = g_malloc(scratch->peak);
        scratch->size = scratch->peak;
    }
    scratch->used = scratch->peak = scratch->overflow_size = 0;
}

void *lm_scratch_take(LmScratch *scratch, gsize size)
{
    const gsize whole = lm_round_up(MAX(size, 1), ALIGNMENT);
    scratch->peak = MAX(scratch->peak, scratch->used + scratch->overflow_size + whole);
    if (whole > scratch->size - scratch->used) {
        if (!scratch->overflow)
            scratch->overflow = g_ptr_array_new_with_free_func(g_free);
        void *memory = g_malloc(whole);
        g_ptr_array_add(scratch->overflow, memory);
        scratch->overflow_size += whole;
        return memory;
    }
    void *memory = scratch->block + scratch->used;
    scratch->used += whole;
    return memory;
}

LmScratchMark lm_scratch_mark(const LmScratch *scratch)
{
    return (LmScratchMark){scratch->used, scratch->overflow_size,
                           scratch->overflow ? scratch->overflow->len : 0};
}

void lm_scratch_rewind(LmScratch *scratch, LmScratchMark mark)
{
    g_assert(mark.used <= scratch->used);
    scratch->used = mark.used;
    scratch->overflow_size = mark.overflow_size;
    if (scratch->overflow)
        g_ptr_array_set_size(scratch->overflow, (gint)mark.n_overflow);
}

void lm_scratch_finish(LmScratch *scratch)
{
    g_clear_pointer(&scratch->overflow, g_ptr_array_unref);
    g_free(scratch->block);
    *scratch = (LmScratch){0};
}
