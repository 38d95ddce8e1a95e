/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Sends a camera's frames through identity and lmnet on one thread, and takes the times at their
 * pads. */
#include "live.h"

#include <gst/gst.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "camera.h"
#include "gstlmelements.h"
#include "integrity.h"

enum {
    COMPARED_PER_SECOND = 5, /* after the time that counts */
    COMPARED_MARKED = 20,    /* frames with findings to compare, */
    COMPARE_SECONDS = 20,    /* in this time at most */
    WAIT_SECONDS = 60,       /* for the first mask, and for the stream's end */
};

/* One run of a video. */
typedef struct {
    BenchLive *result;
    BenchCamera *camera;
    GstElement *pipeline, *element; /* and lmnet in it */
    GstBus *bus;
    guint n_frames; /* that count */

    /* Atomic. The first frame that counts and the one after the last; 0: none yet. */
    gint begin, end;
    gint n_seen;          /* the number after that of the last frame that left lmnet */
    gint seen_mask;       /* a mask has come */
    gint compared_marked; /* frames with findings, compared */

    /* Used by the streaming thread; by the main thread once it has ended. */
    double identity_in, identity_taken, lmnet_in;
    double *arrival, *identity, *lmnet, *added, *age;
    guint n_ages;
    BenchIntegrity integrity;
} Run;

/* --- At the pads ----------------------------------------------------------------------------- */

static GstPadProbeReturn enter_identity(GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
    ((Run *)user)->identity_in = bench_now_ms();
    return GST_PAD_PROBE_OK;
}

static GstPadProbeReturn leave_identity(GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
    Run *run = user;
    run->identity_taken = bench_now_ms() - run->identity_in;
    return GST_PAD_PROBE_OK;
}

static GstPadProbeReturn enter_lmnet(GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
    ((Run *)user)->lmnet_in = bench_now_ms();
    return GST_PAD_PROBE_OK;
}

static void count_marks(Run *run, GstBuffer *buffer)
{
    GstCustomMeta *meta = gst_buffer_get_custom_meta(buffer, GST_LM_MASK_META);
    guint64 age;
    if (!meta)
        return;
    const GstStructure *structure = gst_custom_meta_get_structure(meta);
    const GValue *findings = gst_structure_get_value(structure, "findings");
    run->result->marked++;
    run->result->found += findings && gst_value_array_get_size(findings) > 0;
    if (gst_structure_get_uint64(structure, "age", &age))
        run->age[run->n_ages++] = (double)age / 1e6;
}

static void count_frame(Run *run, GstBuffer *buffer, guint number, double taken)
{
    guint at = run->result->frames_out++;
    run->identity[at] = run->identity_taken;
    run->lmnet[at] = taken;
    run->added[at] = taken - run->identity_taken;
    run->arrival[at] = run->identity_in - bench_camera_due_ms(run->camera, number);
    count_marks(run, buffer);
}

static GstPadProbeReturn leave_lmnet(GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
    Run *run = user;
    double taken = bench_now_ms() - run->lmnet_in;
    GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
    guint number = bench_camera_number(run->camera, buffer);
    guint begin = (guint)g_atomic_int_get(&run->begin), end = (guint)g_atomic_int_get(&run->end);
    guint apart = MAX(1, (guint)run->result->video.rate / COMPARED_PER_SECOND);

    if (!begin) {
        if (gst_buffer_get_custom_meta(buffer, GST_LM_MASK_META))
            g_atomic_int_set(&run->seen_mask, TRUE);
    } else if (number >= begin && number < end) {
        count_frame(run, buffer, number, taken);
    } else if (number >= end && number % apart == 0) {
        bench_integrity_add(&run->integrity, bench_camera_clean_frame(run->camera, number), buffer);
        g_atomic_int_set(&run->compared_marked, (gint)run->integrity.marked);
    }
    g_atomic_int_set(&run->n_seen, (gint)number + 1);
    return GST_PAD_PROBE_OK;
}

static void add_probe(Run *run, const char *element, const char *name, GstPadProbeCallback callback)
{
    GstElement *found = gst_bin_get_by_name(GST_BIN(run->pipeline), element);
    GstPad *pad = gst_element_get_static_pad(found, name);
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, callback, run, NULL);
    gst_object_unref(pad);
    gst_object_unref(found);
}

/* --- The run --------------------------------------------------------------------------------- */

static bool make_pipeline(Run *run, const BenchOptions *options, GError **error)
{
    GError *unparsed = NULL;
    run->pipeline = gst_parse_launch("appsrc name=camera is-live=true format=time max-bytes=0 ! "
                                     "identity name=identity ! lmnet name=lmnet mode=latest ! "
                                     "fakesink sync=false",
                                     &unparsed);
    if (unparsed) {
        g_propagate_error(error, unparsed);
        return false;
    }
    run->bus = gst_element_get_bus(run->pipeline);
    run->element = gst_bin_get_by_name(GST_BIN(run->pipeline), "lmnet");
    g_object_set(run->element, "model", options->model, "precision", options->precision, NULL);
    if (options->device)
        g_object_set(run->element, "device", options->device, NULL);
    add_probe(run, "identity", "sink", enter_identity);
    add_probe(run, "identity", "src", leave_identity);
    add_probe(run, "lmnet", "sink", enter_lmnet);
    add_probe(run, "lmnet", "src", leave_lmnet);
    return true;
}

