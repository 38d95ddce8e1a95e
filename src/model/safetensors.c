/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A safetensors file as bounds-checked views of its tensors.
 *
 * Layout: the header's length (8 bytes, little-endian), the header (a JSON object), the data. The
 * header maps each tensor's name to {"dtype", "shape", "data_offsets": [begin, end]}, offsets
 * counted from the data's first byte, and `__metadata__` to an object of strings. */
#include "model/safetensors.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>
#include <string.h>

#include "util/error.h"

#define LENGTH_BYTES 8
#define HEADER_MAX 100000000 /* The format's own limit, in bytes. */
#define HEADER_MAX_DEPTH 4   /* Three levels are in use: header, entry, array. */
#define NUMBER_MAX_DIGITS 18 /* So many digits always fit into a gint64. */

struct LmSafetensors {
    char *path;
    char *display; /* The path as UTF-8, for messages. */
    GMappedFile *map;
    GStringChunk *strings;
    GArray *tensors;     /* LmTensorView, by offset. */
    GHashTable *by_name; /* name -> LmTensorView, in `tensors`. */
    GHashTable *metadata;
    const char **metadata_keys;
};

static const struct {
    const char *name;
    LmDtype dtype;
    unsigned bits;
} dtypes[] = {
    {"F32", LM_DTYPE_F32, 32},      {"F16", LM_DTYPE_F16, 16},      {"BF16", LM_DTYPE_OTHER, 16},
    {"F64", LM_DTYPE_OTHER, 64},    {"I64", LM_DTYPE_OTHER, 64},    {"U64", LM_DTYPE_OTHER, 64},
    {"I32", LM_DTYPE_OTHER, 32},    {"U32", LM_DTYPE_OTHER, 32},    {"I16", LM_DTYPE_OTHER, 16},
    {"U16", LM_DTYPE_OTHER, 16},    {"I8", LM_DTYPE_OTHER, 8},      {"U8", LM_DTYPE_OTHER, 8},
    {"BOOL", LM_DTYPE_OTHER, 8},    {"C64", LM_DTYPE_OTHER, 64},    {"F8_E4M3", LM_DTYPE_OTHER, 8},
    {"F8_E5M2", LM_DTYPE_OTHER, 8}, {"F8_E8M0", LM_DTYPE_OTHER, 8}, {"F6_E2M3", LM_DTYPE_OTHER, 6},
    {"F6_E3M2", LM_DTYPE_OTHER, 6}, {"F4", LM_DTYPE_OTHER, 4},
};

G_GNUC_PRINTF(3, 4)
static bool refuse(const LmSafetensors *file, GError **error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(error, LM_ERROR, LM_ERROR_MODEL, "model file '%s': %s", file->display, text);
    return false;
}

/* ---- the file ---- */

static bool map_file(LmSafetensors *file, GError **error)
{
    GStatBuf status;
    g_autoptr(GError) cause = NULL;
    const char *what = NULL;
    if (g_stat(file->path, &status) != 0)
        what = g_strerror(errno);
    else if (S_ISDIR(status.st_mode))
        what = "it is a directory";
    else if (!S_ISREG(status.st_mode)) /* Opening a pipe could block for ever. */
        what = "it is not a regular file";
    else if (!(file->map = g_mapped_file_new(file->path, FALSE, &cause)))
        what = cause->message;
    if (what)
        g_set_error(error, LM_ERROR, LM_ERROR_FILE, "cannot open model file '%s': %s",
                    file->display, what);
    return !what;
}

