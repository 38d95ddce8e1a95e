/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Prints the measurements of the element after a live source. */
#include "live.h"

#include "report.h"

/* --- Text ------------------------------------------------------------------------------------ */

static void print_times(const char *name, const BenchSummary *times)
{
    g_print("  %-36s %10.3f %10.3f %10.3f\n", name, times->median, times->p99, times->max);
}

/* The figures that 21 CFR 876.1520(b)(2) requires of such a device. */
static void print_regulatory(const BenchLive *live)
{
    g_print("21 CFR 876.1520(b)(2)\n"
            "  degradation outside the marks: %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
            " bytes changed, in %u frames, %u of them with findings\n",
            live->changed, live->outside, live->compared, live->compared_marked);
    g_print("  delay of the video: median %.3f ms, 99th percentile %.3f ms, at most %.3f ms\n",
            live->added.median, live->added.p99, live->added.max);
    if (live->marked)
        g_print("  delay of the marks: median %.1f ms, 99th percentile %.1f ms, at most %.1f ms\n",
                live->age.median, live->age.p99, live->age.max);
    else
        g_print("  delay of the marks: there were none\n");
}

void bench_live_print_text(const BenchOptions *options, const BenchLive *live)
{
    const double mib = 1 << 20;
    g_print("%d x %d %s at %d frames/s for %d s, %u frames drawn beforehand\n", live->video.width,
            live->video.height, options->format, live->video.rate, options->seconds, live->n_drawn);
    g_print("lmnet mode=latest: %s, %s, %s\n", live->device, live->precision, live->model);
    g_print("frames: %u in, %u out, %u lost\n", live->frames_in, live->frames_out,
            live->frames_in - live->frames_out);
    g_print("ms                                         median       99th       most\n");
    print_times("due to the first element's sink pad", &live->arrival);
    print_times("identity, sink to source pad", &live->identity);
    print_times("lmnet, sink to source pad", &live->lmnet);
    print_times("lmnet more than identity, by frame", &live->added);
    if (live->marked)
        print_times("age of the marks", &live->age);
    g_print("marks: masks on %.1f %% of the frames, findings on %.1f %%, %" G_GUINT64_FORMAT
            " frames clean for the mask's age\n",
            live->frames_out ? 100.0 * live->marked / live->frames_out : 0,
            live->frames_out ? 100.0 * live->found / live->frames_out : 0, live->stale);
    g_print("inference: %" G_GUINT64_FORMAT " masks, %" G_GUINT64_FORMAT
            " frames superseded, median %.1f ms, 99th percentile %.1f ms\n",
            live->inferences, live->superseded, live->inference, live->inference_p99);
    g_print("memory: %.1f MiB resident at first, %+.2f MiB at the end\n",
            (double)live->rss_begin / mib, ((double)live->rss_end - (double)live->rss_begin) / mib);
    print_regulatory(live);
}

/* --- JSON ------------------------------------------------------------------------------------ */

static void add_times(JsonBuilder *builder, const char *name, const BenchSummary *times)
{
    json_builder_set_member_name(builder, name);
    json_builder_begin_object(builder);
    bench_json_add_double(builder, "median", times->median);
    bench_json_add_double(builder, "p99", times->p99);
    bench_json_add_double(builder, "max", times->max);
    json_builder_end_object(builder);
}

static void add_live(JsonBuilder *builder, const BenchOptions *options, const BenchLive *live)
{
    json_builder_begin_object(builder);
    bench_json_add_integer(builder, "width", (guint64)live->video.width);
    bench_json_add_integer(builder, "height", (guint64)live->video.height);
    bench_json_add_integer(builder, "rate", (guint64)live->video.rate);
    bench_json_add_string(builder, "format", options->format);
    bench_json_add_integer(builder, "seconds", (guint64)options->seconds);
    bench_json_add_string(builder, "device", live->device);
    bench_json_add_string(builder, "precision", live->precision);
    bench_json_add_integer(builder, "frames_in", live->frames_in);
    bench_json_add_integer(builder, "frames_out", live->frames_out);
    bench_json_add_integer(builder, "frames_lost", live->frames_in - live->frames_out);
    add_times(builder, "arrival_ms", &live->arrival);
    add_times(builder, "identity_ms", &live->identity);
    add_times(builder, "lmnet_ms", &live->lmnet);
    add_times(builder, "added_ms", &live->added);
    if (live->marked)
        add_times(builder, "mark_age_ms", &live->age);
    bench_json_add_integer(builder, "frames_with_masks", live->marked);
    bench_json_add_integer(builder, "frames_with_findings", live->found);
    bench_json_add_integer(builder, "frames_stale", live->stale);
    bench_json_add_integer(builder, "inferences", live->inferences);
    bench_json_add_integer(builder, "superseded", live->superseded);
    json_builder_set_member_name(builder, "inference_ms");
    json_builder_begin_object(builder);
    bench_json_add_double(builder, "median", live->inference);
    bench_json_add_double(builder, "p99", live->inference_p99);
    json_builder_end_object(builder);
    bench_json_add_integer(builder, "rss_begin_bytes", live->rss_begin);
    bench_json_add_integer(builder, "rss_end_bytes", live->rss_end);
    json_builder_set_member_name(builder, "outside_marks");
    json_builder_begin_object(builder);
    bench_json_add_integer(builder, "frames", live->compared);
    bench_json_add_integer(builder, "frames_with_findings", live->compared_marked);
    bench_json_add_integer(builder, "bytes", live->outside);
    bench_json_add_integer(builder, "bytes_changed", live->changed);
    json_builder_end_object(builder);
    json_builder_end_object(builder);
}

void bench_live_print_json(const BenchOptions *options, const BenchLive *lives, unsigned n)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();
    json_builder_begin_object(builder);
    bench_json_add_string(builder, "model", lives[0].model);
    json_builder_set_member_name(builder, "live");
    json_builder_begin_array(builder);
    for (unsigned i = 0; i < n; i++)
        add_live(builder, options, &lives[i]);
    json_builder_end_array(builder);
    json_builder_end_object(builder);
    g_autoptr(JsonNode) root = json_builder_get_root(builder);
    bench_print_json(root);
}
