/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Hundreds of random seeks, changes of caps and changes of state: no frame is lost without a flush,
 * nothing leaks, nothing hangs.
 *
 *   LMNET_STRESS_SEED=N LMNET_STRESS_STEPS=N CK_RUN_CASE=latest test-plugins-stress
 *
 * in the test's environment takes other steps, N in each mode, in one mode only.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "support.h"

/* The total time. */
#define STEPS 500
#define HANG_SECONDS 60
/* A simple scene, since the scene is not tested. */
#define SOURCE "endoscopytestsrc name=source polyps=1 noise=0"

/* --- The watchdog ---------------------------------------------------------------------------- */

/* Ends the process if no step is done for a long time, and prints where its threads are. */
typedef struct {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned step;   /* under the lock */
    char doing[200]; /* the current step */
    bool ended;
} Watchdog;

static void print_threads(void)
{
    g_autofree char *command = g_strdup_printf(
        "if command -v gdb >/dev/null; then gdb -p %d -batch -ex 'thread apply all bt' "
        "2>/dev/null; "
        "else for t in /proc/%d/task/*; do cat $t/comm $t/wchan; echo; done; fi >&2",
        (int)getpid(), (int)getpid());
    if (system(command) != 0)
        g_printerr("the threads could not be listed\n");
}

static void *run_watchdog(void *data)
{
    Watchdog *dog = data;
    pthread_mutex_lock(&dog->lock);
    while (!dog->ended) {
        unsigned step = dog->step;
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += HANG_SECONDS;
        int status = 0;
        while (!dog->ended && dog->step == step && status != ETIMEDOUT)
            status = pthread_cond_timedwait(&dog->changed, &dog->lock, &until);
        if (status == ETIMEDOUT && dog->step == step) {
            g_printerr("hangs in step %u: %s\n", step, dog->doing);
            print_threads();
            abort();
        }
    }
    pthread_mutex_unlock(&dog->lock);
    return NULL;
}

static void start_watchdog(Watchdog *dog)
{
    *dog = (Watchdog){0};
    pthread_mutex_init(&dog->lock, NULL);
    pthread_cond_init(&dog->changed, NULL);
    pthread_create(&dog->thread, NULL, run_watchdog, dog);
}

static void stop_watchdog(Watchdog *dog)
{
    pthread_mutex_lock(&dog->lock);
    dog->ended = true;
    pthread_cond_signal(&dog->changed);
    pthread_mutex_unlock(&dog->lock);
    pthread_join(dog->thread, NULL);
    pthread_cond_destroy(&dog->changed);
    pthread_mutex_destroy(&dog->lock);
}

static void G_GNUC_PRINTF(2, 3) begin_step(Watchdog *dog, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    pthread_mutex_lock(&dog->lock);
    dog->step++;
    g_vsnprintf(dog->doing, sizeof dog->doing, format, arguments);
    if (g_getenv("LMNET_STRESS_VERBOSE"))
        g_printerr("%u %s\n", dog->step, dog->doing);
    pthread_cond_signal(&dog->changed);
    pthread_mutex_unlock(&dog->lock);
    va_end(arguments);
}

/* --- Counting -------------------------------------------------------------------------------- */

/* Counts the frames into and out of lmnet: the same frames in the same order, all of a segment
 * before the next. */
typedef struct {
    pthread_mutex_t lock;
    bool flushing;            /* Frames may be dropped: during a flush, or while lmnet stops */
    GQueue inside;            /* Times of frames in lmnet, in nanoseconds, as pointers */
    guint64 in, out, flushed; /* frames */
    guint segments;           /* that ended with all frames out */
    guint wrong;              /* frames that were lost, came twice, or in another order */
    bool ended;               /* EOS came out since the last flush or start */
} Counter;

static void *time_key(GstBuffer *buffer)
{
    return GSIZE_TO_POINTER((gsize)GST_BUFFER_PTS(buffer));
}

static void begin_flush(Counter *counter)
{
    pthread_mutex_lock(&counter->lock);
    counter->flushing = true;
    pthread_mutex_unlock(&counter->lock);
}

static void end_flush(Counter *counter)
{
    pthread_mutex_lock(&counter->lock);
    counter->flushed += g_queue_get_length(&counter->inside);
    g_queue_clear(&counter->inside);
    counter->ended = counter->flushing = false;
    pthread_mutex_unlock(&counter->lock);
}

