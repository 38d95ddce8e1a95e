/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A bundled model on Kvasir-SEG's validation images through the element, against the results of the
 * PyTorch reference (tools/reference) with the same weights: test-kvasir MODEL, by its short name.
 * The images may not be distributed; if they are not found, the test is skipped. */
#include <gst/gst.h>
#include <glib/gstdio.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "gate.h"
#include "gstlmelements.h"

enum { SIDE = 352, N = SIDE * SIDE };

/* The reference: images resized to the model's side by Pillow's BILINEAR, probabilities upsampled
 * to 352 x 352 without corner alignment, threshold 0.5, counted over all pixels of the 100
 * images. */
static const struct Reference {
    const char *name;
    gsize side;
    double dice, mean_dice, mean_iou;
} references[] = {
    {"kvasir-128", 128, 0.8493, 0.9103, 0.8411},
    {"kvasir-256", 256, 0.8472, 0.9094, 0.8398},
};

static const struct Reference *model;

static GPtrArray *names; /* of the images, sorted */
static guint8 *truth;    /* the masks, one after another */

static int compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool find_pictures(void)
{
    GDir *dir = g_dir_open(KVASIR_DIR "/images", 0, NULL);
    if (!dir)
        return false;
    names = g_ptr_array_new_with_free_func(g_free);
    for (const char *name; (name = g_dir_read_name(dir));)
        g_ptr_array_add(names, g_strdup(name));
    g_dir_close(dir);
    g_ptr_array_sort(names, compare_names);
    return names->len > 0;
}

/* Decodes the folder's images, passes them through `elements`, and returns the output: one 8-bit
 * plane for each image. */
static guint8 *run(const char *folder, const char *elements, gsize plane)
{
    GError *error = NULL;
    g_autofree char *tmp = g_dir_make_tmp("lmnet-test-XXXXXX", &error);
    lm_test_ok(tmp != NULL, error);
    for (guint i = 0; i < names->len; i++) {
        g_autofree char *from =
            g_build_filename(KVASIR_DIR, folder, g_ptr_array_index(names, i), NULL);
        g_autofree char *to = g_strdup_printf("%s/%04u.jpg", tmp, i);
        ck_assert_int_eq(symlink(from, to), 0);
    }
    g_autofree char *out = g_build_filename(tmp, "out", NULL);
    g_autofree char *line =
        g_strdup_printf("multifilesrc location=%s/%%04d.jpg caps=image/jpeg,framerate=25/1 ! "
                        "jpegdec ! %s ! filesink location=%s",
                        tmp, elements, out);
    GstElement *pipeline = gst_parse_launch(line, &error);
    lm_test_ok(pipeline != NULL && error == NULL, error);
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    GstBus *bus = gst_element_get_bus(pipeline);
    GstMessage *message =
        gst_bus_timed_pop_filtered(bus, GST_CLOCK_TIME_NONE, GST_MESSAGE_ERROR | GST_MESSAGE_EOS);
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR)
        gst_message_parse_error(message, &error, NULL);
    lm_test_ok(error == NULL, error);
    gst_message_unref(message);
    gst_object_unref(bus);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(pipeline);

    char *bytes;
    gsize size;
    lm_test_ok(g_file_get_contents(out, &bytes, &size, &error), error);
    ck_assert_uint_eq(size, names->len * plane);
    g_unlink(out);
    for (guint i = 0; i < names->len; i++) {
        g_autofree char *link = g_strdup_printf("%s/%04u.jpg", tmp, i);
        g_unlink(link);
    }
    g_rmdir(tmp);
    return (guint8 *)bytes;
}

static void load_truth(void)
{
    truth = run("masks", "videoconvert ! video/x-raw,format=GRAY8", N);
}

static void free_truth(void)
{
    g_clear_pointer(&truth, g_free);
}

START_TEST(test_accuracy)
{
    g_autofree guint8 *found =
        run("images", "lmnet overlay=0 mode=every-frame precision=fp32 ! lmnetmask", N);
    gsize both = 0, missed = 0, wrong = 0, total = (gsize)names->len * N;
    for (gsize i = 0; i < total; i++) {
        bool marked = found[i] > 127, polyp = truth[i] > 127;
        both += marked && polyp;
        missed += !marked && polyp;
        wrong += marked && !polyp;
    }
    double neither = (double)(total - both - missed - wrong), off = (double)(missed + wrong);
    double dice = 2 * (double)both / (2 * (double)both + off),
           back_dice = 2 * neither / (2 * neither + off);
    double iou = (double)both / ((double)both + off), back_iou = neither / (neither + off);
    g_print("foreground Dice %.4f, class-mean Dice %.4f, class-mean IoU %.4f\n", dice,
            (dice + back_dice) / 2, (iou + back_iou) / 2);
    ck_assert_double_eq_tol(dice, model->dice, 0.002);
    ck_assert_double_eq_tol((dice + back_dice) / 2, model->mean_dice, 0.002);
    ck_assert_double_eq_tol((iou + back_iou) / 2, model->mean_iou, 0.002);
}
END_TEST

START_TEST(test_half_precision)
{
    const gsize plane = model->side * model->side;
    g_autofree guint8 *single =
        run("images", "lmnet overlay=0 mode=every-frame precision=fp32 ! lmnetmask size=network",
            plane);
    g_autofree guint8 *half =
        run("images", "lmnet overlay=0 mode=every-frame precision=fp16 ! lmnetmask size=network",
            plane);
    gsize same = 0, total = names->len * plane;
    for (gsize i = 0; i < total; i++)
        same += (single[i] > 127) == (half[i] > 127);
    g_print("same class in fp16 at %.4f %% of pixels\n", 100.0 * (double)same / (double)total);
    ck_assert_double_ge((double)same / (double)total, 0.995);
}
END_TEST

int main(int argc, char **argv)
{
    for (unsigned i = 0; argc == 2 && i < G_N_ELEMENTS(references); i++)
        if (g_str_equal(argv[1], references[i].name))
            model = &references[i];
    if (!model) {
        g_printerr("usage: %s kvasir-128|kvasir-256\n", argv[0]);
        return 2;
    }
    if (!find_pictures()) {
        g_printerr("skipped: no Kvasir-SEG pictures in %s\n", KVASIR_DIR);
        return 77;
    }
    LmDevice *device = lm_test_device();
    lm_device_free(&device);
    gst_init(NULL, NULL);
    gst_plugin_register_static(GST_VERSION_MAJOR, GST_VERSION_MINOR, "lmnet-static", "lmnet",
                               gst_lm_elements_register, "0", "LGPL", "lmnet", "lmnet", "none");

    Suite *suite = suite_create("kvasir");
    TCase *tcase = tcase_create("validation");
    tcase_set_timeout(tcase, 600);
    tcase_add_unchecked_fixture(tcase, load_truth, free_truth);
    tcase_add_test(tcase, test_accuracy);
    tcase_add_test(tcase, test_half_precision);
    suite_add_tcase(suite, tcase);
    int status = lm_test_run(suite);
    g_ptr_array_unref(names);
    return status;
}