/* Names the format of a file that is not safetensors, if its first bytes show it. */
static const char *guess_format(const char *bytes, gsize size)
{
    static const struct {
        const char *magic, *what;
    } known[] = {
        {"PK\x03\x04", "it is a zip archive, probably a PyTorch checkpoint: convert its "
                       "state_dict to safetensors"},
        {"\x80\x02", "it is a Python pickle, probably an old PyTorch checkpoint: convert its "
                     "state_dict to safetensors"},
        {"\x89PNG", "it is a PNG picture"},
        {"\xff\xd8\xff", "it is a JPEG picture"},
        {"GGUF", "it is a GGUF file"},
        {"\x89HDF", "it is an HDF5 file"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(known); i++)
        if (size >= strlen(known[i].magic) &&
            memcmp(bytes, known[i].magic, strlen(known[i].magic)) == 0)
            return known[i].what;
    return NULL;
}

static bool find_header(const LmSafetensors *file, const char **header, gsize *length,
                        GError **error)
{
    const char *bytes = g_mapped_file_get_contents(file->map);
    gsize size = g_mapped_file_get_length(file->map);
    if (size == 0)
        return refuse(file, error, "it is empty");

    const char *guess = guess_format(bytes, size);
    if (guess)
        return refuse(file, error, "not a safetensors file: %s", guess);
    if (size < LENGTH_BYTES)
        return refuse(file, error,
                      "not a safetensors file: %" G_GSIZE_FORMAT
                      " bytes, at least %d expected for the header's length",
                      size, LENGTH_BYTES);

    guint64 n;
    memcpy(&n, bytes, sizeof n);
    n = GUINT64_FROM_LE(n);
    if (n > HEADER_MAX)
        return refuse(file, error,
                      "not a safetensors file: header of %" G_GUINT64_FORMAT
                      " bytes, at most %d expected",
                      n, HEADER_MAX);
    if (n > size - LENGTH_BYTES)
        return refuse(file, error,
                      "truncated: header of %" G_GUINT64_FORMAT " bytes, but only %" G_GSIZE_FORMAT
                      " follow its length",
                      n, size - LENGTH_BYTES);
    *header = bytes + LENGTH_BYTES;
    *length = n;
    return true;
}

/* ---- the header's JSON ---- */

/* The end of the string that opens at `i`, or `length` if it does not close. */
static gsize skip_string(const char *text, gsize length, gsize i, bool *has_nul)
{
    for (i++; i < length && text[i] != '"'; i++) {
        if (text[i] != '\\')
            continue;
        *has_nul |= length - i >= 6 && memcmp(text + i, "\\u0000", 6) == 0;
        i++;
    }
    return MIN(i, length);
}

/* Refuses input that json-glib would accept though it is not JSON (comments, octal and hexadecimal
 * numbers, a second document), wrap around (long numbers), cut off (names holding NUL) or recurse
 * into without bound. */
static bool check_text(const LmSafetensors *file, const char *text, gsize length, GError **error)
{
    const char *valid_to;
    if (length == 0 || text[0] != '{')
        return refuse(file, error, "not a safetensors file: the header is not a JSON object");
    if (!g_utf8_validate(text, length, &valid_to))
        return refuse(file, error, "header is not UTF-8 at its byte %" G_GSIZE_FORMAT,
                      (gsize)(valid_to - text));

    unsigned depth = 0, digits = 0;
    for (gsize i = 0; i < length; i++) {
        char c = text[i];
        const char *problem = NULL;
        bool has_nul = false, opens = c == '{' || c == '[', closes = c == '}' || c == ']';
        digits = g_ascii_isdigit(c) ? digits + 1 : 0;
        if (depth == 0 && i > 0 && !g_ascii_isspace(c))
            problem = "text after the object's end";
        else if (opens && ++depth > HEADER_MAX_DEPTH)
            problem = "nested too deeply";
        else if (c == '"' && (i = skip_string(text, length, i, &has_nul)) == length)
            problem = "a string that does not end";
        else if (has_nul)
            problem = "a string that holds NUL";
        else if (digits > NUMBER_MAX_DIGITS)
            problem = "a number that is too long";
        else if (digits == 2 && text[i - 1] == '0')
            problem = "a number with a leading zero";
        else if (!opens && !closes && !digits && !strchr("\":,.+-eE \t\r\n", c))
            problem = "a character that is neither a string's, a number's nor punctuation";
        if (problem)
            return refuse(file, error, "header is invalid at its byte %" G_GSIZE_FORMAT ": %s", i,
                          problem);
        depth -= closes;
    }
    return depth == 0 || refuse(file, error, "header's JSON object does not end");
}

/* json-glib keeps the last of several members of one name, silently. This remembers the members
 * seen so far by object and name, and reports the first duplicate. */
typedef struct {
    GHashTable *seen;
    char *duplicate;
} MemberCheck;

static void on_member(JsonParser *parser, JsonObject *object, const char *name, gpointer data)
{
    MemberCheck *check = data;
    char *key = g_strdup_printf("%p %s", (void *)object, name);
    if (!g_hash_table_add(check->seen, key) && !check->duplicate)
        check->duplicate = g_strdup(name);
}

/* The header's root, an object; owned by `parser`. */
static JsonObject *parse_header(const LmSafetensors *file, JsonParser *parser, const char *text,
                                gsize length, GError **error)
{
    if (!check_text(file, text, length, error))
        return NULL;

    g_autoptr(GError) cause = NULL;
    MemberCheck check = {g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL), NULL};
    g_signal_connect(parser, "object-member", G_CALLBACK(on_member), &check);
    bool parsed = json_parser_load_from_data(parser, text, length, &cause);
    g_signal_handlers_disconnect_by_data(parser, &check);
    g_hash_table_unref(check.seen);
    g_autofree char *duplicate = check.duplicate;

    if (!parsed)
        refuse(file, error, "header is not JSON: %s", cause->message);
    else if (duplicate)
        refuse(file, error, "header has '%s' twice", duplicate);
    else if (!JSON_NODE_HOLDS_OBJECT(json_parser_get_root(parser)))
        refuse(file, error, "header is not a JSON object");
    else
        return json_node_get_object(json_parser_get_root(parser));
    return NULL;
}