/* Zeroed and written to, so that none of its pages is added while memory is watched. */
static double *make_times(guint n)
{
    double *times = g_new(double, n);
    for (guint i = 0; i < n; i++)
        times[i] = -1;
    return times;
}

static bool open_run(Run *run, const BenchOptions *options, GError **error)
{
    if (!(run->camera = bench_camera_new(&run->result->video, options->format, error)))
        return false;
    run->result->n_drawn = bench_camera_n_frames(run->camera);
    run->n_frames = (guint)(options->seconds * run->result->video.rate);
    run->arrival = make_times(run->n_frames);
    run->identity = make_times(run->n_frames);
    run->lmnet = make_times(run->n_frames);
    run->added = make_times(run->n_frames);
    run->age = make_times(run->n_frames);
    bench_integrity_init(&run->integrity, bench_camera_info(run->camera));
    return make_pipeline(run, options, error);
}

static void close_run(Run *run)
{
    if (run->pipeline)
        gst_element_set_state(run->pipeline, GST_STATE_NULL);
    bench_camera_free(&run->camera);
    gst_clear_object(&run->bus);
    gst_clear_object(&run->element);
    gst_clear_object(&run->pipeline);
    bench_integrity_finish(&run->integrity);
    g_free(run->arrival);
    g_free(run->identity);
    g_free(run->lmnet);
    g_free(run->added);
    g_free(run->age);
}

static guint64 resident_bytes(void)
{
    unsigned long size, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file && fscanf(file, "%lu %lu", &size, &resident) != 2)
        resident = 0;
    if (file)
        fclose(file);
    return (guint64)resident * (guint64)sysconf(_SC_PAGESIZE);
}

/* Waits for a message, but at most a tenth of a second; false if it is an error. */
static bool watch(Run *run, bool *ended, GError **error)
{
    GstMessage *message =
        gst_bus_timed_pop_filtered(run->bus, GST_SECOND / 10, GST_MESSAGE_ERROR | GST_MESSAGE_EOS);
    bool failed = message && GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR;
    if (failed)
        gst_message_parse_error(message, error, NULL);
    else if (message)
        *ended = true;
    if (message)
        gst_message_unref(message);
    return !failed;
}

static bool fail(GError **error, const char *what)
{
    g_set_error(error, GST_CORE_ERROR, GST_CORE_ERROR_FAILED, "--live: %s within %d s", what,
                WAIT_SECONDS);
    return false;
}

/* Waits until masks come, and a second longer for memory and objects that are made at first use. If
 * no mask comes, the video is measured all the same. */
static bool warm_up(Run *run, GError **error)
{
    bool ended = false;
    double deadline = bench_now_ms() + WAIT_SECONDS * 1e3, ready = 0;
    while (!ready || bench_now_ms() < ready + 1e3) {
        if (!watch(run, &ended, error))
            return false;
        if (!ready && g_atomic_int_get(&run->seen_mask))
            ready = bench_now_ms();
        if (!ready && bench_now_ms() > deadline) {
            g_printerr("lmnet-bench: no mask has come in %d s: one older than max-mask-age is not "
                       "shown\n",
                       WAIT_SECONDS);
            ready = bench_now_ms();
        }
    }
    return true;
}

static GstStructure *get_stats(Run *run)
{
    GstStructure *stats = NULL;
    g_object_get(run->element, "stats", &stats, NULL);
    return stats;
}

static guint64 get_count(const GstStructure *stats, const char *name)
{
    guint64 count = 0;
    gst_structure_get_uint64(stats, name, &count);
    return count;
}

/* On a terminal each second on one line, else in tenths of the time. */
static void show_progress(const Run *run, guint done, guint *shown)
{
    bool terminal = isatty(STDERR_FILENO);
    guint steps = terminal ? MAX(1, run->n_frames / (guint)run->result->video.rate) : 10;
    guint step = (guint)((guint64)done * steps / run->n_frames);
    if (step == *shown)
        return;
    *shown = step;
    g_printerr("%slmnet-bench: %dp%d, %u of %u frames%s", terminal ? "\r" : "",
               run->result->video.height, run->result->video.rate, done, run->n_frames,
               terminal && done < run->n_frames ? "" : "\n");
}

