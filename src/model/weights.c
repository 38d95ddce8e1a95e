/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A model file's metadata and its tensors by name and shape, as float. */
#define G_LOG_DOMAIN "lmnet"

#include "model/weights.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "model/bundled.h"
#include "util/error.h"
#include "util/half.h"

#define HEADS_DEFAULT 12
#define HEADS_MAX 4096
#define SIDE_DEFAULT 256
#define SIDE_MIN 32
#define SIDE_MAX 1024
#define SIDE_STEP 16

struct LmWeights {
    LmSafetensors *file;
    char *display; /* The path as UTF-8, for messages. */
    LmModelInfo info;
    bool *used; /* By the tensor's index in the file. */
};

G_GNUC_PRINTF(3, 4)
static bool refuse(const LmWeights *weights, GError **error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(error, LM_ERROR, LM_ERROR_MODEL, "model file '%s': %s", weights->display, text);
    return false;
}

/* ---- metadata ---- */

static bool read_unsigned(const LmWeights *weights, const char *key, unsigned low, unsigned high,
                          unsigned *value, GError **error)
{
    const char *text = lm_safetensors_metadata(weights->file, key);
    guint64 number;
    if (!text)
        return true;
    if (!g_ascii_string_to_unsigned(text, 10, low, high, &number, NULL))
        return refuse(weights, error, "metadata %s is '%s', an integer from %u to %u expected", key,
                      text, low, high);
    *value = (unsigned)number;
    return true;
}

static bool read_side(const LmWeights *weights, const char *key, unsigned *value, GError **error)
{
    *value = SIDE_DEFAULT;
    if (!read_unsigned(weights, key, SIDE_MIN, SIDE_MAX, value, error))
        return false;
    if (*value % SIDE_STEP != 0)
        return refuse(weights, error, "metadata %s is %u, a multiple of %d expected", key, *value,
                      SIDE_STEP);
    return true;
}

/* A decimal number, spaces around it allowed; within a float's range, as shaders hold it. */
static bool parse_number(const char *text, double *value)
{
    g_autofree char *trimmed = g_strstrip(g_strdup(text));
    char *end;
    *value = g_ascii_strtod(trimmed, &end);
    /* strtod also takes hexadecimal, "inf" and "nan". */
    return *trimmed && !*end && !trimmed[strspn(trimmed, "0123456789+-.eE")] &&
           fabs(*value) <= FLT_MAX;
}

static bool read_triple(const LmWeights *weights, const char *key, double minimum, double value[3],
                        GError **error)
{
    const char *text = lm_safetensors_metadata(weights->file, key);
    if (!text)
        return true;
    g_auto(GStrv) parts = g_strsplit(text, ",", -1);
    bool good = g_strv_length(parts) == 3;
    for (unsigned i = 0; good && i < 3; i++)
        good = parse_number(parts[i], &value[i]) && value[i] >= minimum;
    return good || refuse(weights, error, "metadata %s is '%s', three finite %snumbers expected",
                          key, text, minimum > 0 ? "positive " : "");
}

static bool read_order(LmWeights *weights, GError **error)
{
    const char *text = lm_safetensors_metadata(weights->file, "lmnet.channel_order");
    if (!text)
        return true;
    weights->info.bgr = strcmp(text, "bgr") == 0;
    return weights->info.bgr || strcmp(text, "rgb") == 0 ||
           refuse(weights, error, "metadata lmnet.channel_order is '%s', rgb or bgr expected",
                  text);
}

static bool read_classes(LmWeights *weights, GError **error)
{
    const char *text = lm_safetensors_metadata(weights->file, "lmnet.classes");
    g_auto(GStrv) names = g_strsplit(text ? text : "", ",", -1);
    unsigned n = g_strv_length(names);
    for (unsigned i = 0; i < n; i++) {
        g_strstrip(names[i]);
        if (n == 1 && !*names[i])
            return true;
        if (!*names[i])
            return refuse(weights, error, "metadata lmnet.classes is '%s', name %u is empty", text,
                          i);
    }
    if (n > 0)
        weights->info.class_names = g_steal_pointer(&names);
    weights->info.n_class_names = n;
    return true;
}

/* Not an error: files of a later version may have more keys. */
static void report_unknown_keys(const LmWeights *weights)
{
    static const char *const known[] = {
        "lmnet.heads", "lmnet.input_width", "lmnet.input_height", "lmnet.channel_order",
        "lmnet.mean",  "lmnet.std",         "lmnet.classes",      NULL};
    for (const char *const *key = lm_safetensors_metadata_keys(weights->file); *key; key++)
        if (g_str_has_prefix(*key, "lmnet.") && !g_strv_contains(known, *key))
            g_info("model file '%s': metadata %s is unknown and ignored", weights->display, *key);
}

static bool read_info(LmWeights *weights, GError **error)
{
    static const double mean[3] = {0.485, 0.456, 0.406}, std[3] = {0.229, 0.224, 0.225};
    LmModelInfo *info = &weights->info;
    info->heads = HEADS_DEFAULT;
    memcpy(info->mean, mean, sizeof mean);
    memcpy(info->std, std, sizeof std);
    report_unknown_keys(weights);
    return read_unsigned(weights, "lmnet.heads", 1, HEADS_MAX, &info->heads, error) &&
           read_side(weights, "lmnet.input_width", &info->input_width, error) &&
           read_side(weights, "lmnet.input_height", &info->input_height, error) &&
           read_triple(weights, "lmnet.mean", -FLT_MAX, info->mean, error) &&
           read_triple(weights, "lmnet.std", FLT_MIN, info->std, error) &&
           read_order(weights, error) && read_classes(weights, error);
}

