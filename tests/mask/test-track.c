/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Findings over time: lasting numbers, and when a finding enters and leaves. */
#include "suite.h"
#include <stdlib.h>

#include "mask/track.h"

#define MS G_GINT64_CONSTANT(1000000)

/* A tracker's reports as text: "+1 -1 ". */
static GString *events;

static void note(void *user, LmTrackEvent event, const LmFinding *finding)
{
    ck_assert_ptr_eq(user, &events);
    g_string_append_printf(events, "%c%u ", event == LM_TRACK_ENTER ? '+' : '-', finding->id);
}

static void setup(void)
{
    events = g_string_new(NULL);
}

static void teardown(void)
{
    g_string_free(events, TRUE);
}

static LmFinding at(int x, int y, int size, unsigned class_index)
{
    return (LmFinding){.id = 99, .class_index = class_index, .box = {x, y, size, size}};
}

/* The next mask's findings, at `time` ms; `n` of `items`, whose numbers are filled in. */
static void update(LmTracker *tracker, LmFinding *items, unsigned n, gint64 time)
{
    LmFindings findings = {.items = items, .n = n};
    lm_tracker_update(tracker, &findings, time * MS, note, &events);
}

START_TEST(ids_last)
{
    LmTracker tracker = {0};
    for (int i = 0; i < 50; i++) {
        /* In the end they have drifted by more than their size, and they swap places in the list.
         */
        LmFinding items[] = {at(10 + 2 * i, 10, 30, 1), at(200 - 2 * i, 100, 40, 1)};
        if (i % 2)
            items[0] = at(200 - 2 * i, 100, 40, 1), items[1] = at(10 + 2 * i, 10, 30, 1);
        update(&tracker, items, 2, 33 * i);
        ck_assert_uint_eq(items[i % 2].id, 1);
        ck_assert_uint_eq(items[(i + 1) % 2].id, 2);
    }
    ck_assert_str_eq(events->str, "+2 +1 "); /* The larger overlap first. */
}
END_TEST

START_TEST(the_largest_overlap_wins)
{
    LmTracker tracker = {0};
    LmFinding first[] = {at(0, 0, 40, 1), at(50, 0, 20, 1)};
    update(&tracker, first, 2, 0);
    /* They grow together: the number of the larger stays. */
    LmFinding joined[] = {{.class_index = 1, .box = {0, 0, 70, 40}}};
    update(&tracker, joined, 1, 33);
    ck_assert_uint_eq(joined[0].id, first[0].id);
    /* They part again, soon enough for the other to keep its number. */
    LmFinding parted[] = {at(0, 0, 40, 1), at(50, 0, 20, 1)};
    update(&tracker, parted, 2, 66);
    ck_assert_uint_eq(parted[0].id, first[0].id);
    ck_assert_uint_eq(parted[1].id, first[1].id);
    /* Another class in the same place is another finding. */
    LmFinding other[] = {at(0, 0, 40, 2)};
    update(&tracker, other, 1, 99);
    ck_assert_uint_eq(other[0].id, 3);
}
END_TEST

START_TEST(a_flash_does_not_enter)
{
    LmTracker tracker = {0};
    LmFinding item = at(10, 10, 20, 1);
    update(&tracker, &item, 1, 0);
    update(&tracker, &item, 1, 99);
    update(&tracker, NULL, 0, 133);
    update(&tracker, NULL, 0, 2000);
    ck_assert_str_eq(events->str, "");
    ck_assert_uint_eq(tracker.n, 0);
    /* The same frame a second time does not count as another sighting. */
    update(&tracker, &item, 1, 3000);
    update(&tracker, &item, 1, 3000);
    ck_assert_str_eq(events->str, "");
    ck_assert_uint_eq(item.id, 2);
}
END_TEST

