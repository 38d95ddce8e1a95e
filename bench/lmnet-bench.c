/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Times the network alone: start-up, one pass, and each kind of operator, on any device and size.
 */
#include <locale.h>
#include <stdlib.h>

#include "net/network.h"
#include "run/executor.h"

static char *option_model, *option_device, *option_precision;
static int option_size, option_runs = 20;
static gboolean option_operators, option_portable;

static const GOptionEntry options[] = {
    {"model", 'm', 0, G_OPTION_ARG_FILENAME, &option_model, "Model file", "FILE"},
    {"device", 'd', 0, G_OPTION_ARG_STRING, &option_device,
     "auto, cpu, an index, a UUID, or part of a name", "DEVICE"},
    {"precision", 'p', 0, G_OPTION_ARG_STRING, &option_precision, "fp32 (default) or fp16",
     "PRECISION"},
    {"size", 's', 0, G_OPTION_ARG_INT, &option_size,
     "Side of the square input in pixels; default: the model's own", "N"},
    {"runs", 'n', 0, G_OPTION_ARG_INT, &option_runs,
     "Counted passes after one that is not; default 20", "N"},
    {"operators", 'o', 0, G_OPTION_ARG_NONE, &option_operators,
     "A row for every operator, not only for every kind", NULL},
    {"portable", 0, 0, G_OPTION_ARG_NONE, &option_portable,
     "The shaders for any subgroup size, even where others would run", NULL},
    {0},
};

static const char *const kind_names[LM_N_OPS] = {
    "conv", "linear",  "depthwise", "mean", "norm", "neighbourhood attention", "global attention",
    "pool", "upsample"};

typedef struct {
    LmDevice *device;
    LmPipelines *pipelines;
    LmWeights *weights;
    LmGraph *graph;
    LmExecutor *executor;
    LmCommands commands;
    double device_ms, build_ms, compile_ms;
} Bench;

