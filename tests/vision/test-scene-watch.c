/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Cuts, frozen and missing video: in the synthetic colonoscopy and in drawn thumbnails.
 */
#include "vision/scene-watch.h"

#include <stdlib.h>
#include <string.h>

#include "scene/scene.h"
#include "scene/screen.h"
#include "screens.h"
#include "frames.h"
#include "suite.h"

#define STEP (G_GUINT64_CONSTANT(1000000000) / 30)

typedef struct {
    LmSceneWatch *watch;
    LmThumbnail *thumbnail;
    LmRect region;
    guint64 number;
} Viewer;

static Viewer viewer_begin(int width, int height)
{
    Viewer viewer = {lm_scene_watch_create(), g_new0(LmThumbnail, 1), {0, 0, width, height}, 0};
    viewer.thumbnail->grid = (LmGrid){width, height, width, height};
    return viewer;
}

static void viewer_end(Viewer *viewer)
{
    lm_scene_watch_free(&viewer->watch);
    g_free(viewer->thumbnail);
}

static LmSceneReport inspect(Viewer *viewer)
{
    return lm_scene_watch_frame(viewer->watch, viewer->thumbnail, viewer->region,
                                viewer->number++ * STEP);
}

static void check(LmSceneReport report, const char *expected)
{
    const char got[] = {report.same ? 's' : '-',      report.cut ? 'c' : '-',
                        report.blank ? 'b' : '-',     report.frozen ? 'f' : '-',
                        report.no_signal ? 'n' : '-', 0};
    ck_assert_str_eq(got, expected);
}

static const struct {
    int width, height;
    LmSceneScreen screen;
    double noise;
} videos[] = {
    {640, 360, LM_SCENE_SCREEN_NONE, 0.5},    {640, 360, LM_SCENE_SCREEN_ROUND, 1},
    {720, 576, LM_SCENE_SCREEN_OCTAGON, 0.2}, {480, 640, LM_SCENE_SCREEN_ROUND, 0},
    {240, 180, LM_SCENE_SCREEN_NONE, 1},
};

typedef struct {
    LmScene *scene;
    LmFrame frame;
    double gain;
} Camera;

static Camera camera_begin(int video, unsigned seed, double motion, double noise)
{
    const LmSceneParams params = {
        .width = videos[video].width,
        .height = videos[video].height,
        .seed = seed,
        .polyps = 2,
        .motion = motion,
        .noise = noise,
        .screen = videos[video].screen,
    };
    Camera camera = {.scene = lm_scene_create(&params, NULL), .gain = 1};
    ck_assert_ptr_nonnull(camera.scene);
    camera.frame = test_screen_frame((int)params.width, (int)params.height);
    camera.frame.info.format = LM_FORMAT_ARGB;
    return camera;
}

static void camera_end(Camera *camera)
{
    lm_scene_free(&camera->scene);
    test_frame_finish(&camera->frame);
}

static void take_row(guint y, const guint8 *row, gpointer user_data)
{
    const Camera *camera = user_data;
    guint8 *out = camera->frame.data[0] + y * camera->frame.stride[0];
    for (gsize i = 0; i < camera->frame.stride[0]; i++)
        out[i] = (guint8)MIN(camera->gain * row[i], 255);
}

static LmSceneReport film(Viewer *viewer, Camera *camera, guint64 number)
{
    lm_scene_draw(camera->scene, number, take_row, camera);
    lm_thumbnail_take(viewer->thumbnail, &camera->frame);
    return inspect(viewer);
}