START_TEST(gaps_do_not_leave)
{
    LmTracker tracker = {0};
    LmFinding item = at(10, 10, 20, 1);
    for (int i = 0; i <= 60; i++) /* It is in every third mask. */
        update(&tracker, &item, i % 3 == 0, 50 * i);
    ck_assert_str_eq(events->str, "+1 ");
    update(&tracker, NULL, 0, 3100);
    update(&tracker, NULL, 0, 3399);
    ck_assert_str_eq(events->str, "+1 ");
    update(&tracker, NULL, 0, 3400);
    ck_assert_str_eq(events->str, "+1 -1 ");
    update(&tracker, &item, 1, 3500);
    ck_assert_uint_eq(item.id, 2);
}
END_TEST

START_TEST(on_for_a_second_at_least)
{
    LmTracker tracker = {0};
    LmFinding item = at(10, 10, 20, 1);
    update(&tracker, &item, 1, 0);
    update(&tracker, &item, 1, 100);
    for (int time = 200; time < 1100; time += 100)
        update(&tracker, NULL, 0, time);
    ck_assert_str_eq(events->str, "+1 ");
    update(&tracker, NULL, 0, 1100);
    ck_assert_str_eq(events->str, "+1 -1 ");
}
END_TEST

START_TEST(a_cut_ends_all)
{
    LmTracker tracker = {0};
    LmFinding items[] = {at(10, 10, 20, 1), at(100, 10, 20, 1), at(200, 10, 20, 1)};
    update(&tracker, items, 2, 0);
    update(&tracker, items, 3, 200); /* The third has not entered yet. */
    lm_tracker_clear(&tracker, note, &events);
    ck_assert_str_eq(events->str, "+1 +2 -1 -2 ");
    update(&tracker, items, 3, 233);
    ck_assert_uint_eq(items[0].id, 4);
    lm_tracker_clear(&tracker, NULL, NULL);
}
END_TEST

/* More findings than can be tracked: each entry has one end, and no number is given twice. */
START_TEST(crowds)
{
    LmTracker tracker = {0};
    GRand *rand = g_rand_new_with_seed(7);
    LmFinding items[3 * LM_TRACK_MAX];
    for (int i = 0; i < 100; i++) {
        unsigned n = (unsigned)g_rand_int_range(rand, 0, G_N_ELEMENTS(items));
        for (unsigned k = 0; k < n; k++)
            items[k] = at(g_rand_int_range(rand, 0, 400), g_rand_int_range(rand, 0, 400), 12, 1);
        update(&tracker, items, n, 60 * i);
        ck_assert_uint_le(tracker.n, LM_TRACK_MAX);
        for (unsigned k = 0; k < n; k++)
            for (unsigned m = 0; m < k; m++)
                ck_assert_uint_ne(items[k].id, items[m].id);
    }
    lm_tracker_clear(&tracker, note, &events);
    g_rand_free(rand);

    GHashTable *in = g_hash_table_new(NULL, NULL);
    char **words = g_strsplit(g_strchomp(events->str), " ", -1);
    ck_assert_uint_gt(g_strv_length(words), 10);
    for (char **word = words; *word; word++) {
        gpointer id = GUINT_TO_POINTER((guint)g_ascii_strtoull(*word + 1, NULL, 10));
        ck_assert(**word == '+' ? g_hash_table_add(in, id) : g_hash_table_remove(in, id));
    }
    ck_assert_uint_eq(g_hash_table_size(in), 0);
    g_hash_table_unref(in);
    g_strfreev(words);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("track");
    TCase *tcase = tcase_create("track");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, ids_last);
    tcase_add_test(tcase, the_largest_overlap_wins);
    tcase_add_test(tcase, a_flash_does_not_enter);
    tcase_add_test(tcase, gaps_do_not_leave);
    tcase_add_test(tcase, on_for_a_second_at_least);
    tcase_add_test(tcase, a_cut_ends_all);
    tcase_add_test(tcase, crowds);
    suite_add_tcase(suite, tcase);
    return test_suite_run(suite, CK_FORK_GETENV) ? EXIT_FAILURE : EXIT_SUCCESS;
}