static GstPadProbeReturn count_in(GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
    Counter *counter = user;
    if (GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_BUFFER) {
        pthread_mutex_lock(&counter->lock);
        g_queue_push_tail(&counter->inside, time_key(GST_PAD_PROBE_INFO_BUFFER(info)));
        counter->in++;
        pthread_mutex_unlock(&counter->lock);
    } else if (GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info)) == GST_EVENT_FLUSH_START) {
        begin_flush(counter);
    } else if (GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info)) == GST_EVENT_FLUSH_STOP) {
        end_flush(counter);
    }
    return GST_PAD_PROBE_OK;
}

static GstPadProbeReturn count_out(GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
    Counter *counter = user;
    pthread_mutex_lock(&counter->lock);
    if (GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_BUFFER) {
        bool empty = g_queue_is_empty(&counter->inside);
        void *expected = g_queue_pop_head(&counter->inside);
        counter->wrong += empty || expected != time_key(GST_PAD_PROBE_INFO_BUFFER(info));
        counter->out++;
    } else {
        GstEventType type = GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info));
        if (type == GST_EVENT_SEGMENT || type == GST_EVENT_EOS) {
            if (!counter->flushing)
                counter->wrong += g_queue_get_length(&counter->inside);
            counter->segments++;
            counter->ended |= type == GST_EVENT_EOS;
        }
    }
    pthread_mutex_unlock(&counter->lock);
    return GST_PAD_PROBE_OK;
}

/* --- The pipeline ---------------------------------------------------------------------------- */

typedef struct {
    GstElement *pipeline, *source, *filter;
    GstBus *bus;
    GRand *rand;
    bool live;
    GstState state;
    Counter counter;
    Watchdog dog;
    unsigned seeks, caps, states;
} Stress;

static void add_probe(Stress *stress, const char *name, GstPadProbeCallback callback)
{
    GstElement *lmnet = gst_bin_get_by_name(GST_BIN(stress->pipeline), "lmnet");
    GstPad *pad = gst_element_get_static_pad(lmnet, name);
    gst_pad_add_probe(pad,
                      GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM |
                          GST_PAD_PROBE_TYPE_EVENT_FLUSH,
                      callback, &stress->counter, NULL);
    gst_object_unref(pad);
    gst_object_unref(lmnet);
}

static void open_stress(Stress *stress, const char *mode, bool live, guint32 seed)
{
    *stress = (Stress){.live = live, .rand = g_rand_new_with_seed(seed), .state = GST_STATE_NULL};
    GError *error = NULL;
    /* Delayed: a change of caps while the source negotiates them would be an error. */
    char *launch = g_strdup_printf(SOURCE " is-live=%d ! capsfilter name=filter "
                                          "caps-change-mode=delayed ! "
                                          "lmnet name=lmnet " TINY "mode=%s ! fakesink sync=false",
                                   live, mode);
    stress->pipeline = gst_parse_launch(launch, &error);
    lm_test_ok(stress->pipeline && !error, error);
    g_free(launch);
    stress->source = gst_bin_get_by_name(GST_BIN(stress->pipeline), "source");
    stress->filter = gst_bin_get_by_name(GST_BIN(stress->pipeline), "filter");
    stress->bus = gst_element_get_bus(stress->pipeline);
    pthread_mutex_init(&stress->counter.lock, NULL);
    g_queue_init(&stress->counter.inside);
    add_probe(stress, "sink", count_in);
    add_probe(stress, "src", count_out);
    start_watchdog(&stress->dog);
}

static void note_disposed(gpointer disposed, GObject *object)
{
    g_atomic_int_set((gint *)disposed, TRUE);
}

/* Returns once the pipeline is freed: a thread of GStreamer may hold it for a moment longer. */
static void close_stress(Stress *stress)
{
    gint disposed = FALSE;
    g_object_weak_ref(G_OBJECT(stress->pipeline), note_disposed, &disposed);
    begin_step(&stress->dog, "to NULL, at the end");
    gst_element_set_state(stress->pipeline, GST_STATE_NULL);
    gst_object_unref(stress->source);
    gst_object_unref(stress->filter);
    gst_object_unref(stress->bus);
    gst_object_unref(stress->pipeline);
    while (!g_atomic_int_get(&disposed))
        g_usleep(10000);
    /* Its disposal has begun. */
    g_usleep(100000);
    stop_watchdog(&stress->dog);
    g_queue_clear(&stress->counter.inside);
    pthread_mutex_destroy(&stress->counter.lock);
    g_rand_free(stress->rand);
}

