/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Feeds several sessions at once and times their masks. */
#include "streams.h"

#include <pthread.h>

#include "gpu/buffer.h"

typedef struct {
    const BenchOptions *options;
    LmFrame frame;
    pthread_barrier_t *ready; /* all sessions have returned their first mask */
    LmSession *session;
    double begin, end, median; /* ms */
    guint64 device_bytes;      /* of the process, while all sessions exist */
    GError *error;
} Stream;

static bool segment(Stream *stream)
{
    const LmRect whole = {0, 0, stream->frame.info.width, stream->frame.info.height};
    LmResult result;
    bool ok = lm_session_segment(stream->session, &stream->frame, whole, &result, &stream->error);
    lm_result_clear(&result);
    return ok;
}

static bool open_stream(Stream *stream)
{
    const BenchOptions *options = stream->options;
    const LmSessionParams params = {
        .model = options->model,
        .device = options->device,
        .precision = options->precision,
        .width = stream->frame.info.width,
        .height = stream->frame.info.height,
        .slots = 1,
    };
    if (!(stream->session = lm_session_new(&params, &stream->error)))
        return false;
    lm_session_start(stream->session);
    return segment(stream);
}

static void *run_stream(void *data)
{
    Stream *stream = data;
    unsigned runs = (unsigned)stream->options->runs;
    g_autofree double *ms = g_new(double, runs);
    bool ok = open_stream(stream);
    pthread_barrier_wait(stream->ready);
    stream->device_bytes = lm_buffer_total_bytes();
    stream->begin = stream->end = bench_now_ms();
    for (unsigned i = 0; ok && i < runs; i++) {
        double start = stream->end;
        ok = segment(stream);
        stream->end = bench_now_ms();
        ms[i] = stream->end - start;
    }
    if (ok)
        stream->median = bench_summarise(ms, runs).median;
    lm_session_free(&stream->session);
    return NULL;
}

/* An RGB frame that borrows its pixels. */
static LmFrame make_frame(guint8 *pixels, int width, int height)
{
    for (int i = 0; i < 3 * width * height; i++)
        pixels[i] = (guint8)(i * 2654435761u >> 24);
    return (LmFrame){
        .info = {.format = LM_FORMAT_RGB, .width = width, .height = height, .full_range = true},
        .data = {pixels},
        .stride = {(gsize)width * 3}};
}

void bench_streams_clear(BenchStreams *result)
{
    g_free(result->medians);
    *result = (BenchStreams){0};
}

bool bench_streams_run(const BenchOptions *options, int width, int height, BenchStreams *result,
                       GError **error)
{
    unsigned n = (unsigned)options->streams;
    guint64 bytes_before = lm_buffer_total_bytes(), bytes = bytes_before;
    g_autofree guint8 *pixels = g_malloc((gsize)width * (gsize)height * 3);
    g_autofree Stream *streams = g_new0(Stream, n);
    g_autofree GThread **threads = g_new(GThread *, n);
    LmFrame frame = make_frame(pixels, width, height);
    pthread_barrier_t ready;
    pthread_barrier_init(&ready, NULL, n);
    for (unsigned i = 0; i < n; i++) {
        streams[i] = (Stream){.options = options, .frame = frame, .ready = &ready};
        threads[i] = g_thread_new("stream", run_stream, &streams[i]);
    }
    for (unsigned i = 0; i < n; i++)
        g_thread_join(threads[i]);
    pthread_barrier_destroy(&ready);

    result->medians = g_new(double, n);
    double begin = streams[0].begin, end = streams[0].end;
    const GError *first = NULL;
    for (unsigned i = 0; i < n; i++) {
        result->medians[i] = streams[i].median;
        bytes = MAX(bytes, streams[i].device_bytes);
        begin = MIN(begin, streams[i].begin);
        end = MAX(end, streams[i].end);
        first = first ? first : streams[i].error;
    }
    result->frames_per_second = n * (double)options->runs * 1e3 / (end - begin);
    result->device_bytes = bytes - bytes_before;
    if (first)
        g_propagate_error(error, g_error_copy(first));
    for (unsigned i = 0; i < n; i++)
        g_clear_error(&streams[i].error);
    return first == NULL;
}
