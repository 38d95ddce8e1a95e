/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The region in captured screens: the synthetic colonoscopy's, and drawn ones in which the content
 * area darkens, changes, disappears, or has unusual neighbours. */
#include "vision/region.h"

#include <stdlib.h>
#include <string.h>

#include "frames.h"
#include "scene/scene.h"
#include "scene/screen.h"
#include "screens.h"
#include "suite.h"

#define SECOND G_GUINT64_CONSTANT(1000000000)

/** A video of 30 frames a second. */
typedef struct {
    LmRegionFinder *finder;
    LmThumbnail *thumbnail;
    LmFrame frame;
    TestScreen screen;
    guint64 number;
} Video;

static Video video_begin(TestScreen screen)
{
    return (Video){
        .finder = lm_region_finder_create(),
        .thumbnail = g_new0(LmThumbnail, 1),
        .frame = test_screen_frame(screen.width, screen.height),
        .screen = screen,
    };
}

static void video_end(Video *video)
{
    lm_region_finder_free(&video->finder);
    g_free(video->thumbnail);
    test_frame_finish(&video->frame);
}

static bool show(Video *video)
{
    video->screen.moment = (double)video->number;
    test_screen_draw(&video->screen, &video->frame);
    lm_thumbnail_take(video->thumbnail, &video->frame);
    return lm_region_finder_feed(video->finder, video->thumbnail, video->number++ * SECOND / 30);
}

/* Shows some frames; returns how often the region changed. */
static int play(Video *video, double seconds)
{
    int changes = 0;
    for (int i = 0; i < seconds * 30; i++)
        changes += show(video);
    return changes;
}

static void check_box(LmRect box, LmRect expected, double tolerance)
{
    const int got[4] = {box.x, box.y, box.x + box.width, box.y + box.height};
    const int want[4] = {expected.x, expected.y, expected.x + expected.width,
                         expected.y + expected.height};
    for (int i = 0; i < 4; i++)
        ck_assert_msg(abs(got[i] - want[i]) <= tolerance,
                      "box %d,%d %dx%d, expected %d,%d %dx%d within %.1f", box.x, box.y, box.width,
                      box.height, expected.x, expected.y, expected.width, expected.height,
                      tolerance);
}

/* Within 1 % of the frame's width. */
static void check_region(const Video *video, LmRect expected)
{
    const LmRegion region = lm_region_finder_get(video->finder);
    check_box(region.rect, expected, video->screen.width / 100.0);
    ck_assert_double_gt(region.confidence, 0);
    ck_assert_double_le(region.confidence, 1);
}

static LmRect whole(const TestScreen *screen)
{
    return (LmRect){0, 0, screen->width, screen->height};
}

static TestScreen usual_screen(TestShape shape)
{
    TestScreen screen = {
        .width = 640, .height = 360, .shape = shape, .light = 1, .light_left = 1, .text = true};
    screen.picture = (LmRect){210, 20, 320, 320};
    if (shape == TEST_SHAPE_CLIPPED)
        screen.picture.height = 280;
    return screen;
}

typedef struct {
    guint8 *pixels;
    gsize row_bytes;
} Rows;

static void take_row(guint y, const guint8 *row, gpointer user_data)
{
    const Rows *rows = user_data;
    memcpy(rows->pixels + y * rows->row_bytes, row, rows->row_bytes);
}

static const struct {
    int width, height;
} scene_sizes[] = {
    {1920, 1080}, {1280, 720}, {720, 576}, {720, 480},
    {640, 480},   {1001, 563}, {333, 251}, {480, 640},
};

