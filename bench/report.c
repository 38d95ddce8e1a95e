/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Prints the measurements of the network. */
#include "report.h"

#include "start-up.h"

/* A row of the operators' table. */
typedef struct {
    unsigned count;
    double ms, macs, bytes;
} Row;

static const char *precision_name(const BenchReport *report)
{
    return report->network->precision == LM_PRECISION_FP16 ? "fp16" : "fp32";
}

static const LmTensor *input_of(const BenchReport *report)
{
    const LmGraph *graph = report->network->graph;
    return lm_graph_tensor(graph, graph->input);
}

static Row operator_row(const BenchReport *report, unsigned index)
{
    const LmGraph *graph = report->network->graph;
    return (Row){
        .count = 1,
        .ms = report->operator_ms ? report->operator_ms[index] : 0,
        .macs = (double)lm_graph_op_macs(graph, lm_graph_op(graph, index)),
        .bytes = (double)lm_executor_op_bytes(report->network->executor, index),
    };
}

static void add_row(Row *sum, Row row)
{
    sum->count += row.count;
    sum->ms += row.ms;
    sum->macs += row.macs;
    sum->bytes += row.bytes;
}

/* --- Text ------------------------------------------------------------------------------------ */

static void print_start(const char *name, const BenchStart *start)
{
    if (start)
        g_print("  %-12s %9.1f %9.1f %9.1f %11.1f %9.1f\n", name, start->device, start->pipelines,
                start->weights, start->first_frame, bench_start_total(start));
}

static void print_starts(const BenchReport *report)
{
    g_print("start, ms         device pipelines   weights first frame     total\n");
    print_start("as it was", &report->network->start);
    print_start("caches empty", report->cold);
    print_start("caches full", report->warm);
}

static void print_row(const char *name, Row row, double all_ms)
{
    g_print("  %-36s %4u %10.3f %11.2f %9.1f %9.2f %6.1f\n", name, row.count, row.ms,
            row.macs / 1e6, row.ms > 0 ? 2 * row.macs / row.ms / 1e6 : 0, row.bytes / 1e6,
            all_ms > 0 ? 100 * row.ms / all_ms : 0);
}

static void print_operators(const BenchReport *report)
{
    const LmGraph *graph = report->network->graph;
    Row kinds[LM_N_OPS] = {0}, all = {0};
    if (!report->operator_ms) {
        g_print("operators: this device has no timestamps\n");
        return;
    }
    for (unsigned i = 0; i < graph->ops->len; i++) {
        Row row = operator_row(report, i);
        add_row(&kinds[lm_graph_op(graph, i)->kind], row);
        add_row(&all, row);
    }
    g_print("operators, medians of %u passes with timestamps\n"
            "  %-36s %4s %10s %11s %9s %9s %6s\n",
            report->operator_runs, "", "", "ms", "M mult-adds", "GFLOP/s", "MB", "%");
    for (unsigned i = 0; report->options->operators && i < graph->ops->len; i++)
        print_row(lm_graph_op(graph, i)->name, operator_row(report, i), all.ms);
    for (int kind = 0; kind < LM_N_OPS; kind++)
        if (kinds[kind].count)
            print_row(lm_op_kind_name((LmOpKind)kind), kinds[kind], all.ms);
    print_row("all", all, all.ms);
}

static void print_streams(const BenchReport *report)
{
    const BenchStreams *streams = report->streams;
    if (!streams)
        return;
    g_print("streams: %d at once, %.2f frames/s and %.1f MiB on the device together; medians from "
            "frame to mask, ms:",
            report->options->streams, streams->frames_per_second,
            (double)streams->device_bytes / (1 << 20));
    for (int i = 0; i < report->options->streams; i++)
        g_print(" %.3f", streams->medians[i]);
    g_print("\n");
}

void bench_report_print_text(const BenchReport *report)
{
    const BenchNetwork *network = report->network;
    const LmDeviceInfo *device = &network->device->info;
    const double mib = 1 << 20;
    g_print("%s (%s), %s, %d x %d, %s\n", device->name, device->driver, precision_name(report),
            input_of(report)->width, input_of(report)->height, report->options->model);
    g_print("network: median %.3f ms, minimum %.3f ms, 99th percentile %.3f ms over %d passes\n",
            report->pass.median, report->pass.min, report->pass.p99, report->options->runs);
    print_streams(report);
    print_starts(report);
    g_print("memory, MiB: %.1f on the device (%.1f of it the arena), %.1f resident at most\n",
            (double)lm_executor_device_bytes(network->executor) / mib,
            (double)lm_executor_arena(network->executor)->size / mib,
            (double)report->peak_rss / mib);
    g_print("%u operators, %u dispatches, %u pipelines\n", network->graph->ops->len,
            lm_executor_n_dispatches(network->executor), lm_pipelines_count(network->pipelines));
    print_operators(report);
}