static Viewer viewer_of_video(int i)
{
    const LmSceneColor rgb = {.matrix = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
    LmScreen *screen = lm_screen_create(videos[i].screen, videos[i].width, videos[i].height, &rgb);
    const LmSceneRect view = lm_screen_view(screen);
    Viewer viewer = viewer_begin(videos[i].width, videos[i].height);
    viewer.region = (LmRect){view.x, view.y, view.width, view.height};
    lm_screen_free(&screen);
    return viewer;
}

/* The fastest motion makes no cut; another scene makes one, at its first frame. */
START_TEST(cuts)
{
    Viewer viewer = viewer_of_video(_i);
    Camera cameras[3];
    for (int k = 0; k < 3; k++)
        cameras[k] = camera_begin(_i, 10 + 7 * _i + k, 1, videos[_i].noise);
    for (int n = 0; n < 180; n++) {
        const LmSceneReport report = film(&viewer, &cameras[n / 15 % 3], n);
        ck_assert_msg(report.cut == (n > 0 && n % 15 == 0), "frame %d: cut %d", n, report.cut);
        ck_assert(!report.same && !report.blank && !report.frozen && !report.no_signal);
    }
    for (int k = 0; k < 3; k++)
        camera_end(&cameras[k]);
    viewer_end(&viewer);
}
END_TEST

/* The scope's light flickers, and goes down and up by steps. */
START_TEST(light_makes_no_cuts)
{
    static const double gains[] = {1, 1, 1.4, 0.7, 1, 0.5, 0.5, 1.1, 1.3, 1.3, 0.4, 0.6, 1};
    Viewer viewer = viewer_of_video(_i);
    Camera camera = camera_begin(_i, 4, 0.5, videos[_i].noise);
    for (int n = 0; n < 60; n++) {
        camera.gain = gains[n % G_N_ELEMENTS(gains)];
        check(film(&viewer, &camera, n), "-----");
    }
    camera_end(&camera);
    viewer_end(&viewer);
}
END_TEST

/* A still camera without noise gives frozen video, even though the clock beside it runs; with noise
 * it does not. */
START_TEST(frozen_beside_a_clock)
{
    Viewer viewer = viewer_of_video(1);
    Camera still = camera_begin(1, 3, 0, 0), noisy = camera_begin(1, 3, 0, 0.1);
    check(film(&viewer, &still, 0), "-----");
    for (int n = 1; n < 6; n++)
        check(film(&viewer, &still, n), "s----");
    for (int n = 6; n < 20; n++)
        check(film(&viewer, &still, n), "s--f-");
    for (int n = 20; n < 40; n++)
        check(film(&viewer, &noisy, n), "-----");
    viewer.region = (LmRect){0, 0, videos[1].width, videos[1].height};
    for (int n = 40; n < 50; n++)
        check(film(&viewer, &still, n), "-----");
    camera_end(&still);
    camera_end(&noisy);
    viewer_end(&viewer);
}
END_TEST

/* Fills a thumbnail with detail; its cells can be changed. */
static void paint_wall(Viewer *viewer, unsigned seed)
{
    const LmGrid *grid = &viewer->thumbnail->grid;
    for (int i = 0; i < grid->width * grid->height; i++) {
        const unsigned x = i % grid->width / 2, y = i / grid->width / 2;
        const unsigned mixed = (x * 73 + y * 151 + seed * 919) * 2654435761u;
        viewer->thumbnail->luma[i] = 60 + (mixed >> 16) % 100;
        viewer->thumbnail->color[i] = 50;
    }
}

static void fill(Viewer *viewer, guint8 luma, guint8 color)
{
    memset(viewer->thumbnail->luma, luma, sizeof viewer->thumbnail->luma);
    memset(viewer->thumbnail->color, color, sizeof viewer->thumbnail->color);
}

/* In snow every frame differs, as usual for it: it has no cuts after its beginning. */
START_TEST(snow)
{
    Viewer viewer = viewer_begin(200, 150);
    guint32 state = 1;
    for (int n = 0; n < 90; n++) {
        for (int i = 0; i < 30000; i++) {
            state = state * 1664525 + 1013904223;
            viewer.thumbnail->luma[i] = state >> 24;
        }
        const LmSceneReport report = inspect(&viewer);
        ck_assert(!report.same && !report.blank && (n < 30 || !report.cut));
    }
    viewer_end(&viewer);
}
END_TEST

/* Frames that come twice or three times are not frozen; the repetitions are the same. */
START_TEST(repeated_frames)
{
    Viewer viewer = viewer_begin(100, 80);
    for (int n = 0; n < 60; n++) {
        paint_wall(&viewer, 1);
        viewer.thumbnail->luma[4040] += n / 3 * 2;
        check(inspect(&viewer), n % 3 ? "s----" : "-----");
    }
    viewer_end(&viewer);
}
END_TEST

/* Small differences do not count, unless they add up. */
START_TEST(tolerance)
{
    Viewer viewer = viewer_begin(100, 80);
    paint_wall(&viewer, 1);
    check(inspect(&viewer), "-----");
    viewer.thumbnail->luma[4040]++;
    check(inspect(&viewer), "s----");
    viewer.thumbnail->luma[4040]++;
    check(inspect(&viewer), "-----");
    viewer.thumbnail->color[4040] += 2;
    check(inspect(&viewer), "s----");
    viewer.thumbnail->color[4040]++;
    check(inspect(&viewer), "-----");
    for (int i = 0; i < 125; i++)
        viewer.thumbnail->luma[64 * i]++;
    check(inspect(&viewer), "s----");
    viewer.thumbnail->luma[7]++;
    check(inspect(&viewer), "-----");
    viewer_end(&viewer);
}
END_TEST

/* Frozen takes four frames, at any distance in time. */
START_TEST(slow_frames)
{
    Viewer viewer = viewer_begin(100, 80);
    paint_wall(&viewer, 1);
    for (int n = 0; n < 6; n++) {
        viewer.number = 60 * n;
        check(inspect(&viewer), n == 0 ? "-----" : n < 3 ? "s----" : "s--f-");
    }
    viewer_end(&viewer);
}
END_TEST

/* A black frame is blank at once, even with noise; the state takes longer. */
START_TEST(black)
{
    Viewer viewer = viewer_begin(200, 150);
    guint32 state = 1;
    paint_wall(&viewer, 1);
    check(inspect(&viewer), "-----");
    fill(&viewer, 0, 0);
    check(inspect(&viewer), "-cb--");
    paint_wall(&viewer, 1);
    check(inspect(&viewer), "-c---");
    for (int n = 0; n < 20; n++) {
        fill(&viewer, 0, 0);
        for (int i = 0; i < 30000; i++) {
            state = state * 1664525 + 1013904223;
            viewer.thumbnail->luma[i] = 10 + (state >> 16) % 13;
        }
        check(inspect(&viewer), n == 0 ? "-cb--" : n < 6 ? "--b--" : "--b-n");
    }
    paint_wall(&viewer, 1);
    check(inspect(&viewer), "-c---");
    for (int n = 0; n < 20; n++) {
        fill(&viewer, 16, 0);
        check(inspect(&viewer), n == 0 ? "-cb--" : n < 6 ? "s-b--" : "s-b-n");
    }
    viewer_end(&viewer);
}
END_TEST

/* A dim picture is not a missing one. */
START_TEST(dim_is_not_black)
{
    Viewer viewer = viewer_of_video(0);
    Camera camera = camera_begin(0, 8, 0.5, 0.5);
    camera.gain = 0.25;
    for (int n = 0; n < 20; n++)
        check(film(&viewer, &camera, n), "-----");
    camera_end(&camera);
    viewer_end(&viewer);
}
END_TEST

/* A blue card with a line of text is no signal, once it has stood still. */
START_TEST(card)
{
    Viewer viewer = viewer_begin(200, 150);
    paint_wall(&viewer, 1);
    check(inspect(&viewer), "-----");
    for (int n = 0; n < 20; n++) {
        fill(&viewer, 40, 120);
        for (int x = 60; x < 140; x += 2)
            memset(viewer.thumbnail->luma + (70 + x % 10) * 200 + x, 235, 1);
        check(inspect(&viewer), n == 0 ? "-c---" : n < 6 ? "s----" : "s-b-n");
    }
    paint_wall(&viewer, 2);
    check(inspect(&viewer), "-c---");
    viewer_end(&viewer);
}
END_TEST

/* Pixels outside the region do not count; a new region starts a new comparison. */
START_TEST(regions)
{
    Viewer viewer = viewer_begin(200, 150);
    viewer.region = (LmRect){50, 0, 150, 150};
    paint_wall(&viewer, 1);
    check(inspect(&viewer), "-----");
    memset(viewer.thumbnail->luma + 200, 0, 50);
    check(inspect(&viewer), "s----");
    viewer.region.x = 20;
    check(inspect(&viewer), "-----");
    check(inspect(&viewer), "s----");
    viewer.region.y = 50;
    paint_wall(&viewer, 2);
    check(inspect(&viewer), "-c---");
    viewer.region = (LmRect){200, 0, 10, 10};
    check(inspect(&viewer), "-----");
    viewer.region = (LmRect){-100, -100, 1000, 1000};
    check(inspect(&viewer), "-----");
    check(inspect(&viewer), "s----");
    viewer.thumbnail->grid.frame_width = 400;
    check(inspect(&viewer), "-----");
    check(inspect(&viewer), "s----");
    lm_scene_watch_reset(viewer.watch);
    paint_wall(&viewer, 3);
    check(inspect(&viewer), "-----");
    viewer_end(&viewer);
    lm_scene_watch_free(&viewer.watch);
    lm_scene_watch_free(NULL);
}
END_TEST

/* Every size of region is inspected without harm. */
START_TEST(any_region)
{
    Viewer viewer = viewer_begin(240, 135);
    static const int sides[] = {1, 2, 15, 16, 17, 47, 48, 49, 97, 135};
    for (gsize i = 0; i < G_N_ELEMENTS(sides) * G_N_ELEMENTS(sides); i++) {
        viewer.region.width = sides[i % G_N_ELEMENTS(sides)];
        viewer.region.height = sides[i / G_N_ELEMENTS(sides)];
        lm_scene_watch_reset(viewer.watch);
        paint_wall(&viewer, 3);
        check(inspect(&viewer), "-----");
        check(inspect(&viewer), "s----");
        paint_wall(&viewer, 4);
        const bool large = viewer.region.width >= 97 && viewer.region.height >= 97;
        const bool small = viewer.region.width < 21 || viewer.region.height < 21;
        const LmSceneReport report = inspect(&viewer);
        ck_assert(!report.same && !report.blank);
        ck_assert(large ? report.cut : small ? !report.cut : true);
    }
    viewer_end(&viewer);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("watch");
    TCase *tc = tcase_create("watch");
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, cuts, 0, G_N_ELEMENTS(videos));
    tcase_add_loop_test(tc, light_makes_no_cuts, 0, G_N_ELEMENTS(videos));
    tcase_add_test(tc, frozen_beside_a_clock);
    tcase_add_test(tc, snow);
    tcase_add_test(tc, repeated_frames);
    tcase_add_test(tc, tolerance);
    tcase_add_test(tc, slow_frames);
    tcase_add_test(tc, black);
    tcase_add_test(tc, dim_is_not_black);
    tcase_add_test(tc, card);
    tcase_add_test(tc, regions);
    tcase_add_test(tc, any_region);
    suite_add_tcase(suite, tc);
    return test_suite_run(suite, CK_FORK_GETENV) ? EXIT_FAILURE : EXIT_SUCCESS;
}
