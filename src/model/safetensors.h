/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A safetensors file as bounds-checked views of its tensors. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define LM_TENSOR_MAX_DIMS 8

typedef enum {
    LM_DTYPE_F32,
    LM_DTYPE_F16,
    LM_DTYPE_OTHER, /**< Another type of the format, which the network does not use (I64, BF16,
                         ...). */
} LmDtype;

/** One tensor; everything in it is owned by the LmSafetensors it came from. */
typedef struct {
    const char *name;
    LmDtype dtype;
    const char *dtype_name; /**< As the file spells it, for messages. */
    unsigned n_dims;
    gsize shape[LM_TENSOR_MAX_DIMS];
    gsize n_elements;
    const guint8 *data; /**< Little-endian, row-major, not necessarily aligned. */
    gsize size;         /**< Bytes. */
} LmTensorView;

typedef struct LmSafetensors LmSafetensors;

/** Maps and checks a file: every field of its header, and that the tensors cover the data exactly.
 * Returns NULL with LM_ERROR_FILE or LM_ERROR_MODEL; the message names the file and the tensor or
 * field. Immutable afterwards: any thread may read it. The file must not shrink while it is
 * open. */
LmSafetensors *lm_safetensors_open(const char *path, GError **error);
void lm_safetensors_free(LmSafetensors **file);

const char *lm_safetensors_path(const LmSafetensors *file);
unsigned lm_safetensors_count(const LmSafetensors *file);
/** index: below the count; in the order of the data in the file. */
const LmTensorView *lm_safetensors_at(const LmSafetensors *file, unsigned index);
/** Returns NULL if there is no such tensor. */
const LmTensorView *lm_safetensors_find(const LmSafetensors *file, const char *name);
/** A string of `__metadata__`, or NULL. */
const char *lm_safetensors_metadata(const LmSafetensors *file, const char *key);
/** The keys of `__metadata__`, sorted, NULL-terminated; owned by the file. */
const char *const *lm_safetensors_metadata_keys(const LmSafetensors *file);

G_END_DECLS