/* ---- the header's entries ---- */

static bool is_string(JsonNode *node)
{
    return node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING;
}

static bool read_size(JsonArray *array, unsigned index, gsize *value)
{
    JsonNode *node = json_array_get_element(array, index);
    if (!JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_INT64)
        return false;
    gint64 n = json_node_get_int(node);
    *value = (gsize)n;
    return n >= 0 && (guint64)n <= G_MAXSIZE;
}

static JsonArray *find_array(JsonObject *entry, const char *key)
{
    JsonNode *node = json_object_get_member(entry, key);
    return node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
}

/* Dtype, shape and, from both, the size. */
static bool read_type(const LmSafetensors *file, JsonObject *entry, LmTensorView *tensor,
                      GError **error)
{
    JsonNode *dtype = json_object_get_member(entry, "dtype");
    if (!is_string(dtype))
        return refuse(file, error, "tensor '%s': dtype is not a string", tensor->name);
    unsigned i = 0;
    while (i < G_N_ELEMENTS(dtypes) && strcmp(dtypes[i].name, json_node_get_string(dtype)) != 0)
        i++;
    if (i == G_N_ELEMENTS(dtypes))
        return refuse(file, error, "tensor '%s': unknown dtype '%s'", tensor->name,
                      json_node_get_string(dtype));
    tensor->dtype = dtypes[i].dtype;
    tensor->dtype_name = dtypes[i].name;

    JsonArray *shape = find_array(entry, "shape");
    if (!shape)
        return refuse(file, error, "tensor '%s': shape is not an array", tensor->name);
    if (json_array_get_length(shape) > LM_TENSOR_MAX_DIMS)
        return refuse(file, error, "tensor '%s': %u dimensions, at most %d expected", tensor->name,
                      json_array_get_length(shape), LM_TENSOR_MAX_DIMS);
    tensor->n_dims = json_array_get_length(shape);
    tensor->n_elements = 1;
    gsize bits;
    for (unsigned d = 0; d < tensor->n_dims; d++) {
        if (!read_size(shape, d, &tensor->shape[d]))
            return refuse(file, error, "tensor '%s': shape[%u] is not an integer of 0 or more",
                          tensor->name, d);
        if (!g_size_checked_mul(&tensor->n_elements, tensor->n_elements, tensor->shape[d]))
            return refuse(file, error, "tensor '%s': shape is too large", tensor->name);
    }
    if (!g_size_checked_mul(&bits, tensor->n_elements, dtypes[i].bits))
        return refuse(file, error, "tensor '%s': shape is too large", tensor->name);
    if (bits % 8 != 0)
        return refuse(file, error, "tensor '%s': shape does not fill whole bytes", tensor->name);
    tensor->size = bits / 8;
    return true;
}

