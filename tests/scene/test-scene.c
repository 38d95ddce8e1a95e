/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The synthetic colonoscopy: the same bytes on every machine, truth that fits the view, bad
 * settings. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "scene/scene.h"
#include "suite.h"
#include "util/error.h"

typedef struct {
    guint width, height, step; /* step: bytes a pixel */
    guint8 *bytes;
    gint calls; /* rows received; atomic */
} Picture;

static void picture_init(Picture *picture, guint width, guint height, guint step)
{
    *picture = (Picture){width, height, step, g_malloc0((gsize)width * height * step), 0};
}

static void take_row(guint y, const guint8 *row, gpointer user_data)
{
    Picture *picture = user_data;
    ck_assert_uint_lt(y, picture->height);
    gsize size = (gsize)picture->width * picture->step;
    memcpy(picture->bytes + y * size, row, size);
    g_atomic_int_inc(&picture->calls);
}

static void draw_view(LmScene *scene, guint64 number, Picture *picture)
{
    picture->calls = 0;
    lm_scene_draw(scene, number, take_row, picture);
    ck_assert_int_eq(picture->calls, (gint)picture->height);
}

static void draw_truth(LmScene *scene, guint64 number, Picture *picture)
{
    picture->calls = 0;
    lm_scene_draw_truth(scene, number, take_row, picture);
    ck_assert_int_eq(picture->calls, (gint)picture->height);
}

static LmScene *create(const LmSceneParams *params)
{
    GError *error = NULL;
    LmScene *scene = lm_scene_create(params, &error);
    ck_assert_msg(scene != NULL, "%s", error ? error->message : "no scene, no error");
    return scene;
}

/* SHA-256 over view and truth of some frames, of the polyps' boxes too. */
static char *digest(const LmSceneParams *params, const guint64 *numbers, guint count)
{
    LmScene *scene = create(params);
    Picture view, truth;
    picture_init(&view, params->width, params->height, 4);
    picture_init(&truth, params->width, params->height, 1);
    GChecksum *checksum = g_checksum_new(G_CHECKSUM_SHA256);
    for (guint i = 0; i < count; i++) {
        LmScenePolyp polyps[LM_SCENE_MAX_VISIBLE];
        draw_view(scene, numbers[i], &view);
        draw_truth(scene, numbers[i], &truth);
        guint visible = lm_scene_visible(scene, polyps);
        g_checksum_update(checksum, view.bytes, (gssize)view.width * view.height * 4);
        g_checksum_update(checksum, truth.bytes, (gssize)truth.width * truth.height);
        for (guint k = 0; k < visible; k++) {
            char *text = g_strdup_printf("%u %u %u %u %u;", polyps[k].id, polyps[k].x, polyps[k].y,
                                         polyps[k].width, polyps[k].height);
            g_checksum_update(checksum, (const guchar *)text, -1);
            g_free(text);
        }
    }
    char *result = g_strdup(g_checksum_get_string(checksum));
    g_checksum_free(checksum);
    g_free(view.bytes);
    g_free(truth.bytes);
    lm_scene_free(&scene);
    return result;
}

static const guint64 some_frames[] = {0, 1, 77, 1000, G_MAXUINT64};

/* BT.709, limited range, as the element requests it. */
static const LmSceneColor bt709 = {
    {{0.1826f, 0.6142f, 0.0620f}, {-0.1006f, -0.3386f, 0.4392f}, {0.4392f, -0.3989f, -0.0403f}},
    {16, 128, 128}};

static const struct {
    LmSceneParams params;
    const char *sha256; /* of some_frames; changes only if the scene's appearance changes */
} known[] = {
    {{.width = 320, .height = 240, .seed = 1, .polyps = 3, .motion = 0.5, .noise = 0.25},
     "f53f6c1f7b1009d251bff29c70b3619e8e63d32a543306498e1c9842f8fcbc98"},
    {{.width = 355,
      .height = 201,
      .seed = 4000000000u,
      .polyps = 8,
      .motion = 1,
      .noise = 1,
      .screen = LM_SCENE_SCREEN_OCTAGON,
      .color = bt709},
     "326e6a9977ee3be85ef2a8d438b5bbdc9015be11beb413c5abce76ad9c84ff01"},
    {{.width = 720,
      .height = 576,
      .seed = 7,
      .polyps = 1,
      .motion = 0.3,
      .screen = LM_SCENE_SCREEN_ROUND},
     "960ac9a373bdf05946d85715f79ec79e2b3d3a3f4e4663be59dc13f2658411aa"},
};

START_TEST(test_same_everywhere)
{
    LmSceneParams params = known[_i].params;
    for (params.threads = 1; params.threads <= 3; params.threads++) {
        char *sha256 = digest(&params, some_frames, G_N_ELEMENTS(some_frames));
        ck_assert_msg(strcmp(sha256, known[_i].sha256) == 0, "case %d with %u threads: %s, not %s",
                      _i, params.threads, sha256, known[_i].sha256);
        g_free(sha256);
    }
}
END_TEST

