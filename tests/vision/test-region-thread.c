/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The region finder on its thread: it finds the same as the finder, never answers for another size,
 * and can end at any time. */
#include "vision/region-thread.h"

#include <stdlib.h>

#include "frames.h"
#include "screens.h"
#include "suite.h"

static const TestScreen screen = {
    .width = 480,
    .height = 270,
    .shape = TEST_SHAPE_OCTAGON,
    .picture = {150, 15, 240, 240},
    .light = 1,
    .light_left = 1,
    .text = true,
};

static LmThumbnail *draw(TestScreen of, double moment)
{
    LmThumbnail *thumbnail = g_new(LmThumbnail, 1);
    LmFrame frame = test_screen_frame(of.width, of.height);
    of.moment = moment;
    test_screen_draw(&of, &frame);
    lm_thumbnail_take(thumbnail, &frame);
    test_frame_finish(&frame);
    return thumbnail;
}

static void check_rect(LmRect got, LmRect expected)
{
    ck_assert_msg(got.x == expected.x && got.y == expected.y && got.width == expected.width &&
                      got.height == expected.height,
                  "%d,%d %dx%d, not %d,%d %dx%d", got.x, got.y, got.width, got.height, expected.x,
                  expected.y, expected.width, expected.height);
}

START_TEST(finds_as_the_finder_does)
{
    LmRegionThread *region_thread = lm_region_thread_create(NULL);
    ck_assert_ptr_nonnull(region_thread);
    LmRegionFinder *finder = lm_region_finder_create();
    check_rect(lm_region_thread_get(region_thread).rect, (LmRect){0});
    lm_region_thread_wait(region_thread);
    TestScreen changing = screen;
    for (int i = 0; i < 60; i++) {
        changing.picture.x = i < 20 ? 150 : 210;
        LmThumbnail *thumbnail = draw(changing, i);
        const guint64 time = i * (G_GUINT64_CONSTANT(1000000000) / 30);
        lm_region_thread_post(region_thread, thumbnail, time);
        lm_region_finder_feed(finder, thumbnail, time);
        g_free(thumbnail);
        lm_region_thread_wait(region_thread);
        check_rect(lm_region_thread_get(region_thread).rect, lm_region_finder_get(finder).rect);
    }
    ck_assert_int_le(abs(lm_region_thread_get(region_thread).rect.x - 210), 5);
    lm_region_finder_free(&finder);
    lm_region_thread_free(&region_thread);
    ck_assert_ptr_null(region_thread);
    lm_region_thread_free(&region_thread);
    lm_region_thread_free(NULL);
}
END_TEST

START_TEST(resets_and_sizes)
{
    LmRegionThread *region_thread = lm_region_thread_create(NULL);
    TestScreen larger = screen;
    larger.width = 600;
    LmThumbnail *thumbnails[2] = {draw(screen, 0), draw(larger, 0)};
    for (int i = 0; i < 400; i++) {
        /* However far the thread is, its answer is of this size: all of the frame, or the content
         * area. */
        const TestScreen *of = i / 3 % 2 ? &larger : &screen;
        lm_region_thread_post(region_thread, thumbnails[i / 3 % 2], LM_NO_TIME);
        if (i % 7 == 0)
            g_usleep(300);
        const LmRect rect = lm_region_thread_get(region_thread).rect;
        if (rect.width != of->width)
            ck_assert_int_le(abs(rect.x - screen.picture.x), 5);
        ck_assert_int_le(rect.x + rect.width, of->width);
        if (i % 50 == 49) {
            lm_region_thread_reset(region_thread);
            check_rect(lm_region_thread_get(region_thread).rect, (LmRect){0});
            lm_region_thread_wait(region_thread);
            check_rect(lm_region_thread_get(region_thread).rect, (LmRect){0});
        }
    }
    /* After a reset no earlier region remains: black gives all of the frame. */
    lm_region_thread_post(region_thread, thumbnails[0], LM_NO_TIME);
    lm_region_thread_wait(region_thread);
    ck_assert_int_le(abs(lm_region_thread_get(region_thread).rect.x - screen.picture.x), 5);
    TestScreen black = screen;
    black.picture.width = 0;
    LmThumbnail *nothing = draw(black, 0);
    lm_region_thread_post(region_thread, nothing, LM_NO_TIME);
    lm_region_thread_wait(region_thread);
    ck_assert_int_le(abs(lm_region_thread_get(region_thread).rect.x - screen.picture.x), 5);
    lm_region_thread_reset(region_thread);
    lm_region_thread_post(region_thread, nothing, LM_NO_TIME);
    check_rect(lm_region_thread_get(region_thread).rect, (LmRect){0, 0, 480, 270});
    lm_region_thread_wait(region_thread);
    check_rect(lm_region_thread_get(region_thread).rect, (LmRect){0, 0, 480, 270});
    g_free(nothing);
    g_free(thumbnails[0]);
    g_free(thumbnails[1]);
    lm_region_thread_free(&region_thread);
}
END_TEST

START_TEST(ends_at_any_time)
{
    LmThumbnail *thumbnail = draw(screen, 0);
    for (int i = 0; i < 50; i++) {
        LmRegionThread *region_thread = lm_region_thread_create(NULL);
        for (int k = 0; k < i % 4; k++)
            lm_region_thread_post(region_thread, thumbnail, k);
        g_usleep(i * 20);
        lm_region_thread_free(&region_thread);
    }
    g_free(thumbnail);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("region_thread");
    TCase *tc = tcase_create("region_thread");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, finds_as_the_finder_does);
    tcase_add_test(tc, resets_and_sizes);
    tcase_add_test(tc, ends_at_any_time);
    suite_add_tcase(suite, tc);
    return test_suite_run(suite, CK_FORK_GETENV) ? EXIT_FAILURE : EXIT_SUCCESS;
}
