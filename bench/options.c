/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Reads lmnet-bench's command line and refuses values that make no sense. */
#include "options.h"

#include <string.h>

#include "model/bundled.h"

static bool refuse(GError **error, const char *option, const char *value, const char *expected)
{
    g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--%s %s: expected %s", option,
                value, expected);
    return false;
}

static bool check_range(const char *option, int value, int least, int most, GError **error)
{
    if (value >= least && value <= most)
        return true;
    g_autofree char *text = g_strdup_printf("%d", value);
    g_autofree char *expected = g_strdup_printf("%d to %d", least, most);
    return refuse(error, option, text, expected);
}

static bool parse_precision(const char *text, LmPrecision *precision, GError **error)
{
    static const char *const names[] = {
        [LM_PRECISION_AUTO] = "auto", [LM_PRECISION_FP32] = "fp32", [LM_PRECISION_FP16] = "fp16"};
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++)
        if (g_str_equal(text, names[i])) {
            *precision = (LmPrecision)i;
            return true;
        }
    return refuse(error, "precision", text, "auto, fp32 or fp16");
}

static bool parse_size(const char *text, int *width, int *height, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(text, "x", 2);
    guint64 sides[2] = {0, 0};
    unsigned n = g_strv_length(parts);
    bool ok = n > 0;
    for (unsigned i = 0; ok && i < n; i++)
        ok = g_ascii_string_to_unsigned(parts[i], 10, 32, 1024, &sides[i], NULL) &&
             sides[i] % 16 == 0;
    if (!ok)
        return refuse(error, "size", text,
                      "N or WIDTHxHEIGHT, multiples of 16 from 32 to 1024 pixels");
    *width = (int)sides[0];
    *height = (int)(n == 2 ? sides[1] : sides[0]);
    return true;
}

/* HEIGHTpRATE, the usual name of a 16:9 video. */
static bool parse_video(const char *text, BenchVideo *video, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(text, "p", 2);
    guint64 height, rate;
    if (g_strv_length(parts) != 2 ||
        !g_ascii_string_to_unsigned(parts[0], 10, 90, 2160, &height, NULL) ||
        !g_ascii_string_to_unsigned(parts[1], 10, 1, 240, &rate, NULL))
        return refuse(error, "video", text,
                      "HEIGHTpRATE, as in 1080p60: 90 to 2160 lines, 1 to 240 frames per second");
    *video = (BenchVideo){(int)(height * 16 / 9) & ~1, (int)height, (int)rate};
    return true;
}

/* Refuses options of the network with --live, and options of --live without it. */
static bool check_live(const BenchOptions *options, const char *size, const char *video,
                       GError **error)
{
    const struct {
        const char *name;
        bool given, live;
    } all[] = {
        {"size", size != NULL, false},
        {"streams", options->streams != 0, false},
        {"operators", options->operators, false},
        {"portable", options->portable, false},
        {"input", options->input != NULL, false},
        {"logits", options->logits != NULL, false},
        {"video", video != NULL, true},
        {"format", options->format != NULL, true},
        {"seconds", options->seconds != 0, true},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(all); i++)
        if (all[i].given && all[i].live != options->live) {
            g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--%s goes %s --live",
                        all[i].name, all[i].live ? "only with" : "not with");
            return false;
        }
    return true;
}

/* The defaults of --live. */
static bool settle_live(BenchOptions *options, const char *size, const char *video, GError **error)
{
    static const BenchVideo usual[BENCH_MAX_VIDEOS] = {{1920, 1080, 60}, {3840, 2160, 30}};
    if (!check_live(options, size, video, error) ||
        (options->seconds && !check_range("seconds", options->seconds, 1, 1000000, error)))
        return false;
    options->seconds = options->seconds ? options->seconds : 60;
    options->format = options->format ? options->format : g_strdup("UYVY");
    options->n_videos = video ? 1 : BENCH_MAX_VIDEOS;
    memcpy(options->videos, usual, sizeof usual);
    return !video || parse_video(video, &options->videos[0], error);
}

