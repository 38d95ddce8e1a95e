/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The whole network against the golden cases: every named output of every case, in both precisions
 * and all variants. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "net/network.h"
#include "exec/executor-io.h"
#include "gate.h"

static LmDevice *device;
static LmPipelines *pipelines;

/* Largest difference of `got` to the golden tensor, relative to the tensor's largest magnitude. */
static double relative_error(const LmTensorView *golden, const float *got)
{
    double worst = 0, largest = 0;
    for (gsize i = 0; i < golden->n_elements; i++) {
        float want;
        memcpy(&want, golden->data + i * 4, 4);
        double difference = fabs((double)want - (double)got[i]);
        /* not MAX: a NaN must win */
        worst = difference <= worst ? worst : difference;
        largest = MAX(largest, fabs((double)want));
    }
    return worst / largest;
}

/* The class whose logit is the largest. */
static int class_of(const LmTensor *logits, const float *values, int pixel)
{
    const int pixels = logits->height * logits->width;
    int best = 0;
    for (int c = 1; c < logits->channels; c++)
        if (values[c * pixels + pixel] > values[best * pixels + pixel])
            best = c;
    return best;
}

/* Returns true if both give the same class to 99.9 % of the pixels. */
static void check_classes(const LmTensor *logits, const LmTensorView *golden, const float *got)
{
    const int pixels = logits->height * logits->width;
    g_autofree float *want = g_memdup2(golden->data, golden->size);
    int same = 0;
    for (int i = 0; i < pixels; i++)
        same += class_of(logits, want, i) == class_of(logits, got, i);
    ck_assert_msg(same * 1000.0 >= pixels * 999.0, "%d of %d pixels have the same class", same,
                  pixels);
}

/* SHARED: tensors share memory; STEPS: planned for a GPU. */
typedef enum { KEEP_ALL, SHARED, STEPS } Plan;

static void check_case(const char *name, unsigned variant, LmWinogradUse winograd, Plan plan,
                       double bound)
{
    GError *error = NULL;
    /* The bundled model has a golden case, too. */
    g_autofree char *model_path =
        g_str_equal(name, "bundled-128")
            ? g_strdup(MODELS_DIR "/lmnet-kvasir-128.safetensors")
            : g_strdup_printf("%s/%s.model.safetensors", GOLDEN_DIR, name);
    g_autofree char *io_path = g_strdup_printf("%s/%s.io.safetensors", GOLDEN_DIR, name);
    LmWeights *weights = lm_weights_open(model_path, &error);
    ck_assert_msg(weights != NULL, "%s", error ? error->message : "");
    LmSafetensors *io = lm_safetensors_open(io_path, &error);
    ck_assert_msg(io != NULL, "%s", error ? error->message : "");
    LmGraph *graph = lm_network_build(weights, 0, 0, plan == KEEP_ALL, &error);
    ck_assert_msg(graph != NULL, "%s", error ? error->message : "");
    const LmExecutorParams params = {.fp16 = variant & LM_VARIANT_FP16,
                                     .portable =
                                         !(variant & (LM_VARIANT_LANES8 | LM_VARIANT_TILED)),
                                     .tiled = variant & LM_VARIANT_HALF    ? LM_TILED_HALF
                                              : variant & LM_VARIANT_TILED ? LM_TILED_SINGLE
                                                                           : LM_TILED_WHERE_FASTER,
                                     .winograd = winograd};
    if (plan == STEPS)
        lm_executor_plan(graph, &device->info, &params);
    LmExecutor *executor = lm_executor_create(pipelines, graph, &params, &error);
    ck_assert_msg(executor != NULL, "%s", error ? error->message : "");

    const LmTensorView *input = lm_safetensors_find(io, "input");
    ck_assert(input &&
              input->n_elements == 3u * (gsize)lm_graph_tensor(graph, graph->input)->height *
                                       (gsize)lm_graph_tensor(graph, graph->input)->width);
    g_autofree float *values = g_new(float, input->n_elements);
    memcpy(values, input->data, input->size);
    ck_assert(lm_executor_io_poison(executor, &error) &&
              lm_executor_io_write(executor, graph->input, values, &error));
    ck_assert_msg(lm_executor_io_run(executor, &error), "%s", error ? error->message : "");

    unsigned compared = 0;
    for (unsigned i = 0; i < lm_safetensors_count(io); i++) {
        const LmTensorView *golden = lm_safetensors_at(io, i);
        LmTensorId id = lm_graph_find(graph, golden->name);
        if (g_str_equal(golden->name, "input") || (plan != KEEP_ALL && id != graph->output))
            continue;
        ck_assert_msg(id != LM_NO_TENSOR, "%s: no tap '%s'", name, golden->name);
        g_autofree float *got = g_new(float, golden->n_elements);
        ck_assert_msg(lm_executor_io_read(executor, id, got, &error), "%s: %s", name,
                      error ? error->message : "");
        double worst = relative_error(golden, got);
        ck_assert_msg(worst <= bound,
                      "%s, variant %u: tap '%s' is off by %g of its largest magnitude, bound %g",
                      name, variant, golden->name, worst, bound);
        /* The other models' weights are random, and so are their classes if logits are close. */
        if (id == graph->output && g_str_equal(name, "bundled-128"))
            check_classes(lm_graph_tensor(graph, id), golden, got);
        compared++;
    }
    ck_assert_uint_gt(compared, 0);
    lm_executor_free(&executor);
    lm_graph_free(&graph);
    lm_safetensors_free(&io);
    lm_weights_free(&weights);
}

