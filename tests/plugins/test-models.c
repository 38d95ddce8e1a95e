/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Every golden case through `lmnet ! lmnetmask size=network`: the reference's probabilities within
 * a level, and its classes. */
#define _GNU_SOURCE /* memmem */
#include "support.h"

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "model/safetensors.h"

#define BUNDLED_MODEL GOLDEN_DIR "/../../models/lmnet-kvasir-128.safetensors"

static const char *const names[] = {"tiny",          "tiny-deploy",     "rpb",
                                    "three-classes", "widths",          "wide-heads",
                                    "heads-one",     "sixteen-classes", "fused-leftovers",
                                    "half",          "bundled-128"};

typedef struct {
    char *model;
    int width, height, classes;
    guint8 *picture; /* RGB, packed */
    float *logits;   /* classes x height x width */
} Case;

static float *tensor(const LmSafetensors *file, const char *name, int shape[3])
{
    const LmTensorView *view = lm_safetensors_find(file, name);
    ck_assert_msg(view && view->n_dims == 4, "%s", name);
    for (int i = 0; i < 3; i++)
        shape[i] = (int)view->shape[i + 1];
    float *values = g_new(float, view->n_elements);
    memcpy(values, view->data, view->size);
    return values;
}

static void open_case(Case *item, const char *name)
{
    /* The name of every case's model. */
    static const double mean[3] = {0.485, 0.456, 0.406}, std[3] = {0.229, 0.224, 0.225};
    char *path = g_strdup_printf(GOLDEN_DIR "/%s.io.safetensors", name);
    GError *error = NULL;
    LmSafetensors *file = lm_safetensors_open(path, &error);
    lm_test_ok(file, error);
    int shape[3];
    float *input = tensor(file, "input", shape);
    item->height = shape[1];
    item->width = shape[2];
    item->logits = tensor(file, "logits", shape);
    item->classes = shape[0];
    item->model = g_str_equal(name, "bundled-128")
                      ? g_strdup(BUNDLED_MODEL)
                      : g_strdup_printf(GOLDEN_DIR "/%s.model.safetensors", name);
    int n = item->width * item->height;
    item->picture = g_malloc((gsize)n * 3);
    for (int i = 0; i < 3 * n; i++) {
        double level = (input[i] * std[i / n] + mean[i / n]) * 255;
        ck_assert_msg(fabs(level - round(level)) < 1e-3, "%s", name);
        item->picture[i % n * 3 + i / n] = (guint8)lround(level);
    }
    g_free(input);
    lm_safetensors_free(&file);
    g_free(path);
}

static void close_case(Case *item)
{
    g_free(item->model);
    g_free(item->picture);
    g_free(item->logits);
}

static int expected_level(const Case *item, int pixel)
{
    int n = item->width * item->height;
    double sum = 0;
    for (int c = 0; c < item->classes; c++)
        sum += exp((double)item->logits[c * n + pixel] - (double)item->logits[n + pixel]);
    return (int)lround(255 / sum);
}

/* The class by the decision rule at threshold 0.5; -1 if it is too close to call. */
static int expected_class(const Case *item, int pixel)
{
    const int n = item->width * item->height;
    const float *logits = item->logits + pixel;
    int best = 1, second = 0;
    for (int c = 2; c < item->classes; c++) {
        if (logits[c * n] > logits[best * n]) {
            second = best;
            best = c;
        } else if (second == 0 || logits[c * n] > logits[second * n]) {
            second = c;
        }
    }
    double margin = (double)logits[best * n] - (double)logits[0];
    /* Masks have 255 levels, so the larger of two close or small probabilities is unknown. */
    double small = 0;
    for (int c = 0; c < item->classes; c++)
        small += exp((double)logits[c * n] - (double)logits[best * n]);
    bool close = fabs(margin) < 0.2 || 1 / small < 0.1 ||
                 (second && logits[best * n] - logits[second * n] < 0.2F);
    return close ? -1 : margin > 0 ? best : 0;
}