/* A frame does not depend on the frames drawn before it. */
START_TEST(test_any_order)
{
    const LmSceneParams params = {
        .width = 160, .height = 120, .seed = 3, .polyps = 4, .motion = 0.8, .noise = 0.5};
    const guint64 forward[] = {5, 900, 90000}, alone[] = {90000};
    LmScene *one = create(&params), *other = create(&params);
    Picture a, b;
    picture_init(&a, params.width, params.height, 4);
    picture_init(&b, params.width, params.height, 4);
    for (guint i = 0; i < G_N_ELEMENTS(forward); i++)
        draw_view(one, forward[i], &a);
    draw_view(other, alone[0], &b);
    ck_assert_mem_eq(a.bytes, b.bytes, (gsize)params.width * params.height * 4);
    draw_view(one, 5, &a);
    draw_truth(other, 4, &(Picture){160, 120, 1, b.bytes, 0});
    draw_view(other, 5, &b);
    ck_assert_mem_eq(a.bytes, b.bytes, (gsize)params.width * params.height * 4);
    g_free(a.bytes);
    g_free(b.bytes);
    lm_scene_free(&one);
    lm_scene_free(&other);
}
END_TEST

static guint differing(const Picture *a, const Picture *b)
{
    guint count = 0;
    for (gsize i = 0; i < (gsize)a->width * a->height; i++)
        count += memcmp(a->bytes + i * a->step, b->bytes + i * b->step, a->step) != 0;
    return count;
}

/* Every setting changes the frame, or leaves it unchanged, as documented. */
START_TEST(test_settings)
{
    const LmSceneParams base = {.width = 160, .height = 120, .seed = 3, .polyps = 2, .motion = 0.5};
    Picture first, second;
    picture_init(&first, base.width, base.height, 4);
    picture_init(&second, base.width, base.height, 4);
    const guint all = base.width * base.height;

    LmScene *scene = create(&base);
    draw_view(scene, 0, &first);
    draw_view(scene, 30, &second);
    ck_assert_uint_gt(differing(&first, &second), all / 2);
    lm_scene_free(&scene);

    LmSceneParams params = base;
    params.seed = 4;
    scene = create(&params);
    draw_view(scene, 0, &second);
    ck_assert_uint_gt(differing(&first, &second), all / 2);
    lm_scene_free(&scene);

    params = base;
    params.polyps = 0;
    scene = create(&params);
    LmScenePolyp polyps[LM_SCENE_MAX_VISIBLE];
    for (guint64 number = 0; number < 600; number += 50) {
        draw_truth(scene, number, &(Picture){160, 120, 1, second.bytes, 0});
        ck_assert_uint_eq(lm_scene_visible(scene, polyps), 0);
        guint marked = 0;
        for (guint i = 0; i < all; i++)
            marked += second.bytes[i] != 0;
        ck_assert_uint_eq(marked, 0);
    }
    lm_scene_free(&scene);

    params = base;
    params.motion = 0;
    scene = create(&params);
    draw_view(scene, 12, &first);
    draw_view(scene, 99999, &second);
    ck_assert_uint_eq(differing(&first, &second), 0);
    lm_scene_free(&scene);

    params.noise = 0.3;
    scene = create(&params);
    draw_view(scene, 12, &second);
    ck_assert_uint_gt(differing(&first, &second), all / 2);
    draw_view(scene, 13, &first);
    ck_assert_uint_gt(differing(&first, &second), all / 2);
    lm_scene_free(&scene);
    g_free(first.bytes);
    g_free(second.bytes);
}
END_TEST

