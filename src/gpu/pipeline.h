/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Shaders, and the compute pipelines made of them, cached in memory and on disk.
 *
 * All shaders share one set of bindings and one pipeline layout, so that a dispatch is a descriptor
 * set and some push constants for every shader:
 * - binding 0..3: uniform texel buffers, inputs (activations as vec4, frame planes as uint words)
 * - binding 4: uniform texel buffer, weights
 * - binding 5: uniform texel buffer, biases and other fp32 parameters
 * - binding 6, 7: storage buffers, written only, outputs
 * - push constants, LM_PUSH_BYTES
 *
 * A binding that a shader does not use may be left unwritten in its descriptor sets.
 */
#pragma once

#include "gpu/device.h"

G_BEGIN_DECLS

#define LM_BINDING_INPUT 0
#define LM_MAX_INPUTS 4
#define LM_BINDING_WEIGHTS 4
#define LM_BINDING_BIAS 5
#define LM_BINDING_OUTPUT 6
#define LM_MAX_OUTPUTS 2
#define LM_N_BINDINGS 8
#define LM_PUSH_BYTES 128
#define LM_MAX_SPEC 16

/** A build of a shader's source: see shaders/meson.build. Combine with |. */
typedef enum {
    LM_VARIANT_FP16 = 1 << 0,   /**< Activations and weights stored as half floats. */
    LM_VARIANT_LANES8 = 1 << 1, /**< For subgroups of exactly 8: weights by constant shuffle. */
    LM_VARIANT_TILED = 1 << 2,  /**< For GPUs: workgroups share tiles in shared memory. Never with
                                   LANES8. */
    LM_VARIANT_HALF = 1 << 3,   /**< Products in half precision, too, and sums of a few products
                                     (shaders/include/tile.glsl). Only with FP16 and TILED. */
} LmVariant;

/** Thread-safe, except for creating and freeing. A caller waits while another caller's pipelines
 * are made. */
typedef struct LmPipelines LmPipelines;

/** The cache on disk is $XDG_CACHE_HOME/lmnet/<device uuid>-<driver>.bin: read if it is intact and
 * of this device and driver, else ignored; lm_pipelines_save() writes it atomically. cache_dir
 * NULL: this default; "": no cache. */
LmPipelines *lm_pipelines_create(LmDevice *device, const char *cache_dir, GError **error);
void lm_pipelines_free(LmPipelines **pipelines);
/** Writes the cache if it has grown. A failure is a g_info(), never an error. */
void lm_pipelines_save(LmPipelines *pipelines);

LmDevice *lm_pipelines_device(const LmPipelines *pipelines);
VkPipelineLayout lm_pipelines_layout(const LmPipelines *pipelines);
VkDescriptorSetLayout lm_pipelines_set_layout(const LmPipelines *pipelines);
/** The number of distinct pipelines. */
unsigned lm_pipelines_count(LmPipelines *pipelines);
/** Wall time of making them, us, without work that a driver leaves to the first submission. */
gint64 lm_pipelines_making_us(LmPipelines *pipelines);

/** The pipeline of shader `name` (a file of shaders/, without its ending) in the given variant;
 * spec[i] becomes specialisation constant i. A variant bit that the shader has no build for is
 * dropped (a shader without weights needs no lanes8). LANES8 requires info.lanes8, TILED
 * info.tiled, HALF info.native_fp16. Owned by `pipelines`; the same key gives the same pipeline.
 * Returns VK_NULL_HANDLE with an error. */
VkPipeline lm_pipelines_get(LmPipelines *pipelines, const char *name, unsigned variant,
                            const guint32 *spec, unsigned n_spec, GError **error);

/** The arguments of lm_pipelines_get(). */
typedef struct {
    const char *name;
    unsigned variant;
    const guint32 *spec;
    unsigned n_spec;
} LmPipelineRequest;

/** Makes those of the requested pipelines that do not exist yet, several at a time, so that
 * lm_pipelines_get() finds them: drivers of GPUs compile when a pipeline is made. A pipeline may be
 * requested more than once. Returns false with the error of the first one that fails; the others
 * exist then. */
bool lm_pipelines_prepare(LmPipelines *pipelines, const LmPipelineRequest *requests, unsigned n,
                          GError **error);

/** One build of one shader: see gpu/shaders.h. */
struct LmShader;
/** The same for a shader from the caller's own table, which must outlive `pipelines`. LANES8, TILED
 * and HALF builds only on a device whose info allows them, as above. */
VkPipeline lm_pipelines_get_shader(LmPipelines *pipelines, const struct LmShader *shader,
                                   const guint32 *spec, unsigned n_spec, GError **error);

G_END_DECLS
