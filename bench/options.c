/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Reads lmnet-bench's command line and refuses values that make no sense. */
#include "options.h"

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

bool bench_options_parse(BenchOptions *options, int *argc, char ***argv, GError **error)
{
    *options = (BenchOptions){.runs = 20};
    g_autofree char *model = NULL, *precision = NULL, *size = NULL;
    const GOptionEntry entries[] = {
        {"model", 'm', 0, G_OPTION_ARG_FILENAME, &model,
         "Model file; default: $LMNET_MODEL, else the bundled model", "FILE"},
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
         "The shaders for any subgroup size, even where others would run", NULL},
        {"input", 0, 0, G_OPTION_ARG_FILENAME, &options->input,
         "The network's input, raw float32 [3][height][width], instead of noise", "FILE"},
        {"logits", 0, 0, G_OPTION_ARG_FILENAME, &options->logits,
         "Write the network's output, raw float32 [classes][height][width]", "FILE"},
        {"start-only", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &options->start_only, NULL,
         NULL},
        {0},
    };
    GOptionContext *context = g_option_context_new("- times LM-Net on a Vulkan device");
    g_option_context_add_main_entries(context, entries, NULL);
    bool ok = g_option_context_parse(context, argc, argv, error);
    g_option_context_free(context);
    if (ok && *argc > 1) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_UNKNOWN_OPTION, "'%s' is no option",
                    (*argv)[1]);
        ok = false;
    }
    options->model = lm_model_path(model);
    return ok && (!precision || parse_precision(precision, &options->precision, error)) &&
           (!size || parse_size(size, &options->width, &options->height, error)) &&
           check_range("runs", options->runs, 1, 1000000, error) &&
           check_range("threads", options->threads, 0, 1024, error) &&
           check_range("streams", options->streams, 0, 64, error);
}

void bench_options_finish(BenchOptions *options)
{
    g_free(options->model);
    g_free(options->device);
    g_free(options->input);
    g_free(options->logits);
    *options = (BenchOptions){0};
}