bool bench_options_parse(BenchOptions *options, int *argc, char ***argv, GError **error)
{
    *options = (BenchOptions){.runs = 20};
    g_autofree char *model = NULL, *precision = NULL, *size = NULL, *video = NULL;
    const GOptionEntry entries[] = {
        {"model", 'm', 0, G_OPTION_ARG_FILENAME, &model,
         "A file, or " LM_MODEL_DEFAULT " or " LM_MODEL_SMALL
         "; default: $LMNET_MODEL, else the first, with --live the element's choice",
         "MODEL"},
        {"device", 'd', 0, G_OPTION_ARG_STRING, &options->device,
         "auto (default), cpu, an index, a UUID, or part of a name", "DEVICE"},
        {"precision", 'p', 0, G_OPTION_ARG_STRING, &precision, "auto (default), fp32 or fp16",
         "PRECISION"},
        {"size", 's', 0, G_OPTION_ARG_STRING, &size,
         "The network's input in pixels, N or WIDTHxHEIGHT; default: the model's own", "SIZE"},
        {"runs", 'n', 0, G_OPTION_ARG_INT, &options->runs, "Passes that count; default 20", "N"},
        {"threads", 't', 0, G_OPTION_ARG_INT, &options->threads,
         "lavapipe's threads; 0 (default): $LP_NUM_THREADS, else one for each core", "N"},
        {"streams", 0, 0, G_OPTION_ARG_INT, &options->streams,
         "Also time N sessions at once, frames in and masks out", "N"},
        {"operators", 'o', 0, G_OPTION_ARG_NONE, &options->operators,
         "A row for every operator, not only for every kind", NULL},
        {"json", 'j', 0, G_OPTION_ARG_NONE, &options->json,
         "One JSON object on stdout and nothing else", NULL},
        {"no-start-ups", 0, 0, G_OPTION_ARG_NONE, &options->skip_start_ups,
         "Leave out the cold and the warm start, each in a process of its own", NULL},
        {"portable", 0, 0, G_OPTION_ARG_NONE, &options->portable,
         "The shaders for any subgroup size, even if others would run", NULL},
        {"input", 0, 0, G_OPTION_ARG_FILENAME, &options->input,
         "The network's input, raw float32 [3][height][width], instead of noise", "FILE"},
        {"logits", 0, 0, G_OPTION_ARG_FILENAME, &options->logits,
         "Write the network's output, raw float32 [classes][height][width]", "FILE"},
        {"live", 'l', 0, G_OPTION_ARG_NONE, &options->live,
         "Time the element after a live source: the video's delay, the marks' age, pixels changed "
         "outside the marks",
         NULL},
        {"video", 0, 0, G_OPTION_ARG_STRING, &video,
         "With --live: HEIGHTpRATE; default: 1080p60, then 2160p30", "VIDEO"},
        {"format", 0, 0, G_OPTION_ARG_STRING, &options->format,
         "With --live: the pixel format, by GStreamer's name; default UYVY", "FORMAT"},
        {"seconds", 0, 0, G_OPTION_ARG_INT, &options->seconds,
         "With --live: how long each video is measured; default 60", "N"},
        {"start-only", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &options->start_only, NULL,
         NULL},
        {0},
    };
    GOptionContext *context = g_option_context_new("- times LM-Net on a Vulkan device");
    g_option_context_add_main_entries(context, entries, NULL);
    bool ok = g_option_context_parse(context, argc, argv, error);
    g_option_context_free(context);
    if (ok && *argc > 1) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_UNKNOWN_OPTION,
                    "unexpected argument '%s'", (*argv)[1]);
        ok = false;
    }
    options->model =
        options->live ? g_steal_pointer(&model) : lm_model_path(model, LM_MODEL_DEFAULT);
    return ok && (!precision || parse_precision(precision, &options->precision, error)) &&
           (!size || parse_size(size, &options->width, &options->height, error)) &&
           check_range("runs", options->runs, 1, 1000000, error) &&
           check_range("threads", options->threads, 0, 1024, error) &&
           check_range("streams", options->streams, 0, 64, error) &&
           settle_live(options, size, video, error);
}

void bench_options_finish(BenchOptions *options)
{
    g_free(options->model);
    g_free(options->device);
    g_free(options->input);
    g_free(options->logits);
    g_free(options->format);
    *options = (BenchOptions){0};
}