static void check_mask(const Case *item, const char *content)
{
    char *launch = g_strdup_printf("lmnet model=%s precision=fp32 region=full in-flight=1 "
                                   "min-area=0 ! lmnetmask size=network content=%s",
                                   item->model, content);
    GstVideoInfo info, grey;
    test_video_info(&info, "RGB", item->width, item->height);
    test_video_info(&grey, "GRAY8", item->width, item->height);
    /* Rows in GStreamer's layout. */
    GstBuffer *buffer = gst_buffer_new_allocate(NULL, GST_VIDEO_INFO_SIZE(&info), NULL);
    for (int y = 0; y < item->height; y++)
        gst_buffer_fill(buffer, (gsize)(y * GST_VIDEO_INFO_PLANE_STRIDE(&info, 0)),
                        item->picture + y * item->width * 3, (gsize)item->width * 3);
    GstBuffer *out = test_run_once(launch, &info, buffer);

    GstVideoFrame frame;
    ck_assert(gst_video_frame_map(&frame, &grey, out, GST_MAP_READ));
    bool classes = g_str_equal(content, "class");
    int called = 0;
    for (int i = 0; i < item->width * item->height; i++) {
        const guint8 *mask = GST_VIDEO_FRAME_PLANE_DATA(&frame, 0);
        int level =
            mask[i / item->width * GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0) + i % item->width];
        if (!classes) {
            ck_assert_msg(abs(level - expected_level(item, i)) <= 1, "%s: pixel %d: %d, not %d",
                          item->model, i, level, expected_level(item, i));
            continue;
        }
        int expected = expected_class(item, i);
        if (expected < 0)
            continue;
        ck_assert_int_eq(level, lround(255.0 * expected / (item->classes - 1)));
        called++;
    }
    ck_assert(!classes || called > item->width * item->height / 20);
    gst_video_frame_unmap(&frame);
    gst_buffer_unref(out);
    g_free(launch);
}

START_TEST(probabilities)
{
    Case item;
    open_case(&item, names[_i]);
    check_mask(&item, "probability");
    close_case(&item);
}
END_TEST

START_TEST(classes_of_several)
{
    static const char *const several[] = {"three-classes", "sixteen-classes"};
    for (guint i = 0; i < G_N_ELEMENTS(several); i++) {
        Case item;
        open_case(&item, several[i]);
        check_mask(&item, "class");
        close_case(&item);
    }
}
END_TEST

/* A model for blue, green, red gets that order: the same model and image, with the order reversed
 * in the metadata. */
START_TEST(channel_order)
{
    static const char rgb[] = "\"lmnet.channel_order\":\"rgb\"";
    static const char bgr[] = "\"lmnet.channel_order\":\"bgr\"";
    Case item;
    open_case(&item, "rpb");
    char *content;
    gsize size;
    ck_assert(g_file_get_contents(item.model, &content, &size, NULL));
    char *at = memmem(content, size, rgb, strlen(rgb));
    ck_assert_ptr_nonnull(at);
    memcpy(at, bgr, strlen(bgr));
    g_free(item.model);
    int fd = g_file_open_tmp("lmnet-XXXXXX.safetensors", &item.model, NULL);
    ck_assert_int_ge(fd, 0);
    g_close(fd, NULL);
    ck_assert(g_file_set_contents(item.model, content, (gssize)size, NULL));
    for (int i = 0; i < item.width * item.height; i++) {
        guint8 red = item.picture[3 * i];
        item.picture[3 * i] = item.picture[3 * i + 2];
        item.picture[3 * i + 2] = red;
    }
    check_mask(&item, "probability");
    g_unlink(item.model);
    g_free(content);
    close_case(&item);
}
END_TEST

int main(int argc, char **argv)
{
    test_init(&argc, &argv);
    Suite *suite = suite_create("models");
    TCase *tcase = tcase_create("models");
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, probabilities, 0, G_N_ELEMENTS(names));
    tcase_add_test(tcase, classes_of_several);
    tcase_add_test(tcase, channel_order);
    suite_add_tcase(suite, tcase);
    return lm_test_run(suite);
}
