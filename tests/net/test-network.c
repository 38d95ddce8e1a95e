/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Building the network from model files: accepted files, refused files, and where tensors are
 * placed. */
#include <stdlib.h>

#include "suite.h"
#include <glib/gstdio.h>
#include <string.h>

#include "net/network.h"
#include "util/error.h"

#define MODEL GOLDEN_DIR "/tiny.model.safetensors"

static char *folder, *path;

static void setup(void)
{
    folder = g_dir_make_tmp("lmnet-test-XXXXXX", NULL);
    path = g_build_filename(folder, "model.safetensors", NULL);
}

static void teardown(void)
{
    g_remove(path);
    g_rmdir(folder);
    g_clear_pointer(&path, g_free);
    g_clear_pointer(&folder, g_free);
}

/* How a copy of the model differs: the tensor `name` is left out, or has another shape (filled with
 * 0.5), or an additional one of that shape; `heads` other than 0 replaces the metadata's; `classes`
 * likewise. */
typedef struct {
    const char *omit, *reshape, *add;
    gsize shape[4];
    unsigned n_dims;
    const char *heads, *classes;
} Change;

static void append_tensor(GString *header, GByteArray *data, const LmTensorView *tensor,
                          const char *name, const gsize *shape, unsigned n_dims)
{
    gsize n = 1, begin = data->len;
    g_string_append_printf(header, ",\"%s\":{\"dtype\":\"%s\",\"shape\":[", name,
                           tensor && tensor->dtype == LM_DTYPE_OTHER ? "I64" : "F32");
    for (unsigned i = 0; i < n_dims; i++) {
        g_string_append_printf(header, "%s%zu", i ? "," : "", shape[i]);
        n *= shape[i];
    }
    if (tensor) {
        g_byte_array_append(data, tensor->data, (guint)tensor->size);
    } else {
        const float half = 0.5f;
        for (gsize i = 0; i < n; i++)
            g_byte_array_append(data, (const guint8 *)&half, sizeof half);
    }
    g_string_append_printf(header, "],\"data_offsets\":[%zu,%u]}", begin, data->len);
}

static void write_changed(const Change *change)
{
    GError *error = NULL;
    LmSafetensors *model = lm_safetensors_open(MODEL, &error);
    ck_assert_msg(model != NULL, "%s", error ? error->message : "");
    GString *header = g_string_new(NULL);
    GByteArray *data = g_byte_array_new();
    g_string_append_printf(
        header,
        "{\"__metadata__\":{\"lmnet.input_width\":\"96\",\"lmnet.input_height\":\"64\","
        "\"lmnet.heads\":\"%s\",\"lmnet.classes\":\"%s\"}",
        change->heads ? change->heads : "12", change->classes ? change->classes : "");
    for (unsigned i = 0; i < lm_safetensors_count(model); i++) {
        const LmTensorView *tensor = lm_safetensors_at(model, i);
        if (g_strcmp0(tensor->name, change->omit) == 0)
            continue;
        if (g_strcmp0(tensor->name, change->reshape) == 0)
            append_tensor(header, data, NULL, tensor->name, change->shape, change->n_dims);
        else
            append_tensor(header, data, tensor, tensor->name, tensor->shape, tensor->n_dims);
    }
    if (change->add)
        append_tensor(header, data, NULL, change->add, change->shape, change->n_dims);
    g_string_append_c(header, '}');
    guint64 length = GUINT64_TO_LE((guint64)header->len);
    GByteArray *file = g_byte_array_new();
    g_byte_array_append(file, (const guint8 *)&length, 8);
    g_byte_array_append(file, (const guint8 *)header->str, (guint)header->len);
    g_byte_array_append(file, data->data, data->len);
    ck_assert(g_file_set_contents_full(path, (const char *)file->data, file->len,
                                       G_FILE_SET_CONTENTS_CONSISTENT, 0600, NULL));
    g_byte_array_unref(file);
    g_byte_array_unref(data);
    g_string_free(header, TRUE);
    lm_safetensors_free(&model);
}

static LmGraph *build(const char *file, int width, int height, GError **error)
{
    LmWeights *weights = lm_weights_open(file, error);
    LmGraph *graph = weights ? lm_network_build(weights, width, height, false, error) : NULL;
    lm_weights_free(&weights);
    return graph;
}

