/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Times the network alone: one pass, each operator, the start, several sessions at once, on any
 * device and at any size. Or times the element after a live source. */
#include <locale.h>
#include <sys/resource.h>

#include "live.h"
#include "report.h"
#include "start-up.h"
#include "streams.h"

/* Passes with timestamps. Few are enough: only medians of the operators' times are reported. */
enum { OPERATOR_RUNS = 10 };

/* Announces, on stderr, a step that takes long. */
static void G_GNUC_PRINTF(1, 2) announce(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_printerr("lmnet-bench: %s\n", text);
}

static guint64 peak_rss(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (guint64)usage.ru_maxrss * 1024;
}

/* Measures the open network and prints the results. */
static bool measure(const BenchOptions *options, char *const *argv, BenchNetwork *network,
                    GError **error)
{
    const LmTensor *input = lm_graph_tensor(network->graph, network->graph->input);
    g_autofree double *operator_ms = g_new0(double, network->graph->ops->len);
    g_auto(BenchStreams) streams = {0};
    BenchStart cold, warm;
    BenchReport report = {.options = options,
                          .network = network,
                          .operator_runs = (unsigned)MIN(options->runs, OPERATOR_RUNS)};

    announce("%d passes", options->runs);
    if (!bench_network_time(network, (unsigned)options->runs, &report.pass, error))
        return false;
    if (bench_network_has_timestamps(network)) {
        announce("%u passes with timestamps", report.operator_runs);
        if (!bench_network_time_operators(network, report.operator_runs, operator_ms, error))
            return false;
        report.operator_ms = operator_ms;
    }
    report.peak_rss = peak_rss();
    if (options->streams) {
        announce("%d streams of %d frames", options->streams, options->runs);
        if (!bench_streams_run(options, input->width, input->height, &streams, error))
            return false;
        report.streams = &streams;
    }
    if (!options->skip_start_ups) {
        announce("starts with caches empty and full");
        if (!bench_starts_run(argv, &cold, &warm, error))
            return false;
        report.cold = &cold;
        report.warm = &warm;
    }
    if (options->json)
        bench_report_print_json(&report);
    else
        bench_report_print_text(&report);
    return true;
}

static bool run_live(const BenchOptions *options, GError **error)
{
#ifdef WITH_GSTREAMER
    return bench_live_run(options, error);
#else
    g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                "--live: lmnet-bench was built without GStreamer");
    return false;
#endif
}

static bool run(const BenchOptions *options, char *const *argv, GError **error)
{
    BenchNetwork network = {0};
    if (options->threads) {
        /* The driver reads it when the device is created. */
        g_autofree char *threads = g_strdup_printf("%d", options->threads);
        g_setenv("LP_NUM_THREADS", threads, TRUE);
    }
    if (options->live)
        return run_live(options, error);
    if (!options->start_only)
        announce("starting");
    bool ok = bench_network_open(&network, options, error);
    if (ok && options->start_only) {
        g_autoptr(JsonNode) start = bench_start_to_json(&network.start);
        bench_print_json(start);
    } else if (ok) {
        if (options->threads && network.device->info.type != LM_DEVICE_CPU)
            announce("--threads %d: no effect on %s", options->threads, network.device->info.name);
        ok = (!options->logits || bench_network_save_logits(&network, options->logits, error)) &&
             measure(options, argv, &network, error);
    }
    bench_network_close(&network);
    return ok;
}

int main(int argc, char **argv)
{
    setlocale(LC_ALL, "");
    g_auto(GStrv) arguments = g_strdupv(argv);
    GError *error = NULL;
    BenchOptions options;
    bool ok =
        bench_options_parse(&options, &argc, &argv, &error) && run(&options, arguments, &error);
    if (!ok)
        g_printerr("lmnet-bench: %s\n", error->message);
    g_clear_error(&error);
    bench_options_finish(&options);
    return ok ? 0 : 1;
}
