/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A bump allocator for what lives no longer than one piece of work, such as the drawing of a frame.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** Zeroed: empty. Memory is kept between pieces of work; it grows and never shrinks. One thread at
 * a time. */
typedef struct {
    guint8 *block;
    gsize size, used;    /**< Of the block. */
    gsize peak;          /**< Most bytes that were in use at once since the last reset. */
    GPtrArray *overflow; /**< What did not fit the block; freed by the next reset. NULL: nothing. */
    gsize overflow_size;
} LmScratch;

/** Begins a new piece of work: what was taken before is free again. */
void lm_scratch_reset(LmScratch *scratch);
/** `size` bytes, uninitialised, aligned as by malloc, until the next reset, or until a rewind to a
 * mark from before. */
void *lm_scratch_take(LmScratch *scratch, gsize size);
/** A mark, and the way back to it. */
gsize lm_scratch_mark(const LmScratch *scratch);
void lm_scratch_rewind(LmScratch *scratch, gsize mark);
void lm_scratch_finish(LmScratch *scratch);

G_END_DECLS