static void check_bus(Stress *stress)
{
    static const GstMessageType bad = GST_MESSAGE_ERROR | GST_MESSAGE_WARNING;
    GstMessage *message;
    while ((message = gst_bus_pop(stress->bus))) {
        if (GST_MESSAGE_TYPE(message) & bad) {
            GError *error;
            char *debug;
            if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR)
                gst_message_parse_error(message, &error, &debug);
            else
                gst_message_parse_warning(message, &error, &debug);
            ck_abort_msg("%s: %s (%s)", stress->dog.doing, error->message, debug);
        }
        gst_message_unref(message);
    }
}

/* Waits until n more frames or the end of the stream are out. The watchdog ends waits that take too
 * long. */
static void wait_for_frames(Stress *stress, guint64 n)
{
    Counter *counter = &stress->counter;
    bool done = stress->state != GST_STATE_PLAYING;
    pthread_mutex_lock(&counter->lock);
    guint64 until = counter->out + n;
    done = done || counter->out >= until || counter->ended;
    pthread_mutex_unlock(&counter->lock);
    while (!done) {
        g_usleep(1000);
        check_bus(stress);
        pthread_mutex_lock(&counter->lock);
        done = counter->out >= until || counter->ended;
        pthread_mutex_unlock(&counter->lock);
    }
}

static bool has_ended(Stress *stress)
{
    pthread_mutex_lock(&stress->counter.lock);
    bool ended = stress->counter.ended;
    pthread_mutex_unlock(&stress->counter.lock);
    return ended;
}

/* --- Steps ----------------------------------------------------------------------------------- */

static guint draw(Stress *stress, guint n)
{
    return (guint)g_rand_int_range(stress->rand, 0, (gint32)n);
}

static void change_state(Stress *stress)
{
    /* NULL is rare, since it makes the device again. */
    static const GstState states[] = {GST_STATE_READY, GST_STATE_PAUSED};
    GstState state = GST_STATE_PLAYING;
    if (stress->state == GST_STATE_PLAYING || draw(stress, 4) == 0)
        state = draw(stress, 60) == 0 ? GST_STATE_NULL : states[draw(stress, 2)];
    bool wait = draw(stress, 3) > 0;
    begin_step(&stress->dog, "from %s to %s%s", gst_element_state_get_name(stress->state),
               gst_element_state_get_name(state), wait ? "" : ", without waiting");
    if (state <= GST_STATE_READY)
        begin_flush(&stress->counter);
    ck_assert_int_ne(gst_element_set_state(stress->pipeline, state), GST_STATE_CHANGE_FAILURE);
    /* A stream at its end has no frame for the preroll after a flush. */
    if (wait && !has_ended(stress))
        ck_assert_int_ne(gst_element_get_state(stress->pipeline, NULL, NULL, GST_CLOCK_TIME_NONE),
                         GST_STATE_CHANGE_FAILURE);
    if (state <= GST_STATE_READY)
        end_flush(&stress->counter);
    stress->state = state;
    stress->states++;
}

static void change_caps(Stress *stress)
{
    static const char *const formats[] = {"NV12", "I420", "UYVY", "RGB", "BGRx"};
    const char *format = formats[draw(stress, G_N_ELEMENTS(formats))];
    int width = 48 + 16 * (int)draw(stress, 4), height = 32 + 8 * (int)draw(stress, 4);
    char *text = g_strdup_printf("video/x-raw,format=%s,width=%d,height=%d,framerate=%d/1", format,
                                 width, height, draw(stress, 2) ? 30 : 60);
    begin_step(&stress->dog, "caps %s", text);
    GstCaps *caps = gst_caps_from_string(text);
    g_object_set(stress->filter, "caps", caps, NULL);
    gst_caps_unref(caps);
    g_free(text);
    stress->caps++;
}

static void seek(Stress *stress)
{
    /* A seek that does not flush waits for the frame before to leave. In PAUSED the frame does not
     * leave; nor on the way to PLAYING, since a seek holds the lock that the state change needs.
     * And only a flush restarts a stream that has ended. */
    bool flush = stress->state != GST_STATE_PLAYING || has_ended(stress) || draw(stress, 2);
    bool reverse = draw(stress, 5) == 0;
    GstClockTime start = draw(stress, 10000) * GST_MSECOND;
    GstClockTime stop =
        draw(stress, 4) == 0 ? start + draw(stress, 300) * GST_MSECOND : GST_CLOCK_TIME_NONE;
    GstClockTime from = reverse ? 0 : start, to = reverse ? start : stop;
    begin_step(&stress->dog, "%s %sseek from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT " in %s",
               flush ? "flushing" : "other", reverse ? "reverse " : "", (gint64)from, (gint64)to,
               gst_element_state_get_name(stress->state));
    if (!flush)
        gst_element_get_state(stress->pipeline, NULL, NULL, GST_CLOCK_TIME_NONE);
    bool done = gst_element_seek(stress->pipeline, reverse ? -1 : 1, GST_FORMAT_TIME,
                                 flush ? GST_SEEK_FLAG_FLUSH : GST_SEEK_FLAG_NONE,
                                 GST_SEEK_TYPE_SET, (gint64)from, GST_SEEK_TYPE_SET, (gint64)to);
    ck_assert_msg(done || stress->state <= GST_STATE_READY, "%s: refused", stress->dog.doing);
    stress->seeks++;
}