/* Checks that the changed model is refused with a message that names the file and `text`. */
static void check_refused(const Change *change, const char *text)
{
    GError *error = NULL;
    write_changed(change);
    ck_assert_ptr_null(build(path, 0, 0, &error));
    ck_assert(g_error_matches(error, LM_ERROR, LM_ERROR_MODEL));
    ck_assert_msg(strstr(error->message, path) && strstr(error->message, text),
                  "'%s' does not name '%s'", error->message, text);
    g_clear_error(&error);
}

START_TEST(test_unchanged)
{
    GError *error = NULL;
    write_changed(&(Change){0});
    LmGraph *graph = build(path, 0, 0, &error);
    ck_assert_msg(graph != NULL, "%s", error ? error->message : "");
    lm_graph_free(&graph);
}
END_TEST

static bool counted(const LmTensorView *tensor)
{
    return !g_str_has_suffix(tensor->name, "num_batches_tracked");
}

/* Whichever tensor is missing, the message names it; but without its first tensor the file holds no
 * LM-Net at all. */
START_TEST(test_each_tensor_missing)
{
    LmSafetensors *model = lm_safetensors_open(MODEL, NULL);
    for (unsigned i = 0; i < lm_safetensors_count(model); i++)
        if (counted(lm_safetensors_at(model, i)))
            check_refused(&(Change){.omit = lm_safetensors_at(model, i)->name},
                          lm_safetensors_at(model, i)->name);
    lm_safetensors_free(&model);
}
END_TEST

/* If any tensor is longer by one in its first or last dimension, the file is refused, and the
 * message names a tensor. */
START_TEST(test_each_tensor_of_wrong_shape)
{
    LmSafetensors *model = lm_safetensors_open(MODEL, NULL);
    for (unsigned i = 0; i < lm_safetensors_count(model); i++) {
        const LmTensorView *tensor = lm_safetensors_at(model, i);
        for (unsigned dim = 0; counted(tensor) && dim < tensor->n_dims;
             dim += MAX(tensor->n_dims - 1, 1)) {
            Change change = {.reshape = tensor->name, .n_dims = tensor->n_dims};
            memcpy(change.shape, tensor->shape, sizeof change.shape);
            change.shape[dim]++;
            check_refused(&change, "tensor '");
        }
    }
    lm_safetensors_free(&model);
}
END_TEST

/* A kernel of 1x1 instead of 3x3, or the other way round, is refused by name. */
START_TEST(test_each_kernel_of_wrong_size)
{
    LmSafetensors *model = lm_safetensors_open(MODEL, NULL);
    unsigned n = 0;
    for (unsigned i = 0; i < lm_safetensors_count(model); i++) {
        const LmTensorView *tensor = lm_safetensors_at(model, i);
        if (tensor->n_dims != 4 || tensor->shape[2] != tensor->shape[3] || tensor->shape[2] > 3)
            continue;
        Change change = {.reshape = tensor->name, .n_dims = 4};
        memcpy(change.shape, tensor->shape, sizeof change.shape);
        change.shape[2] = change.shape[3] = tensor->shape[2] == 3 ? 1 : 3;
        check_refused(&change, tensor->name);
        n++;
    }
    ck_assert_uint_gt(n, 50);
    lm_safetensors_free(&model);
}
END_TEST

START_TEST(test_other_refusals)
{
    check_refused(&(Change){.add = "natt1.att1.surprise", .shape = {3}, .n_dims = 1},
                  "natt1.att1.surprise");
    check_refused(&(Change){.reshape = "output_layer.weight", .shape = {12}, .n_dims = 1},
                  "output_layer.weight");
    check_refused(&(Change){.reshape = "output_layer.weight", .shape = {0, 12, 1, 1}, .n_dims = 4},
                  "output_layer.weight");
    LmSafetensors *model = lm_safetensors_open(MODEL, NULL);
    gsize width = lm_safetensors_find(model, "conv1.0.se.fc1.weight")->shape[1];
    lm_safetensors_free(&model);
    check_refused(
        &(Change){.reshape = "conv1.0.se.fc1.weight", .shape = {3073, width, 1, 1}, .n_dims = 4},
        "at most 3072");
    check_refused(&(Change){.heads = "5"}, "does not divide");
    check_refused(&(Change){.heads = "0"}, "lmnet.heads");
    check_refused(&(Change){.classes = "background,polyp,tool"}, "lmnet.classes");
    /* A relative position bias fixes the number of heads. */
    check_refused(&(Change){.add = "natt1.att1.rpb", .shape = {6, 5, 5}, .n_dims = 3},
                  "natt1.att1.rpb");
}
END_TEST

