/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Runs a pipeline with lmnet in it, shows its progress, and prints the element's stats at the end.
 *
 *   lmnet-annotate PIPELINE      as gst-launch-1.0, for instance
 *   lmnet-annotate filesrc location=in.mp4 ! decodebin ! videoconvert ! lmnet ! videoconvert !
 * autovideosink
 *
 * Ctrl-C (or SIGTERM) ends the stream properly, so that a file being written can be played; a
 * second one quits at once.
 */
#include <glib-unix.h>
#include <gst/gst.h>
#include <stdbool.h>
#include <unistd.h>

typedef struct {
    GMainLoop *loop;
    GstElement *pipeline;
    GPtrArray *lmnets; /* GstElement, maybe none; the first one's frames are counted */
    bool interactive;  /* progress on one line of a terminal */
    bool interrupted;
    bool failed;
    gint64 shown_tenths; /* of the duration, if not interactive */
} App;

static void add_element(const GValue *item, gpointer elements)
{
    g_ptr_array_add(elements, g_value_dup_object(item));
}

/* In the order of the launch line. */
static GPtrArray *find_lmnets(GstBin *bin)
{
    GPtrArray *found = g_ptr_array_new_with_free_func(gst_object_unref), *ordered;
    GstIterator *elements = gst_bin_iterate_all_by_element_factory_name(bin, "lmnet");
    gst_iterator_foreach(elements, add_element, found);
    gst_iterator_free(elements);
    /* A bin lists its newest child first. */
    ordered = g_ptr_array_new_with_free_func(gst_object_unref);
    for (guint i = found->len; i-- > 0;)
        g_ptr_array_add(ordered, gst_object_ref(g_ptr_array_index(found, i)));
    g_ptr_array_unref(found);
    return ordered;
}

static void clear_line(const App *app)
{
    if (app->interactive)
        g_printerr("\r\033[K");
}

static gboolean show_progress(gpointer user)
{
    App *app = user;
    GstElement *lmnet = app->lmnets->len > 0 ? g_ptr_array_index(app->lmnets, 0) : NULL;
    GstElement *queried = lmnet ? lmnet : app->pipeline;
    gint64 position = 0, duration = 0;
    guint64 frames = 0;

    if (!gst_element_query_position(queried, GST_FORMAT_TIME, &position) || position < 0)
        return G_SOURCE_CONTINUE;
    gst_element_query_duration(queried, GST_FORMAT_TIME, &duration);
    if (lmnet) {
        GstStructure *stats = NULL;
        g_object_get(lmnet, "stats", &stats, NULL);
        gst_structure_get_uint64(stats, "frames", &frames);
        gst_structure_free(stats);
    }

    gint64 tenths = duration > 0 ? 10 * position / duration : 0;
    if (!app->interactive && tenths <= app->shown_tenths)
        return G_SOURCE_CONTINUE;
    app->shown_tenths = tenths;
    clear_line(app);
    if (duration > 0)
        g_printerr("%3d %%, ", (int)MIN(100, 100 * position / duration));
    g_printerr("%.1f s of video, %" G_GUINT64_FORMAT " frames%s", (double)position / GST_SECOND,
               frames, app->interactive ? "" : "\n");
    return G_SOURCE_CONTINUE;
}

static gboolean on_interrupt(gpointer user)
{
    App *app = user;
    clear_line(app);
    if (app->interrupted) {
        app->failed = true;
        g_main_loop_quit(app->loop);
    } else {
        g_printerr("Ending the stream; once more quits at once.\n");
        gst_element_send_event(app->pipeline, gst_event_new_eos());
    }
    app->interrupted = true;
    return G_SOURCE_CONTINUE;
}

/* Returns true if the warning says that the rest of the pipeline will never get a stream. */
static bool is_missing_stream(const GError *warning)
{
    return g_error_matches(warning, GST_PARSE_ERROR, GST_PARSE_ERROR_DELAYED_LINK);
}

static void on_trouble(App *app, GstMessage *message)
{
    GError *error = NULL;
    char *debug = NULL;
    bool fatal = GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR;

    if (fatal)
        gst_message_parse_error(message, &error, &debug);
    else
        gst_message_parse_warning(message, &error, &debug);
    fatal = fatal || is_missing_stream(error);
    clear_line(app);
    g_printerr("%s from %s: %s\n", fatal ? "Error" : "Warning",
               GST_OBJECT_NAME(GST_MESSAGE_SRC(message)), error->message);
    if (fatal && debug)
        g_printerr("  %s\n", debug);
    if (fatal) {
        app->failed = true;
        g_main_loop_quit(app->loop);
    }
    g_free(debug);
    g_error_free(error);
}

static void on_info(App *app, GstMessage *message)
{
    GError *info = NULL;
    gst_message_parse_info(message, &info, NULL);
    clear_line(app);
    g_printerr("%s: %s\n", GST_MESSAGE_SRC_NAME(message), info->message);
    g_error_free(info);
}