/* --- JSON ------------------------------------------------------------------------------------ */

void bench_json_add_string(JsonBuilder *builder, const char *name, const char *value)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_string_value(builder, value);
}

void bench_json_add_integer(JsonBuilder *builder, const char *name, guint64 value)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_int_value(builder, (gint64)value);
}

void bench_json_add_double(JsonBuilder *builder, const char *name, double value)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_double_value(builder, value);
}

static void add_start(JsonBuilder *builder, const char *name, const BenchStart *start)
{
    if (!start)
        return;
    json_builder_set_member_name(builder, name);
    json_builder_add_value(builder, bench_start_to_json(start));
}

static void add_operators(JsonBuilder *builder, const BenchReport *report)
{
    const LmGraph *graph = report->network->graph;
    json_builder_set_member_name(builder, "operators");
    json_builder_begin_array(builder);
    for (unsigned i = 0; i < graph->ops->len; i++) {
        const LmOp *op = lm_graph_op(graph, i);
        Row row = operator_row(report, i);
        json_builder_begin_object(builder);
        bench_json_add_string(builder, "name", op->name);
        bench_json_add_string(builder, "kind", lm_op_kind_name(op->kind));
        if (report->operator_ms) {
            bench_json_add_double(builder, "ms", row.ms);
        } else {
            json_builder_set_member_name(builder, "ms");
            json_builder_add_null_value(builder);
        }
        bench_json_add_integer(builder, "macs", (guint64)row.macs);
        bench_json_add_integer(builder, "bytes", (guint64)row.bytes);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
}

static void add_streams(JsonBuilder *builder, const BenchReport *report)
{
    const BenchStreams *streams = report->streams;
    if (!streams)
        return;
    json_builder_set_member_name(builder, "streams");
    json_builder_begin_object(builder);
    bench_json_add_double(builder, "frames_per_second", streams->frames_per_second);
    bench_json_add_integer(builder, "device_bytes", streams->device_bytes);
    json_builder_set_member_name(builder, "median_ms");
    json_builder_begin_array(builder);
    for (int i = 0; i < report->options->streams; i++)
        json_builder_add_double_value(builder, streams->medians[i]);
    json_builder_end_array(builder);
    json_builder_end_object(builder);
}

void bench_report_print_json(const BenchReport *report)
{
    const BenchNetwork *network = report->network;
    const LmTensor *input = input_of(report);
    g_autoptr(JsonBuilder) builder = json_builder_new();
    json_builder_begin_object(builder);
    bench_json_add_string(builder, "model", report->options->model);
    bench_json_add_string(builder, "device", network->device->info.name);
    bench_json_add_string(builder, "driver", network->device->info.driver);
    bench_json_add_string(builder, "precision", precision_name(report));
    bench_json_add_integer(builder, "width", (guint64)input->width);
    bench_json_add_integer(builder, "height", (guint64)input->height);
    bench_json_add_integer(builder, "runs", (guint64)report->options->runs);
    json_builder_set_member_name(builder, "network_ms");
    json_builder_begin_object(builder);
    bench_json_add_double(builder, "median", report->pass.median);
    bench_json_add_double(builder, "min", report->pass.min);
    bench_json_add_double(builder, "p99", report->pass.p99);
    json_builder_end_object(builder);
    add_start(builder, "startup_ms", &network->start);
    add_start(builder, "startup_cold_ms", report->cold);
    add_start(builder, "startup_warm_ms", report->warm);
    add_streams(builder, report);
    add_operators(builder, report);
    bench_json_add_integer(builder, "dispatches", lm_executor_n_dispatches(network->executor));
    bench_json_add_integer(builder, "pipelines", lm_pipelines_count(network->pipelines));
    bench_json_add_integer(builder, "arena_bytes", lm_executor_arena(network->executor)->size);
    bench_json_add_integer(builder, "device_bytes", lm_executor_device_bytes(network->executor));
    bench_json_add_integer(builder, "peak_rss_bytes", report->peak_rss);
    json_builder_end_object(builder);
    g_autoptr(JsonNode) root = json_builder_get_root(builder);
    bench_print_json(root);
}

void bench_print_json(JsonNode *node)
{
    g_autofree char *text = json_to_string(node, TRUE);
    g_print("%s\n", text);
}