static bool measure(Run *run, GError **error)
{
    BenchLive *result = run->result;
    bool ended = false;
    guint shown = 0;
    GstStructure *before = get_stats(run);
    guint begin = bench_camera_n_due(run->camera) + 1;
    const guint warm = MIN(run->n_frames / 2, 60 * (guint)result->video.rate);
    g_atomic_int_set(&run->end, (gint)(begin + run->n_frames));
    g_atomic_int_set(&run->begin, (gint)begin);
    for (guint due = 0; due < run->n_frames;) {
        if (!watch(run, &ended, error)) {
            gst_structure_free(before);
            return false;
        }
        due = bench_camera_n_due(run->camera);
        due = due > begin ? MIN(due - begin, run->n_frames) : 0;
        if (!result->rss_begin && due >= warm)
            result->rss_begin = resident_bytes();
        show_progress(run, due, &shown);
    }
    result->rss_end = resident_bytes();

    GstStructure *after = get_stats(run);
    result->model = g_strdup(gst_structure_get_string(after, "model"));
    result->device = g_strdup(gst_structure_get_string(after, "device"));
    result->precision = g_strdup(gst_structure_get_string(after, "precision"));
    result->inferences = get_count(after, "inferences") - get_count(before, "inferences");
    result->superseded = get_count(after, "superseded") - get_count(before, "superseded");
    result->stale = get_count(after, "stale") - get_count(before, "stale");
    result->inference = (double)get_count(after, "inference-time") / 1e6;
    result->inference_p99 = (double)get_count(after, "inference-time-p99") / 1e6;
    gst_structure_free(before);
    gst_structure_free(after);
    return true;
}

/* Continues until enough frames with findings are compared, then to the end of the stream. */
static bool compare(Run *run, GError **error)
{
    bool ended = false;
    double deadline = bench_now_ms() + COMPARE_SECONDS * 1e3;
    while (g_atomic_int_get(&run->compared_marked) < COMPARED_MARKED && bench_now_ms() < deadline)
        if (!watch(run, &ended, error))
            return false;
    bench_camera_stop(run->camera);
    deadline = bench_now_ms() + WAIT_SECONDS * 1e3;
    while (!ended && bench_now_ms() < deadline)
        if (!watch(run, &ended, error))
            return false;
    return ended || fail(error, "the stream did not end");
}

static bool run_frames(Run *run, GError **error)
{
    GstElement *source = gst_bin_get_by_name(GST_BIN(run->pipeline), "camera");
    bool ended = false;
    bool ok = gst_element_set_state(run->pipeline, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE;
    if (ok)
        bench_camera_start(run->camera, GST_APP_SRC(source));
    else if (watch(run, &ended, error))
        fail(error, "the pipeline did not start");
    gst_object_unref(source);
    return ok && warm_up(run, error) && measure(run, error) && compare(run, error);
}

static void summarise(Run *run)
{
    BenchLive *result = run->result;
    result->frames_in = run->n_frames;
    result->compared = run->integrity.frames;
    result->compared_marked = run->integrity.marked;
    result->outside = run->integrity.compared;
    result->changed = run->integrity.changed;
    if (result->frames_out) {
        result->arrival = bench_summarise(run->arrival, result->frames_out);
        result->identity = bench_summarise(run->identity, result->frames_out);
        result->lmnet = bench_summarise(run->lmnet, result->frames_out);
        result->added = bench_summarise(run->added, result->frames_out);
    }
    if (run->n_ages)
        result->age = bench_summarise(run->age, run->n_ages);
}

static bool run_video(const BenchOptions *options, const BenchVideo *video, BenchLive *result,
                      GError **error)
{
    Run run = {.result = result};
    result->video = *video;
    g_printerr("lmnet-bench: drawing frames for %dp%d\n", video->height, video->rate);
    bool ok = open_run(&run, options, error) && run_frames(&run, error);
    if (ok)
        summarise(&run);
    close_run(&run);
    return ok;
}

bool bench_live_run(const BenchOptions *options, GError **error)
{
    BenchLive lives[BENCH_MAX_VIDEOS] = {0};
    bool ok = gst_init_check(NULL, NULL, error);
    if (ok && !gst_plugin_register_static(GST_VERSION_MAJOR, GST_VERSION_MINOR, "lmnet-bench",
                                          "lmnet", gst_lm_elements_register, "0", "LGPL", "lmnet",
                                          "lmnet", "lmnet")) {
        g_set_error(error, GST_CORE_ERROR, GST_CORE_ERROR_FAILED,
                    "--live: the elements cannot be registered");
        ok = false;
    }
    for (unsigned i = 0; ok && i < options->n_videos; i++) {
        ok = run_video(options, &options->videos[i], &lives[i], error);
        if (ok && !options->json)
            bench_live_print_text(options, &lives[i]);
    }
    if (ok && options->json)
        bench_live_print_json(options, lives, options->n_videos);
    for (unsigned i = 0; i < options->n_videos; i++) {
        g_free(lives[i].model);
        g_free(lives[i].device);
        g_free(lives[i].precision);
    }
    return ok;
}