/* The first frame alone is enough, and the rest of the first second changes nothing. */
static void check_scene(int width, int height, LmSceneScreen kind)
{
    const LmSceneParams params = {.width = width,
                                  .height = height,
                                  .seed = width + kind,
                                  .polyps = 2,
                                  .motion = 0.7,
                                  .noise = 0.5,
                                  .screen = kind};
    const LmSceneColor rgb = {.matrix = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
    LmScreen *screen = lm_screen_create(kind, width, height, &rgb);
    const LmSceneRect view = lm_screen_view(screen);
    LmScene *scene = lm_scene_create(&params, NULL);
    LmFrame frame = test_screen_frame(width, height);
    frame.info.format = LM_FORMAT_ARGB;
    LmThumbnail *thumbnail = g_new0(LmThumbnail, 1);
    LmRegionFinder *finder = lm_region_finder_create();
    for (int i = 0; i < 4; i++) {
        lm_scene_draw(scene, i * 7, take_row, &(Rows){frame.data[0], frame.stride[0]});
        lm_thumbnail_take(thumbnail, &frame);
        ck_assert_int_eq(lm_region_finder_feed(finder, thumbnail, i * SECOND / 4), i == 0);
        const LmRegion region = lm_region_finder_get(finder);
        check_box(region.rect, (LmRect){view.x, view.y, view.width, view.height},
                  kind == LM_SCENE_SCREEN_NONE ? 0 : width / 100.0);
        ck_assert_double_gt(region.confidence, 0.75);
    }
    lm_region_finder_free(&finder);
    g_free(thumbnail);
    test_frame_finish(&frame);
    lm_scene_free(&scene);
    lm_screen_free(&screen);
}

START_TEST(scenes)
{
    for (LmSceneScreen kind = LM_SCENE_SCREEN_NONE; kind <= LM_SCENE_SCREEN_OCTAGON; kind++)
        check_scene(scene_sizes[_i].width, scene_sizes[_i].height, kind);
}
END_TEST

/* Found within a second, and then it stays. */
START_TEST(shapes)
{
    Video video = video_begin(usual_screen(_i));
    video.screen.inset = true;
    play(&video, 1);
    check_region(&video, video.screen.picture);
    ck_assert_int_eq(play(&video, 2.5), 0);
    video_end(&video);
}
END_TEST

/* As in a capture of an analog signal. */
START_TEST(noise_everywhere)
{
    Video video = video_begin(usual_screen(_i));
    video.screen.noise = 10;
    video.screen.surround = 20;
    play(&video, 1);
    check_region(&video, video.screen.picture);
    ck_assert_int_eq(play(&video, 2), 0);
    video_end(&video);
}
END_TEST

START_TEST(grey_surround)
{
    Video video = video_begin(usual_screen(_i));
    video.screen.surround = 90;
    play(&video, 1);
    check_region(&video, video.screen.picture);
    video_end(&video);
}
END_TEST

/* A larger grey panel loses against an area that moves and has colour. */
START_TEST(panel_beside)
{
    Video video = video_begin(usual_screen(TEST_SHAPE_OCTAGON));
    video.screen.picture = (LmRect){410, 80, 200, 200};
    video.screen.panel = (LmRect){20, 20, 370, 320};
    play(&video, 1);
    check_region(&video, video.screen.picture);
    video_end(&video);
}
END_TEST

START_TEST(picture_fills_the_frame)
{
    Video video = video_begin(usual_screen(TEST_SHAPE_SQUARE));
    video.screen.picture = (LmRect){-100, -100, 840, 560};
    play(&video, 1);
    check_box(lm_region_finder_get(video.finder).rect, whole(&video.screen), 0);
    ck_assert_int_eq(play(&video, 2), 0);
    video_end(&video);
}
END_TEST

/* Text alone, black, grey, a small picture: all of the frame, and no confidence except in a full
 * one. */
START_TEST(nothing_to_find)
{
    Video video = video_begin(usual_screen(TEST_SHAPE_ROUND));
    video.screen.picture = (LmRect){300, 160, 40, 40};
    ck_assert_int_eq(play(&video, 1), 1);
    check_box(lm_region_finder_get(video.finder).rect, whole(&video.screen), 0);
    ck_assert_double_eq(lm_region_finder_get(video.finder).confidence, 0);
    video.screen.picture = (LmRect){0};
    video.screen.text = false;
    for (video.screen.surround = 0; video.screen.surround <= 240; video.screen.surround += 120) {
        ck_assert_int_eq(play(&video, 1), 0);
        check_box(lm_region_finder_get(video.finder).rect, whole(&video.screen), 0);
    }
    video_end(&video);
}
END_TEST

/* From one place and size to another, each way: followed within 1.2 seconds, in one step, and not
 * before 0.3. */
START_TEST(zoom_changes)
{
    static const LmRect places[] = {
        {210, 20, 320, 320},    {280, 90, 180, 180}, {10, 20, 320, 320},
        {-100, -100, 840, 560}, {300, 60, 240, 240},
    };
    Video video = video_begin(usual_screen(TEST_SHAPE_OCTAGON));
    play(&video, 1);
    for (gsize i = 1; i < G_N_ELEMENTS(places); i++) {
        video.screen.picture = places[i];
        video.screen.text = places[i].x > 0;
        ck_assert_int_eq(play(&video, 0.3), 0);
        ck_assert_int_eq(play(&video, 0.9), 1);
        check_region(&video, lm_rect_clip(places[i], whole(&video.screen)));
        ck_assert_int_eq(play(&video, 1), 0);
    }
    video_end(&video);
}
END_TEST

START_TEST(passing_changes_are_ignored)
{
    Video video = video_begin(usual_screen(TEST_SHAPE_CLIPPED));
    play(&video, 1);
    const LmRect place = video.screen.picture;
    for (int i = 0; i < 3; i++) {
        video.screen.picture = (LmRect){230, 60, 240, 240};
        ck_assert_int_eq(play(&video, 0.25), 0);
        video.screen.picture = whole(&video.screen);
        ck_assert_int_eq(play(&video, 0.1), 0);
        video.screen.picture = place;
        ck_assert_int_eq(play(&video, 1), 0);
    }
    check_region(&video, place);
    video_end(&video);
}
END_TEST

/* The lens against the mucosa, the light going out in steps: in half of the content area, then
 * entirely. */
START_TEST(dark_moments_do_not_shrink)
{
    Video video = video_begin(usual_screen(_i));
    play(&video, 1);
    check_region(&video, video.screen.picture);
    for (double light = 0.6; light > 0.01; light *= 0.5) {
        video.screen.light = light;
        ck_assert_int_eq(play(&video, 0.9), 0);
    }
    video.screen.light = 0;
    ck_assert_int_eq(play(&video, 1.5), 0);
    video.screen.light = 1;
    video.screen.light_left = 0;
    ck_assert_int_eq(play(&video, 1.5), 0);
    video.screen.light_left = 1;
    ck_assert_int_eq(play(&video, 1), 0);
    check_region(&video, video.screen.picture);
    video_end(&video);
}
END_TEST

/* A shadow has a sharp edge, but its inside is not the surround. */
START_TEST(shadows_do_not_shrink)
{
    Video video = video_begin(usual_screen(_i));
    play(&video, 1);
    video.screen.light_left = 0.1;
    video.screen.hard_edge = true;
    ck_assert_int_eq(play(&video, 2), 0);
    check_region(&video, video.screen.picture);
    video_end(&video);
}
END_TEST

/* A box that lacks a little is corrected, but not soon. */
START_TEST(small_differences)
{
    Video video = video_begin(usual_screen(TEST_SHAPE_SQUARE));
    video.screen.picture = (LmRect){214, 24, 312, 312};
    play(&video, 1);
    check_region(&video, video.screen.picture);
    video.screen.picture = (LmRect){210, 20, 320, 320};
    ck_assert_int_eq(play(&video, 1.4), 0);
    ck_assert_int_eq(play(&video, 0.6), 1);
    check_box(lm_region_finder_get(video.finder).rect, video.screen.picture, 2);
    video_end(&video);
}
END_TEST

/* A box that was found while half was dark is corrected. */
START_TEST(dark_start)
{
    Video video = video_begin(usual_screen(_i));
    video.screen.light_left = 0;
    play(&video, 1);
    video.screen.light_left = 1;
    play(&video, 1);
    check_region(&video, video.screen.picture);
    video_end(&video);
}
END_TEST

START_TEST(frozen_holds)
{
    Video video = video_begin(usual_screen(TEST_SHAPE_ROUND));
    play(&video, 1);
    for (int i = 0; i < 90; i++) {
        video.number = 30;
        ck_assert(!show(&video));
    }
    check_region(&video, video.screen.picture);
    video_end(&video);
}
END_TEST

/* Changes are followed even if times are missing, stand still, go back or leap. */
START_TEST(times)
{
    Video video = video_begin(usual_screen(TEST_SHAPE_SQUARE));
    play(&video, 1);
    const guint64 starts[] = {LM_NO_TIME, 5, 0, G_MAXUINT64 / 2};
    const guint64 steps[] = {0, 0, SECOND / 30, 3600 * SECOND};
    for (gsize i = 0; i < G_N_ELEMENTS(starts); i++) {
        video.screen.picture.x += i % 2 ? -60 : 60;
        for (int k = 0; k < 36; k++) {
            video.screen.moment = (double)video.number++;
            test_screen_draw(&video.screen, &video.frame);
            lm_thumbnail_take(video.thumbnail, &video.frame);
            lm_region_finder_feed(video.finder, video.thumbnail, starts[i] + k * steps[i]);
        }
        check_region(&video, video.screen.picture);
    }
    video_end(&video);
}
END_TEST

START_TEST(new_size_and_reset)
{
    Video video = video_begin(usual_screen(TEST_SHAPE_OCTAGON));
    check_box(lm_region_finder_get(video.finder).rect, (LmRect){0}, 0);
    play(&video, 1);
    const LmRect place = video.screen.picture;
    test_frame_finish(&video.frame);
    video.screen.width = 500;
    video.frame = test_screen_frame(500, 360);
    video.screen.picture = (LmRect){120, 20, 320, 320};
    ck_assert(show(&video));
    check_region(&video, video.screen.picture);
    lm_region_finder_reset(video.finder);
    check_box(lm_region_finder_get(video.finder).rect, (LmRect){0}, 0);
    video.screen.picture = place;
    video.screen.picture.x = 150;
    ck_assert(show(&video));
    check_region(&video, video.screen.picture);
    video_end(&video);
    lm_region_finder_free(&video.finder);
    lm_region_finder_free(NULL);
}
END_TEST

/* Noise of any size does no harm. */
START_TEST(any_frame)
{
    LmRegionFinder *finder = lm_region_finder_create();
    LmThumbnail *thumbnail = g_new0(LmThumbnail, 1);
    static const int sides[] = {32, 33, 100, 1000, 4096};
    for (gsize i = 0; i < G_N_ELEMENTS(sides); i++) {
        for (gsize k = 0; k < G_N_ELEMENTS(sides); k++) {
            LmFrame frame;
            const LmFrameInfo info = {LM_FORMAT_NV12, sides[i], sides[k], 0.299, 0.114, false};
            test_frame_init(&frame, &info, 5);
            lm_thumbnail_take(thumbnail, &frame);
            lm_region_finder_feed(finder, thumbnail, i);
            const LmRect all = {0, 0, sides[i], sides[k]};
            const LmRect rect = lm_region_finder_get(finder).rect;
            check_box(lm_rect_clip(rect, all), rect, 0);
            ck_assert_int_gt(rect.width, 0);
            test_frame_finish(&frame);
        }
    }
    g_free(thumbnail);
    lm_region_finder_free(&finder);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("region");
    TCase *tc = tcase_create("region");
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, scenes, 0, G_N_ELEMENTS(scene_sizes));
    tcase_add_loop_test(tc, shapes, 0, TEST_N_SHAPES);
    tcase_add_loop_test(tc, noise_everywhere, 0, TEST_N_SHAPES);
    tcase_add_loop_test(tc, grey_surround, 0, TEST_N_SHAPES);
    tcase_add_test(tc, panel_beside);
    tcase_add_test(tc, picture_fills_the_frame);
    tcase_add_test(tc, nothing_to_find);
    tcase_add_test(tc, zoom_changes);
    tcase_add_test(tc, passing_changes_are_ignored);
    tcase_add_loop_test(tc, dark_moments_do_not_shrink, 0, TEST_N_SHAPES);
    tcase_add_loop_test(tc, shadows_do_not_shrink, 0, TEST_N_SHAPES);
    tcase_add_test(tc, small_differences);
    tcase_add_loop_test(tc, dark_start, 0, TEST_N_SHAPES);
    tcase_add_test(tc, frozen_holds);
    tcase_add_test(tc, times);
    tcase_add_test(tc, new_size_and_reset);
    tcase_add_test(tc, any_frame);
    suite_add_tcase(suite, tc);
    return test_suite_run(suite, CK_FORK_GETENV) ? EXIT_FAILURE : EXIT_SUCCESS;
}
