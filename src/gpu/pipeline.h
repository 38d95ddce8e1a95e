/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Shaders, and the compute pipelines made of them, cached in memory and on disk.
 *
 * All shaders share one set of bindings and one pipeline layout, so that a dispatch is a descriptor
 * set and some push constants whatever the shader:
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

/** Which build of a shader's source: see shaders/meson.build. Combine with |. */
typedef enum {
    LM_VARIANT_FP16 = 1 << 0,   /**< Activations and weights stored as half floats. */
    LM_VARIANT_LANES8 = 1 << 1, /**< For subgroups of exactly 8: weights by constant shuffle. */
    LM_VARIANT_TILED = 1 << 2,  /**< For GPUs: workgroups share tiles in shared memory. Never with
                                   LANES8. */
    LM_VARIANT_HALF = 1 << 3,   /**< Products in half precision, too, and sums of a few of them
                                   (shaders/include/tile.glsl). Only with FP16 and TILED. */
} LmVariant;

/** Thread-safe, but for creating and freeing; whoever asks waits while another's are made. */
typedef struct LmPipelines LmPipelines;

/** The cache on disk is $XDG_CACHE_HOME/lmnet/<device uuid>-<driver>.bin: read if it is whole and
 * of this device and driver, else ignored; written atomically by lm_pipelines_save(). cache_dir
 * NULL: that default; "": none. */
LmPipelines *lm_pipelines_create(LmDevice *device, const char *cache_dir, GError **error);
void lm_pipelines_free(LmPipelines **pipelines);
/** Writes the cache where it has grown. Failing to is a g_info(), never an error. */
void lm_pipelines_save(LmPipelines *pipelines);

LmDevice *lm_pipelines_device(const LmPipelines *pipelines);
VkPipelineLayout lm_pipelines_layout(const LmPipelines *pipelines);
VkDescriptorSetLayout lm_pipelines_set_layout(const LmPipelines *pipelines);
/** How many distinct pipelines there are. */
unsigned lm_pipelines_count(LmPipelines *pipelines);
/** How long making them took, in us of wall time; what a driver leaves to the first submission not
 * included. */
gint64 lm_pipelines_making_us(LmPipelines *pipelines);

/** The pipeline of shader `name` (a file of shaders/, without its ending) in the given variant;
 * spec[i] becomes specialisation constant i. A variant bit that the shader has no build for is
 * dropped (a shader without weights needs no lanes8). LANES8 only where info.lanes8 is set, TILED
 * only where info.tiled is, HALF only where info.native_fp16 is. Owned by `pipelines`; the same key
 * gives the same pipeline. VK_NULL_HANDLE with an error. */
VkPipeline lm_pipelines_get(LmPipelines *pipelines, const char *name, unsigned variant,
                            const guint32 *spec, unsigned n_spec, GError **error);

/** What lm_pipelines_get() is asked for. */
typedef struct {
    const char *name;
    unsigned variant;
    const guint32 *spec;
    unsigned n_spec;
} LmPipelineRequest;

/** Makes those of the pipelines asked for that are not there yet, several at a time, so that
 * lm_pipelines_get() finds them: drivers of GPUs compile when a pipeline is made. The same one may
 * be asked for more than once. False with the error of the first one that fails; the others are
 * there. */
bool lm_pipelines_prepare(LmPipelines *pipelines, const LmPipelineRequest *requests, unsigned n,
                          GError **error);

/** One build of one shader: see gpu/shaders.h. */
struct LmShader;
/** The same of a shader that the caller has found in a table of its own, which must outlive
 * `pipelines`. LANES8, TILED and HALF builds only on a device whose info allows them, as above. */
VkPipeline lm_pipelines_get_shader(LmPipelines *pipelines, const struct LmShader *shader,
                                   const guint32 *spec, unsigned n_spec, GError **error);

G_END_DECLS
