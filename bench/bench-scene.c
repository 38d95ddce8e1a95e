/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The synthetic colonoscopy: the cost of its frames, and how well a model finds its polyps.
 *
 *   bench-scene [--frames N] [--seeds N] [--model MODEL] [--device DEVICE]
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "model/bundled.h"
#include "mask/resample.h"
#include "session/session.h"
#include "scene/scene.h"

enum { WIDTH = 1920, HEIGHT = 1080, STRIDE = 4 * WIDTH, APART = 10 };

static int frames = 30, seeds = 4;
static char *model, *device;

static const GOptionEntry entries[] = {
    {"frames", 'n', 0, G_OPTION_ARG_INT, &frames, "Frames of each colon, 10 apart (30)", "N"},
    {"seeds", 's', 0, G_OPTION_ARG_INT, &seeds, "Colons (4)", "N"},
    {"model", 'm', 0, G_OPTION_ARG_FILENAME, &model,
     "A file, or " LM_MODEL_DEFAULT " or " LM_MODEL_SMALL "; default: $LMNET_MODEL, else the first",
     "MODEL"},
    {"device", 'd', 0, G_OPTION_ARG_STRING, &device, "As lmnet's property", "DEVICE"},
    {NULL, 0, 0, 0, NULL, NULL, NULL}};

/* Pixels, pooled over frames. */
typedef struct {
    guint64 both, marked, true_ones; /* in truth and marks, in marks, in truth */
} Counts;

static void take_view(guint y, const guint8 *row, gpointer bytes)
{
    memcpy((guint8 *)bytes + (gsize)y * STRIDE, row, STRIDE);
}

static void take_truth(guint y, const guint8 *row, gpointer bytes)
{
    memcpy((guint8 *)bytes + (gsize)y * WIDTH, row, WIDTH);
}

static void drop_row(guint y, const guint8 *row, gpointer bytes)
{
}

static LmMask *segment(LmSession *session, guint8 *bytes, GError **error)
{
    const LmFrame frame = {
        .info = {.format = LM_FORMAT_ARGB, .width = WIDTH, .height = HEIGHT, .full_range = true},
        .data = {bytes},
        .stride = {STRIDE},
    };
    LmResult result;
    lm_session_segment(session, &frame, (LmRect){0, 0, WIDTH, HEIGHT}, &result, error);
    LmMask *mask = g_steal_pointer(&result.mask);
    lm_result_clear(&result);
    return mask;
}

/* The marked pixels by the decision rule at 0.5, as the overlay marks them with min-area 0.
 */
static void count(const LmMask *mask, const guint8 *truth, Counts *counts)
{
    const LmRect whole = {0, 0, WIDTH, HEIGHT};
    g_autofree guint8 *labels = g_malloc((gsize)mask->width * (gsize)mask->height);
    g_autofree guint8 *classes = g_malloc(WIDTH * HEIGHT);

    lm_mask_classify(mask, 0.5, labels);
    lm_resample_classes(mask, labels, 0.5, whole, classes, WIDTH, NULL);
    for (int i = 0; i < WIDTH * HEIGHT; i++) {
        counts->both += truth[i] && classes[i];
        counts->marked += classes[i] != 0;
        counts->true_ones += truth[i] != 0;
    }
}

static double share(guint64 part, guint64 whole)
{
    return whole > 0 ? (double)part / (double)whole : 0;
}

/* Processor time, so that other programs do not count. */
static double draw_ms(LmScene *scene)
{
    enum { RUNS = 100 };
    clock_t begin = clock();
    for (guint64 number = 0; number < RUNS; number++)
        lm_scene_draw(scene, number, drop_row, NULL);
    return (double)(clock() - begin) * 1000 / CLOCKS_PER_SEC / RUNS;
}

static bool run_screen(LmSession *session, LmSceneScreen screen, const char *name, guint8 *view,
                       guint8 *truth, GError **error)
{
    Counts counts = {0, 0, 0};
    double ms = 0;
    for (int seed = 0; seed < seeds; seed++) {
        const LmSceneParams params = {.width = WIDTH,
                                      .height = HEIGHT,
                                      .seed = (guint32)seed,
                                      .polyps = 3,
                                      .motion = 0.5,
                                      .noise = 0.25,
                                      .screen = screen};
        LmScene *scene = lm_scene_create(&params, error);
        if (!scene)
            return false;
        for (int i = 0; i < frames; i++) {
            if (isatty(STDERR_FILENO))
                fprintf(stderr, "\r%s: colon %d of %d, frame %d of %d \r", name, seed + 1, seeds,
                        i + 1, frames);
            lm_scene_draw(scene, (guint64)(i * APART), take_view, view);
            lm_scene_draw_truth(scene, (guint64)(i * APART), take_truth, truth);
            LmMask *mask = segment(session, view, error);
            if (!mask) {
                lm_scene_free(&scene);
                return false;
            }
            count(mask, truth, &counts);
            lm_mask_unref(&mask);
        }
        if (seed == 0)
            ms = draw_ms(scene);
        lm_scene_free(&scene);
    }
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "%60s\r", "");
    printf("%-8s %8.1f %8.4f %8.4f %10.4f %8.4f\n", name, ms,
           share(2 * counts.both, counts.marked + counts.true_ones),
           share(counts.both, counts.marked + counts.true_ones - counts.both),
           share(counts.both, counts.marked), share(counts.both, counts.true_ones));
    return true;
}

int main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    GOptionContext *context =
        g_option_context_new("- the synthetic colonoscopy's cost, and a model's Dice on it");
    g_option_context_add_main_entries(context, entries, NULL);
    bool ok = g_option_context_parse(context, &argc, &argv, &error);
    g_option_context_free(context);
    if (ok && (frames < 1 || seeds < 1 || argc > 1)) {
        fprintf(stderr,
                "%s: --frames and --seeds take 1 or more; no other arguments are accepted\n",
                argv[0]);
        return 2;
    }
    g_autofree char *path = ok ? lm_model_path(model, LM_MODEL_DEFAULT) : NULL;
    const LmSessionParams params = {.model = path, .device = device, .slots = 1};
    LmSession *session = ok ? lm_session_new(&params, &error) : NULL;
    g_autofree guint8 *view = g_malloc((gsize)HEIGHT * STRIDE),
                      *truth = g_malloc((gsize)HEIGHT * WIDTH);
    ok = session != NULL;
    if (ok) {
        lm_session_start(session);
        printf("%s, %dx%d, %d colons, %d frames each\n", path, WIDTH, HEIGHT, seeds, frames);
        printf("%-8s %8s %8s %8s %10s %8s\n", "screen", "ms drawn", "Dice", "IoU", "precision",
               "recall");
    }
    static const char *const names[] = {"none", "round", "octagon"};
    for (guint i = 0; ok && i < G_N_ELEMENTS(names); i++)
        ok = run_screen(session, (LmSceneScreen)i, names[i], view, truth, &error);
    if (!ok)
        fprintf(stderr, "%s: %s\n", argv[0], error ? error->message : "interrupted");
    lm_session_free(&session);
    g_free(model);
    g_free(device);
    return ok ? 0 : 1;
}
