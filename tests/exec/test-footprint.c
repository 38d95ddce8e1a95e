/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Compares the cost of one pass of the default model on a CPU device with
 * tests/exec/data/footprint.txt: numbers that determine speed and start-up and, unlike times, are
 * the same on every machine. */
#include "gate.h"
#include "net/network.h"
#include "exec/executor.h"

static LmDevice *device;

/* The actual row: for a precision, perhaps tiled, as on a GPU, or half, as on an integrated one.
 */
static char *measure(const char *name)
{
    GError *error = NULL;
    LmPipelines *pipelines = lm_pipelines_create(device, "", &error);
    lm_test_ok(pipelines != NULL, error);
    LmWeights *weights = lm_weights_open(MODELS_DIR "/lmnet-kvasir-256.safetensors", &error);
    lm_test_ok(weights != NULL, error);
    LmGraph *graph = lm_network_build(weights, 0, 0, false, &error);
    lm_test_ok(graph != NULL, error);
    const LmExecutorParams params = {.fp16 = g_str_has_prefix(name, "fp16"),
                                     .tiled = g_str_has_suffix(name, "-tiled") ? LM_TILED_SINGLE
                                              : g_str_has_suffix(name, "-half")
                                                  ? LM_TILED_HALF
                                                  : LM_TILED_WHERE_FASTER};
    lm_executor_plan(graph, &device->info, &params);
    LmExecutor *executor = lm_executor_create(pipelines, graph, &params, &error);
    lm_test_ok(executor != NULL, error);

    char *row =
        g_strdup_printf("%s %u %u %u %u %" G_GUINT64_FORMAT, name, graph->ops->len,
                        lm_executor_n_dispatches(executor), lm_executor_n_barriers(executor),
                        lm_pipelines_count(pipelines), lm_executor_arena(executor)->size);
    lm_executor_free(&executor);
    lm_graph_free(&graph);
    lm_weights_free(&weights);
    lm_pipelines_free(&pipelines);
    return row;
}

/* The row of a precision in the baseline; NULL: none. */
static char *expect(const char *precision)
{
    g_autofree char *text = NULL, *prefix = g_strconcat(precision, " ", NULL);
    GError *error = NULL;
    lm_test_ok(g_file_get_contents(TEST_DATA "/footprint.txt", &text, NULL, &error), error);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++)
        if (g_str_has_prefix(*line, prefix))
            return g_strdup(*line);
    return NULL;
}

START_TEST(test_footprint)
{
    static const char *const precisions[] = {"fp32", "fp16", "fp16-tiled", "fp16-tiled-half"};
    g_autofree char *found = measure(precisions[_i]);
    g_autofree char *expected = expect(precisions[_i]);
    ck_assert_msg(g_strcmp0(found, expected) == 0,
                  "precision operators dispatches barriers pipelines arena-bytes are\n    %s\n"
                  "and were\n    %s\nIf that is meant, put the new row in the place of the old one "
                  "in %s.",
                  found, expected ? expected : "not there", TEST_DATA "/footprint.txt");
}
END_TEST

int main(void)
{
    /* Other devices may split and share differently. */
    g_setenv("LMNET_TEST_DEVICE", "cpu", TRUE);
    device = lm_test_device();

    Suite *suite = suite_create("footprint");
    TCase *tcase = tcase_create("default model");
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, test_footprint, 0, 4);
    suite_add_tcase(suite, tcase);
    int status = lm_test_run(suite);
    lm_device_free(&device);
    return status;
}