/* Boxes are those of the truth's pixels, with and without a screen; polyps come, pass and leave. */
START_TEST(test_truth)
{
    const LmSceneParams params = {.width = 241,
                                  .height = 180,
                                  .seed = (guint32)_i,
                                  .polyps = 2,
                                  .motion = 1,
                                  .screen = (LmSceneScreen)(_i % 3),
                                  .threads = 2};
    LmScene *scene = create(&params);
    Picture view, truth;
    picture_init(&view, params.width, params.height, 4);
    picture_init(&truth, params.width, params.height, 1);
    guint with = 0, without = 0, largest = 0;
    GHashTable *ids = g_hash_table_new(NULL, NULL);
    for (guint64 number = 0; number < 300; number += 6) {
        LmScenePolyp seen[LM_SCENE_MAX_VISIBLE], again[LM_SCENE_MAX_VISIBLE];
        draw_view(scene, number, &view);
        guint count = lm_scene_visible(scene, seen);
        draw_truth(scene, number, &truth);
        ck_assert_uint_eq(lm_scene_visible(scene, again), count);
        ck_assert_mem_eq(seen, again, count * sizeof *seen);
        *(count ? &with : &without) += 1;
        guint area = 0, odd = 0;
        for (guint y = 0; y < params.height; y++)
            for (guint x = 0; x < params.width; x++) {
                guint8 value = truth.bytes[y * params.width + x];
                gboolean boxed = FALSE;
                for (guint i = 0; i < count; i++)
                    boxed |= x >= seen[i].x && x < seen[i].x + seen[i].width && y >= seen[i].y &&
                             y < seen[i].y + seen[i].height;
                odd += value != 0 && (value != 255 || !boxed);
                area += value != 0;
            }
        ck_assert_uint_eq(odd, 0);
        largest = MAX(largest, area);
        for (guint i = 0; i < count; i++) {
            g_hash_table_add(ids, GUINT_TO_POINTER(seen[i].id + 1));
            /* Each side of the box touches a pixel of the truth. */
            gboolean sides[4] = {FALSE, FALSE, FALSE, FALSE};
            const LmScenePolyp *box = &seen[i];
            for (guint y = box->y; y < box->y + box->height; y++)
                for (guint x = box->x; x < box->x + box->width; x++)
                    if (truth.bytes[y * params.width + x]) {
                        sides[0] |= x == box->x;
                        sides[1] |= x == box->x + box->width - 1;
                        sides[2] |= y == box->y;
                        sides[3] |= y == box->y + box->height - 1;
                    }
            ck_assert(sides[0] && sides[1] && sides[2] && sides[3]);
        }
    }
    ck_assert_uint_gt(with, 5);
    ck_assert_uint_gt(without, 0);
    /* Two stretches of two polyps each were passed. */
    ck_assert_uint_ge(g_hash_table_size(ids), 3);
    ck_assert_uint_gt(largest, params.width * params.height / 100);
    g_hash_table_destroy(ids);
    g_free(view.bytes);
    g_free(truth.bytes);
    lm_scene_free(&scene);
}
END_TEST

/* Every size and aspect ratio works. */
START_TEST(test_sizes)
{
    static const guint sizes[][2] = {{16, 16}, {17, 16}, {16, 2000},  {2000, 16},
                                     {33, 47}, {64, 64}, {1280, 720}, {8192, 16}};
    for (guint i = 0; i < G_N_ELEMENTS(sizes); i++)
        for (guint screen = 0; screen <= LM_SCENE_SCREEN_OCTAGON; screen++) {
            const LmSceneParams params = {.width = sizes[i][0],
                                          .height = sizes[i][1],
                                          .polyps = 8,
                                          .motion = 1,
                                          .noise = 1,
                                          .screen = (LmSceneScreen)screen,
                                          .threads = 5};
            LmScene *scene = create(&params);
            Picture view, truth;
            picture_init(&view, params.width, params.height, 4);
            picture_init(&truth, params.width, params.height, 1);
            draw_view(scene, 40, &view);
            draw_truth(scene, 40, &truth);
            gsize opaque = 0;
            for (gsize k = 0; k < (gsize)params.width * params.height; k++)
                opaque += view.bytes[4 * k] == 255;
            ck_assert_uint_eq(opaque, (gsize)params.width * params.height);
            g_free(view.bytes);
            g_free(truth.bytes);
            lm_scene_free(&scene);
            ck_assert_ptr_null(scene);
        }
    lm_scene_free(NULL);
}
END_TEST

START_TEST(test_bad_settings)
{
    const LmSceneParams good = {.width = 64, .height = 48};
    struct {
        LmSceneParams params;
        const char *names;
    } bad[] = {{good, "15x48"},  {good, "64x8193"}, {good, "polyps"},
               {good, "motion"}, {good, "noise"},   {good, "screen"},
               {good, "color"},  {good, "color"},   {good, "threads"}};
    bad[0].params.width = 15;
    bad[1].params.height = 8193;
    bad[2].params.polyps = 9;
    bad[3].params.motion = 1.01;
    bad[4].params.noise = -0.5;
    bad[5].params.screen = (LmSceneScreen)3;
    bad[6].params.color.matrix[2][1] = NAN;
    bad[7].params.color.offset[0] = -1001;
    bad[8].params.threads = 65;
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        GError *error = NULL;
        ck_assert_ptr_null(lm_scene_create(&bad[i].params, &error));
        ck_assert(g_error_matches(error, LM_ERROR, LM_ERROR_ARGUMENT));
        ck_assert_msg(strstr(error->message, bad[i].names) != NULL, "\"%s\" does not name %s",
                      error->message, bad[i].names);
        g_error_free(error);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("scene");
    TCase *tcase = tcase_create("scene");
    tcase_set_timeout(tcase, 300);
    tcase_add_loop_test(tcase, test_same_everywhere, 0, G_N_ELEMENTS(known));
    tcase_add_test(tcase, test_any_order);
    tcase_add_test(tcase, test_settings);
    tcase_add_loop_test(tcase, test_truth, 0, 3);
    tcase_add_test(tcase, test_sizes);
    tcase_add_test(tcase, test_bad_settings);
    suite_add_tcase(suite, tcase);
    return test_suite_run(suite, CK_FORK_GETENV) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