/* Shows the element's start, which takes seconds on a device that is used for the first time. A log
 * gets only its beginning and end. */
static void on_start_progress(App *app, GstMessage *message)
{
    GstProgressType type;
    char *code = NULL, *text = NULL;

    gst_message_parse_progress(message, &type, &code, &text);
    clear_line(app);
    if (app->interactive)
        g_printerr("%s: %s: %s", GST_MESSAGE_SRC_NAME(message), code, text);
    else if (type != GST_PROGRESS_TYPE_CONTINUE)
        g_printerr("%s: %s: %s\n", GST_MESSAGE_SRC_NAME(message), code, text);
    g_free(code);
    g_free(text);
}

static gboolean on_message(GstBus *bus, GstMessage *message, gpointer user)
{
    App *app = user;

    switch (GST_MESSAGE_TYPE(message)) {
    case GST_MESSAGE_ERROR:
    case GST_MESSAGE_WARNING:
        on_trouble(app, message);
        break;
    case GST_MESSAGE_INFO:
        on_info(app, message);
        break;
    case GST_MESSAGE_EOS:
        g_main_loop_quit(app->loop);
        break;
    case GST_MESSAGE_PROGRESS:
        on_start_progress(app, message);
        break;
    default:
        break;
    }
    return G_SOURCE_CONTINUE;
}

/* Converts times from nanoseconds to milliseconds. */
static gboolean print_field(GQuark field, const GValue *value, gpointer user)
{
    const char *name = g_quark_to_string(field);
    if (G_VALUE_HOLDS_UINT64(value) && (strstr(name, "time") || strstr(name, "age"))) {
        g_print("  %-20s %.2f ms\n", name, (double)g_value_get_uint64(value) / GST_MSECOND);
    } else {
        char *text =
            G_VALUE_HOLDS_STRING(value) ? g_value_dup_string(value) : gst_value_serialize(value);
        g_print("  %-20s %s\n", name, text);
        g_free(text);
    }
    return TRUE;
}

static void print_stats(GstElement *lmnet)
{
    GstStructure *stats = NULL;
    g_object_get(lmnet, "stats", &stats, NULL);
    g_print("%s of %s:\n", gst_structure_get_name(stats), GST_OBJECT_NAME(lmnet));
    gst_structure_foreach(stats, print_field, NULL);
    gst_structure_free(stats);
}

static void run(App *app)
{
    GstBus *bus = gst_element_get_bus(app->pipeline);
    app->loop = g_main_loop_new(NULL, FALSE);
    guint sources[] = {
        gst_bus_add_watch(bus, on_message, app),
        g_timeout_add(250, show_progress, app),
        g_unix_signal_add(SIGINT, on_interrupt, app),
        g_unix_signal_add(SIGTERM, on_interrupt, app),
    };

    /* A failing state change posts its reason, which ends the loop. */
    gst_element_set_state(app->pipeline, GST_STATE_PLAYING);
    g_main_loop_run(app->loop);
    clear_line(app);
    for (guint i = 0; !app->failed && i < app->lmnets->len; i++)
        print_stats(g_ptr_array_index(app->lmnets, i));

    for (guint i = 0; i < G_N_ELEMENTS(sources); i++)
        g_source_remove(sources[i]);
    gst_element_set_state(app->pipeline, GST_STATE_NULL);
    g_main_loop_unref(app->loop);
    gst_object_unref(bus);
}

int main(int argc, char **argv)
{
    App app = {.interactive = isatty(STDERR_FILENO)};
    GError *error = NULL;

    gst_init(&argc, &argv);
    if (argc < 2 || argv[1][0] == '-') {
        g_printerr("usage: %s PIPELINE\n"
                   "Runs a pipeline, written as for gst-launch-1.0, with progress, and prints the "
                   "stats of each lmnet in it.\n",
                   g_get_prgname());
        return argc == 2 && g_str_equal(argv[1], "--help") ? 0 : 2;
    }
    GstElement *parsed =
        gst_parse_launchv_full((const char **)argv + 1, NULL, GST_PARSE_FLAG_FATAL_ERRORS, &error);
    if (!parsed) {
        g_printerr("Error in the pipeline: %s\n", error->message);
        g_error_free(error);
        return 2;
    }
    if (GST_IS_PIPELINE(parsed)) {
        app.pipeline = parsed;
    } else {
        app.pipeline = gst_pipeline_new(NULL);
        gst_bin_add(GST_BIN(app.pipeline), parsed);
    }
    app.lmnets = find_lmnets(GST_BIN(app.pipeline));
    if (app.lmnets->len == 0)
        g_printerr("There is no lmnet in the pipeline: no stats will be printed.\n");
    run(&app);
    g_ptr_array_unref(app.lmnets);
    gst_object_unref(app.pipeline);
    return app.failed ? 1 : 0;
}