static bool read_entry(LmSafetensors *file, const char *name, JsonNode *node, const guint8 *data,
                       gsize data_size, GError **error)
{
    if (!g_utf8_validate(name, -1, NULL))
        return refuse(file, error, "a tensor's name is not Unicode");
    LmTensorView tensor = {.name = g_string_chunk_insert(file->strings, name)};
    if (!JSON_NODE_HOLDS_OBJECT(node))
        return refuse(file, error, "tensor '%s': its entry is not an object", name);
    if (!read_type(file, json_node_get_object(node), &tensor, error))
        return false;

    JsonArray *offsets = find_array(json_node_get_object(node), "data_offsets");
    gsize begin, end;
    if (!offsets || json_array_get_length(offsets) != 2 || !read_size(offsets, 0, &begin) ||
        !read_size(offsets, 1, &end))
        return refuse(file, error, "tensor '%s': data_offsets are not two integers of 0 or more",
                      name);
    if (begin > end)
        return refuse(file, error,
                      "tensor '%s': data_offsets %" G_GSIZE_FORMAT ", %" G_GSIZE_FORMAT
                      " are reversed",
                      name, begin, end);
    if (end > data_size)
        return refuse(file, error,
                      "tensor '%s': data_offsets end at %" G_GSIZE_FORMAT
                      ", beyond the file's %" G_GSIZE_FORMAT " bytes of data: truncated?",
                      name, end, data_size);
    if (end - begin != tensor.size)
        return refuse(file, error,
                      "tensor '%s': %" G_GSIZE_FORMAT " bytes of data, %" G_GSIZE_FORMAT
                      " expected from dtype and shape",
                      name, end - begin, tensor.size);
    tensor.data = data + begin;
    g_array_append_val(file->tensors, tensor);
    return true;
}

static bool read_metadata(LmSafetensors *file, JsonNode *node, GError **error)
{
    if (!JSON_NODE_HOLDS_OBJECT(node))
        return refuse(file, error, "__metadata__ is not an object");
    JsonObjectIter iter;
    const char *key;
    JsonNode *value;
    json_object_iter_init(&iter, json_node_get_object(node));
    while (json_object_iter_next(&iter, &key, &value)) {
        if (!is_string(value))
            return refuse(file, error, "__metadata__ '%s' is not a string", key);
        if (!g_utf8_validate(key, -1, NULL) ||
            !g_utf8_validate(json_node_get_string(value), -1, NULL))
            return refuse(file, error, "__metadata__ holds a string that is not Unicode");
        g_hash_table_insert(file->metadata, g_string_chunk_insert(file->strings, key),
                            g_string_chunk_insert(file->strings, json_node_get_string(value)));
    }
    return true;
}

static int compare_extents(gconstpointer a, gconstpointer b)
{
    const LmTensorView *x = a, *y = b;
    if (x->data != y->data)
        return x->data < y->data ? -1 : 1;
    return x->size < y->size ? -1 : x->size > y->size;
}

/* The format requires the tensors to cover the data exactly: no gap, no overlap, nothing after the
 * last tensor. */
