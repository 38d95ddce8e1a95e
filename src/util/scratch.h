/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A bump allocator for memory that lives as long as one piece of work, such as drawing a frame.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** Zeroed: empty. Memory is kept between pieces of work; it never shrinks. One thread at a time. */
typedef struct {
    guint8 *block;
    gsize size, used;    /**< Of the block, bytes. */
    gsize peak;          /**< Most bytes that were in use at once since the last reset. */
    GPtrArray *overflow; /**< Allocations that did not fit the block; the next reset frees them.
                              NULL: none. */
    gsize overflow_size;
} LmScratch;

typedef struct {
    gsize used, overflow_size;
    guint n_overflow;
} LmScratchMark;

/** Begins a new piece of work: all memory taken before is free again. */
void lm_scratch_reset(LmScratch *scratch);
/** `size` bytes, uninitialised, aligned as by malloc, until the next reset or a rewind to an
 * earlier mark. */
void *lm_scratch_take(LmScratch *scratch, gsize size);
/** Marks the current position; rewinding frees everything taken after the mark. */
LmScratchMark lm_scratch_mark(const LmScratch *scratch);
void lm_scratch_rewind(LmScratch *scratch, LmScratchMark mark);
void lm_scratch_finish(LmScratch *scratch);

G_END_DECLS
