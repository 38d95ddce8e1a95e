/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Starts the network on a device and times it. */
#include "network.h"

#include "exec/executor-io.h"
#include "util/error.h"

/* GPUs raise their clocks and CPUs fill their caches within these. */
enum { WARM_UP_PASSES = 2, WARM_UP_MS = 200 };

double bench_start_total(const BenchStart *start)
{
    return start->device + start->pipelines + start->weights + start->first_frame;
}

/* Takes the time since *since, and sets it to now. */
static double lap(double *since)
{
    double now = bench_now_ms(), taken = now - *since;
    *since = now;
    return taken;
}

static gsize tensor_elements(const LmTensor *tensor)
{
    return (gsize)tensor->channels * (gsize)tensor->height * (gsize)tensor->width;
}

/* The file's floats, or noise that spreads like normalised pictures. */
static float *make_input(const LmTensor *tensor, const char *path, GError **error)
{
    gsize n = tensor_elements(tensor), size = 0;
    char *bytes = NULL;
    if (path) {
        if (!g_file_get_contents(path, &bytes, &size, error))
            return NULL;
        if (size == n * sizeof(float))
            return (float *)(void *)bytes;
        g_set_error(error, LM_ERROR, LM_ERROR_FILE,
                    "--input %s: %zu bytes; expected %zu, which are %d x %d x %d floats", path,
                    size, n * sizeof(float), tensor->channels, tensor->height, tensor->width);
        g_free(bytes);
        return NULL;
    }
    float *values = g_new(float, n);
    GRand *random = g_rand_new_with_seed(1);
    for (gsize i = 0; i < n; i++)
        values[i] = (float)g_rand_double_range(random, -2, 2);
    g_rand_free(random);
    return values;
}

static bool write_input(BenchNetwork *network, const char *path, GError **error)
{
    const LmTensor *input = lm_graph_tensor(network->graph, network->graph->input);
    g_autofree float *values = make_input(input, path, error);
    return values && lm_executor_io_write(network->executor, network->graph->input, values, error);
}

/* The time from submission to fence, in ms; negative with an error. */
static double pass(LmCommands *commands, GError **error)
{
    double start = bench_now_ms();
    if (!lm_commands_submit(commands, error) || !lm_commands_wait(commands, G_MAXUINT64, error))
        return -1;
    return bench_now_ms() - start;
}

static bool record(const BenchNetwork *network, LmCommands *commands, bool timestamps,
                   GError **error)
{
    unsigned n = timestamps ? network->graph->ops->len + 1 : 0;
    if (!lm_commands_init(commands, network->device, n, "bench", error) ||
        !lm_commands_begin(commands, error))
        return false;
    lm_executor_record(network->executor, commands, timestamps);
    return lm_commands_end(commands, error);
}

static bool open_device(BenchNetwork *network, const char *device, GError **error)
{
    network->device = lm_device_create(device, error);
    if (!network->device && device)
        g_prefix_error(error, "--device %s: ", device);
    return network->device != NULL;
}

bool bench_network_open(BenchNetwork *network, const BenchOptions *options, GError **error)
{
    BenchStart *start = &network->start;
    double since = bench_now_ms();
    if (!(network->weights = lm_weights_open(options->model, error)) ||
        !(network->graph =
              lm_network_build(network->weights, options->width, options->height, false, error)))
        return false;
    start->weights = lap(&since);
    if (!open_device(network, options->device, error))
        return false;
    lm_executor_plan(network->graph, &network->device->info,
                     &(LmExecutorParams){.portable = options->portable});
    network->precision = lm_precision_resolve(options->precision, &network->device->info);
    start->device = lap(&since);
    if (!(network->pipelines = lm_pipelines_create(network->device, NULL, error)))
        return false;
    start->pipelines = lap(&since);

    const LmExecutorParams params = {.fp16 = network->precision == LM_PRECISION_FP16,
                                     .portable = options->portable};
    network->executor = lm_executor_create(network->pipelines, network->graph, &params, error);
    if (!network->executor)
        return false;
    double making = (double)lm_pipelines_making_us(network->pipelines) / 1e3;
    start->weights += lap(&since) - making;
    if (!lm_executor_warm_up(network->executor, NULL, NULL, error))
        return false;
    lm_pipelines_save(network->pipelines);
    start->pipelines += lap(&since) + making;

    if (!write_input(network, options->input, error))
        return false;
    lap(&since);
    if (!record(network, &network->commands, false, error) || pass(&network->commands, error) < 0)
        return false;
    start->first_frame = lap(&since);
    return true;
}

void bench_network_close(BenchNetwork *network)
{
    lm_commands_finish(&network->commands);
    lm_executor_free(&network->executor);
    lm_pipelines_free(&network->pipelines);
    lm_device_free(&network->device);
    lm_graph_free(&network->graph);
    lm_weights_free(&network->weights);
}

bool bench_network_time(BenchNetwork *network, unsigned runs, BenchSummary *summary, GError **error)
{
    g_autofree double *ms = g_new(double, runs);
    double until = bench_now_ms() + WARM_UP_MS;
    for (int i = 0; i < WARM_UP_PASSES || bench_now_ms() < until; i++)
        if (pass(&network->commands, error) < 0)
            return false;
    for (unsigned i = 0; i < runs; i++)
        if ((ms[i] = pass(&network->commands, error)) < 0)
            return false;
    *summary = bench_summarise(ms, runs);
    return true;
}

bool bench_network_has_timestamps(const BenchNetwork *network)
{
    return network->device->timestamp_period > 0;
}

bool bench_network_time_operators(BenchNetwork *network, unsigned runs, double *ms, GError **error)
{
    unsigned n = network->graph->ops->len;
    g_autofree guint64 *ns = g_new0(guint64, n + 1);
    g_autofree double *times = g_new0(double, (gsize)n *runs);
    LmCommands commands = {0};
    bool ok = record(network, &commands, true, error);
    for (unsigned run = 0; ok && run < runs; run++) {
        ok = pass(&commands, error) >= 0;
        if (ok && lm_commands_timestamps(&commands, ns, n + 1) != n + 1) {
            g_set_error(error, LM_ERROR, LM_ERROR_VULKAN, "%s does not report its timestamps",
                        network->device->info.name);
            ok = false;
        }
        for (unsigned i = 0; ok && i < n; i++)
            times[(gsize)i * runs + run] = (double)(ns[i + 1] - ns[i]) / 1e6;
    }
    for (unsigned i = 0; ok && i < n; i++)
        ms[i] = bench_summarise(times + (gsize)i * runs, runs).median;
    lm_commands_finish(&commands);
    return ok;
}

bool bench_network_save_logits(BenchNetwork *network, const char *path, GError **error)
{
    const LmTensor *logits = lm_graph_tensor(network->graph, network->graph->output);
    gsize n = tensor_elements(logits);
    g_autofree float *values = g_new(float, n);
    return lm_executor_io_read(network->executor, network->graph->output, values, error) &&
           g_file_set_contents(path, (const char *)values, (gssize)(n * sizeof *values), error);
}