static bool check_coverage(const LmSafetensors *file, const guint8 *data, gsize data_size,
                           GError **error)
{
    const guint8 *covered = data;
    const char *before = "the header";
    for (unsigned i = 0; i < file->tensors->len; i++) {
        const LmTensorView *tensor = lm_safetensors_at(file, i);
        if (tensor->data != covered)
            return refuse(file, error, "tensor '%s': its data %s that of %s", tensor->name,
                          tensor->data < covered ? "overlaps" : "leaves a gap after", before);
        covered += tensor->size;
        before = tensor->name;
    }
    if (covered != data + data_size)
        return refuse(file, error, "%" G_GSIZE_FORMAT " bytes follow the last tensor's data",
                      (gsize)(data + data_size - covered));
    return true;
}

static bool read_header(LmSafetensors *file, JsonObject *header, const guint8 *data,
                        gsize data_size, GError **error)
{
    JsonObjectIter iter;
    const char *name;
    JsonNode *node;
    json_object_iter_init(&iter, header);
    while (json_object_iter_next(&iter, &name, &node)) {
        bool ok = strcmp(name, "__metadata__") == 0
                      ? read_metadata(file, node, error)
                      : read_entry(file, name, node, data, data_size, error);
        if (!ok)
            return false;
    }
    g_array_sort(file->tensors, compare_extents);
    return check_coverage(file, data, data_size, error);
}

static int compare_strings(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void index_file(LmSafetensors *file)
{
    for (unsigned i = 0; i < file->tensors->len; i++) {
        LmTensorView *tensor = &g_array_index(file->tensors, LmTensorView, i);
        g_hash_table_insert(file->by_name, (gpointer)tensor->name, tensor);
    }
    unsigned n;
    file->metadata_keys = (const char **)g_hash_table_get_keys_as_array(file->metadata, &n);
    qsort(file->metadata_keys, n, sizeof *file->metadata_keys, compare_strings);
}

/* ---- public ---- */

LmSafetensors *lm_safetensors_open(const char *path, GError **error)
{
    LmSafetensors *file = g_new0(LmSafetensors, 1);
    file->path = g_strdup(path);
    file->display = g_filename_display_name(path);
    file->strings = g_string_chunk_new(4096);
    file->tensors = g_array_new(FALSE, FALSE, sizeof(LmTensorView));
    file->by_name = g_hash_table_new(g_str_hash, g_str_equal);
    file->metadata = g_hash_table_new(g_str_hash, g_str_equal);

    g_autoptr(JsonParser) parser = json_parser_new();
    const char *text = NULL;
    gsize length = 0;
    if (!map_file(file, error) || !find_header(file, &text, &length, error))
        goto error;
    JsonObject *header = parse_header(file, parser, text, length, error);
    gsize data_size = g_mapped_file_get_length(file->map) - LENGTH_BYTES - length;
    if (!header || !read_header(file, header, (const guint8 *)text + length, data_size, error))
        goto error;
    index_file(file);
    return file;

error:
    lm_safetensors_free(&file);
    return NULL;
}

void lm_safetensors_free(LmSafetensors **file)
{
    LmSafetensors *f = *file;
    if (!f)
        return;
    g_free(f->metadata_keys);
    g_hash_table_unref(f->metadata);
    g_hash_table_unref(f->by_name);
    g_array_unref(f->tensors);
    g_string_chunk_free(f->strings);
    g_clear_pointer(&f->map, g_mapped_file_unref);
    g_free(f->display);
    g_free(f->path);
    g_clear_pointer(file, g_free);
}

const char *lm_safetensors_path(const LmSafetensors *file)
{
    return file->path;
}

unsigned lm_safetensors_count(const LmSafetensors *file)
{
    return file->tensors->len;
}

const LmTensorView *lm_safetensors_at(const LmSafetensors *file, unsigned index)
{
    g_assert(index < file->tensors->len);
    return &g_array_index(file->tensors, LmTensorView, index);
}

const LmTensorView *lm_safetensors_find(const LmSafetensors *file, const char *name)
{
    return g_hash_table_lookup(file->by_name, name);
}

const char *lm_safetensors_metadata(const LmSafetensors *file, const char *key)
{
    return g_hash_table_lookup(file->metadata, key);
}

const char *const *lm_safetensors_metadata_keys(const LmSafetensors *file)
{
    return file->metadata_keys;
}