static GPtrArray *cases;

static void find_cases(void)
{
    cases = g_ptr_array_new_with_free_func(g_free);
    GDir *dir = g_dir_open(GOLDEN_DIR, 0, NULL);
    const char *file;
    while (dir && (file = g_dir_read_name(dir)))
        if (g_str_has_suffix(file, ".io.safetensors"))
            g_ptr_array_add(cases, g_strndup(file, strlen(file) - strlen(".io.safetensors")));
    g_dir_close(dir);
    g_assert(cases->len > 0);
}

START_TEST(test_taps_fp32)
{
    check_case(g_ptr_array_index(cases, _i), device->info.lanes8 ? LM_VARIANT_LANES8 : 0,
               LM_WINOGRAD_WHERE_FASTER, KEEP_ALL, 1e-4);
}
END_TEST

START_TEST(test_taps_winograd)
{
    check_case(g_ptr_array_index(cases, _i), device->info.lanes8 ? LM_VARIANT_LANES8 : 0,
               LM_WINOGRAD_WHERE_POSSIBLE, KEEP_ALL, 1e-4);
}
END_TEST

START_TEST(test_taps_portable)
{
    check_case(g_ptr_array_index(cases, _i), 0, LM_WINOGRAD_WHERE_FASTER, KEEP_ALL, 1e-4);
}
END_TEST

/* With memory shared between tensors, as in real use. */
START_TEST(test_logits_shared_arena)
{
    check_case(g_ptr_array_index(cases, _i), device->info.lanes8 ? LM_VARIANT_LANES8 : 0,
               LM_WINOGRAD_WHERE_FASTER, SHARED, 1e-4);
}
END_TEST

START_TEST(test_taps_fp16)
{
    check_case(g_ptr_array_index(cases, _i),
               LM_VARIANT_FP16 | (device->info.lanes8 ? LM_VARIANT_LANES8 : 0),
               LM_WINOGRAD_WHERE_FASTER, KEEP_ALL, 2e-2);
}
END_TEST

START_TEST(test_taps_portable_fp16)
{
    check_case(g_ptr_array_index(cases, _i), LM_VARIANT_FP16, LM_WINOGRAD_WHERE_FASTER, KEEP_ALL,
               2e-2);
}
END_TEST

START_TEST(test_taps_tiled)
{
    check_case(g_ptr_array_index(cases, _i), LM_VARIANT_TILED, LM_WINOGRAD_NEVER, KEEP_ALL, 1e-4);
}
END_TEST

START_TEST(test_taps_tiled_fp16)
{
    check_case(g_ptr_array_index(cases, _i), LM_VARIANT_TILED | LM_VARIANT_FP16, LM_WINOGRAD_NEVER,
               KEEP_ALL, 2e-2);
}
END_TEST

START_TEST(test_taps_tiled_half)
{
    check_case(g_ptr_array_index(cases, _i), LM_VARIANT_TILED | LM_VARIANT_FP16 | LM_VARIANT_HALF,
               LM_WINOGRAD_NEVER, KEEP_ALL, 2e-2);
}
END_TEST

/* As on a GPU. */
START_TEST(test_logits_steps)
{
    check_case(g_ptr_array_index(cases, _i), LM_VARIANT_TILED, LM_WINOGRAD_NEVER, STEPS, 1e-4);
}
END_TEST

START_TEST(test_logits_steps_fp16)
{
    check_case(g_ptr_array_index(cases, _i), LM_VARIANT_TILED | LM_VARIANT_FP16, LM_WINOGRAD_NEVER,
               STEPS, 2e-2);
}
END_TEST

START_TEST(test_logits_steps_half)
{
    check_case(g_ptr_array_index(cases, _i), LM_VARIANT_TILED | LM_VARIANT_FP16 | LM_VARIANT_HALF,
               LM_WINOGRAD_NEVER, STEPS, 2e-2);
}
END_TEST

int main(void)
{
    device = lm_test_device();
    pipelines = lm_test_pipelines(device);
    find_cases();

    Suite *suite = suite_create("golden");
    TCase *tcase = tcase_create("cases");
    tcase_set_timeout(tcase, 600);
    int n = (int)cases->len;
    tcase_add_loop_test(tcase, test_taps_fp32, 0, n);
    tcase_add_loop_test(tcase, test_taps_winograd, 0, n);
    tcase_add_loop_test(tcase, test_logits_shared_arena, 0, n);
    tcase_add_loop_test(tcase, test_taps_fp16, 0, n);
    tcase_add_loop_test(tcase, test_taps_portable, 0, n);
    tcase_add_loop_test(tcase, test_taps_portable_fp16, 0, n);
    tcase_add_loop_test(tcase, test_logits_steps, 0, n);
    tcase_add_loop_test(tcase, test_logits_steps_fp16, 0, n);
    tcase_add_loop_test(tcase, test_logits_steps_half, 0, n);
    tcase_add_loop_test(tcase, test_taps_tiled, 0, n);
    tcase_add_loop_test(tcase, test_taps_tiled_fp16, 0, n);
    tcase_add_loop_test(tcase, test_taps_tiled_half, 0, n);
    suite_add_tcase(suite, tcase);
    int status = lm_test_run(suite);
    g_ptr_array_unref(cases);
    lm_pipelines_free(&pipelines);
    lm_device_free(&device);
    return status;
}