bool lm_weights_name_classes(LmWeights *weights, unsigned n_classes, GError **error)
{
    LmModelInfo *info = &weights->info;
    if (info->class_names)
        return info->n_class_names == n_classes ||
               refuse(weights, error, "metadata lmnet.classes names %u classes, the network has %u",
                      info->n_class_names, n_classes);

    info->n_class_names = n_classes;
    info->class_names = g_new0(char *, n_classes + 1);
    for (unsigned i = 0; i < n_classes; i++) {
        if (i == 0)
            info->class_names[i] = g_strdup("background");
        else if (n_classes == 2)
            info->class_names[i] = g_strdup("polyp");
        else
            info->class_names[i] = g_strdup_printf("class%u", i);
    }
    return true;
}

/* ---- tensors ---- */

/* "[12, 3, 1, 1]" */
static char *format_shape(const gsize *shape, unsigned n_dims)
{
    GString *text = g_string_new("[");
    for (unsigned d = 0; d < n_dims; d++)
        g_string_append_printf(text, "%s%" G_GSIZE_FORMAT, d ? ", " : "", shape[d]);
    return g_string_free(g_string_append_c(text, ']'), FALSE);
}

static float value_at(const LmTensorView *tensor, gsize i)
{
    if (tensor->dtype == LM_DTYPE_F16) {
        guint16 half;
        memcpy(&half, tensor->data + i * sizeof half, sizeof half);
        return lm_half_to_float(GUINT16_FROM_LE(half));
    }
    guint32 bits;
    float value;
    memcpy(&bits, tensor->data + i * sizeof bits, sizeof bits);
    bits = GUINT32_FROM_LE(bits);
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void mark_used(LmWeights *weights, const LmTensorView *tensor)
{
    weights->used[tensor - lm_safetensors_at(weights->file, 0)] = true;
}

bool lm_weights_has(const LmWeights *weights, const char *name)
{
    return lm_safetensors_find(weights->file, name) != NULL;
}

const LmTensorView *lm_weights_find(const LmWeights *weights, const char *name, GError **error)
{
    const LmTensorView *tensor = lm_safetensors_find(weights->file, name);
    if (!tensor)
        refuse(weights, error, "tensor '%s' is missing", name);
    return tensor;
}

float *lm_weights_get(LmWeights *weights, const char *name, const gsize *shape, unsigned n_dims,
                      GError **error)
{
    const LmTensorView *tensor = lm_weights_find(weights, name, error);
    if (!tensor)
        return NULL;
    if (tensor->n_dims != n_dims || memcmp(tensor->shape, shape, n_dims * sizeof *shape) != 0) {
        g_autofree char *found = format_shape(tensor->shape, tensor->n_dims);
        g_autofree char *expected = format_shape(shape, n_dims);
        refuse(weights, error, "tensor '%s' has shape %s, %s expected", name, found, expected);
        return NULL;
    }
    if (tensor->dtype == LM_DTYPE_OTHER) {
        refuse(weights, error, "tensor '%s' has dtype %s, F32 or F16 expected", name,
               tensor->dtype_name);
        return NULL;
    }

    float *values = g_new(float, MAX(tensor->n_elements, 1)); /* NULL means failure. */
    for (gsize i = 0; i < tensor->n_elements; i++) {
        values[i] = value_at(tensor, i);
        if (!isfinite(values[i])) {
            refuse(weights, error,
                   "tensor '%s' has %s at value %" G_GSIZE_FORMAT ", finite numbers expected", name,
                   isnan(values[i]) ? "nan" : "an infinity", i);
            g_free(values);
            return NULL;
        }
    }
    mark_used(weights, tensor);
    return values;
}

void lm_weights_ignore(LmWeights *weights, const char *prefix)
{
    for (unsigned i = 0; i < lm_safetensors_count(weights->file); i++)
        weights->used[i] |= g_str_has_prefix(lm_safetensors_at(weights->file, i)->name, prefix);
}

bool lm_weights_check_all_used(const LmWeights *weights, GError **error)
{
    for (unsigned i = 0; i < lm_safetensors_count(weights->file); i++) {
        const char *name = lm_safetensors_at(weights->file, i)->name;
        if (!weights->used[i] && !g_str_has_suffix(name, ".num_batches_tracked"))
            return refuse(weights, error, "tensor '%s' is not one of this network's", name);
    }
    return true;
}

/* ---- the object ---- */

LmWeights *lm_weights_open(const char *path, GError **error)
{
    LmWeights *weights = g_new0(LmWeights, 1);
    weights->display = g_filename_display_name(path);
    weights->file = lm_safetensors_open(path, error);
    /* The user may have meant a bundled model's name. */
    if (!weights->file && !strchr(path, '/') && !g_str_has_suffix(path, ".safetensors"))
        g_prefix_error(error, "bundled models are " LM_MODEL_DEFAULT " and " LM_MODEL_SMALL "; ");
    if (!weights->file || !read_info(weights, error)) {
        lm_weights_free(&weights);
        return NULL;
    }
    weights->used = g_new0(bool, lm_safetensors_count(weights->file));
    return weights;
}

void lm_weights_free(LmWeights **weights)
{
    LmWeights *w = *weights;
    if (!w)
        return;
    g_strfreev(w->info.class_names);
    g_free(w->used);
    g_free(w->display);
    lm_safetensors_free(&w->file);
    g_clear_pointer(weights, g_free);
}

const char *lm_weights_path(const LmWeights *weights)
{
    return lm_safetensors_path(weights->file);
}

const LmModelInfo *lm_weights_info(const LmWeights *weights)
{
    return &weights->info;
}