START_TEST(test_sizes)
{
    static const int good[] = {32, 48, 512, 1024}, bad[] = {16, 31, 40, 1040, -32};
    for (gsize i = 0; i < G_N_ELEMENTS(good); i++) {
        GError *error = NULL;
        LmGraph *graph = build(MODEL, good[i], 64, &error);
        ck_assert_msg(graph != NULL, "%s", error ? error->message : "");
        ck_assert_int_eq(lm_graph_tensor(graph, graph->output)->width, good[i]);
        ck_assert_int_eq(lm_graph_tensor(graph, graph->output)->height, 64);
        lm_graph_free(&graph);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        GError *error = NULL;
        ck_assert_ptr_null(build(MODEL, 64, bad[i], &error));
        ck_assert(g_error_matches(error, LM_ERROR, LM_ERROR_ARGUMENT));
        g_clear_error(&error);
    }
}
END_TEST

/* The first and the last operator that touch each tensor's memory; slices count as their whole. */
static void lifetime(const LmGraph *graph, LmTensorId id, guint *first, guint *last)
{
    *first = G_MAXUINT;
    *last = 0;
    for (guint i = 0; i < graph->ops->len; i++) {
        const LmOp *op = lm_graph_op(graph, i);
        const LmTensorId ids[] = {op->input, op->output, op->residual, op->channel_scale};
        for (gsize k = 0; k < G_N_ELEMENTS(ids); k++) {
            if (ids[k] == LM_NO_TENSOR)
                continue;
            LmTensorId whole = ids[k];
            while (lm_graph_tensor(graph, whole)->parent != LM_NO_TENSOR)
                whole = lm_graph_tensor(graph, whole)->parent;
            if (whole == id) {
                *first = MIN(*first, i);
                *last = MAX(*last, i);
            }
        }
    }
    if (id == graph->output)
        *last = graph->ops->len;
}

/* No two tensors that are alive at the same time share a texel; slices lie in their wholes. */
START_TEST(test_plan)
{
    GError *error = NULL;
    LmGraph *graph = build(MODEL, 128, 96, &error);
    ck_assert_msg(graph != NULL, "%s", error ? error->message : "");
    int n = (int)graph->tensors->len;
    gsize total = 0;
    for (LmTensorId a = 0; a < n; a++) {
        const LmTensor *ta = lm_graph_tensor(graph, a);
        gsize size_a = (gsize)ta->planes * lm_tensor_plane_stride(ta);
        ck_assert_uint_le(ta->offset + size_a, graph->arena_texels);
        ck_assert_uint_eq(ta->offset % LM_PLANE_ALIGN, 0);
        if (ta->parent != LM_NO_TENSOR) {
            const LmTensor *whole = lm_graph_tensor(graph, ta->parent);
            ck_assert_uint_eq(ta->offset, whole->offset + (gsize)ta->parent_plane *
                                                              lm_tensor_plane_stride(whole));
            continue;
        }
        guint first_a, last_a;
        lifetime(graph, a, &first_a, &last_a);
        total += size_a;
        for (LmTensorId b = a + 1; b < n; b++) {
            const LmTensor *tb = lm_graph_tensor(graph, b);
            guint first_b, last_b;
            lifetime(graph, b, &first_b, &last_b);
            if (tb->parent != LM_NO_TENSOR || first_a > last_b || first_b > last_a)
                continue;
            gsize size_b = (gsize)tb->planes * lm_tensor_plane_stride(tb);
            ck_assert_msg(ta->offset >= tb->offset + size_b || tb->offset >= ta->offset + size_a,
                          "%s and %s overlap", ta->name, tb->name);
        }
    }
    /* Memory is shared: the arena is well below the sum of all tensors. */
    ck_assert_uint_lt(graph->arena_texels * 3, total);
    lm_graph_free(&graph);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("network");
    TCase *tcase = tcase_create("network");
    tcase_set_timeout(tcase, 300);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, test_unchanged);
    tcase_add_test(tcase, test_each_tensor_missing);
    tcase_add_test(tcase, test_each_tensor_of_wrong_shape);
    tcase_add_test(tcase, test_each_kernel_of_wrong_size);
    tcase_add_test(tcase, test_other_refusals);
    tcase_add_test(tcase, test_sizes);
    tcase_add_test(tcase, test_plan);
    suite_add_tcase(suite, tcase);
    return test_suite_run(suite, CK_FORK_GETENV) ? EXIT_FAILURE : EXIT_SUCCESS;
}