static void step(Stress *stress)
{
    guint what = draw(stress, 10);
    if (stress->state <= GST_STATE_READY ? what < 8 : what < 2)
        change_state(stress);
    else if (what < 7 && !stress->live && stress->state > GST_STATE_READY)
        seek(stress);
    else
        change_caps(stress);
    wait_for_frames(stress, draw(stress, 4));
    check_bus(stress);
}

static guint32 number_from(const char *variable, guint32 usual)
{
    const char *text = g_getenv(variable);
    return text ? (guint32)g_ascii_strtoull(text, NULL, 10) : usual;
}

/* --- Leaks ----------------------------------------------------------------------------------- */

/* The number of live objects that the leaks tracer knows. */
static guint count_objects(void)
{
    GList *tracers = gst_tracing_get_active_tracers();
    guint n = 0;
    ck_assert_msg(tracers, "GST_TRACERS=leaks is not in the environment");
    GstStructure *objects = NULL;
    g_signal_emit_by_name(tracers->data, "get-live-objects", &objects);
    const GValue *list = gst_structure_get_value(objects, "live-objects-list");
    n = list ? gst_value_list_get_size(list) : 0;
    gst_structure_free(objects);
    g_list_free_full(tracers, gst_object_unref);
    return n;
}

static void run_stress(const char *mode, bool live, unsigned steps)
{
    static bool reported;
    Stress stress;
    guint32 seed = number_from("LMNET_STRESS_SEED", 20261126);
    steps = number_from("LMNET_STRESS_STEPS", steps);
    if (!reported)
        g_printerr("LMNET_STRESS_SEED=%u\n", seed);
    reported = true;
    guint objects = count_objects();

    open_stress(&stress, mode, live, seed);
    change_caps(&stress);
    for (unsigned i = 0; i < steps; i++)
        step(&stress);
    begin_step(&stress.dog, "to the end of the stream");
    if (stress.state != GST_STATE_PLAYING) {
        gst_element_set_state(stress.pipeline, GST_STATE_PLAYING);
        stress.state = GST_STATE_PLAYING;
    }
    gst_element_send_event(stress.pipeline, gst_event_new_eos());
    while (!has_ended(&stress))
        wait_for_frames(&stress, G_MAXUINT32);
    close_stress(&stress);

    const Counter *counter = &stress.counter;
    g_printerr("%s%s: %u seeks, %u caps, %u states; %" G_GUINT64_FORMAT
               " frames in, %" G_GUINT64_FORMAT " out, %" G_GUINT64_FORMAT
               " flushed; %u segments\n",
               mode, live ? ", live" : "", stress.seeks, stress.caps, stress.states, counter->in,
               counter->out, counter->flushed, counter->segments);
    ck_assert_uint_eq(counter->wrong, 0);
    ck_assert_uint_eq(counter->in, counter->out + counter->flushed);
    ck_assert_uint_gt(counter->out, steps / 4);
    ck_assert_uint_gt(counter->segments, live ? 0 : steps / 10);
    ck_assert_uint_eq(count_objects(), objects);
}

START_TEST(every_frame)
{
    run_stress("every-frame", false, STEPS / 2);
}
END_TEST

START_TEST(latest)
{
    run_stress("latest", false, STEPS * 2 / 5);
}
END_TEST

/* Seeks are impossible in this state. */
START_TEST(live)
{
    run_stress("auto", true, STEPS / 10);
}
END_TEST

static void add_case(Suite *suite, const char *name, const TTest *test)
{
    TCase *tcase = tcase_create(name);
    /* The watchdog takes care of timeouts. */
    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, test);
    suite_add_tcase(suite, tcase);
}

int main(int argc, char **argv)
{
    test_init(&argc, &argv);
    Suite *suite = suite_create("stress");
    add_case(suite, "every-frame", every_frame);
    add_case(suite, "latest", latest);
    add_case(suite, "live", live);
    return lm_test_run(suite);
}