static double now_ms(void)
{
    return (double)g_get_monotonic_time() / 1e3;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts. */
static double median(double *values, unsigned n)
{
    qsort(values, n, sizeof *values, compare);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static bool open_bench(Bench *bench, GError **error)
{
    const LmExecutorParams params = {.fp16 = g_strcmp0(option_precision, "fp16") == 0,
                                     .portable = option_portable};
    double start = now_ms();
    if (!(bench->weights = lm_weights_open(option_model, error)) ||
        !(bench->graph =
              lm_network_build(bench->weights, option_size, option_size, false, error)) ||
        !(bench->device = lm_device_create(option_device, error)) ||
        !(bench->pipelines = lm_pipelines_create(bench->device, NULL, error)))
        return false;
    double opened = now_ms();
    if (!(bench->executor = lm_executor_create(bench->pipelines, bench->graph, &params, error)))
        return false;
    double built = now_ms();
    if (!lm_executor_warm_up(bench->executor, NULL, NULL, error))
        return false;
    bench->device_ms = opened - start;
    bench->build_ms = built - opened;
    bench->compile_ms = now_ms() - built;
    lm_pipelines_save(bench->pipelines);

    if (!lm_commands_init(&bench->commands, bench->device, bench->graph->ops->len + 1, "bench",
                          error) ||
        !lm_commands_begin(&bench->commands, error))
        return false;
    lm_executor_record(bench->executor, &bench->commands, true);
    return lm_commands_end(&bench->commands, error);
}

static void close_bench(Bench *bench)
{
    lm_commands_finish(&bench->commands);
    lm_executor_free(&bench->executor);
    lm_pipelines_free(&bench->pipelines);
    lm_device_free(&bench->device);
    lm_graph_free(&bench->graph);
    lm_weights_free(&bench->weights);
}

/* One pass: its time from submission to fence in ms, and each operator's own into operators[op *
 * option_runs]. */
static bool time_pass(Bench *bench, double *total, double *operators, GError **error)
{
    unsigned n = bench->graph->ops->len;
    g_autofree guint64 *ns = g_new0(guint64, n + 1);
    double start = now_ms();
    if (!lm_commands_submit(&bench->commands, error) ||
        !lm_commands_wait(&bench->commands, G_MAXUINT64, error))
        return false;
    *total = now_ms() - start;
    unsigned written = lm_commands_timestamps(&bench->commands, ns, n + 1);
    for (unsigned i = 0; i + 1 < written; i++)
        operators[i * (unsigned)option_runs] = (double)(ns[i + 1] - ns[i]) / 1e6;
    return true;
}

static void print_row(const char *name, double ms, double macs, double all_ms)
{
    g_print("  %-40s %9.3f ms %9.2f M multiply-adds %8.1f GFLOP/s %5.1f %%\n", name, ms, macs / 1e6,
            ms > 0 ? 2 * macs / ms / 1e6 : 0, all_ms > 0 ? 100 * ms / all_ms : 0);
}

static void print_operators(const Bench *bench, double *operators)
{
    double kind_ms[LM_N_OPS] = {0}, kind_macs[LM_N_OPS] = {0}, all_ms = 0, all_macs = 0;
    for (unsigned i = 0; i < bench->graph->ops->len; i++) {
        const LmOp *op = lm_graph_op(bench->graph, i);
        double ms = median(operators + i * (unsigned)option_runs, (unsigned)option_runs);
        double macs = (double)lm_graph_op_macs(bench->graph, op);
        kind_ms[op->kind] += ms;
        kind_macs[op->kind] += macs;
        all_ms += ms;
        all_macs += macs;
    }
    for (unsigned i = 0; option_operators && i < bench->graph->ops->len; i++) {
        const LmOp *op = lm_graph_op(bench->graph, i);
        print_row(op->name, median(operators + i * (unsigned)option_runs, (unsigned)option_runs),
                  (double)lm_graph_op_macs(bench->graph, op), all_ms);
    }
    for (int kind = 0; kind < LM_N_OPS; kind++)
        print_row(kind_names[kind], kind_ms[kind], kind_macs[kind], all_ms);
    print_row("all", all_ms, all_macs, all_ms);
}

static bool run(Bench *bench, GError **error)
{
    if (!open_bench(bench, error))
        return false;
    const LmTensor *input = lm_graph_tensor(bench->graph, bench->graph->input);
    g_print("%s (%s), %s, %d x %d\n", bench->device->info.name, bench->device->info.driver,
            option_precision ? option_precision : "fp32", input->width, input->height);
    g_print("start-up: device and model %.0f ms, pipelines and weights %.0f ms, first run of each "
            "pipeline %.0f ms\n",
            bench->device_ms, bench->build_ms, bench->compile_ms);
    g_print("%u operators, %u dispatches, %u pipelines, arena %.1f MiB\n", bench->graph->ops->len,
            lm_executor_n_dispatches(bench->executor), lm_pipelines_count(bench->pipelines),
            (double)lm_executor_arena(bench->executor)->size / (1 << 20));

    g_autofree double *totals = g_new0(double, (gsize)option_runs);
    g_autofree double *operators = g_new0(double, (gsize)option_runs * bench->graph->ops->len);
    for (int i = -1; i < option_runs; i++)
        if (!time_pass(bench, &totals[MAX(i, 0)], operators + MAX(i, 0), error))
            return false;
    double middle = median(totals, (unsigned)option_runs);
    g_print("one pass: median %.3f ms, minimum %.3f ms over %d runs\n", middle, totals[0],
            option_runs);
    if (bench->commands.queries != VK_NULL_HANDLE)
        print_operators(bench, operators);
    return true;
}

int main(int argc, char **argv)
{
    setlocale(LC_ALL, "");
    GError *error = NULL;
    GOptionContext *context = g_option_context_new("- times LM-Net on a Vulkan device");
    g_option_context_add_main_entries(context, options, NULL);
    bool ok = g_option_context_parse(context, &argc, &argv, &error);
    g_option_context_free(context);

    if (ok && argc > 1) {
        g_set_error(&error, G_OPTION_ERROR, G_OPTION_ERROR_UNKNOWN_OPTION, "'%s' is no option",
                    argv[1]);
        ok = false;
    }
    if (ok && !option_model) {
        g_set_error_literal(&error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                            "--model FILE is needed");
        ok = false;
    }
    if (ok && option_precision && !g_str_equal(option_precision, "fp32") &&
        !g_str_equal(option_precision, "fp16")) {
        g_set_error(&error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "--precision %s: expected fp32 or fp16", option_precision);
        ok = false;
    }
    if (ok && (option_runs < 1 || option_runs > 100000)) {
        g_set_error(&error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "--runs %d: expected 1 to 100000", option_runs);
        ok = false;
    }
    if (ok) {
        Bench bench = {0};
        ok = run(&bench, &error);
        close_bench(&bench);
    }
    if (!ok)
        g_printerr("lmnet-bench: %s\n", error->message);
    g_clear_error(&error);
    g_free(option_model);
    g_free(option_device);
    g_free(option_precision);
    return ok ? 0 : 1;
}
