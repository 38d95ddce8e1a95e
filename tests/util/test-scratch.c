/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Scratch memory: pieces that never overlap, and no allocation once the block has grown. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"
#include "util/scratch.h"

enum { N = 20 };

/* Takes pieces of odd sizes and fills each with its number, which all must still hold at the
 * end. */
static void use(LmScratch *scratch)
{
    guint8 *pieces[N];
    for (int i = 0; i < N; i++) {
        pieces[i] = lm_scratch_take(scratch, (gsize)i * 37);
        ck_assert_uint_eq((gsize)pieces[i] % sizeof(gpointer), 0);
        memset(pieces[i], i, (gsize)i * 37);
    }
    for (int i = 0; i < N; i++)
        for (int k = 0; k < i * 37; k++)
            ck_assert_uint_eq(pieces[i][k], (guint)i);
}

START_TEST(pieces_do_not_overlap)
{
    LmScratch scratch = {0};
    for (int round = 0; round < 3; round++) {
        lm_scratch_reset(&scratch);
        use(&scratch);
    }
    lm_scratch_finish(&scratch);
    ck_assert_ptr_null(scratch.block);
}
END_TEST

START_TEST(the_block_grows_once)
{
    LmScratch scratch = {0};
    use(&scratch);
    ck_assert_ptr_nonnull(scratch.overflow);
    lm_scratch_reset(&scratch);
    const guint8 *block = scratch.block;
    use(&scratch);
    ck_assert_ptr_null(scratch.overflow);
    lm_scratch_reset(&scratch);
    ck_assert_ptr_eq(scratch.block, block);
    lm_scratch_finish(&scratch);
}
END_TEST

START_TEST(a_rewind_gives_back)
{
    LmScratch scratch = {0};
    lm_scratch_take(&scratch, 4096);
    lm_scratch_reset(&scratch);
    char *kept = lm_scratch_take(&scratch, 16);
    strcpy(kept, "kept");
    const LmScratchMark mark = lm_scratch_mark(&scratch);
    void *first = lm_scratch_take(&scratch, 1000);
    lm_scratch_rewind(&scratch, mark);
    ck_assert_ptr_eq(lm_scratch_take(&scratch, 1000), first);
    memset(first, 0xff, 1000);
    ck_assert_str_eq(kept, "kept");
    lm_scratch_finish(&scratch);
}
END_TEST

/* Parts of a drawing that do not fit the block must not add up. */
START_TEST(a_rewind_gives_back_overflow)
{
    LmScratch scratch = {0};
    char *kept = lm_scratch_take(&scratch, 16);
    strcpy(kept, "kept");
    for (int i = 0; i < 50; i++) {
        const LmScratchMark mark = lm_scratch_mark(&scratch);
        memset(lm_scratch_take(&scratch, 1000), i, 1000);
        lm_scratch_rewind(&scratch, mark);
    }
    ck_assert_str_eq(kept, "kept");
    ck_assert_uint_le(scratch.peak, 2048);
    lm_scratch_finish(&scratch);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("scratch");
    TCase *tcase = tcase_create("scratch");
    tcase_add_test(tcase, pieces_do_not_overlap);
    tcase_add_test(tcase, the_block_grows_once);
    tcase_add_test(tcase, a_rewind_gives_back);
    tcase_add_test(tcase, a_rewind_gives_back_overflow);
    suite_add_tcase(suite, tcase);
    return test_suite_run(suite, CK_FORK_GETENV) ? EXIT_FAILURE : EXIT_SUCCESS;
}
